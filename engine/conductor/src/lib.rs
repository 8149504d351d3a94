//! Gaps: their life, kinds, severity, dispatch order, breakers.
//!
//! In: facts of the graph, the engine's own control events, the time. Out: control events to append, agents to spawn
//! or stop. Never: reads a clock, starts an agent, writes the log. Promise: state is a fold of what is passed in, so
//! that a replay of the log ends in the same bytes, and no breaker is exceeded at any instant.
//! Start reading at [`Conductor`], then `decide`.

mod breakers;
mod checkpoint;
mod conductor;
mod decide;
mod fact;
mod gap;
mod ledger;
mod queues;
mod view;

#[cfg(test)]
mod tests;

pub use breakers::{BreakerReading, BreakerReadings};
pub use checkpoint::RestoreError;
pub use conductor::Conductor;
pub use decide::{DECISIONS_MAX, Decision, Spawn};
pub use fact::{ClauseFacts, Fact, Offer, Severity};
pub use view::{GapState, GapView, KindCounts, SeverityCounts, StateCounts, Status};
