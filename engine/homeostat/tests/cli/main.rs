//! Drives the real `homeostat` binary: what is typed, what is printed, how it exits.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test says what it expects"
)]

mod bad_input;
mod bench;
mod claims;
mod contract;
mod demo;
mod editor;
mod evolution;
mod explanations;
mod frame;
mod help;
#[cfg(target_os = "linux")]
mod leftovers;
mod logs;
mod lsp;
mod scenarios;
mod serve;
#[cfg(unix)]
mod sim;
mod specs;
mod verifying;
