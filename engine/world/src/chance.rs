//! The chance door: named streams of reproducible randomness.
//!
//! Promise: a stream depends on the seed and its own name alone, so a new draw in one place moves
//! no other.

use rand_chacha::ChaCha12Rng;
use rand_core::SeedableRng;

/// One seed, many independent streams. The host seeds it from the operating system, a simulation
/// from its Plan.
#[derive(Clone, Debug)]
pub struct Chance {
    seed: [u8; 32],
}

impl Chance {
    /// All streams of `seed`.
    #[must_use]
    pub const fn new(seed: [u8; 32]) -> Self {
        Self { seed }
    }

    /// All streams of a short seed, as people write it.
    #[must_use]
    pub fn from_u64(seed: u64) -> Self {
        Self { seed: ChaCha12Rng::seed_from_u64(seed).get_seed() }
    }

    /// The stream called `name`, from its start.
    #[must_use]
    pub fn stream(&self, name: &str) -> ChaCha12Rng {
        let mut stream = ChaCha12Rng::from_seed(self.seed);
        stream.set_stream(fnv1a(name));
        stream
    }
}

/// FNV-1a, 64 bit (http://www.isthe.com/chongo/tech/comp/fnv/): spreads names over ChaCha's 2^64
/// streams. It need not resist an adversary, names are written by us.
fn fnv1a(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use rand_core::Rng;

    use super::*;

    #[test]
    fn streams_repeat_and_differ() {
        let chance = Chance::from_u64(7);
        let draw = |name: &str| chance.stream(name).next_u64();
        assert_eq!(draw("dispatch"), draw("dispatch"));
        assert_ne!(draw("dispatch"), draw("agents"));
        assert_ne!(draw("dispatch"), Chance::from_u64(8).stream("dispatch").next_u64());
    }
}
