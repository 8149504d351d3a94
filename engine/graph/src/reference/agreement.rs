//! Holds the incremental evaluator equal to the reference on small specs and logs: thousands of seeds
//! in this room's tests, and whatever a fuzzer makes through the feature `agreement`.
//!
//! In: seeds or bytes. Out: nothing, or the smallest case that the two see differently, readably.
//! Never: two cases alike on purpose; few keys, few instants and few types make them collide.
//! Promise: the same seeds give the same cases everywhere. Start reading at [`disagreement`].

mod cases;
mod coverage;
mod declared;
mod dice;
mod drawing;
mod expressions;
mod fewer;
mod heard;
mod logs;
#[cfg(test)]
mod properties;
mod versions;
mod watched;
mod words;

use std::fmt::Write;
use std::sync::Arc;

use homeostat_intent::lowered::Spec;
use homeostat_world::Timestamp;

use super::{Step, Verdicts, evaluate};
use crate::Program;
use heard::{run, tallies};

pub use cases::Case;
pub use coverage::Coverage;
pub use dice::Dice;
pub use words::Words;

/// Says how the evaluator and the reference differ on a case, if they do. The evaluator is also
/// stopped and restored before each of the steps in `restarts`, and must not notice. A spec that
/// does not compile is a disagreement too.
#[must_use]
pub fn disagreement(case: &Case, restarts: &[usize]) -> Option<String> {
    let program = match Program::compile(&case.spec) {
        Ok(program) => Arc::new(program),
        Err(error) => return Some(error.to_string()),
    };
    let mut expected = evaluate(&case.spec, &case.steps);
    let counted = tallies(&expected);
    // The evaluator does not announce that it reached a guard, only how it was decided; and what is
    // of another version is not its to say.
    expected.guards.retain(|_, decided| decided.is_some());
    expected.past.clear();
    let (straight, heard) = run(&program, &case.steps, &[]);
    let (restarted, heard_again) = run(&program, &case.steps, restarts);
    if let Some(nonsense) = heard.nonsense.first() {
        return Some(nonsense.clone());
    }
    if heard.verdicts != expected {
        return Some(difference(&expected, &heard.verdicts));
    }
    if heard_again.verdicts != heard.verdicts {
        return Some(difference(&heard.verdicts, &heard_again.verdicts));
    }
    if straight.checkpoint() != restarted.checkpoint() {
        return Some("a restart leaves another state behind".to_owned());
    }
    if straight.footprint().texts != restarted.footprint().texts {
        return Some("a text is held that nothing names".to_owned());
    }
    let summary = straight.summary();
    for clause in &summary.clauses {
        let expected = counted.get(&clause.slug).copied().unwrap_or_default();
        if expected != clause.tally {
            return Some(format!(
                "{} counts {:?}; expected {expected:?}",
                clause.slug, clause.tally
            ));
        }
    }
    None
}

fn difference(expected: &Verdicts, found: &Verdicts) -> String {
    let mut text = String::new();
    for (key, verdict) in &expected.obligations {
        if found.obligations.get(key) != Some(verdict) {
            let found = found.obligations.get(key);
            writeln!(text, "{}@{}\n  expected {verdict:?}\n  found    {found:?}", key.1, key.0)
                .unwrap_or_default();
        }
    }
    for (key, verdict) in &found.obligations {
        if !expected.obligations.contains_key(key) {
            writeln!(text, "{}@{}: nothing expected\n  found {verdict:?}", key.1, key.0)
                .unwrap_or_default();
        }
    }
    if expected.guards != found.guards {
        writeln!(text, "guards\n  expected {:?}\n  found    {:?}", expected.guards, found.guards)
            .unwrap_or_default();
    }
    text
}

/// Takes away whatever can go while the two still differ.
#[must_use]
pub fn shrink(mut case: Case, restarts: &[usize]) -> Case {
    loop {
        let smaller = case.smaller().into_iter().find(|c| disagreement(c, restarts).is_some());
        match smaller {
            Some(smaller) => case = smaller,
            None => return case,
        }
    }
}

/// The case as people read it.
#[must_use]
pub fn shown(case: &Case) -> String {
    let mut text = written(&case.spec);
    for step in &case.steps {
        match step {
            Step::Advance(now) => writeln!(text, "  now {}", micros(*now)),
            Step::Resume(now) => writeln!(text, "  up again {}", micros(*now)),
            Step::Evolve(spec) => writeln!(text, "  adopted\n{}", written(spec)),
            Step::Event(event) => {
                let inner = &event.event;
                writeln!(
                    text,
                    "  {} at {} (recorded {}) {} {:?} {} subject {:?} cause {:?} by {}",
                    event.position,
                    micros(inner.time),
                    micros(event.recorded),
                    inner.r#type,
                    inner.kind,
                    inner.data.to_json(),
                    inner.subject,
                    inner.cause,
                    inner.actor
                )
            }
        }
        .unwrap_or_default();
    }
    text
}

/// What of a spec differs from case to case.
fn written(spec: &Spec) -> String {
    format!(
        "{:#?}\n{:#?}\n{:#?}\n{:#?}\nsettle {:?}, in flight {}, {:?}, zone {:?}\n",
        spec.blocks,
        spec.assertions,
        spec.invariants,
        spec.targets,
        spec.limits.settle,
        spec.limits.max_backfill_in_flight,
        spec.backfill,
        spec.time_zone
    )
}

fn micros(at: Timestamp) -> i64 {
    at.as_micros()
}

/// Draws the case of each seed and compares the two on it, stopped and restored here and there. Gives
/// what came up.
///
/// # Errors
/// With the smallest case that the two see differently, as people read it.
pub fn agree(seeds: std::ops::Range<u64>) -> Result<Coverage, String> {
    let mut seen = Coverage::default();
    for seed in seeds {
        let case = Case::generate(&mut Dice::of_seed(seed));
        let restarts = case.restarts(&mut Dice::of_seed(!seed));
        seen.count(&case, &evaluate(&case.spec, &case.steps));
        if disagreement(&case, &restarts).is_some() {
            let case = shrink(case, &restarts);
            let difference = disagreement(&case, &restarts).unwrap_or_default();
            return Err(format!(
                "seed {seed}: the evaluator differs from the reference\n{difference}\n{}",
                shown(&case)
            ));
        }
    }
    Ok(seen)
}
