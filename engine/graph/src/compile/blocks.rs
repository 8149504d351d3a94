//! Blocks: what opens them, what they are bound to, and the guards inside.
//!
//! In: a lowered block. Out: a [`BlockPlan`], its guards and its clauses.
//! Never: leaves a frame's place without a meaning: it is a field of the trigger or a bound instance.
//! Promise: blocks, guards and clauses are numbered in the order of the text.
//! Start reading at [`Compiler::block`].

use homeostat_intent::lowered::{
    At, Block, ClauseId, ForEach, Guard, Item, Schedule, Strength, Trigger,
};
use homeostat_log::control::GapKind;

use super::{ColumnKey, CompileError, Compiler, InBlock, number};
use crate::program::{
    BlockPlan, BoundPlan, EachPlan, GuardPlan, HeldPlan, ItemPlan, Opens, TickAt, TickPlan,
    UNCARRIED,
};
use crate::zones::Zone;

impl Compiler<'_> {
    pub(super) fn block(&mut self, block: &Block) -> Result<(), CompileError> {
        let index = self.reserve(block)?;
        let mut trigger_types = Vec::new();
        for name in block.trigger.events() {
            let trigger = self.event_type(name)?;
            if !trigger_types.contains(&trigger) {
                trigger_types.push(trigger);
            }
        }
        for &trigger in &trigger_types {
            if let Some(plan) = self.program.types.get_mut(trigger as usize) {
                plan.triggers.push(index);
            }
        }
        let mut awaited = Vec::new();
        collect_awaited(&block.body, &mut awaited);
        let by_events = matches!(block.trigger, Trigger::Events(_));
        let mut inside = InBlock {
            index,
            trigger_types,
            gap: if by_events { GapKind::Reaction } else { GapKind::Temporal },
            periodic: block.trigger.is_periodic().then_some(index),
            bound: Vec::new(),
            frame: Vec::new(),
            watched: Vec::new(),
            awaited,
        };
        if let Some(entity) = block.trigger.bound() {
            self.bind(entity, &mut inside)?;
        }
        let opens = self.opens(block, &mut inside)?;
        let first_clause = self.program.clauses.len();
        let body = self.items(&block.body, block, &mut inside)?;
        self.fill(opens, body, &inside);
        self.share(index, first_clause, block, &inside)
    }

    /// A block's number, with a plan that is filled in once what stands inside is known.
    fn reserve(&mut self, block: &Block) -> Result<u32, CompileError> {
        let index = number(self.program.blocks.len(), "blocks")?;
        self.program.blocks.push(BlockPlan {
            triggers: block.trigger.events().to_vec(),
            opens: Opens::Events,
            bound: Vec::new(),
            frame: Vec::new(),
            body: Vec::new(),
            watched: Vec::new(),
            awaited: Vec::new(),
            listens: false,
        });
        Ok(index)
    }

    fn fill(&mut self, opens: Opens, body: Vec<ItemPlan>, inside: &InBlock) {
        if let Some(plan) = self.program.blocks.get_mut(inside.index as usize) {
            plan.opens = opens;
            plan.bound.clone_from(&inside.bound);
            plan.body = body;
            plan.watched.clone_from(&inside.watched);
        }
    }

    /// Gives a block and the bodies inside it what they share: the frame, and the awaited clauses.
    fn share(
        &mut self,
        first_block: u32,
        first_clause: usize,
        block: &Block,
        inside: &InBlock,
    ) -> Result<(), CompileError> {
        let mut awaited = Vec::new();
        for &id in &inside.awaited {
            let found = self.program.clauses.iter().skip(first_clause).position(|c| c.id == id);
            let Some(found) = found else { return Err(unknown_awaited(&block.body, id)) };
            awaited.push(number(first_clause + found, "clauses")?);
        }
        for plan in self.program.blocks.iter_mut().skip(first_block as usize) {
            plan.frame.clone_from(&inside.frame);
            plan.awaited.clone_from(&awaited);
        }
        for (&clause, place) in awaited.iter().zip(0..) {
            if let Some(clause) = self.program.clauses.get_mut(clause as usize) {
                clause.awaited = Some(place);
            }
        }
        let guards = self.program.guards.iter().filter(|guard| guard.block >= first_block);
        let waits: Vec<(u32, u32)> = guards
            .flat_map(|guard| guard.awaits.iter().map(|&place| (guard.block, place)))
            .collect();
        for (listener, place) in waits {
            let clause = awaited.get(place as usize).copied().unwrap_or(u32::MAX);
            self.listen(listener, clause, block)?;
        }
        Ok(())
    }

    /// A guard of the body `listener` awaits `clause`, which its own block or one around must have.
    fn listen(&mut self, listener: u32, clause: u32, block: &Block) -> Result<(), CompileError> {
        let Some(plan) = self.program.clauses.get_mut(clause as usize) else { return Ok(()) };
        let mut at = listener;
        while at != plan.block {
            match self.program.blocks.get(at as usize).map(|block| &block.opens) {
                Some(Opens::Each(each)) => at = each.outer,
                _ => return Err(unknown_awaited(&block.body, plan.id)),
            }
        }
        if plan.block == listener {
            return Ok(());
        }
        if !plan.awaited_inside.contains(&listener) {
            plan.awaited_inside.push(listener);
        }
        if let Some(body) = self.program.blocks.get_mut(listener as usize) {
            body.listens = true;
        }
        Ok(())
    }

    /// From here on `entity` is a bound instance, with a place of the frame to itself.
    pub(super) fn bind(&mut self, entity: &str, inside: &mut InBlock) -> Result<(), CompileError> {
        let entity = self.entity(entity)?;
        let place = number(inside.frame.len(), "fields")?;
        inside.frame.push(UNCARRIED);
        inside.bound.push(BoundPlan { entity, place });
        Ok(())
    }

    fn opens(&mut self, block: &Block, inside: &mut InBlock) -> Result<Opens, CompileError> {
        let inferred = reads_inferred(&block.body);
        let held = match &block.trigger {
            Trigger::Events(_) => return Ok(Opens::Events),
            Trigger::Every(schedule) => return self.every(schedule, inferred, inside),
            Trigger::Held(held) => held,
        };
        let entity = self.entity(&held.entity)?;
        Ok(Opens::Held(HeldPlan {
            entity,
            test: self.test(&held.condition, inferred, inside)?,
            inferred,
            lasting: held.lasting,
            text: held.text.clone(),
        }))
    }

    fn every(
        &mut self,
        schedule: &Schedule,
        inferred: bool,
        inside: &mut InBlock,
    ) -> Result<Opens, CompileError> {
        let at = match &schedule.at {
            At::Time(of_day) => TickAt::Time(*of_day),
            At::Of(path) => {
                let read = self.path(path, inside)?;
                let entity =
                    read.entity.ok_or_else(|| CompileError::NotBound(path.root.clone()))?;
                let name = path.entity.as_deref().unwrap_or(&path.root);
                let known = self.spec.entities.iter().find(|known| known.name == name);
                let has_zone = known
                    .is_some_and(|known| known.attributes.iter().any(|a| a.name == "time_zone"));
                let zone = ColumnKey::Attribute(entity, "time_zone".to_owned());
                let zone = has_zone.then(|| self.column(zone)).transpose()?;
                let ways = self.ways_back(&read.hops, inferred)?;
                TickAt::Of { entity, hops: read.hops, ways, zone }
            }
        };
        self.program.periodic.push(inside.index);
        // The language's checks report a zone that nobody knows.
        let zone = self.spec.time_zone.as_deref().and_then(Zone::named);
        Ok(Opens::Every(Box::new(TickPlan {
            period: schedule.period,
            at,
            catch_up: schedule.catch_up,
            zone: zone.unwrap_or_else(Zone::utc),
            inferred,
            text: schedule.text.clone(),
        })))
    }

    /// For each hop of a path the way back from whose value it is to where the path begins.
    fn ways_back(
        &mut self,
        hops: &[Option<u32>],
        inferred: bool,
    ) -> Result<Vec<Vec<u32>>, CompileError> {
        let (mut ways, mut way) = (Vec::new(), Vec::new());
        for hop in hops {
            ways.push(way.clone());
            // Where nothing can be known, nothing behind it can change.
            let Some(column) = *hop else { break };
            if ways.len() < hops.len() {
                way.insert(0, self.inverse(column, inferred)?);
            }
        }
        Ok(ways)
    }

    fn items(
        &mut self,
        items: &[Item],
        block: &Block,
        inside: &mut InBlock,
    ) -> Result<Vec<ItemPlan>, CompileError> {
        let mut plans = Vec::new();
        for item in items {
            plans.push(match item {
                Item::Duty(duty) => ItemPlan::Duty(self.duty(duty, None, block, inside)?),
                Item::Guard(guard) => ItemPlan::Guard(self.guard(guard, block, inside)?),
                Item::ForEach(each) => ItemPlan::Each(self.each(each, block, inside)?),
            });
        }
        Ok(plans)
    }

    fn guard(
        &mut self,
        guard: &Guard,
        block: &Block,
        inside: &mut InBlock,
    ) -> Result<u32, CompileError> {
        let index = number(self.program.guards.len(), "guards")?;
        let inferred = reads_inferred(&guard.body);
        let test = self.test(&guard.condition, inferred, inside)?;
        let mut awaits = Vec::new();
        for id in &guard.awaits {
            let place = inside.awaited.iter().position(|awaited| awaited == id);
            awaits.push(number(place.unwrap_or(usize::MAX), "awaited clauses")?);
        }
        self.program.guards.push(GuardPlan {
            block: inside.index,
            text: guard.text.clone(),
            test,
            awaits,
            body: Vec::new(),
            inferred,
        });
        let body = self.items(&guard.body, block, inside)?;
        if let Some(plan) = self.program.guards.get_mut(index as usize) {
            plan.body = body;
        }
        Ok(index)
    }

    /// The body of a `for each` is a block of its own that shares its outer block's frame.
    fn each(
        &mut self,
        each: &ForEach,
        block: &Block,
        inside: &mut InBlock,
    ) -> Result<u32, CompileError> {
        let index = self.reserve(block)?;
        let outer = std::mem::replace(&mut inside.index, index);
        let watched = std::mem::take(&mut inside.watched);
        self.bind(&each.entity, inside)?;
        let inferred = reads_inferred(&each.body);
        let filter = each.condition.as_ref();
        let filter = filter.map(|filter| self.test(filter, inferred, inside)).transpose()?;
        let body = self.items(&each.body, block, inside)?;
        let entity = self.entity(&each.entity)?;
        let text = each.text.clone();
        let opens = Opens::Each(EachPlan { entity, filter, inferred, text, outer });
        self.fill(opens, body, inside);
        inside.bound.pop();
        inside.watched = watched;
        inside.index = outer;
        Ok(index)
    }
}

fn collect_awaited(items: &[Item], found: &mut Vec<ClauseId>) {
    for item in items {
        match item {
            Item::Guard(guard) => {
                for &id in &guard.awaits {
                    if !found.contains(&id) {
                        found.push(id);
                    }
                }
                collect_awaited(&guard.body, found);
            }
            Item::ForEach(each) => collect_awaited(&each.body, found),
            Item::Duty(_) => {}
        }
    }
}

fn unknown_awaited(items: &[Item], clause: ClauseId) -> CompileError {
    let guard = awaiting(items, clause).unwrap_or_default().to_owned();
    CompileError::UnknownAwaited { guard, clause }
}

/// The condition of a guard that awaits `clause`.
fn awaiting(items: &[Item], clause: ClauseId) -> Option<&str> {
    items.iter().find_map(|item| match item {
        Item::Guard(guard) if guard.awaits.contains(&clause) => Some(guard.text.as_str()),
        Item::Guard(guard) => awaiting(&guard.body, clause),
        Item::ForEach(each) => awaiting(&each.body, clause),
        Item::Duty(_) => None,
    })
}

/// A guard reads what enrichments say only if no `must` inside forbids it.
fn reads_inferred(items: &[Item]) -> bool {
    items.iter().all(|item| match item {
        Item::Duty(duty) => duty.using_inferred || duty.strength != Strength::Must,
        Item::Guard(guard) => reads_inferred(&guard.body),
        Item::ForEach(each) => reads_inferred(&each.body),
    })
}
