//! Draws from one named stream of chance.
//!
//! In: a [`Chance`]. Out: numbers, choices, yes or no. Never: a draw that depends on the machine.
//! Start reading at [`Draw::new`].

use homeostat_world::{Chance, Duration};
use rand_chacha::ChaCha12Rng;
use rand_core::Rng;

/// One stream.
pub(crate) struct Draw(ChaCha12Rng);

impl Draw {
    /// The stream called `name`.
    pub(crate) fn new(chance: &Chance, name: &str) -> Self {
        Self(chance.stream(name))
    }

    /// A number below `bound`; 0 when that is 0. The slight unevenness of a remainder is no
    /// matter for numbers as small as these.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound.max(1)
    }

    /// A number from `least` to `most`, both included.
    pub(crate) fn between(&mut self, least: i64, most: i64) -> i64 {
        let room = most.saturating_sub(least).max(0).unsigned_abs().saturating_add(1);
        least.saturating_add(i64::try_from(self.below(room)).unwrap_or(0))
    }

    /// A count from `least` to `most`, both included.
    pub(crate) fn count(&mut self, least: u32, most: u32) -> u32 {
        u32::try_from(self.between(i64::from(least), i64::from(most))).unwrap_or(least)
    }

    /// A length from `least` to `most`, both included.
    pub(crate) fn length(&mut self, least: Duration, most: Duration) -> Duration {
        Duration::from_micros(self.between(least.as_micros(), most.as_micros()))
    }

    /// Yes in `percent` of a hundred cases.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of them.
    pub(crate) fn one_of<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(choices.len()).unwrap_or(u64::MAX);
        choices.get(usize::try_from(self.below(count)).unwrap_or(0))
    }

    /// One of them, by weight; the first where no weight is more than nothing.
    pub(crate) fn weighted<T: Copy>(&mut self, choices: &[(T, u64)]) -> Option<T> {
        let mut left = self.below(choices.iter().map(|(_, weight)| weight).sum());
        for (choice, weight) in choices {
            if left < *weight {
                return Some(*choice);
            }
            left -= weight;
        }
        choices.first().map(|(choice, _)| *choice)
    }
}
