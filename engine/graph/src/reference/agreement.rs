//! Holds the incremental evaluator equal to the reference on small specs and logs: thousands of seeds
//! in this room's tests, and whatever a fuzzer makes through the feature `agreement`.
//!
//! In: seeds or bytes. Out: nothing, or the smallest case that the two see differently, readably.
//! Never: two cases alike on purpose; few keys, few instants and few types make them collide.
//! Promise: the same seeds give the same cases everywhere. Start reading at [`disagreement`].

mod cases;
#[cfg(test)]
mod coverage;
mod dice;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use homeostat_world::Timestamp;

use super::{Standing, Step, Verdict, Verdicts, evaluate};
use crate::{Change, Evaluator, Program, Tally};

pub use cases::Case;
pub use dice::Dice;

/// What the incremental evaluator said, gathered into the reference's words.
#[derive(Default)]
struct Heard {
    verdicts: Verdicts,
    /// What it should not have said.
    nonsense: Vec<String>,
}

impl Heard {
    fn hear(&mut self, program: &Program, change: Change) {
        if let Change::GuardDecided { guard, trigger, truth, .. } = change {
            let before = self.verdicts.guards.insert((trigger.get(), guard.0), Some(truth));
            if before.is_some() {
                self.nonsense.push(format!("decided twice: {change:?}"));
            }
            return;
        }
        let Some(id) = change.obligation() else { return };
        let key = (id.trigger.get(), program.clause(id.clause).slug.clone());
        if let Change::Activated { at, due, .. } = change {
            let new = Verdict {
                activated: at,
                due,
                standing: Standing::Owed,
                missed: false,
                gap: None,
                closed: None,
            };
            if self.verdicts.obligations.insert(key, new).is_some() {
                self.nonsense.push(format!("activated twice: {change:?}"));
            }
            return;
        }
        let Some(verdict) = self.verdicts.obligations.get_mut(&key) else {
            self.nonsense.push(format!("of nothing: {change:?}"));
            return;
        };
        match change {
            Change::GapOpened { kind, at, .. } => {
                if verdict.gap.replace((kind, at)).is_some() {
                    self.nonsense.push(format!("opened twice: {change:?}"));
                }
            }
            Change::GapClosed { outcome, .. } => {
                if verdict.gap.is_none() || verdict.closed.replace(outcome).is_some() {
                    self.nonsense.push(format!("closed what was not open: {change:?}"));
                }
            }
            Change::DeadlineMissed { .. } => verdict.missed = true,
            Change::Fulfilled { by, outcome, .. } => {
                verdict.standing = Standing::Fulfilled(by.get(), outcome);
            }
            Change::Lapsed { .. } => verdict.standing = Standing::Lapsed,
            Change::Withdrawn { .. } => verdict.standing = Standing::Withdrawn,
            Change::Compensated { .. } => verdict.standing = Standing::Compensated,
            Change::Waived { .. } => verdict.standing = Standing::Waived,
            Change::Activated { .. }
            | Change::GuardDecided { .. }
            | Change::Voided { .. }
            | Change::BackfillAsked { .. }
            | Change::BackfillDecided { .. } => {}
        }
    }
}

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
    // The evaluator does not announce that it reached a guard, only how it was decided.
    expected.guards.retain(|_, decided| decided.is_some());
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
    let counted = tallies(&program, &expected);
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

fn run(program: &Arc<Program>, steps: &[Step], restarts: &[usize]) -> (Evaluator, Heard) {
    let mut evaluator = Evaluator::new(Arc::clone(program));
    let mut heard = Heard::default();
    for (place, step) in steps.iter().enumerate() {
        if restarts.contains(&place) {
            let bytes = evaluator.checkpoint();
            match Evaluator::restore(Arc::clone(program), &bytes) {
                Ok(restored) => evaluator = restored,
                Err(error) => heard.nonsense.push(error.to_string()),
            }
        }
        match step {
            Step::Advance(now) => {
                evaluator.advance(*now, &mut |change| heard.hear(program, change));
            }
            Step::Event(event) => {
                evaluator.on_event(event, &mut |change| heard.hear(program, change));
            }
        }
    }
    (evaluator, heard)
}

/// Counts verdicts as the evaluator counts obligations.
fn tallies(program: &Program, verdicts: &Verdicts) -> BTreeMap<String, Tally> {
    let mut counted: BTreeMap<String, Tally> = BTreeMap::new();
    for ((_, slug), verdict) in &verdicts.obligations {
        assert!(program.clause_named(slug).is_some());
        let tally = counted.entry(slug.clone()).or_default();
        tally.triggers += 1;
        tally.missed += u64::from(verdict.missed);
        match verdict.standing {
            Standing::Owed if verdict.missed => tally.overdue += 1,
            Standing::Owed => tally.pending += 1,
            Standing::Lapsed => tally.lapsed += 1,
            Standing::Withdrawn => tally.withdrawn += 1,
            Standing::Compensated => tally.compensated += 1,
            Standing::Waived => tally.waived += 1,
            Standing::Fulfilled(_, crate::Fulfilment::Late) => tally.late += 1,
            Standing::Fulfilled(_, outcome) => {
                tally.met += 1;
                tally.seen_late += u64::from(outcome == crate::Fulfilment::SeenLate);
            }
        }
    }
    counted
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
    let mut text = format!("{:#?}\n", case.spec.blocks);
    writeln!(text, "settle {:?}", case.spec.limits.settle).unwrap_or_default();
    for step in &case.steps {
        match step {
            Step::Advance(now) => writeln!(text, "  now {}", micros(*now)),
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

fn micros(at: Timestamp) -> i64 {
    at.as_micros()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold_equal(seeds: std::ops::Range<u64>) {
        let mut seen = coverage::Coverage::default();
        for seed in seeds {
            let case = Case::generate(&mut Dice::of_seed(seed));
            let restarts = case.restarts(&mut Dice::of_seed(!seed));
            seen.count(&evaluate(&case.spec, &case.steps));
            if disagreement(&case, &restarts).is_some() {
                let case = shrink(case, &restarts);
                let difference = disagreement(&case, &restarts).unwrap_or_default();
                unreachable!(
                    "seed {seed}: the evaluator differs from the reference\n{difference}\n{}",
                    shown(&case)
                );
            }
        }
        seen.is_wide();
    }

    #[test]
    fn the_evaluator_says_what_the_reference_says() {
        hold_equal(0..6_000);
    }
}
