//! Values, triggers' fields and occasions of the old state, as the new one has them.
//!
//! In: what the old state holds. Out: the same under the numbers of the new.
//! Never: guesses: what has no place in the new version is left out, what it wants and the old one
//! did not keep is not there.
//! Promise: a value means what it did. Start reading at [`Merge::trigger_now`].

use std::collections::{BTreeMap, BTreeSet};

use super::super::backlog::Owed;
use super::{Merge, id};
use crate::datum::Datum;
use crate::guards::Pending;
use crate::occasion::{FIRST, GONE};
use crate::open::{Frame, Obligation};
use crate::program::{
    ArgumentPlan, BlockPlan, ClauseIndex, NO_TYPE, Opens, Program, Shown, UNCARRIED, at,
};
use crate::state::State;

impl Merge<'_> {
    /// Makes the occasions of what is owed and of what waits, in the order that they had: of duties for
    /// `each` the oldest is met first.
    pub(super) fn carry_occasions(&self, state: &mut State) {
        let owed = self.before.open.places().filter_map(|(_, owed)| {
            let clause = self.pairing.after(owed.clause)?;
            Some((owed.trigger, at(&self.new.clauses, clause).block))
        });
        let waiting = self.waiting_ticks().map(|(trigger, _, block, _)| (trigger, block));
        let all: BTreeSet<(u64, u32)> =
            owed.chain(waiting).filter(|(it, _)| *it >= FIRST).collect();
        for (trigger, block) in all {
            self.trigger_now(state, trigger, block);
        }
    }

    /// The number in the new state of what triggered an obligation of the old, for `block` of the
    /// new version. Occasions go by their names; one that the new state does not have is made.
    pub(super) fn trigger_now(&self, state: &mut State, trigger: u64, block: u32) -> u64 {
        let Some(occasion) = self.before.occasions.get(trigger) else {
            // A block around may owe nothing any more; its number means another one here.
            return if trigger < FIRST { trigger } else { GONE };
        };
        let name = occasion.name(&self.before.symbols);
        if let Some(found) = state.occasions.find(block, &name, &state.symbols) {
            return found;
        }
        let mut around = occasion.around.to_vec();
        let mut outer = block;
        for place in around.iter_mut().rev() {
            if let Opens::Each(each) = &at(&self.new.blocks, outer).opens {
                outer = each.outer;
                *place = self.trigger_now(state, *place, outer);
            }
        }
        let instances: Vec<Datum> =
            occasion.instances.iter().map(|instance| self.moved(state, *instance)).collect();
        let began = occasion.began;
        let number = state.occasions.create(began, block, &instances, &around, &mut state.symbols);
        state.occasions.set_date(number, occasion.date);
        state.occasions.set_entered(number, occasion.entered);
        // The occasion holds them now.
        instances.iter().for_each(|instance| instance.release(&mut state.symbols));
        number
    }

    /// The number in the old state of a trigger of the new, for `block` of the old version.
    pub(super) fn trigger_before(&self, state: &State, trigger: u64, block: u32) -> Option<u64> {
        if trigger < FIRST {
            return Some(trigger);
        }
        let name = state.occasions.get(trigger)?.name(&state.symbols);
        self.before.occasions.find(block, &name, &self.before.symbols)
    }

    /// An obligation that may lapse has its trigger's fields, any other has none.
    pub(super) fn fit_frame(
        &self,
        state: &mut State,
        placed: &BTreeMap<Owed, (u32, u32)>,
        slot: u32,
        may_lapse: bool,
    ) {
        let obligation = state.open.get(slot);
        let (trigger, clause) = (obligation.trigger, obligation.clause);
        if may_lapse == obligation.frame().is_some() {
            return;
        }
        if !may_lapse {
            if let Some(frame) = state.open.get_mut(slot).chain_mut().frame.take() {
                frame.values.iter().for_each(|value| value.release(&mut state.symbols));
            }
            return;
        }
        let first = self.new.chain_start(ClauseIndex(clause)).0;
        let from_first = placed
            .get(&(trigger, first))
            .and_then(|&(first, _)| state.open.get(first).frame().cloned());
        let frame = match from_first {
            Some(frame) => {
                for value in &frame.values {
                    value.retain(&mut state.symbols);
                }
                frame
            }
            None => {
                let was = placed.get(&(trigger, clause)).map(|&(_, was)| self.before.open.get(was));
                self.frame(state, was, clause)
            }
        };
        state.open.get_mut(slot).chain_mut().frame = Some(frame);
    }

    /// The trigger's fields as far as the old version kept them.
    fn frame(&self, state: &mut State, was: Option<&Obligation>, clause: u32) -> Frame {
        let wanted = at(&self.new.blocks, at(&self.new.clauses, clause).block);
        let Some((was, frame)) = was.and_then(|was| Some((was, was.frame()?))) else {
            let values = wanted.frame.iter().map(|_| Datum::Absent).collect();
            return Frame { event_type: NO_TYPE, values };
        };
        let kept = at(&self.old.blocks, at(&self.old.clauses, was.clause).block);
        let values = self.fields(state, (kept, &frame.values), wanted).into();
        Frame { event_type: self.type_now(frame.event_type), values }
    }

    /// A trigger's fields in the order of another block, by their names; bound instances by theirs.
    pub(super) fn fields(
        &self,
        state: &mut State,
        (kept, values): (&BlockPlan, &[Datum]),
        wanted: &BlockPlan,
    ) -> Vec<Datum> {
        let old: Vec<Option<String>> = names(self.old, kept);
        let new: Vec<Option<String>> = names(self.new, wanted);
        let found = new.iter().map(|name| {
            let place = name.as_ref().and_then(|_| old.iter().position(|old| old == name));
            let value = place.and_then(|place| values.get(place)).copied();
            self.moved(state, value.unwrap_or_default())
        });
        found.collect()
    }

    pub(super) fn type_now(&self, event_type: u32) -> u32 {
        let name = self.old.types.get(event_type as usize).map(|plan| &*plan.name);
        name.and_then(|name| self.new.type_names.get(name).copied()).unwrap_or(NO_TYPE)
    }

    /// The values that an obligation is bound to, in the order of the new clause.
    pub(super) fn values(&self, state: &mut State, was: &Obligation, clause: u32) -> Vec<Datum> {
        let (old, new) = (at(&self.old.clauses, was.clause), at(&self.new.clauses, clause));
        let (from, to) = (named(&old.arguments), named(&new.arguments));
        let same_shape = from == to && old.bound.len() == new.bound.len();
        let found = (0..).zip(&new.bound).map(|(place, _): (u32, _)| {
            let place = match same_shape {
                true => Some(place),
                false => {
                    let name = to.iter().find(|(_, bound)| *bound == place).map(|(name, _)| name);
                    let same = from.iter().find(|(known, _)| Some(known) == name);
                    same.map(|(_, bound)| *bound)
                }
            };
            let value = place.and_then(|place| was.values.as_slice().get(place as usize));
            self.moved(state, value.copied().unwrap_or_default())
        });
        found.collect()
    }

    /// A value of the old state, held in the new one.
    pub(super) fn moved(&self, state: &mut State, datum: Datum) -> Datum {
        match datum {
            Datum::Text(symbol) => {
                Datum::Text(state.symbols.intern(self.before.symbols.text(symbol)))
            }
            other => other,
        }
    }
}

/// What a block's frame holds at each place: a field's name, or the entity of a bound instance with
/// how deep it lies.
fn names(program: &Program, block: &BlockPlan) -> Vec<Option<String>> {
    let name = |(place, field): (u32, &u32)| {
        if *field != UNCARRIED {
            return program.fields.get(*field as usize).map(|name| name.to_string());
        }
        let depth = block.bound.iter().position(|bound| bound.place == place)?;
        let bound = block.bound.get(depth)?;
        Some(format!("~{depth}{}", at(&program.entities, bound.entity).name))
    };
    (0..).zip(&block.frame).map(name).collect()
}

fn named(arguments: &[ArgumentPlan]) -> Vec<(&str, u32)> {
    let bound = arguments.iter().filter_map(|argument| match argument.shown {
        Shown::Bound(place) => Some((argument.name.as_str(), place)),
        _ => None,
    });
    bound.collect()
}

impl Merge<'_> {
    /// Whether the old version has yet to decide a guard around one of its clauses for a trigger of
    /// the new state.
    pub(super) fn is_undecided(&self, state: &State, trigger: u64, old_clause: u32) -> bool {
        let around = state.occasions.get(trigger).map_or(&[][..], |it| &it.around);
        let scopes = std::iter::once(trigger).chain(around.iter().copied());
        let mut guards = scopes.flat_map(|scope| {
            self.pairing.around(old_clause).iter().map(move |guard| (scope, *guard))
        });
        guards.any(|(scope, guard)| self.waits_before(state, scope, guard).is_some())
    }

    /// What the old version has yet to decide of a trigger of the new state, if a guard of it waits.
    pub(super) fn waits_before(
        &self,
        state: &State,
        trigger: u64,
        old_guard: u32,
    ) -> Option<&Pending> {
        let block = at(&self.old.guards, old_guard).block;
        let before = self.trigger_before(state, trigger, block)?;
        let pending = self.before.pending.get(&(before, block))?;
        pending.scene.waiting.contains(&old_guard).then_some(pending)
    }

    /// What the old version knows of an open obligation of the new state whose clause it has.
    pub(super) fn known_before(&self, state: &State, trigger: u64, old_clause: u32) -> Option<u32> {
        let block = at(&self.old.clauses, old_clause).block;
        let before = self.trigger_before(state, trigger, block)?;
        self.before.open.find(id(before, old_clause))
    }
}
