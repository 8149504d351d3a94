//! The result of a test run for programs.

use homeostat_graph::scenario::{Covered, Facet, Outcome, Tried};
use homeostat_intent::{Span, render};
use serde_json::{Value, json};

use super::Tested;

/// One document that holds everything.
pub(super) fn document(tested: &Tested<'_>) -> Value {
    let report = tested.report;
    let failed = report.failed();
    let (all, reached) = report.coverage.counts();
    json!({
        "spec": tested.spec.name,
        "hash": tested.spec.hash,
        "passed": report.scenarios.len().saturating_sub(failed),
        "failed": failed,
        "scenarios": report.scenarios.iter().map(|it| scenario(tested, it)).collect::<Vec<_>>(),
        "coverage": {
            "percent": report.coverage.percent(),
            "reached": reached,
            "all": all,
            "clauses": report.coverage.clauses.iter().map(|it| covered(tested, it)).collect::<Vec<_>>(),
        },
        "mutation": tested.mutation.map(|mutation| json!({
            "score": mutation.score(),
            "killed": mutation.killed(),
            "survived": mutation.survived(),
            "equivalent": mutation.equivalent(),
            "mutants": mutation.mutants.iter().map(|it| tried(tested, it)).collect::<Vec<_>>(),
        })),
    })
}

fn scenario(tested: &Tested<'_>, outcome: &Outcome) -> Value {
    let failures = outcome.failures.iter().map(|failure| {
        json!({
            "at": failure.at,
            "expected": failure.expected,
            "found": failure.found,
            "place": place(tested, failure.span),
        })
    });
    json!({
        "name": outcome.name,
        "passed": outcome.failures.is_empty(),
        "events": outcome.events,
        "expectations": outcome.expectations,
        "failures": failures.collect::<Vec<_>>(),
        "place": place(tested, outcome.span),
    })
}

fn covered(tested: &Tested<'_>, covered: &Covered) -> Value {
    let words = |wanted: bool| -> Vec<&str> {
        let facets = covered.facets.iter().filter(|(_, covers)| *covers == wanted);
        facets.map(|(facet, _): &(Facet, bool)| facet.word()).collect()
    };
    json!({
        "name": covered.name,
        "sort": covered.sort,
        "reached": words(true),
        "missing": words(false),
        "place": place(tested, covered.span),
    })
}

fn tried(tested: &Tested<'_>, tried: &Tried) -> Value {
    let mut value = serde_json::to_value(tried).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        let place = tried.mutant.span.map(|span| place(tested, span));
        fields.insert("place".to_owned(), json!(place));
    }
    value
}

fn place(tested: &Tested<'_>, span: Span) -> Value {
    serde_json::to_value(render::place(span, tested.sources)).unwrap_or_default()
}
