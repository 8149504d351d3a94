//! The doors to the outside (clock, network, store, chance, tasks) and the words for time and places.
//!
//! Never: reads a clock, opens a file, draws entropy. Whoever needs those is handed a door.
//! Start reading at [`clock::Clock`]; real doors are in `engine/host`.
pub mod canary;
pub mod chance;
pub mod clock;
pub mod conformance;
pub mod limits;
pub mod net;
pub mod pad;
pub mod position;
pub mod store;
pub mod tasks;
pub mod time;

pub use chance::Chance;
pub use clock::Clock;
pub use net::{Listener, Net};
pub use pad::Pad;
pub use position::Position;
pub use store::{Batch, Durability, MemoryStore, Snapshot, Space, Store, StoreError};
pub use tasks::{TaskHandle, Tasks};
pub use time::{Duration, Timestamp};
