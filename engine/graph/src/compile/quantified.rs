//! Finds what a spec quantifies over: `for each`, ticks and held states of each instance, assertions,
//! counts. Of these entities the living instances are remembered.
//!
//! In: a spec. Out: the tracked entities of a program, and for each event type which of them it can
//! make an instance alive of. Never: tracks an entity that nothing asks for.
//! Promise: an entity whose `created` event the spec knows is made alive by that alone.
//! Start reading at [`Compiler::track`].

use homeostat_intent::lowered::{Check, Condition, Expr, Item, Spec, Trigger};

use super::{CompileError, Compiler, number};
use crate::program::TrackedPlan;

impl Compiler<'_> {
    /// Numbers the entities that something quantifies over. After all event types are known.
    pub(super) fn track(&mut self) -> Result<(), CompileError> {
        for name in quantified(self.spec) {
            let entity = self.entity(name)?;
            let field = self.field(name)?;
            let tracked = number(self.program.tracked.len(), "entities")?;
            let created = format!("{name}.created");
            let created = self.program.types.iter().position(|plan| *plan.name == *created);
            let types = match created {
                Some(only) => only..only + 1,
                None => 0..self.program.types.len(),
            };
            for index in types {
                self.want(number(index, "event types")?, name)?;
                if let Some(plan) = self.program.types.get_mut(index) {
                    plan.mentions.push(tracked);
                }
            }
            if let Some(plan) = self.program.entities.get_mut(entity as usize) {
                plan.field = Some(field);
                plan.tracked = Some(tracked);
            }
            let mut counts = Vec::new();
            for (count, index) in self.program.counts.iter_mut().zip(0..) {
                if count.member == entity {
                    count.tracked = tracked;
                    counts.push(index);
                }
            }
            let created = created.is_some();
            let watches = Vec::new();
            self.program.tracked.push(TrackedPlan { field, created, counts, watches });
        }
        Ok(())
    }
}

/// The names of the entities, each once, in the order of the text.
fn quantified(spec: &Spec) -> Vec<&str> {
    let mut found = Vec::new();
    for block in &spec.blocks {
        found.extend(block.trigger.bound());
        if let Trigger::Held(held) = &block.trigger {
            in_condition(&held.condition, &mut found);
        }
        in_items(&block.body, &mut found);
    }
    for assertion in &spec.assertions {
        found.extend(assertion.over.as_deref());
        if let Some(filter) = &assertion.filter {
            in_condition(filter, &mut found);
        }
        if let Check::Holds(condition) | Check::NoLonger { condition, .. } = &assertion.check {
            in_condition(condition, &mut found);
        }
    }
    let mut once: Vec<&str> = Vec::new();
    for name in found {
        if !once.contains(&name) {
            once.push(name);
        }
    }
    once
}

fn in_items<'s>(items: &'s [Item], found: &mut Vec<&'s str>) {
    for item in items {
        match item {
            Item::Duty(duty) => {
                let mut next = Some(duty);
                while let Some(duty) = next {
                    for argument in &duty.arguments {
                        in_expr(&argument.value, found);
                    }
                    next = duty.fallback.as_deref();
                }
            }
            Item::Guard(guard) => {
                in_condition(&guard.condition, found);
                in_items(&guard.body, found);
            }
            Item::ForEach(each) => {
                found.push(&each.entity);
                if let Some(condition) = &each.condition {
                    in_condition(condition, found);
                }
                in_items(&each.body, found);
            }
        }
    }
}

fn in_condition<'s>(condition: &'s Condition, found: &mut Vec<&'s str>) {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => {
            for part in parts {
                in_condition(part, found);
            }
        }
        Condition::Not(part) => in_condition(part, found),
        Condition::Compare { left, right, .. } => {
            in_expr(left, found);
            in_expr(right, found);
        }
        Condition::Crosses { value, .. }
        | Condition::Holds { value, .. }
        | Condition::Exists { value, .. } => in_expr(value, found),
    }
}

fn in_expr<'s>(expr: &'s Expr, found: &mut Vec<&'s str>) {
    match expr {
        Expr::Count { member, .. } => found.push(member),
        Expr::Instances { entity, condition } => {
            found.push(entity);
            if let Some(condition) = condition {
                in_condition(condition, found);
            }
        }
        Expr::Literal(_)
        | Expr::Symbol(_)
        | Expr::Path(_)
        | Expr::Measure { .. }
        | Expr::Threshold(_)
        | Expr::Call(_) => {}
    }
}
