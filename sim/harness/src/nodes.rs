//! The nodes of a run: the engine, and clients that talk to it.
//!
//! In: the doors of a node, and what the Plan has for it. Out: lines of the History.
//! Never: knows which lane it runs in. Promise: the engine is the real one, put together as
//! `homeostat serve` does it, and clients speak its real HTTP.
//! Start reading at [`engine::Engine::run`] and [`client::Client::run`].

pub mod client;
pub mod engine;
mod overheard;

/// Where the engine listens.
pub const ENGINE_ADDRESS: &str = "engine:80";
/// The name of the engine's node.
pub const ENGINE: &str = "engine";
/// The source of every event that clients send: their ids are unique in a Plan.
pub const SOURCE: &str = "sim";

/// The name of a client's node.
#[must_use]
pub fn client_name(number: u32) -> String {
    format!("client-{number}")
}
