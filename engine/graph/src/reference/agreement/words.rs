//! What cases are made of: which words of the language, at which time, how fast.
//!
//! In: [`Dice`]. Out: [`Words`] and a [`Setting`]. Never: a case that uses everything at once only.
//! Promise: about a third of all cases know nothing but events, duties and guards.
//! Start reading at [`Words::draw`].

use homeostat_intent::lowered::{Period, Spec, Trigger};

use super::dice::Dice;

/// The constructs that a case may use, beside events, duties and guards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// `for each`.
    pub each: bool,
    /// Collections that are counted.
    pub counts: bool,
    /// `when S for D`.
    pub held: bool,
    /// `every`, `on`, and downtimes.
    pub ticks: bool,
    /// Erasure.
    pub tombstones: bool,
    /// `always` and rules.
    pub assertions: bool,
    /// Metrics and budgets.
    pub contract: bool,
    /// New versions of the spec.
    pub evolution: bool,
}

impl Words {
    /// Events, duties and guards.
    pub const PLAIN: Self = Self {
        each: false,
        counts: false,
        held: false,
        ticks: false,
        tombstones: false,
        assertions: false,
        contract: false,
        evolution: false,
    };

    /// The whole language.
    pub const ALL: Self = Self {
        each: true,
        counts: true,
        held: true,
        ticks: true,
        tombstones: true,
        assertions: true,
        contract: true,
        evolution: true,
    };

    /// Which of these a case uses.
    pub(super) fn draw(self, dice: &mut Dice<'_>) -> Self {
        if dice.chance(33) {
            let tombstones = self.tombstones && dice.chance(50);
            return Self { tombstones, ..Self::PLAIN };
        }
        let mut some = |allowed: bool| allowed && dice.chance(55);
        Self {
            each: some(self.each),
            counts: some(self.counts),
            held: some(self.held),
            ticks: some(self.ticks),
            tombstones: some(self.tombstones),
            assertions: some(self.assertions),
            contract: some(self.contract),
            evolution: some(self.evolution),
        }
    }
}

/// When a case plays, and how long its unit of time is, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) start: i64,
    pub(super) unit: i64,
}

/// Evenings of which something is known: the clock is put forward, put back, a month ends, a clock is
/// put forward at midnight, a date is skipped.
const EVENINGS: [i64; 5] = [
    1_774_735_200_000_000, // 2026-03-28T22:00Z, a Saturday
    1_792_879_200_000_000, // 2026-10-24T22:00Z, a Saturday
    1_769_889_600_000_000, // 2026-01-31T20:00Z, a Saturday
    1_541_282_400_000_000, // 2018-11-03T22:00Z
    1_325_145_600_000_000, // 2011-12-29T08:00Z
];
const MINUTE: i64 = 60_000_000;

impl Setting {
    pub(super) fn draw(words: Words, dice: &mut Dice<'_>) -> Self {
        if words.ticks && dice.chance(70) || dice.chance(10) {
            Self::of_hours(dice)
        } else {
            Self::OF_SECONDS
        }
    }

    const OF_SECONDS: Self = Self { start: 0, unit: 1_000_000 };

    fn of_hours(dice: &mut Dice<'_>) -> Self {
        let start = dice.one(&EVENINGS);
        Self { start, unit: dice.one(&[15, 30, 60, 60, 120]) * MINUTE }
    }

    /// One that suits a spec of another's making.
    pub(super) fn under(spec: &Spec, dice: &mut Dice<'_>) -> Self {
        let is_slow = |trigger: &Trigger| match trigger {
            Trigger::Every(schedule) => match schedule.period {
                Period::Fixed(micros) => micros >= MINUTE,
                Period::Day | Period::Week(_) | Period::Month => true,
            },
            Trigger::Events(_) | Trigger::Held(_) => false,
        };
        if spec.blocks.iter().any(|block| is_slow(&block.trigger)) {
            Self::of_hours(dice)
        } else {
            Self::OF_SECONDS
        }
    }
}
