//! Which clause and which guard of a version is which of the version before.
//!
//! In: two programs. Out: numbers of one for numbers of the other.
//! Never: pairs by slug or by place in the text: a clause is its identity, a guard is the triggers
//! and conditions that it stands under, and of those of the same words the one with the same clauses.
//! Promise: each is paired with one at most. Start reading at [`Pairing::of`].

use std::collections::{BTreeMap, BTreeSet};

use crate::program::{Clause, ItemPlan, Opens, Program, at};

/// See the module's opening.
#[derive(Debug)]
pub(crate) struct Pairing {
    /// For each clause of the new version, that of the old.
    before: Vec<Option<u32>>,
    /// For each clause of the old version, that of the new.
    after: Vec<Option<u32>>,
    /// For each guard of the new version, that of the old.
    guards: Vec<Option<u32>>,
    /// For each clause of the old version, the guards around it.
    around: Vec<Vec<u32>>,
    /// For each guard of the new version, whether a clause inside is one of the old.
    holds_kept: Vec<bool>,
    /// For each periodic block of the old version that the new one has, its places among those.
    periodic: Vec<(u32, u32)>,
}

/// What can be edited around its clauses, in the order of the text: its words, its number, and the
/// clauses inside.
type Framed<W> = Vec<(W, u32, BTreeSet<u32>)>;

impl Pairing {
    pub(crate) fn of(old: &Program, new: &Program) -> Self {
        let numbers: BTreeMap<_, _> = old.clauses.iter().zip(0..).map(|(c, n)| (c.id, n)).collect();
        let known = |clause: &Clause| {
            let before = numbers.get(&clause.id).copied()?;
            // What is asserted is its text; a duty stays the same one when it is edited.
            let same = !clause.watched || at(&old.clauses, before).text == clause.text;
            same.then_some(before)
        };
        let before: Vec<Option<u32>> = new.clauses.iter().map(known).collect();
        let mut after = vec![None; old.clauses.len()];
        for (new, old) in (0..).zip(&before) {
            if let Some(place) = old.and_then(|old| after.get_mut(old as usize)) {
                *place = Some(new);
            }
        }
        let (old_walk, new_walk) = (Walk::over(old), Walk::over(new));
        let mut guards = vec![None; new.guards.len()];
        for (old, new) in pairs(&old_walk.guards, &new_walk.guards, &before) {
            if let Some(place) = guards.get_mut(new as usize) {
                *place = Some(old);
            }
        }
        let mut holds_kept = vec![false; new.guards.len()];
        for (around, kept) in new_walk.around.iter().zip(&before) {
            for &guard in around.iter().filter(|_| kept.is_some()) {
                if let Some(holds) = holds_kept.get_mut(guard as usize) {
                    *holds = true;
                }
            }
        }
        let periodic = pairs(&periodic(old), &periodic(new), &before);
        Self { before, after, guards, around: old_walk.around, holds_kept, periodic }
    }

    /// The old number of a clause.
    pub(crate) fn before(&self, clause: u32) -> Option<u32> {
        *at(&self.before, clause)
    }

    /// The new number of a clause.
    pub(crate) fn after(&self, clause: u32) -> Option<u32> {
        *at(&self.after, clause)
    }

    /// The old number of a guard.
    pub(crate) fn guard(&self, guard: u32) -> Option<u32> {
        *at(&self.guards, guard)
    }

    /// The guards around a clause of the old version.
    pub(crate) fn around(&self, old: u32) -> &[u32] {
        at(&self.around, old).as_slice()
    }

    /// The places among the periodic blocks, in the old version and in the new.
    pub(crate) fn periodic(&self) -> &[(u32, u32)] {
        &self.periodic
    }

    /// Whether a guard of the new version has a clause of the old inside.
    pub(crate) fn holds_kept(&self, guard: u32) -> bool {
        *at(&self.holds_kept, guard)
    }
}

/// Which is which, of the same words: first those that hold a clause that both versions have, then the
/// rest, each time the first with the first.
fn pairs<W: Eq>(old: &Framed<W>, new: &Framed<W>, before: &[Option<u32>]) -> Vec<(u32, u32)> {
    let mut found: Vec<(u32, u32)> = Vec::new();
    for must_share in [true, false] {
        for (words, new, inside) in new {
            if found.iter().any(|(_, paired)| paired == new) {
                continue;
            }
            let kept: BTreeSet<u32> =
                inside.iter().filter_map(|&clause| *at(before, clause)).collect();
            let mut candidates = old.iter().filter(|(other, old, holds)| {
                other == words
                    && (!must_share || !kept.is_disjoint(holds))
                    && found.iter().all(|(paired, _)| paired != old)
            });
            if let Some((_, old, _)) = candidates.next() {
                found.push((*old, *new));
            }
        }
    }
    found
}

/// Periodic blocks by their schedule as written.
fn periodic(program: &Program) -> Framed<String> {
    let every = (0..).zip(&program.periodic).filter_map(|(place, &block)| {
        let Opens::Every(plan) = &at(&program.blocks, block).opens else { return None };
        let stands_in = |it: &Clause| !it.watched && program.root(it.block) == block;
        let inside = (0..).zip(&program.clauses).filter(|(_, clause)| stands_in(clause));
        Some((plan.text.clone(), place, inside.map(|(clause, _)| clause).collect()))
    });
    every.collect()
}

/// A program's guards by what they stand under, and the guards around each clause.
struct Walk {
    guards: Framed<Vec<String>>,
    around: Vec<Vec<u32>>,
}

impl Walk {
    fn over(program: &Program) -> Self {
        let around = vec![Vec::new(); program.clauses.len()];
        let mut walk = Self { guards: Vec::new(), around };
        for block in program.blocks.iter().filter(|block| !block.is_inside()) {
            let opened = match &block.opens {
                Opens::Held(held) => held.text.clone(),
                Opens::Every(plan) => plan.text.clone(),
                Opens::Events | Opens::Each(_) | Opens::Always(_) => block.triggers.join("|"),
            };
            walk.items(program, &block.body, &mut vec![opened], &mut Vec::new());
        }
        for (_, guard, inside) in &mut walk.guards {
            let around = (0..).zip(&walk.around).filter(|(_, around)| around.contains(guard));
            inside.extend(around.map(|(clause, _)| clause));
        }
        walk
    }

    fn items(
        &mut self,
        program: &Program,
        items: &[ItemPlan],
        under: &mut Vec<String>,
        guards: &mut Vec<u32>,
    ) {
        for item in items {
            match *item {
                ItemPlan::Duty(clause) => {
                    let mut stage = Some(clause);
                    while let Some(clause) = stage {
                        if let Some(around) = self.around.get_mut(clause as usize) {
                            around.clone_from(guards);
                        }
                        stage = at(&program.clauses, clause).fallback.map(|index| index.0);
                    }
                }
                ItemPlan::Guard(guard) => {
                    let plan = at(&program.guards, guard);
                    under.push(plan.text.clone());
                    self.guards.push((under.clone(), guard, BTreeSet::new()));
                    guards.push(guard);
                    self.items(program, &plan.body, under, guards);
                    guards.pop();
                    under.pop();
                }
                ItemPlan::Each(body) => {
                    let body = at(&program.blocks, body);
                    if let Opens::Each(each) = &body.opens {
                        under.push(each.text.clone());
                    }
                    self.items(program, &body.body, under, guards);
                    under.pop();
                }
            }
        }
    }
}
