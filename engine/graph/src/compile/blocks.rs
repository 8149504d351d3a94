//! Blocks: what opens them, what they are bound to, and the guards inside.
//!
//! In: a lowered block. Out: a [`BlockPlan`], its guards and its clauses.
//! Never: leaves a frame's place without a meaning: it is a field of the trigger or a bound instance.
//! Promise: blocks, guards and clauses are numbered in the order of the text.
//! Start reading at [`Compiler::block`].

use homeostat_intent::lowered::{Block, ClauseId, Item, Strength, Trigger};
use homeostat_log::control::GapKind;

use super::{CompileError, Compiler, InBlock, number};
use crate::program::{BlockPlan, BoundPlan, GuardPlan, HeldPlan, ItemPlan, Opens, UNCARRIED};

impl Compiler<'_> {
    pub(super) fn block(&mut self, block: &Block) -> Result<(), CompileError> {
        let index = number(self.program.blocks.len(), "blocks")?;
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
        let periodic_or_held = !matches!(block.trigger, Trigger::Events(_));
        let mut inside = InBlock {
            index,
            trigger_types,
            gap: if periodic_or_held { GapKind::Temporal } else { GapKind::Reaction },
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
        let mut clauses = Vec::new();
        for &id in &inside.awaited {
            let found = self.program.clauses.iter().skip(first_clause).position(|c| c.id == id);
            let Some(found) = found else { return Err(unknown_awaited(&block.body, id)) };
            clauses.push(number(first_clause + found, "clauses")?);
        }
        for (&clause, place) in clauses.iter().zip(0..) {
            if let Some(clause) = self.program.clauses.get_mut(clause as usize) {
                clause.awaited = Some(place);
            }
        }
        self.program.blocks.push(BlockPlan {
            triggers: block.trigger.events().to_vec(),
            opens,
            bound: inside.bound,
            frame: inside.frame,
            body,
            watched: inside.watched,
            awaited: clauses,
        });
        Ok(())
    }

    /// From here on `entity` is a bound instance, with a place of the frame to itself.
    fn bind(&mut self, entity: &str, inside: &mut InBlock) -> Result<(), CompileError> {
        let entity = self.entity(entity)?;
        let place = number(inside.frame.len(), "fields")?;
        inside.frame.push(UNCARRIED);
        inside.bound.push(BoundPlan { entity, place });
        Ok(())
    }

    fn opens(&mut self, block: &Block, inside: &mut InBlock) -> Result<Opens, CompileError> {
        let held = match &block.trigger {
            Trigger::Events(_) => return Ok(Opens::Events),
            Trigger::Every(_) => return Ok(Opens::Every),
            Trigger::Held(held) => held,
        };
        let inferred = reads_inferred(&block.body);
        let entity = self.entity(&held.entity)?;
        Ok(Opens::Held(HeldPlan {
            entity,
            test: self.test(&held.condition, inferred, inside)?,
            inferred,
            lasting: held.lasting,
            text: held.text.clone(),
        }))
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
                Item::ForEach(_) => continue,
                Item::Duty(duty) => ItemPlan::Duty(self.duty(duty, None, block, inside)?),
                Item::Guard(guard) => {
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
                    ItemPlan::Guard(index)
                }
            });
        }
        Ok(plans)
    }
}

fn collect_awaited(items: &[Item], found: &mut Vec<ClauseId>) {
    for item in items {
        if let Item::Guard(guard) = item {
            for &id in &guard.awaits {
                if !found.contains(&id) {
                    found.push(id);
                }
            }
            collect_awaited(&guard.body, found);
        }
    }
}

fn unknown_awaited(items: &[Item], clause: ClauseId) -> CompileError {
    let mut guard = String::new();
    for item in items {
        if let Item::Guard(found) = item
            && found.awaits.contains(&clause)
        {
            guard.clone_from(&found.text);
        }
    }
    CompileError::UnknownAwaited { guard, clause }
}

/// A guard reads what enrichments say only if no `must` inside forbids it.
fn reads_inferred(items: &[Item]) -> bool {
    items.iter().all(|item| match item {
        Item::Duty(duty) => duty.using_inferred || duty.strength != Strength::Must,
        Item::Guard(guard) => reads_inferred(&guard.body),
        Item::ForEach(each) => reads_inferred(&each.body),
    })
}
