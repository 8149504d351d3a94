//! Which clause and which guard of one version of a spec is which of another.
//!
//! In: two specs. Out: what corresponds.
//! Never: goes by slugs or places: a clause is its identity, a guard what it stands under.
//! Start reading at [`guards_of`].

use homeostat_intent::lowered::{ClauseId, Duty, Guard, Item, Spec, Trigger};

/// What a guard stands under: the trigger, and every condition from the outside in, its own last;
/// and the how-manieth of that kind it is.
pub(super) type Place = (Vec<String>, usize);

/// Every guard of a spec in the order of the text, with what it stands under.
pub(super) fn guards_of(spec: &Spec) -> Vec<(Place, &Guard)> {
    let mut found = Vec::new();
    for block in &spec.blocks {
        let opened = match &block.trigger {
            Trigger::Events(types) => types.join("|"),
            Trigger::Held(held) => held.text.clone(),
            Trigger::Every(schedule) => schedule.text.clone(),
        };
        walk(&block.body, &[opened], &mut found);
    }
    found
}

fn walk<'s>(items: &'s [Item], around: &[String], found: &mut Vec<(Place, &'s Guard)>) {
    for item in items {
        let (text, body) = match item {
            Item::Duty(_) => continue,
            Item::Guard(guard) => (&guard.text, &guard.body),
            Item::ForEach(each) => (&each.text, &each.body),
        };
        let mut under = around.to_vec();
        under.push(text.clone());
        if let Item::Guard(guard) = item {
            let nth = found.iter().filter(|((texts, _), _)| *texts == under).count();
            found.push(((under.clone(), nth), guard));
        }
        walk(body, &under, found);
    }
}

/// Whether a clause stands somewhere in these.
pub(super) fn stands_in(id: ClauseId, items: &[Item]) -> bool {
    items.iter().any(|item| match item {
        Item::Guard(guard) => stands_in(id, &guard.body),
        Item::ForEach(each) => stands_in(id, &each.body),
        Item::Duty(duty) => stages(duty).any(|stage| stage.id == id),
    })
}

/// Whether this guard stands somewhere in these.
pub(super) fn holds(guard: &Guard, items: &[Item]) -> bool {
    items.iter().any(|item| match item {
        Item::Duty(_) => false,
        Item::Guard(found) => std::ptr::eq(found, guard) || holds(guard, &found.body),
        Item::ForEach(each) => holds(guard, &each.body),
    })
}

/// A duty and what may be owed instead of it.
pub(super) fn stages(duty: &Duty) -> impl Iterator<Item = &Duty> {
    std::iter::successors(Some(duty), |duty| duty.fallback.as_deref())
}

/// The place of the block that a clause stands in.
pub(super) fn block_of(id: ClauseId, spec: &Spec) -> Option<usize> {
    spec.blocks.iter().position(|block| stands_in(id, &block.body))
}

/// For each block of a spec that the calendar triggers: its place, its schedule as written, and the
/// how-manieth of that kind it is.
pub(super) fn periodic_of(spec: &Spec) -> Vec<(usize, &str, usize)> {
    let mut found: Vec<(usize, &str, usize)> = Vec::new();
    for (place, block) in spec.blocks.iter().enumerate() {
        if let Trigger::Every(schedule) = &block.trigger {
            let nth = found.iter().filter(|(_, text, _)| *text == schedule.text).count();
            found.push((place, &schedule.text, nth));
        }
    }
    found
}
