//! The real world: fjall, tokio, OS randomness, agent processes, files of other formats.
//!
//! Start reading at the module that is named after what you look for; each implements a door of `engine/world`.
pub mod chance;
pub mod clock;
pub mod interchange;
pub mod net;
pub mod runners;
pub mod store;
pub mod tasks;

pub use chance::os_chance;
pub use clock::SystemClock;
pub use net::TokioNet;
pub use runners::{Answer, Cleared, CommandRunner, HostRunner, LogMark, ask};
pub use store::{FjallStore, LogDirOptions, OpenError, WitnessFile, open_log_dir};
pub use tasks::TokioTasks;
