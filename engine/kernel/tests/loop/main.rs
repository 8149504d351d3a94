//! The whole loop on a store in memory, a paused clock and mock agents.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod checks;
mod contract;
mod doors;
mod evolution;
mod living;
mod restart;
mod trouble;
