//! The result of a test run as a person reads it.

use homeostat_graph::scenario::{Facet, Fate, Mutation, Outcome};

use super::Tested;
use crate::failure::Failure;
use crate::screen::{Screen, paint, painted};
use crate::table::{Align, Table};

/// Shows everything: scenarios, failures, what is not reached, what is not noticed, and the sums.
pub(super) fn show(tested: &Tested<'_>, mutate: bool, screen: &mut Screen) -> Result<(), Failure> {
    let scenarios = &tested.report.scenarios;
    let of = tested.spec.name.as_deref().map(|name| format!(" of {name}")).unwrap_or_default();
    screen.line(format_args!("running {}{of}", counted(scenarios.len(), "scenario")))?;
    for scenario in scenarios {
        let word = if scenario.failures.is_empty() {
            painted(paint::GOOD, "ok")
        } else {
            painted(paint::BAD, "FAILED")
        };
        screen.line(format_args!("scenario {} ... {word}", plain(&scenario.name)))?;
    }
    failures(tested, screen)?;
    not_reached(tested, screen)?;
    if let Some(mutation) = tested.mutation {
        not_noticed(tested, mutation, screen)?;
    }
    sums(tested, mutate, screen)
}

fn failures(tested: &Tested<'_>, screen: &mut Screen) -> Result<(), Failure> {
    let failed = |scenario: &&Outcome| !scenario.failures.is_empty();
    for scenario in tested.report.scenarios.iter().filter(failed) {
        screen.line(format_args!(
            "\n{}  {}",
            painted(paint::HEAD, plain(&scenario.name)),
            painted(paint::DIM, tested.place(scenario.span))
        ))?;
        for failure in &scenario.failures {
            let at = if failure.expected.starts_with("at ") {
                String::new()
            } else {
                format!("at {} ", failure.at)
            };
            screen.line(format_args!(
                "  {} {at}{}  {}",
                painted(paint::BAD, "✗"),
                plain(&failure.expected),
                painted(paint::DIM, tested.place(failure.span))
            ))?;
            for (index, line) in failure.found.iter().enumerate() {
                let head = if index == 0 { "found:" } else { "      " };
                screen.line(format_args!("    {head} {}", plain(line)))?;
            }
        }
    }
    Ok(())
}

fn not_reached(tested: &Tested<'_>, screen: &mut Screen) -> Result<(), Failure> {
    let mut table = Table::new([
        ("not reached", Align::Left),
        ("sort", Align::Left),
        ("never", Align::Left),
        ("place", Align::Left),
    ]);
    let mut complete = true;
    for covered in &tested.report.coverage.clauses {
        let missing: Vec<&str> = covered.missing().map(Facet::word).collect();
        if missing.is_empty() {
            continue;
        }
        complete = false;
        table.row([
            (covered.name.clone(), paint::NAME),
            (covered.sort.word().to_owned(), paint::DIM),
            (missing.join(", "), paint::CARE),
            (tested.place(covered.span), paint::DIM),
        ]);
    }
    if complete { Ok(()) } else { screen.text(format_args!("\n{}", table.show())) }
}

fn not_noticed(
    tested: &Tested<'_>,
    mutation: &Mutation,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let mut survivors =
        Table::new([("not noticed", Align::Left), ("change", Align::Left), ("place", Align::Left)]);
    let mut apart = Table::new([
        ("cannot be told apart", Align::Left),
        ("change", Align::Left),
        ("why", Align::Left),
    ]);
    for tried in &mutation.mutants {
        let mutant = &tried.mutant;
        let place = mutant.span.map(|span| tested.place(span)).unwrap_or_default();
        let cells = [(mutant.clause.clone(), paint::NAME), (mutant.change.clone(), paint::CARE)];
        let [clause, change] = cells;
        match &tried.fate {
            Fate::Survived => survivors.row([clause, change, (place, paint::DIM)]),
            Fate::Equivalent { why } | Fate::Unviable { why } => {
                apart.row([clause, change, (why.clone(), paint::DIM)]);
            }
            Fate::Killed { by } => screen
                .detail(format_args!("{}: {}: noticed by `{by}`", mutant.clause, mutant.change)),
        }
    }
    if mutation.survived() > 0 {
        screen.text(format_args!("\n{}", survivors.show()))?;
    }
    if mutation.killed() + mutation.survived() < mutation.mutants.len() {
        screen.text(format_args!("\n{}", apart.show()))?;
    }
    Ok(())
}

fn sums(tested: &Tested<'_>, mutate: bool, screen: &mut Screen) -> Result<(), Failure> {
    let report = tested.report;
    let failed = report.failed();
    let word = if failed == 0 { painted(paint::GOOD, "ok") } else { painted(paint::BAD, "FAILED") };
    let passed = report.scenarios.len().saturating_sub(failed);
    screen.line(format_args!("\nscenarios: {word}. {passed} passed; {failed} failed"))?;
    let (all, reached) = report.coverage.counts();
    screen.line(format_args!(
        "coverage: {} ({reached} of {all}){}",
        percent(report.coverage.percent(), tested.uncovered()),
        least(tested.min_coverage, tested.uncovered())
    ))?;
    if let Some(mutation) = tested.mutation {
        let apart = mutation.mutants.len() - mutation.killed() - mutation.survived();
        let apart =
            if apart == 0 { String::new() } else { format!("; {apart} that nothing tells apart") };
        screen.line(format_args!(
            "mutants: {} ({} of {} noticed{apart}){}",
            percent(mutation.score(), tested.unnoticed()),
            mutation.killed(),
            mutation.killed() + mutation.survived(),
            least(tested.min_score, tested.unnoticed())
        ))?;
    } else if mutate {
        screen.line("mutants: not tried, since scenarios fail on the spec as it is")?;
    }
    Ok(())
}

fn percent(percent: usize, bad: bool) -> String {
    painted(if bad { paint::BAD } else { paint::HEAD }, format_args!("{percent}%"))
}

/// `, less than 90%`.
fn least(least: Option<u8>, missed: bool) -> String {
    match least {
        Some(least) if missed => format!(", less than the {least}% asked for"),
        _ => String::new(),
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// What a spec says must not drive the terminal.
fn plain(text: &str) -> String {
    if text.contains(char::is_control) { text.escape_debug().to_string() } else { text.to_owned() }
}
