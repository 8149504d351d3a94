//! The targets: each takes bytes, makes something of them, and says what must hold of it.
//!
//! In: fixed inputs, and those in `kept` that once broke something; or a fuzzing engine's, see
//! `cargo ci fuzz`. Out: nothing, or the smallest input that broke a promise.
//! Never: a case that depends on the machine. Start reading at any target; [`cases`] feeds them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a target fails by panicking, which is what an engine looks for"
)]

#[macro_use]
mod cases;

mod decoders;
mod evaluators;
mod files;
#[path = "../../../../engine/intent/tests/robustness/pieces.rs"]
mod pieces;
mod plans;
mod specs;
mod stores;
mod texts;
