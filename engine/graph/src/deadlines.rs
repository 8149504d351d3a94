//! Activation, and what time alone brings about: gaps that open, deadlines missed, fallbacks.
//!
//! In: duties to activate, and how far time has come. Out: changes, in the order of deadlines.
//! Never: looks at an obligation whose time has not come.
//! Promise: due is inclusive: a deadline is missed only when time is strictly past it.
//! Start reading at [`State::activate`], then [`State::pass_time`].

use homeostat_intent::lowered::{Length, Performer};
use homeostat_log::control::{GapKind, GapOutcome};
use homeostat_world::Timestamp;

use crate::calendar;
use crate::change::{Change, ObligationId};
use crate::datum::Datum;
use crate::guards::Moment;
use crate::open::{Frame, NEVER, Obligation, Stage, Values};
use crate::program::{Clause, ClauseIndex, Program, at};
use crate::state::{Sink, State};
use crate::wheel::{Ready, Timer};

/// The wheel may hold this many dead timers before it is worth looking.
const DEAD_TIMERS: usize = 8_192;

impl State {
    /// Something is owed from now on. Gives its place.
    pub(crate) fn activate(
        &mut self,
        program: &Program,
        index: u32,
        moment: Moment,
        frame: &[Datum],
        sink: Sink<'_>,
    ) -> u32 {
        let slot = self.bind(program, index, moment, frame);
        if let Some(tally) = self.tallies.get_mut(index as usize) {
            tally.triggers += 1;
            tally.pending += 1;
        }
        let obligation = self.open.get(slot);
        let (id, due) = (obligation.id(), deadline(obligation.due));
        let at = Timestamp::from_micros(moment.at);
        sink(Change::Activated { id, at, due, depth: moment.depth });
        self.open_or_wait(program, slot, sink);
        slot
    }

    /// Evaluates what a duty is bound to and keeps it. Gives its place.
    pub(crate) fn bind(
        &mut self,
        program: &Program,
        index: u32,
        moment: Moment,
        frame: &[Datum],
    ) -> u32 {
        let clause = at(&program.clauses, index);
        let mut bound = std::mem::take(&mut self.room);
        bound.clear();
        for read in &clause.bound {
            let value = self.read(program, read, frame, moment.event_type, clause.using_inferred);
            let is_key = bound.len() < clause.keys.len();
            let value = if is_key { value.as_instance(&self.symbols) } else { value };
            bound.push(value.retain(&mut self.symbols));
        }
        let due = match (clause.within, clause.due_by_tick) {
            (Some(within), _) => later(moment.at, within),
            (None, Some(block)) => {
                self.due_by_tick(program, block, moment.trigger, moment.at).unwrap_or(NEVER)
            }
            (None, None) => NEVER,
        };
        let values = Values::new(&bound);
        self.room = bound;
        let mut new = Obligation::new(index, moment.trigger, moment.at, due, values);
        new.depth = moment.depth;
        if clause.fallback.is_some() && due != NEVER {
            frame.iter().for_each(|datum| {
                datum.retain(&mut self.symbols);
            });
            let frame = Frame { event_type: moment.event_type, values: frame.into() };
            new.chain_mut().frame = Some(frame);
        }
        self.occasions.enter(moment.trigger);
        self.open.insert(new, program)
    }

    /// Opens the gap of what is owed from now on, or sees to it that time will.
    pub(crate) fn open_or_wait(&mut self, program: &Program, slot: u32, sink: Sink<'_>) {
        let obligation = self.open.get(slot);
        let (activated, due) = (obligation.activated, obligation.due);
        let clause = at(&program.clauses, obligation.clause);
        let from = gap_from(clause, program.settle, activated, due);
        if from.is_some_and(|from| from <= activated) {
            let kind = self.gap_kind(program, slot, clause.gap);
            self.open_gap(slot, kind, activated, sink);
        }
        self.set_timer_from(slot, from);
    }

    /// What sort of gap an obligation opens that would usually open one of `usual`.
    fn gap_kind(&self, program: &Program, slot: u32, usual: GapKind) -> GapKind {
        if self.backlog.is_idle() {
            return usual;
        }
        let obligation = self.open.get(slot);
        let first = program.chain_start(ClauseIndex(obligation.clause)).0;
        let is_retroactive = self.backlog.is_in_flight((obligation.trigger, first));
        if is_retroactive { GapKind::Intent } else { usual }
    }

    /// Lets time come to `now`: everything due strictly before it happens, in order.
    pub(crate) fn pass_time(&mut self, program: &Program, now: i64, sink: Sink<'_>) {
        let begins = !self.has_begun();
        self.now = self.now.max(now);
        let ticking = !program.periodic.is_empty() && !self.examines;
        if begins && ticking {
            self.begin_ticks(program);
        }
        let open = &self.open;
        self.wheel.pass(
            self.now,
            |timer| open.is_living(timer.slot, timer.generation),
            |timer| {
                let obligation = open.get(timer.slot);
                (obligation.trigger, obligation.clause)
            },
        );
        let watching = !program.watches.is_empty();
        if !watching && !ticking && self.bounds.earliest().is_none() {
            while let Some(ready) = self.wheel.pop(self.now) {
                self.fire_if_living(program, ready, sink);
            }
            return;
        }
        self.pass_alarms(program, watching, ticking, sink);
    }

    /// Deadlines are not all that time brings about: every alarm, in the order of their times.
    fn pass_alarms(&mut self, program: &Program, watching: bool, ticking: bool, sink: Sink<'_>) {
        if watching {
            self.watches.pass(self.now);
        }
        loop {
            let episode = if watching { self.next_episode_alarm(self.now) } else { None };
            let tick = if ticking { self.ticks.due(self.now) } else { None };
            let over = self.bounds.earliest().filter(|end| *end < self.now);
            let (lasted, ticked) = (episode.map(|alarm| alarm.time), tick.map(|tick| tick.time));
            // At one instant what is owed comes first, then what has lasted, then the calendar. What
            // one alarm brings about may be the next.
            let first = [lasted, over, ticked].into_iter().flatten().min();
            let upto = first.map_or(self.now, |time| time + 1);
            if let Some(ready) = self.wheel.pop(upto) {
                self.fire_if_living(program, ready, sink);
            } else if let Some(alarm) = episode
                && first == lasted
            {
                self.watches.take_alarm();
                self.episode_alarm(program, alarm.place, alarm.time, sink);
            } else if over.is_some() && first == over {
                self.end_period(program, sink);
            } else if let Some(tick) = tick {
                self.tick(program, tick, sink);
            } else {
                return;
            }
        }
    }

    fn fire_if_living(&mut self, program: &Program, ready: Ready, sink: Sink<'_>) {
        let Ready { slot, time, .. } = ready;
        if !self.open.is_living(slot, ready.generation) {
            return;
        }
        let obligation = self.open.get_mut(slot);
        if time != obligation.due {
            let usual = at(&program.clauses, obligation.clause).gap;
            let kind = self.gap_kind(program, slot, usual);
            self.open_gap(slot, kind, time, sink);
            self.set_timer(program, slot);
            return;
        }
        assert!(obligation.stage == Stage::Active, "a deadline passes once");
        obligation.stage = Stage::Overdue;
        let (id, clause) = (obligation.id(), at(&program.clauses, obligation.clause));
        if let Some(tally) = self.tallies.get_mut(id.clause.0 as usize) {
            tally.missed += 1;
        }
        sink(Change::DeadlineMissed { id, due: Timestamp::from_micros(time) });
        match clause.fallback {
            Some(fallback) => self.lapse(program, slot, fallback.0, sink),
            None => {
                if let Some(tally) = self.tallies.get_mut(id.clause.0 as usize) {
                    tally.pending -= 1;
                    tally.overdue += 1;
                }
                if !self.open.get(slot).gap_open {
                    let kind = self.gap_kind(program, slot, GapKind::Temporal);
                    self.open_gap(slot, kind, time, sink);
                }
            }
        }
    }

    fn lapse(&mut self, program: &Program, slot: u32, fallback: u32, sink: Sink<'_>) {
        let obligation = self.open.get_mut(slot);
        obligation.stage = Stage::Lapsed;
        let had_gap = std::mem::take(&mut obligation.gap_open);
        let (id, depth, due) = (obligation.id(), obligation.depth, obligation.due);
        let Some(frame) = obligation.chain_mut().frame.take() else {
            unreachable!("a duty with a deadline and a fallback keeps its trigger's fields");
        };
        if let Some(tally) = self.tallies.get_mut(id.clause.0 as usize) {
            tally.pending -= 1;
            tally.lapsed += 1;
        }
        let instead = ObligationId { clause: ClauseIndex(fallback), trigger: id.trigger };
        sink(Change::Lapsed { id, fallback: instead });
        if had_gap {
            sink(Change::GapClosed { id, outcome: GapOutcome::Lapsed });
        }
        let moment = Moment {
            trigger: id.trigger.get(),
            event_type: frame.event_type,
            depth,
            position: self.position,
            at: due,
        };
        let down = self.activate(program, fallback, moment, &frame.values, sink);
        self.open.get_mut(slot).chain_mut().down = down;
        self.open.get_mut(down).chain_mut().up = slot;
        for datum in &frame.values {
            datum.release(&mut self.symbols);
        }
    }

    pub(crate) fn open_gap(&mut self, slot: u32, kind: GapKind, at: i64, sink: Sink<'_>) {
        let obligation = self.open.get_mut(slot);
        assert!(!obligation.gap_open, "a gap opens once");
        obligation.gap_open = true;
        let (id, due, depth) = (obligation.id(), deadline(obligation.due), obligation.depth);
        sink(Change::GapOpened { id, kind, at: Timestamp::from_micros(at), due, depth });
    }

    /// Sets the next timer of an obligation, if anything is still to come by time alone: its gap
    /// once it has settled, or its deadline.
    pub(crate) fn set_timer(&mut self, program: &Program, slot: u32) {
        let obligation = self.open.get(slot);
        let clause = at(&program.clauses, obligation.clause);
        let from = gap_from(clause, program.settle, obligation.activated, obligation.due);
        self.set_timer_from(slot, from);
    }

    /// The same, of what opens a gap `from` some instant on.
    fn set_timer_from(&mut self, slot: u32, from: Option<i64>) {
        let obligation = self.open.get(slot);
        if obligation.stage != Stage::Active || self.examines {
            return;
        }
        let due = obligation.due;
        let time = from.filter(|_| !obligation.gap_open).map_or(due, |from| from.min(due));
        if time == NEVER {
            return;
        }
        let order = (obligation.trigger, obligation.clause);
        let generation = self.open.generation(slot);
        self.wheel.insert(Timer { time, slot, generation }, || order);
        if self.wheel.len() > 4 * self.open.len() + DEAD_TIMERS {
            let open = &self.open;
            self.wheel.compact(|timer| open.is_living(timer.slot, timer.generation));
        }
    }
}

/// From when on a gap is open before any deadline has passed; none when only the deadline opens it.
fn gap_from(clause: &Clause, settle: Length, activated: i64, due: i64) -> Option<i64> {
    match clause.performer {
        Performer::Agent => Some(later(activated, settle)),
        Performer::System if due == NEVER => Some(later(activated, settle)),
        Performer::Human if due == NEVER => Some(activated),
        Performer::System | Performer::Human => None,
    }
}

pub(crate) fn later(start: i64, length: Length) -> i64 {
    calendar::after(Timestamp::from_micros(start), length).as_micros()
}

/// A deadline for the world outside.
pub(crate) fn deadline(due: i64) -> Option<Timestamp> {
    (due != NEVER).then(|| Timestamp::from_micros(due))
}
