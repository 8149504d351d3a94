//! Runs of hand-written Plans in the native lane, and what the oracles say of them, also after
//! somebody tampered with the evidence.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail, and says where")]

mod blindness;
mod desk;
mod ends;
mod expectations;
mod faults;
mod marks;
mod quarter;
mod runs;
mod smoke;
