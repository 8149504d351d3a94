//! Everything less: the ways to take one thing out of a case.
//!
//! In: a spec or an event. Out: smaller ones.
//! Never: a guard that awaits a duty which is gone; see [`mended`].
//! Start reading at [`specs`].

use homeostat_intent::lowered::{
    Assertion, Block, Check, ClauseId, Condition, Duty, ForEach, Guard, Held, Item, Performer,
    Role, Spec, Trigger,
};
use homeostat_log::{Actor, Data, Event, Kind};

/// Every way to take one thing out of a spec.
pub(super) fn specs(spec: &Spec) -> Vec<Spec> {
    let mut found = Vec::new();
    for blocks in one_less(&spec.blocks, block) {
        found.push(Spec { blocks, ..spec.clone() });
    }
    for assertions in one_less(&spec.assertions, assertion) {
        found.push(Spec { assertions, ..spec.clone() });
    }
    for invariants in one_less(&spec.invariants, |_| Vec::new()) {
        found.push(Spec { invariants, ..spec.clone() });
    }
    for targets in one_less(&spec.targets, |_| Vec::new()) {
        found.push(Spec { targets, ..spec.clone() });
    }
    if spec.limits.settle.micros != 0 {
        let mut less = spec.clone();
        less.limits.settle.micros = 0;
        found.push(less);
    }
    if spec.time_zone.is_some() {
        found.push(Spec { time_zone: None, ..spec.clone() });
    }
    found.into_iter().map(mended).collect()
}

/// Every list with one thing left out, or made smaller.
fn one_less<T: Clone>(things: &[T], smaller: impl Fn(&T) -> Vec<T>) -> Vec<Vec<T>> {
    let mut found = Vec::new();
    for (place, thing) in things.iter().enumerate() {
        let mut without = things.to_vec();
        without.remove(place);
        found.push(without);
        for less in smaller(thing) {
            let mut changed = things.to_vec();
            if let Some(place) = changed.get_mut(place) {
                *place = less;
            }
            found.push(changed);
        }
    }
    found
}

fn block(block: &Block) -> Vec<Block> {
    let mut found: Vec<Block> =
        bodies(&block.body).into_iter().map(|body| Block { body, ..block.clone() }).collect();
    let triggers: Vec<Trigger> = match &block.trigger {
        Trigger::Events(types) if types.len() > 1 => {
            one_less(types, |_| Vec::new()).into_iter().map(Trigger::Events).collect()
        }
        Trigger::Held(held) => conditions(&held.condition)
            .into_iter()
            .map(|condition| Trigger::Held(Held { condition, ..held.clone() }))
            .collect(),
        Trigger::Events(_) | Trigger::Every(_) => Vec::new(),
    };
    found.extend(triggers.into_iter().map(|trigger| Block { trigger, ..block.clone() }));
    found
}

/// Every way to take one thing out of a body.
pub(super) fn bodies(items: &[Item]) -> Vec<Vec<Item>> {
    one_less(items, item)
}

fn item(item: &Item) -> Vec<Item> {
    match item {
        Item::Duty(it) => duty(it).into_iter().map(Item::Duty).collect(),
        Item::Guard(guard) => {
            let bodies = bodies(&guard.body);
            let bodies = bodies.into_iter().map(|body| Guard { body, ..guard.clone() });
            let tests = conditions(&guard.condition);
            let tests = tests.into_iter().map(|condition| Guard { condition, ..guard.clone() });
            let awaits = one_less(&guard.awaits, |_| Vec::new());
            let awaits = awaits.into_iter().map(|awaits| Guard { awaits, ..guard.clone() });
            bodies.chain(tests).chain(awaits).map(Item::Guard).collect()
        }
        Item::ForEach(each) => {
            let bodies = bodies(&each.body);
            let bodies = bodies.into_iter().map(|body| ForEach { body, ..each.clone() });
            let tests = each.condition.iter().flat_map(conditions).map(Some);
            let tests = tests.chain(each.condition.as_ref().map(|_| None));
            let tests = tests.map(|condition| ForEach { condition, ..each.clone() });
            bodies.chain(tests).map(Item::ForEach).collect()
        }
    }
}

fn duty(duty: &Duty) -> Vec<Duty> {
    let mut found = Vec::new();
    if let Some(fallback) = &duty.fallback {
        found.push(Duty { fallback: None, ..duty.clone() });
        found.extend(
            self::duty(fallback)
                .into_iter()
                .map(|less| Duty { fallback: Some(Box::new(less)), ..duty.clone() }),
        );
    }
    if !duty.requires.is_empty() {
        found.push(Duty { requires: Vec::new(), ..duty.clone() });
    }
    // What is bound stays an argument, as the language has it.
    let is_given = |place: usize| {
        let argument = duty.arguments.get(place);
        argument.is_some_and(|it| it.name.is_none() && !matches!(it.role, Role::Guidance))
    };
    for place in (0..duty.arguments.len()).filter(|&place| is_given(place)) {
        let mut less = duty.clone();
        less.arguments.remove(place);
        found.push(less);
    }
    if duty.satisfied_by.len() > 1 {
        let less = duty.satisfied_by.iter().take(1).cloned().collect();
        found.push(Duty { satisfied_by: less, ..duty.clone() });
    }
    for (differs, less) in [
        (duty.each, Duty { each: false, ..duty.clone() }),
        (duty.within.is_some(), Duty { within: None, ..duty.clone() }),
        (duty.by != Performer::Agent, Duty { by: Performer::Agent, ..duty.clone() }),
        (duty.using_inferred, Duty { using_inferred: false, ..duty.clone() }),
        (duty.external, Duty { external: false, ..duty.clone() }),
    ] {
        if differs {
            found.push(less);
        }
    }
    found
}

fn assertion(assertion: &Assertion) -> Vec<Assertion> {
    let mut found = Vec::new();
    if let Some(filter) = &assertion.filter {
        found.push(Assertion { filter: None, ..assertion.clone() });
        found.extend(
            conditions(filter)
                .into_iter()
                .map(|less| Assertion { filter: Some(less), ..assertion.clone() }),
        );
    }
    let checks: Vec<Check> = match &assertion.check {
        Check::Holds(condition) => conditions(condition).into_iter().map(Check::Holds).collect(),
        Check::NoLonger { condition, longest } => conditions(condition)
            .into_iter()
            .map(|condition| Check::NoLonger { condition, longest: *longest })
            .collect(),
        _ => Vec::new(),
    };
    found.extend(checks.into_iter().map(|check| Assertion { check, ..assertion.clone() }));
    found
}

/// The parts of a condition, each alone.
fn conditions(condition: &Condition) -> Vec<Condition> {
    match condition {
        Condition::And(parts) => {
            let fewer = one_less(parts, conditions).into_iter().map(Condition::And);
            parts
                .iter()
                .cloned()
                .chain(fewer.filter(|it| *it != Condition::And(Vec::new())))
                .collect()
        }
        Condition::Or(parts) => {
            let fewer = one_less(parts, conditions).into_iter().map(Condition::Or);
            parts
                .iter()
                .cloned()
                .chain(fewer.filter(|it| *it != Condition::Or(Vec::new())))
                .collect()
        }
        Condition::Not(part) => {
            let fewer = conditions(part).into_iter().map(|it| Condition::Not(Box::new(it)));
            std::iter::once((**part).clone()).chain(fewer).collect()
        }
        _ => Vec::new(),
    }
}

/// The spec without what awaits duties that are gone from its scope and those around it.
pub(super) fn mended(mut spec: Spec) -> Spec {
    for block in &mut spec.blocks {
        mend(&mut block.body, &[]);
    }
    spec
}

fn mend(items: &mut [Item], around: &[ClauseId]) {
    let mut known = around.to_vec();
    gather(items, &mut known);
    mend_within(items, &known);
}

fn mend_within(items: &mut [Item], known: &[ClauseId]) {
    for item in items {
        match item {
            Item::Duty(_) => {}
            Item::ForEach(each) => mend(&mut each.body, known),
            Item::Guard(guard) => {
                guard.awaits.retain(|id| known.contains(id));
                mend_within(&mut guard.body, known);
            }
        }
    }
}

/// The duties of a scope, those inside its guards too.
fn gather(items: &[Item], known: &mut Vec<ClauseId>) {
    for item in items {
        match item {
            Item::Duty(duty) => {
                let stages = std::iter::successors(Some(duty), |it| it.fallback.as_deref());
                known.extend(stages.map(|stage| stage.id));
            }
            Item::Guard(guard) => gather(&guard.body, known),
            Item::ForEach(_) => {}
        }
    }
}

/// Every way to take one thing out of an event.
pub(super) fn events(event: &Event) -> Vec<Event> {
    let inner = &event.event;
    let mut found = Vec::new();
    let mut less = |change: &dyn Fn(&mut Event)| {
        let mut less = event.clone();
        change(&mut less);
        if less != *event {
            found.push(less);
        }
    };
    less(&|event| event.event.subject = None);
    less(&|event| event.event.cause = None);
    less(&|event| event.event.time = event.recorded);
    if inner.kind != Kind::Control {
        less(&|event| {
            event.event.kind = Kind::Primary;
            event.event.enriches = None;
        });
        less(&|event| event.event.actor = Actor::World);
        if let serde_json::Value::Object(payload) = inner.data.to_json() {
            for name in payload.keys() {
                let mut payload = payload.clone();
                payload.remove(name);
                if let Ok(data) = Data::from_json(&payload.into()) {
                    less(&|event| event.event.data = data.clone());
                }
            }
        }
    }
    found
}
