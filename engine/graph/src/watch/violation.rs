//! What comes of episodes: held blocks entered, assertions violated, and their ends.
//!
//! In: episodes that have lasted, and those that end. Out: changes, as for any obligation.
//! Never: ends a violation because an event names it.
//! Promise: an ending that had come in time and was seen late takes back what it would have kept
//! from happening. Start reading at [`State::violate`] and [`State::end_episode`].

use homeostat_world::{Position, canary};

use super::{Cause, Standing, WHOLE};
use crate::change::{Change, Fulfilment, ObligationId};
use crate::occasion::Began;
use crate::open::{NEVER, Obligation, Values};
use crate::program::watched::{Ends, Watched};
use crate::program::{ClauseIndex, Program, at};
use crate::satisfy::End;
use crate::state::{Sink, State};

impl State {
    /// What is asserted is violated since `time`: it is owed that it holds again, at once.
    pub(super) fn violate(&mut self, program: &Program, place: u32, time: i64, sink: Sink<'_>) {
        let episode = *self.watches.get(place);
        let plan = at(&program.watches, episode.watch);
        let (Some(always), Watched::Block(block)) = (plan.always(program), plan.of) else {
            unreachable!("only an assertion is violated");
        };
        let began = Began::Event(Position::new(episode.since));
        let (trigger, values) = if episode.instance == WHOLE {
            (episode.since, Values::new(&[]))
        } else {
            let instances = [episode.instance];
            episode.instance.retain(&mut self.symbols);
            let around = &[];
            let number = self.occasions.create(began, block, &instances, around, &mut self.symbols);
            (number, Values::new(&instances))
        };
        self.watches.get_mut(place).standing = Standing::Violated(trigger);
        let mut new = Obligation::new(always.clause, trigger, time, NEVER, values);
        new.depth = episode.depth;
        self.open_violation(program, new, sink);
    }

    /// A condition has lasted: its block is entered.
    pub(super) fn enter_held(&mut self, program: &Program, place: u32, time: i64, sink: Sink<'_>) {
        let episode = *self.watches.get(place);
        let Watched::Block(block) = at(&program.watches, episode.watch).of else {
            unreachable!("a number has no alarm");
        };
        let began = Began::Event(Position::new(episode.since));
        let (occasion, moment) = ((began, Some(episode.instance)), (time, episode.depth));
        let trigger = self.enter_block(program, block, occasion, moment, sink);
        self.watches.get_mut(place).standing = Standing::Entered(trigger);
    }

    /// What was watched holds no longer.
    pub(super) fn end_episode(
        &mut self,
        program: &Program,
        place: u32,
        cause: Cause,
        sink: Sink<'_>,
    ) {
        let episode = self.watches.end(place, &mut self.symbols);
        let plan = at(&program.watches, episode.watch);
        // An end that lies in the time that was to be waited for, and was seen too late.
        let early = i64::from(canary::planted("a_last_microsecond_does_not_count"));
        let seen_late =
            plan.lasting.is_some_and(|it| cause.time <= plan.alarm(episode.at, it) - early);
        match episode.standing {
            Standing::Lasting | Standing::Silent => {}
            Standing::Entered(trigger) => {
                if seen_late {
                    self.withdraw_occasion(program, trigger, sink);
                }
            }
            Standing::Violated(trigger) => {
                let Some(always) = plan.always(program) else { return };
                let clause = ClauseIndex(always.clause);
                let id = ObligationId { clause, trigger: Position::new(trigger) };
                let Some(slot) = self.open.find(id) else { return };
                let outcome = if seen_late { Fulfilment::SeenLate } else { Fulfilment::InTime };
                sink(Change::Fulfilled { id, by: Position::new(cause.position), outcome });
                self.end(program, slot, End::Fulfilled(outcome), sink);
            }
        }
    }

    /// A person lets a violation go: its episode lasts on, and nothing more is said of it.
    pub(crate) fn silence(&mut self, program: &Program, slot: u32) {
        let obligation = self.open.get(slot);
        let (id, clause) = (obligation.id(), at(&program.clauses, obligation.clause));
        if !clause.watched {
            return;
        }
        let instance = obligation.values.as_slice().first().copied().unwrap_or(WHOLE);
        self.silence_bound(program, id);
        let watches = program.watches.iter().zip(0..);
        let mut ours = watches.filter(|(plan, _)| plan.of == Watched::Block(clause.block));
        let place = ours.find_map(|(_, watch)| self.watches.find(watch, instance));
        let Some(place) = place else { return };
        self.watches.get_mut(place).standing = Standing::Silent;
        let always = at(&program.watches, self.watches.get(place).watch).always(program);
        // What was changed stays so; a person's word makes it what it is.
        if let Some(Ends::WithWord(column)) = always.map(|always| always.ends) {
            self.clear(program, column, instance);
        }
    }

    /// It had not lasted after all: whatever of it is still owed is owed no longer.
    fn withdraw_occasion(&mut self, program: &Program, trigger: u64, sink: Sink<'_>) {
        for trigger in self.occasions.of(trigger) {
            self.drop_pending(program, trigger);
            for slot in self.open.of_trigger(trigger) {
                let id = self.open.get(slot).id();
                sink(Change::Withdrawn { id });
                self.end(program, slot, End::Withdrawn, sink);
            }
        }
    }

    /// Nothing more is decided for a trigger.
    pub(crate) fn drop_pending(&mut self, program: &Program, trigger: u64) {
        let keys: Vec<(u64, u32)> =
            self.pending.range((trigger, 0)..=(trigger, u32::MAX)).map(|(key, _)| *key).collect();
        for key in keys {
            let Some(pending) = self.pending.remove(&key) else { continue };
            for datum in pending.scene.frame.iter().chain(&pending.scene.watched) {
                datum.release(&mut self.symbols);
            }
            self.stop_listening(program, key);
            self.occasions.leave(trigger);
        }
    }
}
