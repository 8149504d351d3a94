//! The breakers of a system, and money per time.

use serde::{Deserialize, Serialize};

use super::Length;

/// The breakers. Every one has a default, so that no spec runs without them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// How deep gaps may follow from agents' own events. Default 5.
    pub max_agent_depth: u32,
    /// Agents alive at once. Default 20.
    pub max_concurrent_agents: u32,
    /// Agents that may fail on one gap before a human is asked. Default 3.
    pub max_agents_per_gap: u32,
    /// Rest between two agents for the same gap. Default 30 s.
    pub cooldown_per_gap: Length,
    /// What agents may cost together in any hour; none means no bound. A hole (`$X/hour`) is none,
    /// with a warning.
    pub total_compute_budget: Option<Budget>,
    /// How long the world may take before a gap opens for an agent. Default 0.
    pub settle: Length,
    /// The deadline of a fallback that states none. Default 24 h.
    pub default_within: Length,
    /// Retroactive obligations that are owed at once while a backfill runs. Default 10.
    pub max_backfill_in_flight: u32,
}

/// Money per time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// Millionths of a dollar.
    pub micro_dollars: u64,
    /// Per this long. The breaker scales it to an hour.
    pub per: Length,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_agent_depth: 5,
            max_concurrent_agents: 20,
            max_agents_per_gap: 3,
            cooldown_per_gap: Length::from_micros(30_000_000),
            total_compute_budget: None,
            settle: Length::default(),
            default_within: Length::from_micros(24 * 3_600_000_000),
            max_backfill_in_flight: 10,
        }
    }
}
