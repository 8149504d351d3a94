//! The mutants of a spec: the same spec with one thing changed.
//!
//! In: a lowered spec and a number. Out: the mutant of that number, and what was changed in it.
//! Never: changes two things, or one that no clause says; never reads a scenario.
//! Promise: the numbers run without a hole, in the order of the text, blocks first.
//! Start reading at [`nth`].

mod body;
mod conditions;
mod contract;
mod schedules;

use homeostat_intent::Span;
use homeostat_intent::lowered::{ClauseId, Item, Length, Spec};
use serde::Serialize;

/// What was changed in a mutant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mutant {
    /// The slug of the clause; a guard's condition; the name of a threshold or state.
    pub clause: String,
    /// `dropped`, `deadline 5s halved to 2s 500ms`.
    pub change: String,
    /// Where it stands.
    #[serde(skip)]
    pub span: Option<Span>,
    /// Why nothing can tell it from the spec, when that is certain from the change itself.
    #[serde(skip)]
    pub(super) idle: Option<&'static str>,
}

/// The mutant of that number. None when there are not so many.
pub(super) fn nth(spec: &Spec, number: usize) -> Option<(Spec, Mutant)> {
    let mut mutated = spec.clone();
    let mut hand = Hand { before: number, made: None, idle: None };
    hand.spec(&mut mutated);
    let mutant = hand.made?;
    forget_dropped(&mut mutated);
    Some((mutated, mutant))
}

/// Goes over a spec and makes the change at one place.
struct Hand {
    /// How many places are still before it.
    before: usize,
    made: Option<Mutant>,
    /// Why no change around here can be told.
    idle: Option<&'static str>,
}

/// What a change is told to be a change of.
#[derive(Clone, Debug)]
struct Site {
    clause: String,
    span: Option<Span>,
}

impl Hand {
    fn spec(&mut self, spec: &mut Spec) {
        for block in &mut spec.blocks {
            self.block(block);
        }
        self.assertions(&mut spec.assertions);
        self.contract(spec);
        self.thresholds(spec);
        self.declarations(spec);
    }

    /// Whether this is the place.
    fn takes(&mut self) -> bool {
        if self.made.is_some() {
            return false;
        }
        let here = self.before == 0;
        self.before = self.before.saturating_sub(1);
        here
    }

    fn done(&self) -> bool {
        self.made.is_some()
    }

    fn make(&mut self, site: &Site, change: impl Into<String>) {
        assert!(self.made.is_none(), "one thing is changed");
        self.made = Some(Mutant {
            clause: site.clause.clone(),
            change: change.into(),
            span: site.span,
            idle: self.idle,
        });
    }

    /// Drops each of several names.
    fn alternatives(&mut self, names: &mut Vec<String>, what: &str, site: &Site) {
        if names.len() < 2 {
            return;
        }
        for index in 0..names.len() {
            if self.takes() {
                let name = names.remove(index);
                return self.make(site, format!("{what} `{name}` dropped"));
            }
        }
    }

    /// Halves and doubles a length of time.
    fn length(&mut self, length: &mut Length, what: &str, site: &Site) {
        let said = crate::explain::length(*length);
        let half = halved(*length);
        if half != *length && self.takes() {
            *length = half;
            let now = crate::explain::length(half);
            self.make(site, format!("{what} {said} halved to {now}"));
        } else if self.takes() {
            *length = doubled(*length);
            let now = crate::explain::length(*length);
            self.make(site, format!("{what} {said} doubled to {now}"));
        }
    }

    /// Moves a number a little up and down.
    fn shifted(&mut self, value: f64, what: &str, site: &Site) -> Option<f64> {
        let step = if value.fract() == 0.0 { 1.0 } else { value.abs() / 10.0 };
        for moved in [value + step, value - step] {
            if self.takes() {
                self.make(site, format!("{what} {value} moved to {moved}"));
                return Some(moved);
            }
        }
        None
    }
}

fn halved(length: Length) -> Length {
    // Half a month is taken as fifteen days.
    let odd = i64::from(length.months % 2) * 15 * 86_400_000_000;
    Length { months: length.months / 2, micros: length.micros / 2 + odd }
}

fn doubled(length: Length) -> Length {
    Length { months: length.months.saturating_mul(2), micros: length.micros.saturating_mul(2) }
}

/// A guard does not wait for a clause that was dropped.
fn forget_dropped(spec: &mut Spec) {
    for block in &mut spec.blocks {
        let mut kept = Vec::new();
        clauses(&block.body, &mut kept);
        keep_awaits(&mut block.body, &kept);
    }
}

fn clauses(items: &[Item], found: &mut Vec<ClauseId>) {
    for item in items {
        match item {
            Item::Duty(duty) => {
                let mut stage = Some(duty);
                while let Some(duty) = stage {
                    found.push(duty.id);
                    stage = duty.fallback.as_deref();
                }
            }
            Item::Guard(guard) => clauses(&guard.body, found),
            Item::ForEach(each) => clauses(&each.body, found),
        }
    }
}

fn keep_awaits(items: &mut [Item], kept: &[ClauseId]) {
    for item in items {
        match item {
            Item::Duty(_) => {}
            Item::Guard(guard) => {
                guard.awaits.retain(|awaited| kept.contains(awaited));
                keep_awaits(&mut guard.body, kept);
            }
            Item::ForEach(each) => keep_awaits(&mut each.body, kept),
        }
    }
}
