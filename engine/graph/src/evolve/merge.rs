//! Puts the life of the old version into the state that the new one has by examination.
//!
//! In: both states at the same position. Out: one state, and what changed.
//! Never: keeps a judgement of the examination over what really happened: what was met, missed or
//! let go under the old version stays so.
//! Promise: the order of what is told follows triggers and clauses alone, so that a restored
//! evaluator tells the same. Start reading at [`Merge::carry_out`].

mod episodes;
mod moved;
mod pending;

use std::collections::BTreeMap;

use homeostat_log::control::{GapKind, GapOutcome};
use homeostat_world::Position;

use super::Adoption;
use super::backlog::{Backfill, Owed};
use super::pairing::Pairing;
use super::preview::reaches_outside;
use crate::change::{Change, ObligationId};
use crate::open::{NEVER, NOWHERE, Obligation, Stage, Values};
use crate::program::{ClauseIndex, Program, at};
use crate::state::{Sink, State};

/// See the module's opening.
pub(super) struct Merge<'a> {
    pub(super) new: &'a Program,
    pub(super) old: &'a Program,
    /// The state of the old version.
    pub(super) before: &'a State,
    pub(super) pairing: Pairing,
}

impl Merge<'_> {
    pub(super) fn carry_out(
        &self,
        state: &mut State,
        adoption: Adoption,
        withdrawn: Sink<'_>,
        sink: Sink<'_>,
    ) {
        self.carry_occasions(state);
        let mut backlog = self.carried_backlog(state, withdrawn);
        let mut backfill = Backfill::new(adoption.position.get(), adoption.policy);
        backfill.clauses = self.added().collect();
        self.withdraw(withdrawn);
        self.take_tallies(state);
        self.sift(state, &mut backfill);
        let placed = self.place_kept(state);
        self.link_chains(state, &placed, sink);
        self.take_episodes(state, adoption, sink);
        backlog.push(backfill);
        state.backlog.backfills = backlog;
        state.backlog.recount();
        self.settle_pending(state, adoption, sink);
        self.begin_ticks(state);
        for &(trigger, clause) in placed.keys() {
            // A violation may have ended with the version that said so.
            let Some(slot) = state.open.find(id(trigger, clause)) else { continue };
            if state.open.get(slot).stage == Stage::Active {
                state.set_timer(self.new, slot);
            }
        }
        state.ask_for_word(self.new, adoption.position.get(), adoption.at, sink);
        state.start_more(self.new, adoption.at.as_micros(), sink);
    }

    fn added(&self) -> impl Iterator<Item = u32> {
        let all = 0..u32::try_from(self.new.clauses.len()).unwrap_or(NOWHERE);
        all.filter(|&clause| {
            self.pairing.before(clause).is_none() && !at(&self.new.clauses, clause).watched
        })
    }

    /// What removed clauses owed is owed no more.
    fn withdraw(&self, withdrawn: Sink<'_>) {
        for (slot, _) in sorted(self.before) {
            let obligation = self.before.open.get(slot);
            if self.pairing.after(obligation.clause).is_some() || obligation.stage == Stage::Queued
            {
                continue;
            }
            let id = obligation.id();
            withdrawn(Change::Withdrawn { id });
            if obligation.gap_open {
                withdrawn(Change::GapClosed { id, outcome: GapOutcome::Withdrawn });
            }
        }
    }

    /// A kept clause and a kept guard have the counts that they had; a new one begins to count.
    fn take_tallies(&self, state: &mut State) {
        for (new, tally) in (0..).zip(&mut state.tallies) {
            let old = self.pairing.before(new);
            *tally = old.map(|old| *at(&self.before.tallies, old)).unwrap_or_default();
        }
        for (new, tally) in (0..).zip(&mut state.guard_tallies) {
            let old = self.pairing.guard(new);
            *tally = old.map(|old| *at(&self.before.guard_tallies, old)).unwrap_or_default();
        }
    }

    /// The backfills of earlier adoptions, as far as their clauses are still there.
    fn carried_backlog(&self, state: &mut State, withdrawn: Sink<'_>) -> Vec<Backfill> {
        let mut carry = |it: &Backfill| {
            let mut carried = Backfill::new(it.position, it.policy);
            (carried.done, carried.dropped, carried.word) = (it.done, it.dropped, it.word);
            carried.clauses =
                it.clauses.iter().filter_map(|&clause| self.pairing.after(clause)).collect();
            let sets = [
                (&it.held, &mut carried.held),
                (&it.waiting, &mut carried.waiting),
                (&it.in_flight, &mut carried.in_flight),
            ];
            for (from, to) in sets {
                for &(trigger, clause) in from {
                    match self.pairing.after(clause) {
                        Some(clause) => {
                            let block = at(&self.new.clauses, clause).block;
                            to.insert((self.trigger_now(state, trigger, block), clause));
                        }
                        None => carried.dropped += 1,
                    }
                }
            }
            if carried.held.is_empty() && !it.held.is_empty() {
                let (adopted, outcome) = (Position::new(it.position), GapOutcome::Withdrawn);
                withdrawn(Change::BackfillDecided { adopted, outcome });
            }
            carried
        };
        self.before.backlog.backfills.iter().map(&mut carry).collect()
    }

    /// Of what the examination found open: what kept clauses ask is known better, what new ones ask
    /// is owed by and by.
    fn sift(&self, state: &mut State, backfill: &mut Backfill) {
        for (slot, owed) in sorted(state) {
            let (trigger, clause) = owed;
            match self.pairing.before(clause) {
                Some(old) if self.known_before(state, trigger, old).is_some() => continue,
                None if self.is_new_violation(clause) => continue,
                _ => {}
            }
            if self.is_asked(state, owed) && backfill.take(owed, reaches_outside(self.new, clause))
            {
                let obligation = state.open.get_mut(slot);
                obligation.stage = Stage::Queued;
                (obligation.due, obligation.gap_open) = (NEVER, false);
            } else {
                let gone = state.open.remove(slot, self.new);
                state.let_go(&gone);
            }
        }
    }

    /// Whether an obligation of the examination is one that the version asks of the past.
    pub(super) fn is_asked(&self, state: &State, (trigger, clause): Owed) -> bool {
        self.pairing.before(clause).is_none_or(|old| {
            // An edit has decided what the old version still waited for.
            self.is_undecided(state, trigger, old)
                && self.known_before(state, trigger, old).is_none()
        })
    }

    /// Puts every obligation of a kept clause in place as it was. Gives where each is and was.
    fn place_kept(&self, state: &mut State) -> BTreeMap<Owed, (u32, u32)> {
        let mut placed = BTreeMap::new();
        for (slot, (trigger, old_clause)) in sorted(self.before) {
            let Some(clause) = self.pairing.after(old_clause) else { continue };
            let was = self.before.open.get(slot);
            let block = at(&self.new.clauses, clause).block;
            let trigger = self.trigger_now(state, trigger, block);
            let place = match state.open.find(id(trigger, clause)) {
                Some(place) => place,
                None => {
                    let values = self.values(state, was, clause);
                    let values = Values::new(&values);
                    let new = Obligation::new(clause, trigger, was.activated, was.due, values);
                    state.occasions.enter(trigger);
                    state.open.insert(new, self.new)
                }
            };
            let obligation = state.open.get_mut(place);
            (obligation.activated, obligation.due) = (was.activated, was.due);
            (obligation.stage, obligation.gap_open) = (was.stage, was.gap_open);
            obligation.depth = was.depth;
            placed.insert((trigger, clause), (place, slot));
        }
        placed
    }

    /// Links lapsed duties to their fallbacks again, and gives those a trigger's fields that may
    /// still lapse.
    fn link_chains(&self, state: &mut State, placed: &BTreeMap<Owed, (u32, u32)>, sink: Sink<'_>) {
        for (&(trigger, clause), &(slot, _)) in placed {
            if state.open.get(slot).stage != Stage::Lapsed {
                continue;
            }
            let fallback = at(&self.new.clauses, clause).fallback;
            match fallback.and_then(|fallback| placed.get(&(trigger, fallback.0))) {
                Some(&(down, _)) => {
                    state.open.get_mut(slot).chain_mut().down = down;
                    state.open.get_mut(down).chain_mut().up = slot;
                }
                None => self.owe_again(state, slot, sink),
            }
        }
        // Fallbacks first: what they need is taken from their primary.
        for (&(_, clause), &(slot, _)) in placed.iter().rev() {
            let plan = at(&self.new.clauses, clause);
            let obligation = state.open.get(slot);
            let ends = match obligation.stage {
                Stage::Active => obligation.due != NEVER,
                Stage::Queued => plan.within.is_some(),
                Stage::Overdue | Stage::Lapsed => false,
            };
            self.fit_frame(state, placed, slot, ends && plan.fallback.is_some());
        }
    }

    /// Nothing stands for a lapsed duty any more, since the version took its fallback away.
    fn owe_again(&self, state: &mut State, slot: u32, sink: Sink<'_>) {
        let obligation = state.open.get_mut(slot);
        obligation.stage = Stage::Overdue;
        let (clause, due) = (obligation.clause, obligation.due);
        if let Some(tally) = state.tallies.get_mut(clause as usize) {
            tally.lapsed -= 1;
            tally.overdue += 1;
        }
        state.open_gap(slot, GapKind::Temporal, due, sink);
    }
}

/// Every open obligation with its place, by trigger and clause.
fn sorted(state: &State) -> Vec<(u32, Owed)> {
    let mut all: Vec<(u32, Owed)> =
        state.open.places().map(|(slot, open)| (slot, (open.trigger, open.clause))).collect();
    all.sort_unstable_by_key(|(_, owed)| *owed);
    all
}

pub(super) fn id(trigger: u64, clause: u32) -> ObligationId {
    ObligationId { clause: ClauseIndex(clause), trigger: Position::new(trigger) }
}
