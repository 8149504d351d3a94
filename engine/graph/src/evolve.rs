//! Evolution: an evaluator of a new version of the spec takes over from the one before.
//!
//! In: an evaluator that has examined the whole log under the new version, and the one that lived
//! through it under the old. Out: what is withdrawn, what is owed now, what waits for a person.
//! Never: reads the log: whoever calls does, with [`Evaluator::examine`], an event at a time, so that
//! a long log can be examined beside other work.
//! Promise: a clause that both versions have goes on as if nothing had happened; what new clauses
//! ask of events of before is owed as the version's policy says, and never all at once.
//! Start reading at [`Evaluator::succeed`].

pub(crate) mod backlog;
mod merge;
mod pairing;
mod preview;
pub(crate) mod stored;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use homeostat_intent::lowered::Backfill as Policy;
use homeostat_log::Event;
use homeostat_world::{Position, Timestamp};

use crate::change::Change;
use crate::evaluator::Evaluator;
use crate::program::Program;
pub use backlog::{BackfillView, Retroactive, SLUG as BACKFILL, Standing, asked_at, question};
use merge::Merge;
use pairing::Pairing;
pub use preview::{ClausePreview, Preview};

/// The event that put a version in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adoption {
    /// Its place.
    pub position: Position,
    /// When: the clock of what becomes owed by it starts here.
    pub at: Timestamp,
    /// What the version says about events of before it.
    pub policy: Policy,
}

impl Evaluator {
    /// An evaluator that will examine a log under a version which is not in force: deadlines do not
    /// pass in it, since nothing that the version asks for was owed yet.
    #[must_use]
    pub fn examining(program: Arc<Program>) -> Self {
        let mut evaluator = Self::new(program);
        evaluator.state.examines = true;
        evaluator
    }

    /// Takes in the next event of the log.
    pub fn examine(&mut self, event: &Event) {
        self.advance(event.recorded, &mut |_| {});
        self.on_event(event, &mut |_| {});
    }

    /// What adopting this version in the place of `old` would do. Both have seen the same log.
    #[must_use]
    pub fn preview(&self, old: &Self) -> Preview {
        let pairing = Pairing::of(old.program(), self.program());
        let (new, before) = (self.program(), &old.state);
        preview::preview(&Merge { new, old: old.program(), before, pairing }, &self.state)
    }

    /// Takes over from `old` at `adoption`, which both have seen. What it withdraws is told first,
    /// with the ids of `old`, to `withdrawn`; then what becomes so, with its own ids, to `sink`.
    pub fn succeed(
        &mut self,
        old: &Self,
        adoption: Adoption,
        withdrawn: &mut impl FnMut(Change),
        sink: &mut impl FnMut(Change),
    ) {
        assert!(self.position() == old.position(), "both versions have seen the same log");
        assert!(self.state.examines, "a version is adopted once");
        let program = Arc::clone(self.program());
        let pairing = Pairing::of(old.program(), &program);
        let merge = Merge { new: &program, old: old.program(), before: &old.state, pairing };
        self.state.examines = false;
        merge.carry_out(&mut self.state, adoption, withdrawn, sink);
        self.state.symbols.settle();
    }

    /// Every adoption with what it asked of events of before it, and how far that has come.
    pub fn backfills(&self) -> impl Iterator<Item = BackfillView> {
        self.state.backlog.views()
    }
}
