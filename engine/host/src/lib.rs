//! The real world: fjall, tokio, OS randomness, agent processes, files of other formats.
//!
//! Start reading at the module that is named after what you look for; each implements a door of `engine/world`.
pub mod chance;
pub mod clock;
pub mod net;
pub mod tasks;

pub use chance::os_chance;
pub use clock::SystemClock;
pub use net::TokioNet;
pub use tasks::TokioTasks;
