//! The HTTP API and its client, over the Net door.
//!
//! In: requests of people, producers and other nodes. Out: the engine's answers, through its handle.
//! Never: spawns, sleeps or listens but through a door; decides anything about events or gaps.
//! Promise: every error is a problem document with a stable code; every input is bounded.
//! Start reading at [`serve::serve`], then `operation`; the other end is [`client::Client`].
#![expect(
    clippy::result_large_err,
    reason = "a problem is made once for a refused request, and its fields are what the client reads"
)]

mod body;
pub mod client;
mod contract;
mod engine;
mod events;
mod gaps;
mod intake;
mod intent;
mod limits;
mod meter;
mod metrics;
mod openapi;
mod operation;
mod parameters;
pub mod problem;
mod router;
pub mod serve;
pub mod wire;

pub use client::{Client, ClientError, GapFilter, Patience};
pub use limits::ServeLimits;
pub use openapi::document;
pub use problem::{Code, Problem};
pub use serve::{Served, serve};

#[cfg(test)]
mod tests;
