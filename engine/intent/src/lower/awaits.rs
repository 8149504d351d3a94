//! What each guard waits for: the duties of its own block that produce what its condition reads.
//!
//! In: a lowered spec. Out: [`Guard::awaits`] filled in.
//! Never: waits for a duty that another guard may leave out, or that is only a `should`: it might
//! never come.
//! Promise: a guard that reads nothing of its block's making awaits nothing. Start at [`fill`].

use crate::lowered::{
    Block, ClauseId, Condition, Duty, Entity, Expr, Item, Measure, Role, Spec, Strength,
};

/// Fills in what every guard awaits.
pub(super) fn fill(spec: &mut Spec) {
    let mut blocks = std::mem::take(&mut spec.blocks);
    for Block { body, .. } in &mut blocks {
        in_scope(body, &[], &spec.measures, &spec.entities);
    }
    spec.blocks = blocks;
}

/// A duty that comes about wherever the guard is reached.
#[derive(Clone)]
struct Producer {
    id: ClauseId,
    events: Vec<String>,
    /// The entities of its keys.
    keys: Vec<String>,
}

fn in_scope(items: &mut [Item], outer: &[Producer], measures: &[Measure], entities: &[Entity]) {
    let mut producers = outer.to_vec();
    producers.extend(items.iter().filter_map(|item| match item {
        Item::Duty(duty) if duty.strength == Strength::Must => Some(producer(duty)),
        _ => None,
    }));
    for item in items {
        let guard = match item {
            Item::Guard(guard) => guard,
            Item::ForEach(each) => {
                in_scope(&mut each.body, &producers, measures, entities);
                continue;
            }
            Item::Duty(_) => continue,
        };
        let mut feeds = Vec::new();
        reads(&guard.condition, measures, entities, &mut feeds);
        guard.awaits = producers
            .iter()
            .filter(|producer| feeds.iter().any(|feed| feed.by(producer)))
            .map(|producer| producer.id)
            .collect();
        in_scope(&mut guard.body, &producers, measures, entities);
    }
}

fn producer(duty: &Duty) -> Producer {
    let keys = duty.arguments.iter().filter_map(|argument| match &argument.role {
        Role::Key { entity, .. } => Some(entity.clone()),
        _ => None,
    });
    Producer { id: duty.id, events: duty.satisfied_by.clone(), keys: keys.collect() }
}

/// Events that change what a condition reads, and the entity whose value it is.
struct Feed {
    events: Vec<String>,
    entity: String,
}

impl Feed {
    fn by(&self, producer: &Producer) -> bool {
        // A duty for another entity produces another instance's value.
        let same = producer.keys.is_empty() || producer.keys.contains(&self.entity);
        same && producer.events.iter().any(|event| self.events.contains(event))
    }
}

fn reads(condition: &Condition, measures: &[Measure], entities: &[Entity], feeds: &mut Vec<Feed>) {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => {
            for part in parts {
                reads(part, measures, entities, feeds);
            }
        }
        Condition::Not(inner) => reads(inner, measures, entities, feeds),
        Condition::Compare { left, right, .. } => {
            read(left, measures, entities, feeds);
            read(right, measures, entities, feeds);
        }
        Condition::Crosses { value, .. }
        | Condition::Holds { value, .. }
        | Condition::Exists { value, .. } => {
            read(value, measures, entities, feeds);
        }
    }
}

fn read(value: &Expr, measures: &[Measure], entities: &[Entity], feeds: &mut Vec<Feed>) {
    match value {
        Expr::Measure { measure, .. } => {
            feeds.extend(
                measures
                    .iter()
                    .filter(|m| m.name == *measure)
                    .map(|m| Feed { events: m.from.clone(), entity: m.entity.clone() }),
            );
        }
        Expr::Path(path) => {
            let mut owner = path.entity.as_deref();
            for hop in &path.hops {
                if let Some(entity) = owner {
                    feeds.extend(attribute_feed(entity, &hop.attribute, entities));
                }
                owner = hop.entity.as_deref();
            }
        }
        // A new member changes how many there are.
        Expr::Count { of, member, .. } => {
            let owner = of.hops.last().map_or(&of.entity, |hop| &hop.entity);
            feeds.extend(
                owner
                    .clone()
                    .map(|entity| Feed { events: vec![format!("{member}.created")], entity }),
            );
        }
        _ => {}
    }
}

/// The events that are about one attribute by their very name (`customer.tier_changed`), or that
/// begin or end the state of that name. Any event may carry an attribute besides; a guard does not
/// wait for those, since nothing says that they will.
fn attribute_feed(entity: &str, attribute: &str, entities: &[Entity]) -> Option<Feed> {
    let known = entities.iter().find(|known| known.name == entity)?;
    let state = known.states.iter().find(|state| state.name == attribute);
    let events = match state {
        Some(state) => state.from.iter().chain(&state.until).cloned().collect(),
        None => ["", "_changed", "_updated", "_set", ".changed", ".updated", ".set"]
            .iter()
            .map(|suffix| format!("{entity}.{attribute}{suffix}"))
            .collect(),
    };
    Some(Feed { events, entity: entity.to_owned() })
}
