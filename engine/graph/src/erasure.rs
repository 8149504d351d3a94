//! Tombstones: an instance is erased, and with it what is owed to it and what was said of it.
//!
//! In: a tombstone, after what it satisfies and before what it triggers. Out: obligations voided.
//! Never: voids what the tombstone itself brings about: the duty to erase stays.
//! Promise: nothing that was said of the instance before is read any more. Start reading at
//! [`State::erase`].

use homeostat_log::Value;
use homeostat_world::canary;

use crate::change::Change;
use crate::datum::Datum;
use crate::fact::Fact;
use crate::open::NOWHERE;
use crate::program::watched::{Ends, Watched};
use crate::program::{Opens, Program, TypePlan, at};
use crate::satisfy::End;
use crate::state::{Sink, State};

impl State {
    /// Erases the instance that a tombstone is about: the one that its subject names, or else the
    /// one in the field of its type's entity.
    pub(crate) fn erase(
        &mut self,
        program: &Program,
        fact: &Fact<'_>,
        plan: Option<&TypePlan>,
        sink: Sink<'_>,
    ) {
        let Some((entity, instance)) = self.erased(program, fact, plan) else { return };
        self.void_obligations(program, entity, instance, fact, sink);
        let Some(entity_plan) = program.entities.get(entity as usize) else { return };
        if let Some(tracked) = entity_plan.tracked {
            self.end_life(program, tracked, instance);
        }
        for &column in &entity_plan.columns {
            self.clear(program, column, instance);
        }
        // A tombstone that says itself that this instance is shredded leaves nothing to be.
        let names = |field: u32| {
            let named = *at(&self.fields, field);
            named.is_name() && named.as_instance(&self.symbols) == instance
        };
        let shreds = |column| {
            let says = |&(of, field): &(u32, u32)| of == column && names(field);
            plan.is_some_and(|plan| plan.shreds.iter().any(says))
        };
        if let Some(column) = entity_plan.rules.unshredded
            && !shreds(column)
        {
            self.set(program, column, instance, Datum::Truth(true), false);
        }
    }

    fn erased(
        &mut self,
        program: &Program,
        fact: &Fact<'_>,
        plan: Option<&TypePlan>,
    ) -> Option<(u32, Datum)> {
        let subject = fact.subject.as_deref().and_then(|subject| subject.split_once('/'));
        let named =
            subject.and_then(|(entity, id)| Some((program.entity_names.get(entity).copied()?, id)));
        if let Some((entity, id)) = named {
            let instance = Datum::take(Value::Text(id), &mut self.symbols);
            return Some((entity, instance.as_instance(&self.symbols)));
        }
        let entity = match plan {
            Some(plan) => plan.entity?,
            None => *program.entity_names.get(fact.r#type.split_once('.')?.0)?,
        };
        let name = &at(&program.entities, entity).name;
        let mut found = Datum::Absent;
        fact.fields.each(&mut |field, value| {
            if *field == **name {
                found = Datum::take(value, &mut self.symbols);
            }
        });
        found.is_name().then(|| (entity, found.as_instance(&self.symbols)))
    }

    fn void_obligations(
        &mut self,
        program: &Program,
        entity: u32,
        instance: Datum,
        fact: &Fact<'_>,
        sink: Sink<'_>,
    ) {
        if canary::planted("the_erased_is_still_owed") {
            return;
        }
        let mut found = self.keyed_by(program, entity, instance);
        for occasion in self.occasions_of(program, entity, instance) {
            self.drop_pending(program, occasion);
            found.extend(self.open.of_trigger(occasion));
        }
        let mut whole = Vec::new();
        for slot in found {
            self.whole_chain(slot, &mut whole);
        }
        whole.sort_unstable_by_key(|&slot| self.open.get(slot).id());
        whole.dedup();
        let moment = (fact.position.get(), fact.time.as_micros());
        for slot in whole {
            let id = self.open.get(slot).id();
            sink(Change::Voided { id });
            self.end(program, slot, End::Voided, sink);
            self.settle_fates(program, id, None, moment, sink);
        }
    }

    /// The open obligations that have the instance as a key of that entity.
    fn keyed_by(&mut self, program: &Program, entity: u32, instance: Datum) -> Vec<u32> {
        let name = &at(&program.entities, entity).name;
        let mut found = Vec::new();
        for (clause, index) in program.clauses.iter().zip(0..) {
            let is_of = |key: &crate::program::KeyPlan| *key.entity == **name;
            if outlives(program, clause.block) || !clause.keys.iter().any(is_of) {
                continue;
            }
            if clause.keys.len() == 1 {
                found.extend(self.open.with_keys(index, &[instance], program));
                continue;
            }
            for slot in self.open.with_part(index, instance) {
                self.looked_at += 1;
                let keys = self.open.get(slot).keys(program);
                let mut ours = clause.keys.iter().zip(keys).filter(|(key, _)| is_of(key));
                if ours.any(|(_, key)| *key == instance) {
                    found.push(slot);
                }
            }
        }
        self.looked_at += found.len() as u64;
        found
    }

    /// The occasions that are bound to the instance.
    fn occasions_of(&mut self, program: &Program, entity: u32, instance: Datum) -> Vec<u64> {
        let mut found = Vec::new();
        for (number, occasion) in self.occasions.bound_to(instance) {
            self.looked_at += 1;
            let block = at(&program.blocks, occasion.block);
            let pairs = block.bound.iter().zip(&occasion.instances);
            let mut ours = pairs.filter(|(bound, _)| bound.entity == entity);
            if !outlives(program, occasion.block) && ours.any(|(_, found)| *found == instance) {
                found.push(number);
            }
        }
        found
    }

    fn whole_chain(&self, slot: u32, into: &mut Vec<u32>) {
        let mut first = slot;
        while self.open.get(first).up() != NOWHERE {
            first = self.open.get(first).up();
        }
        let mut next = first;
        while next != NOWHERE {
            into.push(next);
            next = self.open.get(next).down();
        }
    }

    /// It is out of every set, count and watch.
    fn end_life(&mut self, program: &Program, tracked: u32, instance: Datum) {
        let plan = at(&program.tracked, tracked);
        for &watch in &plan.watches {
            let of = at(&program.watches, watch);
            let outlives = matches!(of.of, Watched::Block(block) if outlives(program, block));
            if !outlives && let Some(place) = self.watches.find(watch, instance) {
                self.watches.end(place, &mut self.symbols);
            }
        }
        if self.instances.since(tracked, instance).is_none() {
            return;
        }
        for &count in &plan.counts {
            self.count_member(program, count, instance, false);
        }
        self.instances.end(tracked, instance);
    }
}

/// Whether a block's occasions are about erased instances.
fn outlives(program: &Program, block: u32) -> bool {
    program.blocks.get(block as usize).is_some_and(
        |block| matches!(&block.opens, Opens::Always(always) if always.ends == Ends::AfterErasure),
    )
}
