//! What the engine says about itself; the API shows it and turns it into metrics.

use std::collections::BTreeMap;

use homeostat_conductor::Status as ConductorStatus;
use homeostat_graph::ClauseSummary;
use homeostat_world::{Position, Timestamp};
use serde::Serialize;

/// How the engine is, at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Whether it takes events.
    pub health: Health,
    /// The engine's clock.
    pub now: Timestamp,
    /// The last position of the log.
    pub head: Position,
    /// When that was recorded.
    pub recorded: Timestamp,
    /// The name of the spec in force.
    pub spec: Option<String>,
    /// Its hash.
    pub spec_hash: String,
    /// Gaps and breakers.
    pub conductor: ConductorStatus,
    /// Obligations by clause, in the order of the spec.
    pub clauses: Vec<ClauseSummary>,
    /// Since the log began.
    pub totals: Totals,
}

/// Whether the engine takes events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Health {
    /// It does.
    Ok,
    /// A write failed: reads go on, nothing is acknowledged any more.
    ReadOnly {
        /// What failed.
        reason: String,
    },
}

/// Counted from the log itself, so a restart does not reset them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Events by kind.
    pub events: BTreeMap<&'static str, u64>,
    /// Gaps opened.
    pub gaps_opened: u64,
    /// Gaps closed, by outcome.
    pub gaps_closed: BTreeMap<String, u64>,
    /// Gaps given to people.
    pub gaps_escalated: u64,
    /// Deadlines that passed.
    pub deadlines_missed: u64,
    /// Agents spawned.
    pub agents_spawned: u64,
    /// Agents ended, by ending.
    pub agents_ended: BTreeMap<String, u64>,
    /// What agents cost, in millionths of a dollar.
    pub agents_cost: u64,
}
