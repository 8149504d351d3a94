//! Which clause and which guard of one version of a spec is which of another.
//!
//! In: two specs. Out: what corresponds.
//! Never: goes by slugs or places: a clause is its identity, a guard what it stands under, and of
//! those of the same words the one with the same clauses.
//! Start reading at [`guards_of`], then [`same`].

use homeostat_intent::lowered::{ClauseId, Duty, Guard, Item, Spec, Trigger};

/// Every guard of a spec in the order of the text, with what it stands under: the trigger, and every
/// condition from the outside in, its own last.
pub(super) fn guards_of(spec: &Spec) -> Vec<(Vec<String>, &Guard)> {
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

fn walk<'s>(items: &'s [Item], around: &[String], found: &mut Vec<(Vec<String>, &'s Guard)>) {
    for item in items {
        let (text, body) = match item {
            Item::Duty(_) => continue,
            Item::Guard(guard) => (&guard.text, &guard.body),
            Item::ForEach(each) => (&each.text, &each.body),
        };
        let mut under = around.to_vec();
        under.push(text.clone());
        if let Item::Guard(guard) = item {
            found.push((under.clone(), guard));
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

/// The blocks of a spec that the calendar triggers: their schedules as written, their places, and what
/// stands in them.
pub(super) fn periodic_of(spec: &Spec) -> Vec<(String, (usize, &[Item]))> {
    let every = spec.blocks.iter().enumerate().filter_map(|(place, block)| match &block.trigger {
        Trigger::Every(schedule) => Some((schedule.text.clone(), (place, &*block.body))),
        _ => None,
    });
    every.collect()
}

/// Which of `ours` is which of `theirs`, by their places in these lists. Those of the same words are the
/// same when they have a clause in common, and else in the order of the text.
pub(super) fn same<'s, W: Eq, O, T>(
    ours: &[(W, O)],
    theirs: &[(W, T)],
    our_body: impl Fn(&O) -> &'s [Item],
    their_body: impl Fn(&T) -> &'s [Item],
) -> Vec<(usize, usize)> {
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    let in_common = |a: usize, b: usize| {
        let (Some((_, a)), Some((_, b))) = (ours.get(a), theirs.get(b)) else { return false };
        clauses_in(our_body(a)).iter().any(|id| stands_in(*id, their_body(b)))
    };
    let mut take = |fits: &dyn Fn(usize, usize) -> bool| {
        for (b, (words, _)) in theirs.iter().enumerate() {
            let free = |a: &usize| pairs.iter().all(|pair| pair.0 != *a && pair.1 != b);
            let mut alike =
                (0..ours.len()).filter(|a| ours.get(*a).is_some_and(|it| it.0 == *words));
            if let Some(a) = alike.find(|a| free(a) && fits(*a, b)) {
                pairs.push((a, b));
            }
        }
    };
    take(&in_common);
    take(&|_, _| true);
    pairs
}

/// Every clause that stands somewhere in these.
fn clauses_in(items: &[Item]) -> Vec<ClauseId> {
    let inside = items.iter().flat_map(|item| match item {
        Item::Guard(guard) => clauses_in(&guard.body),
        Item::ForEach(each) => clauses_in(&each.body),
        Item::Duty(duty) => stages(duty).map(|stage| stage.id).collect(),
    });
    inside.collect()
}
