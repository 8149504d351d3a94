//! New versions of a spec: a few edits of the one before, or a step back.
//!
//! In: [`Dice`]. Out: a [`Spec`] in which what was not edited is the same clause as before.
//! Never: changes what is declared; gives a name to two clauses.
//! Start reading at [`Versions::next`].

use homeostat_intent::lowered::{Backfill, Block, Duty, Item, Length, Performer, Spec, Trigger};

use super::dice::Dice;
use super::drawing::Drawing;
use super::fewer::{bodies, mended};
use super::words::{Setting, Words};

/// The versions so far.
pub(super) struct Versions {
    words: Words,
    setting: Setting,
    /// The number that the last clause was given.
    clauses: u64,
    all: Vec<Spec>,
}

impl Versions {
    pub(super) fn new(spec: Spec, clauses: u64, words: Words, setting: Setting) -> Self {
        Self { words, setting, clauses, all: vec![spec] }
    }

    pub(super) fn newest(&self) -> &Spec {
        match self.all.last() {
            Some(spec) => spec,
            None => unreachable!("there is a first version"),
        }
    }

    pub(super) fn next(&mut self, dice: &mut Dice<'_>) -> Spec {
        let mut spec = match self.all.first() {
            Some(first) if self.all.len() > 1 && dice.chance(30) => first.clone(),
            _ => self.newest().clone(),
        };
        spec.hash.0[0] = u8::try_from(self.all.len()).unwrap_or(u8::MAX);
        spec.backfill = dice.one(&[
            Backfill::HumanDecision,
            Backfill::HumanDecision,
            Backfill::HumanDecision,
            Backfill::Sequential,
            Backfill::Sequential,
            Backfill::Sequential,
            Backfill::ProspectiveOnly,
        ]);
        let mut drawing = Drawing::new(dice, self.words, self.setting);
        drawing.clauses = self.clauses;
        for _ in 0..=drawing.dice.below(3) {
            edit(&mut spec, &mut drawing);
        }
        self.clauses = drawing.clauses;
        let spec = mended(spec);
        self.all.push(spec.clone());
        spec
    }
}

fn edit(spec: &mut Spec, drawing: &mut Drawing<'_, '_>) {
    match drawing.dice.below(11) {
        0 | 1 => remove(spec, drawing.dice),
        2..=4 => add(spec, drawing),
        5 => {
            let block = drawing.block();
            spec.blocks.push(block);
        }
        6 => {
            let unit = drawing.setting.unit;
            spec.limits.settle = Length::from_micros(drawing.dice.one(&[0, 1, 2]) * unit);
            spec.limits.max_backfill_in_flight = drawing.dice.one(&[0, 1, 2]);
        }
        7 => watch(spec, drawing),
        8 => shift(spec, drawing.dice),
        _ => change(spec, drawing),
    }
}

/// One thing less.
fn remove(spec: &mut Spec, dice: &mut Dice<'_>) {
    let drop_one = |dice: &mut Dice<'_>, length: usize| {
        let place = dice.below(length.max(1) as u64);
        usize::try_from(place).ok().filter(|place| *place < length)
    };
    match dice.below(6) {
        0 => {
            drop_one(dice, spec.assertions.len()).map(|place| spec.assertions.remove(place));
        }
        1 => {
            drop_one(dice, spec.invariants.len()).map(|place| spec.invariants.remove(place));
        }
        2 => {
            drop_one(dice, spec.targets.len()).map(|place| spec.targets.remove(place));
        }
        3 => {
            drop_one(dice, spec.blocks.len()).map(|place| spec.blocks.remove(place));
        }
        _ => {
            if let Some(block) = some_block(spec, dice) {
                let mut smaller = bodies(&block.body);
                if let Some(place) = drop_one(dice, smaller.len()) {
                    block.body = smaller.swap_remove(place);
                }
            }
        }
    }
}

/// A duty or a guard more, at the top of a block.
fn add(spec: &mut Spec, drawing: &mut Drawing<'_, '_>) {
    let Some(block) = some_block(spec, drawing.dice) else { return };
    drawing.enter(&block.trigger);
    let known = block.body.iter().filter_map(|item| match item {
        Item::Duty(duty) => Some(duty.id),
        _ => None,
    });
    drawing.scopes = vec![known.collect()];
    let items = drawing.items(1);
    let place = drawing.dice.below(block.body.len() as u64 + 1);
    let place = usize::try_from(place).unwrap_or(0);
    block.body.splice(place..place, items);
}

/// An assertion, a bound or a budget more.
fn watch(spec: &mut Spec, drawing: &mut Drawing<'_, '_>) {
    match drawing.dice.below(4) {
        0 if drawing.words.contract => spec.invariants.push(drawing.invariant()),
        1 if drawing.words.contract => spec.targets.push(drawing.target()),
        _ if drawing.words.assertions => spec.assertions.push(drawing.assertion()),
        _ => {}
    }
}

/// A duty at the top of a block of events stands in another.
fn shift(spec: &mut Spec, dice: &mut Dice<'_>) {
    let of_events = |block: &&mut Block| matches!(block.trigger, Trigger::Events(_));
    let mut blocks: Vec<&mut Block> = spec.blocks.iter_mut().filter(of_events).collect();
    let moved = blocks.first_mut().and_then(|block| {
        let place = block.body.iter().position(|item| matches!(item, Item::Duty(_)))?;
        Some(block.body.remove(place))
    });
    let place = usize::try_from(dice.below(blocks.len().max(1) as u64)).unwrap_or(0);
    if let Some(block) = blocks.get_mut(place) {
        block.body.extend(moved);
    }
}

/// Another deadline, performer, strength or call of some duty.
fn change(spec: &mut Spec, drawing: &mut Drawing<'_, '_>) {
    let mut duties = Vec::new();
    for block in &mut spec.blocks {
        gather(&mut block.body, &mut duties);
    }
    let place = usize::try_from(drawing.dice.below(duties.len().max(1) as u64)).unwrap_or(0);
    let Some(duty) = duties.into_iter().nth(place) else { return };
    match drawing.dice.below(6) {
        0 | 1 => duty.within = Some(drawing.length(&[0, 1, 2, 3, 5])),
        2 => duty.within = None,
        3 => {
            duty.by = drawing.dice.one(&[Performer::Agent, Performer::System, Performer::Human]);
        }
        4 => duty.each = !duty.each,
        _ => {
            duty.text.push('\'');
            duty.satisfied_by = vec![drawing.dice.one(&["done", "order.moved"]).to_owned()];
        }
    }
}

fn gather<'s>(items: &'s mut [Item], duties: &mut Vec<&'s mut Duty>) {
    for item in items {
        match item {
            Item::Duty(duty) => duties.push(duty),
            Item::Guard(guard) => gather(&mut guard.body, duties),
            Item::ForEach(each) => gather(&mut each.body, duties),
        }
    }
}

fn some_block<'s>(spec: &'s mut Spec, dice: &mut Dice<'_>) -> Option<&'s mut Block> {
    let place = dice.below(spec.blocks.len().max(1) as u64);
    spec.blocks.get_mut(usize::try_from(place).ok()?)
}
