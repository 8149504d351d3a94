//! Where a case gets its choices from: a seed, or bytes that a fuzzer makes.
//!
//! In: a seed or bytes. Out: numbers below a bound.
//! Never: draws from anything else; runs dry. Bytes that have run out choose the first of what there
//! is and no chance comes true, so that fewer bytes make a smaller case.
//! Promise: the same source gives the same choices. Start reading at [`Dice::below`].

/// A stream of choices.
#[derive(Clone, Debug)]
pub struct Dice<'b> {
    source: Source<'b>,
}

#[derive(Clone, Debug)]
enum Source<'b> {
    /// A splitmix64 stream.
    Seed(u64),
    Bytes(&'b [u8]),
}

impl<'b> Dice<'b> {
    /// Choices that follow from a seed, without end.
    #[must_use]
    pub const fn of_seed(seed: u64) -> Self {
        Self { source: Source::Seed(seed) }
    }

    /// Choices that bytes say, one byte for nearly each.
    #[must_use]
    pub const fn of_bytes(bytes: &'b [u8]) -> Self {
        Self { source: Source::Bytes(bytes) }
    }

    /// A number below `bound`, which is not zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        match &mut self.source {
            Source::Seed(state) => next(state) % bound,
            Source::Bytes(bytes) => {
                let mut number = 0;
                let mut covered: u64 = 1;
                while covered < bound {
                    let Some((first, rest)) = bytes.split_first() else { break };
                    *bytes = rest;
                    number = number << 8 | u64::from(*first);
                    covered = covered.saturating_mul(256);
                }
                number % bound
            }
        }
    }

    /// True in so many of a hundred cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        match self.source {
            Source::Seed(_) => self.below(100) < percent,
            Source::Bytes(_) => 99 - self.below(100) < percent,
        }
    }

    /// One of them.
    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        let place = self.below(of.len() as u64);
        match of.get(usize::try_from(place).unwrap_or(0)) {
            Some(found) => *found,
            None => unreachable!("the place is below the length"),
        }
    }

    /// Whether there is nothing left that could make another choice.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        match self.source {
            Source::Seed(_) => false,
            Source::Bytes(bytes) => bytes.is_empty(),
        }
    }
}

const fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_reach_every_number_and_then_choose_the_first() {
        let mut seen: Vec<u64> =
            (0..=255_u8).map(|byte| Dice::of_bytes(&[byte]).below(256)).collect();
        seen.dedup();
        assert_eq!(seen.len(), 256);
        assert_eq!(Dice::of_bytes(&[1, 2]).below(1_000), 258);
        let mut empty = Dice::of_bytes(&[]);
        assert!(empty.is_empty() && !empty.chance(99));
        assert_eq!((empty.below(7), empty.one(&["a", "b"])), (0, "a"));
    }
}
