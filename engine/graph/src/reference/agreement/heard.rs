//! What the incremental evaluator says, gathered into the reference's words.
//!
//! In: a program and steps. Out: verdicts, and what it should not have said.
//! Never: corrects it.
//! Promise: it is stopped and restored where it is told to be, and nowhere else.
//! Start reading at [`run`].

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::{Name, Standing, Step, Verdict, Verdicts};
use crate::{Change, Evaluator, ObligationId, Program, Tally};

/// What was heard of one run.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) verdicts: Verdicts,
    /// What it should not have said.
    pub(super) nonsense: Vec<String>,
}

impl Heard {
    fn hear(&mut self, program: &Program, change: Change) {
        if let Change::GuardDecided { guard, trigger, truth, .. } = change {
            let key = (trigger.to_string(), guard.0);
            if self.verdicts.guards.insert(key, Some(truth)).is_some() {
                self.nonsense.push(format!("decided twice: {change:?}"));
            }
            return;
        }
        let Some(id) = change.obligation() else { return };
        let key = name(program, id);
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
            Change::Activated { .. } | Change::GuardDecided { .. } => {}
        }
    }
}

fn name(program: &Program, id: ObligationId) -> Name {
    let shown = program.show(id);
    match shown.split_once('@') {
        Some((slug, text)) => (text.to_owned(), slug.to_owned()),
        None => (String::new(), shown),
    }
}

/// Takes an evaluator through the steps.
pub(super) fn run(
    program: &Arc<Program>,
    steps: &[Step],
    restarts: &[usize],
) -> (Evaluator, Heard) {
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
            Step::Advance(now) | Step::Resume(now) => {
                evaluator.advance(*now, &mut |change| heard.hear(program, change));
            }
            Step::Event(event) => {
                evaluator.on_event(event, &mut |change| heard.hear(program, change));
            }
            Step::Evolve(_) => {}
        }
    }
    (evaluator, heard)
}

/// Counts verdicts as the evaluator counts obligations, those of clauses in force only.
pub(super) fn tallies(verdicts: &Verdicts) -> BTreeMap<String, Tally> {
    let mut counted: BTreeMap<String, Tally> = BTreeMap::new();
    let in_force = verdicts.obligations.iter().filter(|(name, _)| !verdicts.past.contains(*name));
    for ((_, slug), verdict) in in_force {
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
            Standing::Void => {}
            Standing::Fulfilled(_, crate::Fulfilment::Late) => tally.late += 1,
            Standing::Fulfilled(_, outcome) => {
                tally.met += 1;
                tally.seen_late += u64::from(outcome == crate::Fulfilment::SeenLate);
            }
        }
    }
    counted
}
