//! What the engine says about itself; the API shows it and turns it into metrics.
//!
//! In: events as they are applied. Out: [`Status`], [`Totals`].
//! Never: counts what is not in the log.
//! Promise: totals are counted from the log itself, so a restart does not reset them.
//! Start reading at [`Status`].

use std::collections::BTreeMap;

use homeostat_conductor::Status as ConductorStatus;
use homeostat_graph::{BackfillView, ClauseSummary};
use homeostat_log::{Control, Event, Kind};
use homeostat_world::{Position, Timestamp};
use serde::{Deserialize, Serialize};

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
    /// What versions asked of events of before them, and how far that has come.
    pub backfills: Vec<BackfillView>,
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Events by kind.
    pub events: BTreeMap<String, u64>,
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

impl Totals {
    pub(crate) fn count(&mut self, event: &Event, control: Option<&Control>) {
        let kind = match event.event.kind {
            Kind::Primary => "primary",
            Kind::Enrichment => "enrichment",
            Kind::Tombstone => "tombstone",
            Kind::Control => "control",
        };
        add_one(&mut self.events, kind);
        match control {
            Some(Control::GapOpened { .. }) => self.gaps_opened += 1,
            Some(Control::GapClosed { outcome, .. }) => {
                add_one(&mut self.gaps_closed, &snake_case(outcome));
            }
            Some(Control::GapEscalated { .. }) => self.gaps_escalated += 1,
            Some(Control::DeadlineMissed { .. }) => self.deadlines_missed += 1,
            Some(Control::AgentSpawned { .. }) => self.agents_spawned += 1,
            Some(Control::AgentEnded { ending, cost, .. }) => {
                add_one(&mut self.agents_ended, &snake_case(ending));
                self.agents_cost = self.agents_cost.saturating_add(*cost);
            }
            _ => {}
        }
    }
}

/// A unit variant's name as it stands in the log.
fn snake_case(variant: &impl Serialize) -> String {
    serde_json::to_value(variant)
        .ok()
        .and_then(|name| name.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn add_one(counts: &mut BTreeMap<String, u64>, name: &str) {
    match counts.get_mut(name) {
        Some(count) => *count += 1,
        None => drop(counts.insert(name.to_owned(), 1)),
    }
}
