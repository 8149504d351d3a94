//! What became of obligations in fact, on a log on which more than one version of the spec was in force.
//!
//! In: the changes of the evaluator that goes through all of them. Out: for each name, since when it is
//! owed, at whose asking, and where it stands.
//! Never: says why: conditions are explained by a replay under the newest version alone.
//! Promise: what no version asked for is called neither owed nor a gap. Start reading at
//! [`Lived::note`].

use std::collections::BTreeMap;

use homeostat_world::Position;

use super::Status;
use super::probe::Asked;
use super::seen::{SeenDuty, status_after};
use crate::change::{Change, ObligationId};
use crate::evaluator::Evaluator;
use crate::evolve::{self, Retroactive};
use crate::occasion::{Began, FIRST};
use crate::view::ObligationView;

#[derive(Debug, Default)]
pub(super) struct Lived {
    lives: BTreeMap<String, Life>,
}

/// One obligation, as the versions had it.
#[derive(Clone, Debug)]
pub(super) struct Life {
    pub(super) view: Option<ObligationView>,
    pub(super) status: Status,
    pub(super) retroactive: Option<Retroactive>,
}

impl Lived {
    /// Takes in what an event, the passing of time or an adoption did.
    pub(super) fn note(&mut self, changes: &[Change], evaluator: &Evaluator, asked: &Asked) {
        for change in changes {
            let Some(id) = change.obligation().filter(|id| concerns(asked, evaluator, *id)) else {
                continue;
            };
            let name = evaluator.show(id);
            // What is only queued begins no life, though a person may let it go.
            let begins = match change {
                Change::Activated { .. } => true,
                Change::Waived { .. } => !self.lives.contains_key(&name),
                _ => false,
            };
            if begins {
                let (view, retroactive) = (evaluator.obligation(id), evaluator.retroactive(id));
                let life = Life { view, status: Status::Waiting, retroactive };
                self.lives.insert(name.clone(), life);
            }
            if let Some(life) = self.lives.get_mut(&name)
                && let Some(status) = status_after(change, &life.status)
            {
                life.status = status;
            }
        }
    }

    /// Takes over from the evaluator that has come to the end how what is open stands.
    pub(super) fn settle(&mut self, evaluator: &Evaluator, asked: &Asked) {
        let mut open: BTreeMap<String, Life> = BTreeMap::new();
        for (_, obligation) in evaluator.state.open.places() {
            let id = obligation.id();
            if !concerns(asked, evaluator, id) {
                continue;
            }
            let name = evaluator.show(id);
            let (before, asking) = (self.lives.remove(&name), evaluator.retroactive(id));
            let queued = asking.is_some_and(|it| it.standing != evolve::Standing::InFlight);
            let status = match before {
                _ if queued => Status::Queued,
                Some(life) => life.status,
                None => Status::Waiting,
            };
            let view = evaluator.obligation(id);
            open.insert(name, Life { view, status, retroactive: asking });
        }
        for life in self.lives.values_mut().filter(|life| is_open(&life.status)) {
            life.status = Status::NotAsked;
        }
        self.lives.extend(open);
    }

    /// What became of a duty. `replayed` is what the newest version would have made of it, had it been
    /// in force from the start.
    pub(super) fn of(&self, name: &str, replayed: Option<&SeenDuty>) -> Life {
        if let Some(life) = self.lives.get(name) {
            return life.clone();
        }
        let (view, status) = match replayed {
            Some(seen) if is_open(&seen.status) => (None, Status::NotAsked),
            Some(seen) => (Some(seen.view.clone()), seen.status.clone()),
            None => (None, Status::NotOwed),
        };
        Life { view, status, retroactive: None }
    }
}

/// Whether an obligation began where what is asked about did.
fn concerns(asked: &Asked, evaluator: &Evaluator, id: ObligationId) -> bool {
    let trigger = id.trigger.get();
    let began = match evaluator.state.occasions.get(trigger) {
        Some(occasion) => occasion.began,
        None if trigger < FIRST => Began::Event(id.trigger),
        None => return false,
    };
    match asked {
        Asked::Event(position) => began == Began::Event(Position::new(*position)),
        Asked::Occasion { began: asked, .. } => began == *asked,
        Asked::Breach(_) => false,
    }
}

fn is_open(status: &Status) -> bool {
    matches!(status, Status::Waiting | Status::Gap { .. } | Status::Lapsed | Status::Queued)
}
