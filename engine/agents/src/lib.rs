//! The life of one ephemeral agent: brief, budget, claim, end.
//!
//! In: orders to spawn, outcomes of runs, control events, the time. Out: briefs, control events, checked events.
//! Never: starts a process, reads a clock, believes an agent. Promise: every agent ends, once, in one of five ways,
//! and nothing reaches the log that its brief does not allow.
//! Start reading at [`Agents`]; what agents are told and may answer is in `protocol.md`.

mod brief;
mod claim;
mod file;
mod judge;
mod life;
mod mock;
mod runner;

#[cfg(test)]
mod tests;

pub use brief::{
    Agreement, Argument, Brief, Budget, Constraints, Key, PROTOCOL, Situation, Task, Violated,
};
pub use claim::{Claim, ClaimError, ClaimedEvent};
pub use file::{
    AgentsFile, CommandLine, Deed, FileError, FileErrors, Kind, Member, Plan, Script, Template,
};
pub use life::{AgentView, Agents, Expired, NoAgent, Order, RestoreError, Spawned, Verdict};
pub use mock::{MockRunner, Performance, rehearse};
pub use runner::{Finish, Outcome, Runner};
