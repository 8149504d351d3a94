//! The dispatch queues: every lookup and move costs O(log n), no matter how many gaps are open.
//!
//! In: gaps and their places. Out: who is next. Never: decides where a gap belongs; `Gap::place_under` does.
//! Promise: a gap stands in exactly the queue that its `place` names. Start reading at [`Queues`].

use std::collections::{BTreeMap, BTreeSet};

use homeostat_world::{Timestamp, canary};

use crate::fact::Severity;
use crate::gap::{Gap, GapKey, Place};

/// The dispatch order: severity, then the nearer due, then age.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Urgency {
    severity: Severity,
    due: Timestamp,
    pub(crate) key: GapKey,
}

/// Gaps by what is to be done about them next.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    /// The log lacks something about them.
    pub(crate) unwritten: BTreeSet<GapKey>,
    /// To be looked at: an agent or a person.
    pub(crate) fresh: BTreeSet<GapKey>,
    /// To be given an agent, in this order.
    pub(crate) ready: BTreeSet<Urgency>,
    /// To be looked at again then.
    pub(crate) resting: BTreeSet<(Timestamp, GapKey)>,
    /// By the action that no agent offers.
    pub(crate) unmanned: BTreeMap<String, BTreeSet<GapKey>>,
}

impl Queues {
    /// Puts a gap where `gap.place` says.
    pub(crate) fn enter(&mut self, key: &GapKey, gap: &Gap) {
        if !gap.missing().is_nothing() {
            self.unwritten.insert(key.clone());
        }
        match gap.place {
            Place::Nowhere => {}
            Place::Fresh => {
                self.fresh.insert(key.clone());
            }
            Place::Ready => {
                self.ready.extend(urgency(key, gap));
            }
            Place::Resting(until) => {
                self.resting.insert((until, key.clone()));
            }
            Place::Unmanned => {
                let action = action(gap);
                self.unmanned.entry(action.to_owned()).or_default().insert(key.clone());
            }
        }
    }

    /// Takes a gap out of where `gap.place` says.
    pub(crate) fn leave(&mut self, key: &GapKey, gap: &Gap) {
        self.unwritten.remove(key);
        let stood = match gap.place {
            Place::Nowhere => true,
            Place::Fresh => self.fresh.remove(key),
            Place::Ready => urgency(key, gap).is_some_and(|urgency| self.ready.remove(&urgency)),
            Place::Resting(until) => self.resting.remove(&(until, key.clone())),
            Place::Unmanned => self.leave_unmanned(key, action(gap)),
        };
        assert!(stood, "gap `{}` was not in the queue that it names", key.name());
    }

    fn leave_unmanned(&mut self, key: &GapKey, action: &str) -> bool {
        let Some(keys) = self.unmanned.get_mut(action) else { return false };
        let stood = keys.remove(key);
        if keys.is_empty() {
            self.unmanned.remove(action);
        }
        stood
    }
}

fn action(gap: &Gap) -> &str {
    gap.stated.as_ref().map_or("", |stated| stated.clause.action.as_str())
}

fn urgency(key: &GapKey, gap: &Gap) -> Option<Urgency> {
    let stated = gap.stated.as_ref()?;
    let due = stated.due.unwrap_or(Timestamp::MAX);
    if canary::planted("dispatched_in_the_order_of_opening") {
        return Some(Urgency { severity: Severity::Could, due: Timestamp::MAX, key: key.clone() });
    }
    let severity = match stated.clause.severity {
        Severity::Invariant if canary::planted("a_violation_waits_in_line") => Severity::Must,
        severity => severity,
    };
    Some(Urgency { severity, due, key: key.clone() })
}
