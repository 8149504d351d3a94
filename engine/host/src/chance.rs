//! Real chance: streams whose seed the operating system gives.
//!
//! In: the system's entropy, once. Out: a [`Chance`]. Start reading at [`os_chance`].

use std::io;

use homeostat_world::Chance;

/// Streams that no one can foretell and no other process shares.
///
/// # Errors
/// When the operating system gives no entropy.
pub fn os_chance() -> io::Result<Chance> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(Chance::new(seed))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use rand_core::Rng;

    use super::*;

    #[test]
    fn two_seeds_differ() {
        let draw = |chance: Chance| chance.stream("ids").next_u64();
        assert_ne!(draw(os_chance().unwrap()), draw(os_chance().unwrap()));
    }
}
