//! The executable meaning: the formulas of the language, evaluated by scanning the whole log.
//!
//! In: a spec, and what happened: events applied, instants reached, versions adopted, in order. Out:
//! a verdict for every obligation, violation and guard that ever was.
//! Never: indexes, caches or shares code with the incremental evaluator. Quadratic and proud of it.
//! Promise: where the two differ, this one is what the language says. (Numbers are floats here, so
//! whole numbers beyond 2^53 are outside of it.)
//!
//! Start reading at [`evaluate`], then where one event changes everything that it changes: `history`.
//! What an event says is in `carried`, what the log says of an instance in `log`, which instances there
//! are in `instances`, what expressions and conditions mean in `meaning`. What is owed is in
//! `duties`, what brings it about in `occasions`, `guards`, `ticks` and `episodes`, what may never be
//! so in `always` and `contract`. What time alone does is in `time`, by the clocks of `calendar`; what
//! a new version of the spec does in `evolution` and `backfill`.

#[cfg(any(test, feature = "agreement"))]
pub mod agreement;
mod always;
mod backfill;
mod calendar;
mod carried;
mod contract;
mod duties;
mod episodes;
mod evolution;
mod guards;
mod history;
mod instances;
mod log;
mod meaning;
mod occasions;
mod pairing;
#[cfg(test)]
mod tests;
mod ticks;
mod time;

use std::collections::{BTreeMap, BTreeSet};

use homeostat_intent::lowered::Spec;
use homeostat_log::Event;
use homeostat_log::control::{GapKind, GapOutcome};
use homeostat_world::Timestamp;

use crate::change::Fulfilment;
use crate::datum::Truth;
use history::History;

/// One thing that happens to an evaluator.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// An event is applied.
    Event(Box<Event>),
    /// Time comes to this instant.
    Advance(Timestamp),
    /// Time comes to this instant after the engine was down since the last one.
    Resume(Timestamp),
    /// The version of the spec that the last event adopts is put in force.
    Evolve(Box<Spec>),
}

/// What an obligation or a violation is known by: what stands after `@` in its name, and the slug of
/// its clause, which stands before.
pub type Name = (String, String);

/// What became of everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdicts {
    /// Every obligation and violation that ever was. Where a name came again with a new version of
    /// the spec, the newest.
    pub obligations: BTreeMap<Name, Verdict>,
    /// Those of clauses that are no longer in force, or only in another sense.
    pub past: BTreeSet<Name>,
    /// By occasion and the guard's number in the order of the text; none while undecided. Only those
    /// of the version in force, decided since it is.
    pub guards: BTreeMap<(String, u32), Option<Truth>>,
}

/// What became of one obligation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Since when it was owed.
    pub activated: Timestamp,
    /// Until when.
    pub due: Option<Timestamp>,
    /// Where it stands.
    pub standing: Standing,
    /// Whether its deadline passed before it ended.
    pub missed: bool,
    /// The gap that it opened, and since when.
    pub gap: Option<(GapKind, Timestamp)>,
    /// How that gap ended.
    pub closed: Option<GapOutcome>,
}

/// Where an obligation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Owed.
    Owed,
    /// Its fallback took its place.
    Lapsed,
    /// It happened, or what was violated is no more, at this position.
    Fulfilled(u64, Fulfilment),
    /// No longer owed.
    Withdrawn,
    /// Its fallback was fulfilled.
    Compensated,
    /// A person let it go.
    Waived,
    /// What it was about was erased.
    Void,
}

/// What became of every obligation and guard of `spec` after `steps`.
#[must_use]
pub fn evaluate(spec: &Spec, steps: &[Step]) -> Verdicts {
    let mut history = History::new(spec);
    for step in steps {
        match step {
            Step::Event(event) => history.apply(event),
            Step::Advance(now) => history.advance(*now),
            Step::Resume(now) => history.resume(*now),
            Step::Evolve(spec) => history.adopt(spec),
        }
    }
    history.verdicts()
}
