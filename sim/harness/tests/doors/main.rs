//! The native lane's doors: tasks, time, the network under faults, skewed clocks, and the real
//! engine on all of them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod conformance;
mod engine;
mod executor;
mod net;
mod skew;
#[path = "../stage/talk.rs"]
mod talk;
mod trouble;

use homeostat_sim_harness::native::{Native, Order};
use homeostat_world::{Chance, Duration, Timestamp};

/// When every test begins: 2026-03-02T09:00:00Z.
const DAWN: Timestamp = Timestamp::from_micros(1_772_442_000_000_000);

fn native(seed: u64) -> Native {
    Native::new(DAWN, &Chance::from_u64(seed), Order::Shuffled)
}

fn after(millis: i64) -> Timestamp {
    DAWN + Duration::from_millis(millis)
}
