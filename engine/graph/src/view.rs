//! What may be asked of an evaluator between two inputs: one obligation in words, and counts.
//!
//! In: the state. Out: [`ObligationView`], [`Summary`].
//! Never: on the path of events; these are built when asked for.
//! Promise: for each clause, `triggers` is the sum of all other counts but `missed` and `seen_late`, which is
//! part of `met`. Start reading at [`ObligationView`].

use homeostat_world::Timestamp;
use serde::Serialize;

use crate::change::ObligationId;
use crate::deadlines::deadline;
use crate::evaluator::Evaluator;
use crate::explain::length;
use crate::open::{Obligation, Stage};
use crate::program::{ClauseIndex, GuardIndex, Program, Shown, at};
use crate::state::State;

/// Where an obligation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ObligationState {
    /// Asked for by a version that came after its trigger, and not owed yet.
    Queued,
    /// Owed, and not yet due.
    Active,
    /// Owed, and due has passed.
    Overdue,
    /// Due has passed, and the fallback is owed instead; it may still happen.
    Lapsed,
}

/// One open obligation, in words.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ObligationView {
    /// `slug@position`.
    pub name: String,
    /// The same, in numbers.
    #[serde(skip)]
    pub id: ObligationId,
    /// Where it stands.
    pub state: ObligationState,
    /// Whether its gap is open.
    pub gap_open: bool,
    /// Since when it is owed.
    pub activated: Timestamp,
    /// Until when.
    pub due: Option<Timestamp>,
    /// How many agents deep its trigger is.
    pub depth: u16,
    /// What each argument stands for, in the order of the call.
    pub bindings: Vec<(String, serde_json::Value)>,
    /// What a satisfying event must carry.
    pub keys: Vec<KeyView>,
    /// What a satisfying event must not contradict where it carries the field.
    pub agree: Vec<(String, serde_json::Value)>,
    /// What it requires and does not have: the gap is waiting for these.
    pub waiting_for: Vec<String>,
}

/// One key: a satisfying event carries `value` in the first of `fields` that it has.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeyView {
    /// The argument's name.
    pub argument: String,
    /// The entity whose instance it names.
    pub entity: String,
    /// Where to look, in order.
    pub fields: Vec<String>,
    /// The instance. Null when it is not known: then only an event that names the obligation as
    /// its cause satisfies it.
    pub value: serde_json::Value,
}

/// How the obligations of one clause have fared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Obligations that were ever activated.
    pub triggers: u64,
    /// Fulfilled in time, those counted that were seen late.
    pub met: u64,
    /// Of these, applied only after the deadline had passed.
    pub seen_late: u64,
    /// Fulfilled after due.
    pub late: u64,
    /// Open, and due has passed: never, so far.
    pub overdue: u64,
    /// Open, and not yet due.
    pub pending: u64,
    /// Due passed and the fallback took its place.
    pub lapsed: u64,
    /// A fallback that is no longer owed.
    pub withdrawn: u64,
    /// Lapsed, and the fallback was fulfilled.
    pub compensated: u64,
    /// Let go by a person.
    pub waived: u64,
    /// Gone with what it was about, which was erased.
    pub void: u64,
    /// Deadlines that passed unmet, whatever came after. They are counted above by what did.
    pub missed: u64,
}

/// How one guard was decided, over all its triggers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GuardTally {
    /// Reached and not decided; some of these never will be.
    pub undecided: u64,
    /// Found true.
    #[serde(rename = "true")]
    pub entered: u64,
    /// Found false.
    #[serde(rename = "false")]
    pub not_entered: u64,
    /// Something that it reads was undefined.
    pub unknown: u64,
}

/// All counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// In the order of the text.
    pub clauses: Vec<ClauseSummary>,
    /// In the order of the text.
    pub guards: Vec<GuardSummary>,
}

/// The counts of one clause.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClauseSummary {
    /// The clause.
    #[serde(skip)]
    pub clause: ClauseIndex,
    /// Its readable name.
    pub slug: String,
    /// Its deadline, as the language writes it: `14d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
    /// Its counts.
    #[serde(flatten)]
    pub tally: Tally,
}

/// The counts of one guard.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GuardSummary {
    /// The guard.
    #[serde(skip)]
    pub guard: GuardIndex,
    /// Its condition as written.
    pub condition: String,
    /// Its counts.
    #[serde(flatten)]
    pub tally: GuardTally,
}

impl Tally {
    /// The count that an open obligation is in; none before it is owed.
    pub(crate) fn place_of(&mut self, stage: Stage) -> Option<&mut u64> {
        match stage {
            Stage::Queued => None,
            Stage::Active => Some(&mut self.pending),
            Stage::Overdue => Some(&mut self.overdue),
            Stage::Lapsed => Some(&mut self.lapsed),
        }
    }
}

impl Evaluator {
    /// One open obligation. None when it was never owed or is closed.
    #[must_use]
    pub fn obligation(&self, id: ObligationId) -> Option<ObligationView> {
        self.state.open.find(id).map(|slot| self.view(slot))
    }

    /// Every open obligation, the nearest due first, then by trigger and clause. Lapsed ones are
    /// among them, since they may still happen.
    pub fn open(&self) -> impl Iterator<Item = ObligationView> {
        let mut places: Vec<(i64, ObligationId, u32)> =
            self.state.open.places().map(|(slot, open)| (open.due, open.id(), slot)).collect();
        places.sort_unstable();
        places.into_iter().map(|(_, _, slot)| self.view(slot))
    }

    /// How many obligations are open.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.state.open.len()
    }

    /// The counts of every clause and guard.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let program = self.program();
        let clauses = program.clauses().zip(&self.state.tallies);
        let guards = program.guards.iter().zip(0..).zip(&self.state.guard_tallies);
        Summary {
            clauses: clauses
                .map(|((index, clause), tally)| ClauseSummary {
                    clause: index,
                    slug: clause.slug.clone(),
                    within: clause.within.map(length),
                    tally: *tally,
                })
                .collect(),
            guards: guards
                .map(|((guard, index), tally)| GuardSummary {
                    guard: GuardIndex(index),
                    condition: guard.text.clone(),
                    tally: *tally,
                })
                .collect(),
        }
    }

    fn view(&self, slot: u32) -> ObligationView {
        view(self.program(), &self.state, slot)
    }
}

fn view(program: &Program, state: &State, slot: u32) -> ObligationView {
    let obligation = state.open.get(slot);
    let clause = at(&program.clauses, obligation.clause);
    let values = obligation.values.as_slice();
    let keys = clause.keys.iter().zip(values).map(|(key, value)| KeyView {
        argument: key.argument.clone(),
        entity: key.entity.clone(),
        fields: key.fields.iter().map(|&field| at(&program.fields, field).to_string()).collect(),
        value: value.to_json(&state.symbols),
    });
    // What has no value contradicts nothing.
    let agree = clause
        .agrees
        .iter()
        .map(|agree| (agree.field, at(values, agree.place).to_json(&state.symbols)))
        .filter(|(_, value)| !value.is_null())
        .map(|(field, value)| (at(&program.fields, field).to_string(), value));
    let bindings = clause.arguments.iter().map(|argument| {
        let value = match &argument.shown {
            Shown::Bound(place) => at(values, *place).to_json(&state.symbols),
            Shown::Constant(constant) => at(&state.constants, *constant).to_json(&state.symbols),
            Shown::Text(text) => text.as_str().into(),
        };
        (argument.name.clone(), value)
    });
    ObligationView {
        name: state.show(program, obligation.id()),
        id: obligation.id(),
        state: standing(obligation),
        gap_open: obligation.gap_open,
        activated: Timestamp::from_micros(obligation.activated),
        due: deadline(obligation.due),
        depth: obligation.depth,
        bindings: bindings.collect(),
        keys: keys.collect(),
        agree: agree.collect(),
        waiting_for: waiting_for(program, state, obligation),
    }
}

fn standing(obligation: &Obligation) -> ObligationState {
    match obligation.stage {
        Stage::Queued => ObligationState::Queued,
        Stage::Active => ObligationState::Active,
        Stage::Overdue => ObligationState::Overdue,
        Stage::Lapsed => ObligationState::Lapsed,
    }
}

fn waiting_for(program: &Program, state: &State, obligation: &Obligation) -> Vec<String> {
    let clause = at(&program.clauses, obligation.clause);
    let keys = obligation.keys(program);
    clause
        .requirements
        .iter()
        .filter(|&&requirement| !at(&state.granted, requirement).contains(keys))
        .map(|&requirement| at(&program.requirements, requirement).name.clone())
        .collect()
}
