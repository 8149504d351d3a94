//! What became of every obligation of a scenario so far: the open ones and, unlike the evaluator,
//! those that have ended.
//!
//! In: changes as the evaluator tells them, and the view of what has just been activated.
//! Out: [`Owed`]s, in the order of their activation.
//! Never: decides anything; it keeps what was told.
//! Promise: an obligation that was activated is never forgotten. Start reading at [`Ledger::note`].

use std::collections::BTreeMap;

use homeostat_intent::lowered::{Expectation, Expected};
use homeostat_log::control::GapOutcome;
use homeostat_world::{Position, Timestamp};

use crate::change::{Change, Fulfilment, ObligationId};
use crate::evaluator::Evaluator;
use crate::explain::print::plain;
use crate::occasion::Began;

/// See the module's opening.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) all: Vec<Owed>,
    places: BTreeMap<ObligationId, usize>,
}

/// One obligation, open or ended.
#[derive(Clone, Debug)]
pub(super) struct Owed {
    pub(super) id: ObligationId,
    pub(super) slug: String,
    /// The instances of its keys, in order.
    pub(super) keys: Vec<String>,
    /// The instances that it is bound to, the outermost first.
    pub(super) bound: Vec<String>,
    /// What it began with.
    pub(super) began: Option<Began>,
    pub(super) due: Option<Timestamp>,
    pub(super) standing: Standing,
    pub(super) gap: Gap,
}

/// Where an obligation stands, or how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Active,
    Overdue,
    Lapsed,
    Fulfilled(Position, Fulfilment),
    Compensated,
    Withdrawn,
    Waived,
    Void,
}

/// What became of an obligation's gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    Never,
    Open,
    /// When, and how.
    Closed(Timestamp, GapOutcome),
}

impl Ledger {
    /// Takes in what the evaluator told when time had come to `now`.
    pub(super) fn note(&mut self, changes: &[Change], evaluator: &Evaluator, now: Timestamp) {
        for change in changes {
            let Some(id) = change.obligation() else { continue };
            if let Change::Activated { due, .. } = *change {
                self.open(id, due, evaluator);
            }
            let Some(owed) = self.places.get(&id).and_then(|place| self.all.get_mut(*place)) else {
                continue;
            };
            match *change {
                Change::GapOpened { .. } => owed.gap = Gap::Open,
                Change::GapClosed { outcome, .. } => owed.gap = Gap::Closed(now, outcome),
                Change::DeadlineMissed { .. } => owed.standing = Standing::Overdue,
                Change::Lapsed { .. } => owed.standing = Standing::Lapsed,
                Change::Fulfilled { by, outcome, .. } => {
                    owed.standing = Standing::Fulfilled(by, outcome);
                }
                Change::Compensated { .. } => owed.standing = Standing::Compensated,
                Change::Withdrawn { .. } => owed.standing = Standing::Withdrawn,
                Change::Waived { .. } => owed.standing = Standing::Waived,
                Change::Voided { .. } => owed.standing = Standing::Void,
                Change::Activated { .. }
                | Change::GuardDecided { .. }
                | Change::BackfillAsked { .. }
                | Change::BackfillDecided { .. } => {}
            }
        }
    }

    fn open(&mut self, id: ObligationId, due: Option<Timestamp>, evaluator: &Evaluator) {
        let view = evaluator.obligation(id);
        let keys = view.as_ref().map(|view| view.keys.iter().map(|key| plain(&key.value)));
        let (began, bound) = evaluator.origin(id).unzip();
        let bound = bound.unwrap_or_default().into_iter().map(|(_, instance)| instance);
        let owed = Owed {
            id,
            slug: evaluator.program().clause(id.clause).slug.clone(),
            keys: keys.map(Iterator::collect).unwrap_or_default(),
            bound: bound.collect(),
            began,
            due,
            standing: Standing::Active,
            gap: Gap::Never,
        };
        self.places.insert(id, self.all.len());
        self.all.push(owed);
    }

    /// The obligations of the clauses that an expectation means, whatever their instances.
    pub(super) fn of_clauses<'l>(
        &'l self,
        expected: &'l Expectation,
    ) -> impl Iterator<Item = &'l Owed> {
        self.all.iter().filter(|owed| expected.slugs.contains(&owed.slug))
    }
}

impl Owed {
    /// Whether it is of the instances that an expectation names.
    pub(super) fn is_of(&self, instances: &[String]) -> bool {
        if instances.is_empty() {
            return true;
        }
        if instances.len() == self.keys.len() {
            return instances == self.keys.as_slice();
        }
        instances == self.bound.as_slice()
    }

    /// Whether it is in a state.
    pub(super) fn is(&self, state: Expected) -> bool {
        match (state, self.standing) {
            (Expected::Gap, _) => self.gap == Gap::Open,
            (Expected::Active, Standing::Active)
            | (Expected::Overdue, Standing::Overdue)
            | (Expected::Fulfilled, Standing::Fulfilled(..))
            | (Expected::Late, Standing::Fulfilled(_, Fulfilment::Late))
            | (Expected::Lapsed, Standing::Lapsed | Standing::Compensated)
            | (Expected::Withdrawn, Standing::Withdrawn)
            | (Expected::Void, Standing::Void) => true,
            _ => false,
        }
    }

    /// `notify(c1)`: the clause and its instances.
    pub(super) fn call(&self) -> String {
        let instances = if self.keys.is_empty() { &self.bound } else { &self.keys };
        if instances.is_empty() {
            self.slug.clone()
        } else {
            format!("{}({})", self.slug, instances.join(", "))
        }
    }
}
