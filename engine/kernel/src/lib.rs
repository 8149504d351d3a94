//! The one ordered loop (input, decide, append, effects) and its async shell.
//!
//! In: requests, agents' claims, the clock. Out: events in the log, agents started and stopped.
//! Never: has an effect that is not in the log first.
//! Promise: all state is a fold of the log; a restart at any position gives the same state.
//! Start reading at [`machine::Machine`], then [`drive`].
pub mod check;
pub mod checkpoint;
pub mod contract;
pub mod drive;
pub mod handle;
pub mod machine;
pub mod status;
mod task;
pub mod versions;

pub use contract::{Finding, Proposition, ReportError, Reported};
pub use drive::{Engine, Parts, Running, Settings, StartError};
pub use handle::{
    AdoptError, Adoption, AppendError, AskError, CheckBegun, DecideError, Evolved, Handle,
    Proposal, ReadQuery, Verdict, VersionView,
};
pub use machine::Machine;
pub use status::{Health, Status, Totals};
pub use versions::{Next, Version, VersionError};
