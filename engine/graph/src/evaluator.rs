//! The incremental evaluator: what should follow, has followed, is due, after every event.
//!
//! In: events in position order, and how far time has come. Out: [`Change`]s, in order.
//! Never: reads a clock, scans the log, or lets time pass by itself: the caller chooses the time
//! line (`recorded` when live; the newest event time for history).
//! Promise: the same inputs give the same changes; work per event follows the clauses that
//! subscribe to its type. Start reading at [`Evaluator::on_event`] and [`Evaluator::advance`].

use std::sync::Arc;

use homeostat_log::{Control, Event};
use homeostat_world::{Position, Timestamp, canary};

use crate::change::Change;
use crate::fact::Fact;
use crate::program::Program;
use crate::state::State;

/// See the module's opening.
#[derive(Debug)]
pub struct Evaluator {
    program: Arc<Program>,
    pub(crate) state: State,
}

/// How much an evaluator holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Open obligations.
    pub obligations: usize,
    /// Triggers with undecided guards.
    pub undecided: usize,
    /// Remembered attribute and measure values.
    pub values: usize,
    /// Living instances of what the spec quantifies over.
    pub instances: usize,
    /// Conditions of held blocks that hold, and assertions that are violated or about to be.
    pub episodes: usize,
    /// Texts in use.
    pub texts: usize,
    /// Bytes set aside for all of it.
    pub bytes: usize,
}

impl Evaluator {
    /// An evaluator at the start of the log.
    #[must_use]
    pub fn new(program: Arc<Program>) -> Self {
        let state = State::new(&program);
        Self { program, state }
    }

    pub(crate) fn with_state(program: Arc<Program>, state: State) -> Self {
        Self { program, state }
    }

    /// What it evaluates.
    #[must_use]
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// The last position that was applied.
    #[must_use]
    pub fn position(&self) -> Position {
        Position::new(self.state.position)
    }

    /// How far time has come. None before the first `advance`.
    #[must_use]
    pub fn now(&self) -> Option<Timestamp> {
        self.state.has_begun().then(|| Timestamp::from_micros(self.state.now))
    }

    /// Lets time come to `now`: every deadline strictly before it is missed, in order. An earlier
    /// `now` than the last changes nothing but what has become due since.
    pub fn advance(&mut self, now: Timestamp, sink: &mut impl FnMut(Change)) {
        self.begin();
        self.state.pass_time(&self.program, now.as_micros(), sink);
        self.state.symbols.settle();
    }

    /// Lets time come to `now` as [`Self::advance`] does, after the engine was down since it last
    /// knew the time: of the ticks in between, those run that their blocks catch up with.
    pub fn resume(&mut self, now: Timestamp, sink: &mut impl FnMut(Change)) {
        if self.state.has_begun() {
            self.state.pass_over_ticks(&self.program, now.as_micros());
        }
        self.advance(now, sink);
    }

    /// Lets time come to when `event` was recorded, as the engine that recorded it did.
    pub fn pass_to(&mut self, event: &Event, sink: &mut impl FnMut(Change)) {
        if Control::is_resumption(event) {
            self.resume(event.recorded, sink);
        } else {
            self.advance(event.recorded, sink);
        }
    }

    /// Applies one event. Time does not pass by it: call [`Self::advance`] before, with the instant
    /// at which the event is seen.
    pub fn on_event(&mut self, event: &Event, sink: &mut impl FnMut(Change)) {
        self.on_fact(&Fact::of(event), sink);
    }

    /// Applies one event in its borrowed form.
    pub fn on_fact(&mut self, fact: &Fact<'_>, sink: &mut impl FnMut(Change)) {
        self.begin();
        self.state.apply(&self.program, fact, sink);
        self.state.symbols.settle();
    }

    /// What the last input ended can no longer be named.
    fn begin(&mut self) {
        if !self.state.occasions.is_settled() {
            self.state.occasions.settle(&mut self.state.symbols);
        }
    }

    /// The earliest instant at which [`Self::advance`] may have something to do: just after the
    /// nearest deadline. It may come too early by a deadline that was met meanwhile, never too late.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let state = &self.state;
        let alarms = [
            state.wheel.earliest(),
            state.watches.earliest(),
            state.bounds.earliest(),
            state.ticks.earliest(),
        ];
        let earliest = alarms.into_iter().flatten().min()?;
        if canary::planted("missed_at_due") {
            return Some(Timestamp::from_micros(earliest));
        }
        Some(Timestamp::from_micros(earliest.saturating_add(1)))
    }

    /// How many ticks of the calendar this evaluator has run since it was made or restored.
    #[must_use]
    pub fn ticks_run(&self) -> u64 {
        self.state.ticks.run
    }

    /// How much it holds.
    #[must_use]
    pub fn footprint(&self) -> Footprint {
        let state = &self.state;
        let granted: usize = state.granted.iter().map(hashbrown::HashSet::allocation_size).sum();
        Footprint {
            obligations: state.open.len(),
            undecided: state.pending.len(),
            values: state.columns.len(),
            instances: state.instances.len(),
            episodes: state.watches.len(),
            texts: state.symbols.len(),
            bytes: state.symbols.bytes()
                + state.columns.bytes()
                + state.instances.bytes()
                + state.counts.bytes()
                + state.watches.bytes()
                + state.bounds.bytes()
                + state.open.bytes()
                + state.occasions.bytes()
                + state.wheel.bytes()
                + state.ticks.bytes()
                + granted,
        }
    }
}

#[cfg(test)]
mod tests;
