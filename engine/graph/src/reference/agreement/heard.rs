//! What the incremental evaluator says, gathered into the reference's words.
//!
//! In: a program and steps. Out: verdicts, and what it should not have said.
//! Never: corrects it.
//! Promise: it is stopped and restored where it is told to be, and nowhere else.
//! Start reading at [`run`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use homeostat_intent::lowered::Spec;
use homeostat_log::Event;
use homeostat_log::control::{GapKind, GapOutcome};
use homeostat_world::Position;

use super::super::episodes::violated;
use super::super::{Name, Standing, Step, Verdict, Verdicts, occasions};
use crate::{Adoption, Change, ClauseIndex, Evaluator, Fulfilment, ObligationId, Program, Tally};

/// What was heard of one run.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) verdicts: Verdicts,
    /// What it should not have said.
    pub(super) nonsense: Vec<String>,
    /// Whether a new version of the spec was adopted.
    has_evolved: bool,
    /// Which lapsed duty a fallback stands for.
    stands_for: BTreeMap<Name, Name>,
    /// Lapsed duties that nothing stands for any more, since a person waived what did.
    over: BTreeSet<Name>,
}

impl Heard {
    /// Takes down what an evaluator has said since its last input.
    fn hear(&mut self, evaluator: &Evaluator, said: Vec<Change>) {
        for change in said {
            match change {
                Change::GuardDecided { guard, trigger, truth, .. } => {
                    let id = ObligationId { clause: ClauseIndex(0), trigger };
                    let key = (occasion(evaluator, id), guard.0);
                    if self.verdicts.guards.insert(key, Some(truth)).is_some() {
                        self.nonsense.push(format!("decided twice: {change:?}"));
                    }
                }
                Change::BackfillAsked { adopted, at, .. } => {
                    let key = (adopted.to_string(), "backfill".to_owned());
                    self.verdicts.obligations.insert(key, violated(GapKind::Intent, at));
                }
                Change::BackfillDecided { adopted, outcome } => {
                    self.answer(adopted, outcome, evaluator.position());
                }
                _ => {
                    let Some(id) = change.obligation() else { continue };
                    let name = |id: ObligationId| {
                        (
                            occasion(evaluator, id),
                            evaluator.program().clause(id.clause).slug.clone(),
                        )
                    };
                    if let Change::Lapsed { fallback, .. } = change {
                        self.stands_for.insert(name(fallback), name(id));
                    }
                    self.hear_of(name(id), change);
                }
            }
        }
    }

    /// A backfill was decided about, or there is nothing left to decide.
    fn answer(&mut self, adopted: Position, outcome: GapOutcome, by: Position) {
        let key = (adopted.to_string(), "backfill".to_owned());
        let Some(verdict) = self.verdicts.obligations.get_mut(&key) else {
            self.nonsense.push(format!("nobody was asked about {adopted}"));
            return;
        };
        verdict.closed = Some(outcome);
        verdict.standing = match outcome {
            GapOutcome::Fulfilled => Standing::Fulfilled(by.get(), Fulfilment::InTime),
            GapOutcome::Waived => Standing::Waived,
            _ => Standing::Withdrawn,
        };
    }

    fn hear_of(&mut self, key: Name, change: Change) {
        if let Change::Activated { at, due, .. } = change {
            let new = Verdict {
                activated: at,
                due,
                standing: Standing::Owed,
                missed: false,
                gap: None,
                closed: None,
            };
            // With a new version of the spec a name may have a second life.
            self.over.remove(&key);
            let before = self.verdicts.obligations.insert(key, new);
            if before.is_some_and(|it| it.standing == Standing::Owed || !self.has_evolved) {
                self.nonsense.push(format!("activated twice: {change:?}"));
            }
            return;
        }
        let Some(verdict) = self.verdicts.obligations.get_mut(&key) else {
            // What a new version asks of the past may end before it is owed.
            if !self.has_evolved {
                self.nonsense.push(format!("of nothing: {change:?}"));
            }
            return;
        };
        let is_over = !matches!(verdict.standing, Standing::Owed | Standing::Lapsed)
            || self.over.contains(&key);
        if is_over && self.has_evolved && !matches!(change, Change::GapClosed { .. }) {
            // Its second life, which ends before it is owed.
            return;
        }
        match change {
            Change::GapOpened { kind, at, .. } => {
                // A lapsed duty whose fallback is gone is owed again.
                if self.has_evolved && verdict.standing == Standing::Lapsed {
                    verdict.standing = Standing::Owed;
                }
                let is_open = verdict.gap.is_some() && verdict.closed.is_none();
                if is_open || verdict.gap.is_some() && !self.has_evolved {
                    self.nonsense.push(format!("opened twice: {change:?}"));
                }
                (verdict.gap, verdict.closed) = (Some((kind, at)), None);
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
            Change::Waived { .. } => {
                verdict.standing = Standing::Waived;
                let lapsed =
                    std::iter::successors(self.stands_for.get(&key), |it| self.stands_for.get(*it));
                self.over.extend(lapsed.cloned());
            }
            Change::Voided { .. } => verdict.standing = Standing::Void,
            Change::Activated { .. }
            | Change::GuardDecided { .. }
            | Change::BackfillAsked { .. }
            | Change::BackfillDecided { .. } => {}
        }
    }
}

/// What stands behind the `@` of an obligation's name.
fn occasion(evaluator: &Evaluator, id: ObligationId) -> String {
    let Some((began, bound)) = evaluator.origin(id) else { return "over".to_owned() };
    let instances = bound.iter().map(|(_, instance)| instance.as_str());
    instances.fold(began.to_string(), |text, instance| occasions::text(&text, Some(instance)))
}

/// One evaluator on its way, and what was heard of it.
struct Run<'s> {
    evaluator: Evaluator,
    heard: Heard,
    told: Vec<&'s Event>,
}

/// Takes an evaluator through the steps, and stops and restores it before each of `restarts`.
pub(super) fn run(
    program: &Arc<Program>,
    steps: &[Step],
    restarts: &[usize],
) -> (Evaluator, Heard) {
    let evaluator = Evaluator::new(Arc::clone(program));
    let mut run = Run { evaluator, heard: Heard::default(), told: Vec::new() };
    for (place, step) in steps.iter().enumerate() {
        if restarts.contains(&place) {
            run.restart();
        }
        run.step(step);
    }
    (run.evaluator, run.heard)
}

impl<'s> Run<'s> {
    fn restart(&mut self) {
        let bytes = self.evaluator.checkpoint();
        match Evaluator::restore(Arc::clone(self.evaluator.program()), &bytes) {
            Ok(restored) => self.evaluator = restored,
            Err(error) => self.heard.nonsense.push(error.to_string()),
        }
    }

    fn step(&mut self, step: &'s Step) {
        let mut said = Vec::new();
        let mut listen = |change| said.push(change);
        match step {
            Step::Advance(now) => self.evaluator.advance(*now, &mut listen),
            Step::Resume(now) => self.evaluator.resume(*now, &mut listen),
            Step::Event(event) => {
                self.evaluator.on_event(event, &mut listen);
                self.told.push(event);
            }
            Step::Evolve(spec) => return self.adopt(spec),
        }
        self.heard.hear(&self.evaluator, said);
    }

    /// As a kernel does: a second evaluator examines the log and takes over.
    fn adopt(&mut self, spec: &Spec) {
        let Some(adopting) = self.told.last() else { return };
        let adoption =
            Adoption { position: adopting.position, at: adopting.recorded, policy: spec.backfill };
        let mut next = match Program::compile(spec) {
            Ok(program) => Evaluator::examining(Arc::new(program)),
            Err(error) => return self.heard.nonsense.push(error.to_string()),
        };
        let mut said = Vec::new();
        self.evaluator.advance(adoption.at, &mut |change| said.push(change));
        self.heard.hear(&self.evaluator, std::mem::take(&mut said));
        for event in &self.told {
            next.examine(event);
        }
        let mut withdrawn = Vec::new();
        let (mut listen, mut let_go) = (|it| said.push(it), |it| withdrawn.push(it));
        next.succeed(&self.evaluator, adoption, &mut let_go, &mut listen);
        self.heard.has_evolved = true;
        self.heard.hear(&self.evaluator, withdrawn);
        self.heard.verdicts.guards.clear();
        self.evaluator = next;
        self.heard.hear(&self.evaluator, said);
    }
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
            Standing::Void => tally.void += 1,
            Standing::Fulfilled(_, Fulfilment::Late) => tally.late += 1,
            Standing::Fulfilled(_, outcome) => {
                tally.met += 1;
                tally.seen_late += u64::from(outcome == Fulfilment::SeenLate);
            }
        }
    }
    counted
}
