//! Guards that wait, when a version takes over.
//!
//! In: what either version waits for. Out: what goes on waiting.
//! Never: decides what the old version has decided, nor lets wait what can be decided by nothing.
//! Promise: a guard that both versions have is decided once for each trigger.
//! Start reading at [`Merge::settle_pending`].

use homeostat_intent::lowered::Backfill as Policy;

use super::super::Adoption;
use super::{Merge, id};
use crate::guards::{Fate, Pending, Scene};
use crate::instances::name;
use crate::occasion::{Began, FIRST};
use crate::program::{Opens, Program, at};
use crate::state::{Sink, State};

impl Merge<'_> {
    /// Guards that wait: those that both versions wait for, and new ones over new clauses.
    pub(super) fn settle_pending(&self, state: &mut State, adoption: Adoption, sink: Sink<'_>) {
        self.carry_ticks(state);
        let keys: Vec<(u64, u32)> = state.pending.keys().copied().collect();
        for key in keys {
            let Some(mut pending) = state.pending.remove(&key) else { continue };
            let scene = &mut pending.scene;
            let was = std::mem::take(&mut scene.waiting);
            let waits = |guard: &u32| self.goes_on_waiting(state, key, *guard, scene, adoption);
            scene.waiting = was.into_iter().filter(waits).collect();
            for guard in &scene.waiting {
                if self.pairing.guard(*guard).is_none()
                    && let Some(tally) = state.guard_tallies.get_mut(*guard as usize)
                {
                    tally.undecided += 1;
                }
            }
            self.foresee(state, key, scene);
            state.pending.insert(key, pending);
            let moment = (adoption.position.get(), adoption.at.as_micros());
            state.reconsider(self.new, key, moment, sink);
        }
    }

    /// What may become of what is awaited, and without those guards that wait for what is neither
    /// owed nor met. A fallback whose turn may come is awaited by guards that are reached later.
    fn foresee(&self, state: &State, key: (u64, u32), scene: &mut Scene) {
        let awaited = &at(&self.new.blocks, key.1).awaited;
        let is_owed = |clause: u32| self.is_owed(state, key, clause);
        for (fate, &clause) in scene.fates.iter_mut().zip(awaited) {
            if *fate != Fate::Fulfilled {
                *fate = match is_owed(clause) {
                    true => Fate::Open,
                    false => self.fate_before(state, key.0, &scene.waiting, clause),
                };
            }
        }
        let Scene { waiting, fates, .. } = scene;
        waiting.retain(|&guard| {
            let awaits = &at(&self.new.guards, guard).awaits;
            awaits.iter().all(|&place| *at(fates, place) != Fate::Ended)
        });
        for (fate, &clause) in fates.iter_mut().zip(awaited).filter(|(it, _)| **it == Fate::Ended) {
            let before = |index: &u32| at(&self.new.clauses, *index).fallback_of.map(|it| it.0);
            if std::iter::successors(before(&clause), before).any(is_owed) {
                *fate = Fate::Open;
            }
        }
    }

    fn goes_on_waiting(
        &self,
        state: &State,
        key: (u64, u32),
        guard: u32,
        scene: &Scene,
        adoption: Adoption,
    ) -> bool {
        if let Some(old) = self.pairing.guard(guard) {
            return self.waits_before(state, key.0, old).is_some();
        }
        let awaited = &at(&self.new.blocks, key.1).awaited;
        // What the old version found is no business of a guard that it did not have.
        let may_come = |&place: &u32| {
            *at(&scene.fates, place) == Fate::Fulfilled
                || self.is_owed(state, key, *at(awaited, place))
        };
        // What the old version has judged is not judged again.
        adoption.policy != Policy::ProspectiveOnly
            && !self.pairing.holds_kept(guard)
            && at(&self.new.guards, guard).awaits.iter().all(may_come)
    }

    /// Whether an awaited duty of what waits under `key` is owed.
    fn is_owed(&self, state: &State, key: (u64, u32), clause: u32) -> bool {
        let trigger = trigger_of(self.new, state, key, clause);
        trigger.is_some_and(|trigger| state.open.find(id(trigger, clause)).is_some())
    }

    /// What became of an awaited duty that is not open, as far as the old version remembers for one
    /// of the guards that go on waiting.
    fn fate_before(&self, state: &State, trigger: u64, waiting: &[u32], clause: u32) -> Fate {
        let old = self.pairing.before(clause);
        let guards = waiting.iter().filter_map(|guard| self.pairing.guard(*guard));
        let mut remembered = guards.filter_map(|guard| {
            let pending = self.waits_before(state, trigger, guard)?;
            let awaited = &at(&self.old.blocks, at(&self.old.guards, guard).block).awaited;
            let place = awaited.iter().position(|it| Some(*it) == old)?;
            pending.scene.fates.get(place).copied()
        });
        if remembered.any(|fate| fate == Fate::Fulfilled) { Fate::Fulfilled } else { Fate::Ended }
    }

    /// An examination sees no ticks, so what waits since one is taken over from the old version.
    fn carry_ticks(&self, state: &mut State) {
        for (trigger, old_block, block, waiting) in self.waiting_ticks() {
            let Some(was) = self.before.pending.get(&(trigger, old_block)) else { continue };
            let scene = self.scene(state, old_block, was, block, waiting);
            let now = self.trigger_now(state, trigger, block);
            state.occasions.enter(now);
            let around = state.occasions.get(now).map(|it| it.around.to_vec()).unwrap_or_default();
            if at(&self.new.blocks, block).listens {
                state.listening.extend(around.into_iter().map(|outer| (outer, block, now)));
            }
            let (event_type, depth) = (self.type_now(was.event_type), was.depth);
            state.pending.insert((now, block), Pending { event_type, depth, scene });
        }
    }

    /// The ticks of the old version with guards that wait and that the new one has: the number and block
    /// there, the block here, the guards here.
    pub(super) fn waiting_ticks(&self) -> impl Iterator<Item = (u64, u32, u32, Vec<u32>)> {
        self.before.pending.iter().filter_map(|(&(trigger, old_block), was)| {
            let occasion = self.before.occasions.get(trigger)?;
            let Began::Tick(_) = occasion.began else { return None };
            let all = 0..u32::try_from(self.new.guards.len()).unwrap_or(0);
            let waits = |old: u32| was.scene.waiting.contains(&old);
            let waiting: Vec<u32> =
                all.filter(|&guard| self.pairing.guard(guard).is_some_and(waits)).collect();
            let block = at(&self.new.guards, *waiting.first()?).block;
            Some((trigger, old_block, block, waiting))
        })
    }

    /// From now on there are ticks; those of a kept block go on from the last that ran.
    pub(super) fn begin_ticks(&self, state: &mut State) {
        let mut last: Vec<_> = self.before.ticks.last().collect();
        last.sort_unstable_by_key(|&(periodic, instance, _)| {
            (periodic, name(instance, &self.before.symbols).into_owned())
        });
        for (periodic, instance, tick) in last {
            let kept = self.pairing.periodic().iter().find(|(old, _)| *old == periodic);
            let Some(&(_, now)) = kept else { continue };
            let instance = self.moved(state, instance);
            state.ticks.put_last(now, instance, tick, &mut state.symbols);
            instance.release(&mut state.symbols);
        }
        if state.has_begun() && !self.new.periodic.is_empty() {
            state.begin_ticks(self.new);
        }
    }

    fn scene(
        &self,
        state: &mut State,
        old_block: u32,
        was: &Pending,
        block: u32,
        waiting: Vec<u32>,
    ) -> Scene {
        let (old, new) = (at(&self.old.blocks, old_block), at(&self.new.blocks, block));
        let frame = self.fields(state, (old, &was.scene.frame), new);
        let same = old.watched.len() == new.watched.len();
        let watched = (0..new.watched.len()).map(|place| {
            let value = was.scene.watched.get(place).filter(|_| same).copied();
            self.moved(state, value.unwrap_or_default())
        });
        let watched = watched.collect();
        let fates = new.awaited.iter().map(|&clause| {
            let place = self.pairing.before(clause);
            let place = place.and_then(|it| old.awaited.iter().position(|old| *old == it));
            place.and_then(|place| was.scene.fates.get(place)).copied().unwrap_or(Fate::Ended)
        });
        Scene { frame, watched, fates: fates.collect(), waiting }
    }
}

/// The trigger that `clause` has for what waits under `key`: its own, or that of a block around.
fn trigger_of(program: &Program, state: &State, key: (u64, u32), clause: u32) -> Option<u64> {
    let wanted = at(&program.clauses, clause).block;
    let (trigger, mut block) = key;
    if block == wanted {
        return Some(trigger);
    }
    let occasion = if trigger < FIRST { None } else { state.occasions.get(trigger) }?;
    for &outer in occasion.around.iter().rev() {
        let Opens::Each(each) = &at(&program.blocks, block).opens else { return None };
        block = each.outer;
        if block == wanted {
            return Some(outer);
        }
    }
    None
}
