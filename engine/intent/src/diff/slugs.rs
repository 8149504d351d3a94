//! Keeps the readable names of clauses from one version of a spec to the next.
//!
//! In: the version before. Out: the version after, with other names. Never: changes a meaning.
//! Promise: a clause that was ever in force is found under the name that it had then, and a name is
//! never given to another clause, so an id in an old log (`acknowledge@17`) means one thing for ever.
//! Start reading at [`Spec::keep_slugs`].

use std::collections::{BTreeMap, BTreeSet};

use crate::lowered::{Checker, ClauseId, Duty, Item, Proposition, Retired, Spec};

impl Spec {
    /// Gives every clause the name that it had in `old` or in a version before, and new ones names
    /// that no clause ever had. Do so from version to version, in the order of their adoption.
    pub fn keep_slugs(&mut self, old: &Self) {
        let mut before: BTreeMap<ClauseId, String> = BTreeMap::new();
        before.extend(old.retired.iter().map(|retired| (retired.clause, retired.slug.clone())));
        before.extend(old.named().into_iter().map(|(id, slug)| (id, slug.to_owned())));
        let mut taken: BTreeSet<String> = before.values().cloned().collect();
        let mut renamed = BTreeMap::new();
        self.each_slug(&mut |id, slug| {
            let kept = before.get(&id).cloned();
            let name = kept.unwrap_or_else(|| free_name(slug, &taken));
            taken.insert(name.clone());
            renamed.insert(std::mem::replace(slug, name.clone()), name);
        });
        self.rename_mentions(&renamed);
        let living: BTreeSet<ClauseId> = self.named().into_iter().map(|(id, _)| id).collect();
        self.retired = before
            .into_iter()
            .filter(|(id, _)| !living.contains(id))
            .map(|(clause, slug)| Retired { clause, slug })
            .collect();
    }

    /// Every clause with its name.
    fn named(&self) -> Vec<(ClauseId, &str)> {
        let duties = self.duties().map(|duty| (duty.id, &duty.slug));
        let assertions = self.assertions.iter().map(|it| (it.id, &it.slug));
        let invariants = self.invariants.iter().map(|it| (it.id, &it.slug));
        let targets = self.targets.iter().map(|it| (it.id, &it.slug));
        let all = duties.chain(assertions).chain(invariants).chain(targets);
        all.map(|(id, slug)| (id, slug.as_str())).collect()
    }

    fn each_slug(&mut self, change: &mut dyn FnMut(ClauseId, &mut String)) {
        for block in &mut self.blocks {
            each_in(&mut block.body, change);
        }
        self.assertions.iter_mut().for_each(|it| change(it.id, &mut it.slug));
        self.invariants.iter_mut().for_each(|it| change(it.id, &mut it.slug));
        self.targets.iter_mut().for_each(|it| change(it.id, &mut it.slug));
    }

    /// What names a clause by its slug elsewhere follows it.
    fn rename_mentions(&mut self, renamed: &BTreeMap<String, String>) {
        let follow = |checker: &mut Checker| {
            if let Checker::Assertion(slug) = checker
                && let Some(name) = renamed.get(slug)
            {
                slug.clone_from(name);
            }
        };
        for invariant in &mut self.invariants {
            if let Proposition::Named(checker) = &mut invariant.says {
                follow(checker);
            }
        }
        for property in self.capabilities.iter_mut().flat_map(|it| &mut it.properties) {
            follow(&mut property.checker);
            if let Some((_, checker)) = &mut property.unless {
                follow(checker);
            }
        }
    }
}

fn each_in(items: &mut [Item], change: &mut dyn FnMut(ClauseId, &mut String)) {
    for item in items {
        match item {
            Item::Duty(duty) => each_of(duty, change),
            Item::Guard(guard) => each_in(&mut guard.body, change),
            Item::ForEach(each) => each_in(&mut each.body, change),
        }
    }
}

fn each_of(duty: &mut Duty, change: &mut dyn FnMut(ClauseId, &mut String)) {
    change(duty.id, &mut duty.slug);
    if let Some(fallback) = &mut duty.fallback {
        each_of(fallback, change);
    }
}

/// `notify`, or else the first of `notify.2`, `notify.3` … that nothing ever had.
fn free_name(wanted: &str, taken: &BTreeSet<String>) -> String {
    if !taken.contains(wanted) {
        return wanted.to_owned();
    }
    let numbered = wanted.rsplit_once('.').filter(|(_, number)| number.parse::<u32>().is_ok());
    let stem = numbered.map_or(wanted, |(stem, _)| stem);
    let mut number = 2_u64;
    loop {
        let name = format!("{stem}.{number}");
        if !taken.contains(&name) {
            return name;
        }
        number += 1;
    }
}
