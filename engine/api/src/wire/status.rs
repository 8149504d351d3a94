//! How the engine is, in numbers.
//!
//! In: the kernel's status. Out: the same for `/v1/status`. Start reading at [`Status`].

use std::collections::BTreeMap;

use homeostat_conductor::{BreakerReading, BreakerReadings};
use homeostat_world::{Position, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::intent::Backfill;

/// How the engine is, at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Whether it takes events.
    pub health: Health,
    /// The engine's clock.
    #[schema(value_type = String, format = DateTime)]
    pub now: Timestamp,
    /// The last position of the log.
    #[schema(value_type = u64)]
    pub head: Position,
    /// When that was recorded.
    #[schema(value_type = String, format = DateTime)]
    pub recorded: Timestamp,
    /// The name of the spec in force.
    pub spec: Option<String>,
    /// Its hash.
    pub spec_hash: String,
    /// What versions asked of events of before them, and how far that has come.
    pub backfills: Vec<Backfill>,
    /// Open gaps.
    pub gaps: GapCounts,
    /// Agents at work.
    pub agents_at_work: u64,
    /// The breakers, by the name of their setting.
    pub breakers: BTreeMap<String, Breaker>,
    /// Obligations by clause, in the order of the spec.
    pub clauses: Vec<Clause>,
    /// Since the log began.
    pub totals: Totals,
}

/// Whether the engine takes events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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

/// Open gaps, counted three ways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GapCounts {
    /// All of them.
    pub open: u64,
    /// By kind.
    pub by_kind: BTreeMap<String, u64>,
    /// By strength.
    pub by_strength: BTreeMap<String, u64>,
    /// By state.
    pub by_state: BTreeMap<String, u64>,
}

/// One breaker's numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Breaker {
    /// Its setting: agents, levels, microseconds, or millionths of a dollar an hour. Null: no bound.
    pub limit: Option<u64>,
    /// How much of it is used up now, where that is a number.
    pub used: u64,
    /// Gaps that it keeps from an agent now.
    pub holds: u64,
    /// The same in words.
    pub detail: String,
}

/// Counted from the log itself, so a restart does not reset them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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

impl From<homeostat_kernel::Status> for Status {
    fn from(status: homeostat_kernel::Status) -> Self {
        let conductor = status.conductor;
        let (kind, severity, state) =
            (conductor.by_kind, conductor.by_severity, conductor.by_state);
        Self {
            health: status.health.into(),
            now: status.now,
            head: status.head,
            recorded: status.recorded,
            spec: status.spec,
            spec_hash: status.spec_hash,
            backfills: status.backfills.into_iter().map(Into::into).collect(),
            gaps: GapCounts {
                open: conductor.gaps_open,
                by_kind: named([
                    ("reaction", kind.reaction),
                    ("temporal", kind.temporal),
                    ("consistency", kind.consistency),
                    ("intent", kind.intent),
                    ("quality", kind.quality),
                ]),
                by_strength: named([
                    ("invariant", severity.invariant),
                    ("must", severity.must),
                    ("should", severity.should),
                    ("could", severity.could),
                ]),
                by_state: named([
                    ("open", state.open),
                    ("working", state.working),
                    ("cooling", state.cooling),
                    ("escalated", state.escalated),
                    ("waiting", state.waiting),
                ]),
            },
            agents_at_work: conductor.agents_at_work,
            breakers: breakers(conductor.breakers),
            clauses: status.clauses.into_iter().map(Into::into).collect(),
            totals: status.totals.into(),
        }
    }
}

fn named<V, const N: usize>(pairs: [(&str, V); N]) -> BTreeMap<String, V> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn breakers(readings: BreakerReadings) -> BTreeMap<String, Breaker> {
    let BreakerReadings {
        max_agent_depth,
        max_concurrent_agents,
        max_agents_per_gap,
        cooldown_per_gap,
        total_compute_budget,
    } = readings;
    named([
        ("max_agent_depth", max_agent_depth.into()),
        ("max_concurrent_agents", max_concurrent_agents.into()),
        ("max_agents_per_gap", max_agents_per_gap.into()),
        ("cooldown_per_gap", cooldown_per_gap.into()),
        ("total_compute_budget", total_compute_budget.into()),
    ])
}

impl From<BreakerReading> for Breaker {
    fn from(reading: BreakerReading) -> Self {
        let BreakerReading { limit, used, holds, detail } = reading;
        Self { limit, used, holds, detail }
    }
}

impl From<homeostat_kernel::Health> for Health {
    fn from(health: homeostat_kernel::Health) -> Self {
        match health {
            homeostat_kernel::Health::Ok => Self::Ok,
            homeostat_kernel::Health::ReadOnly { reason } => Self::ReadOnly { reason },
        }
    }
}

impl From<homeostat_kernel::status::Totals> for Totals {
    fn from(totals: homeostat_kernel::status::Totals) -> Self {
        Self {
            events: totals.events,
            gaps_opened: totals.gaps_opened,
            gaps_closed: totals.gaps_closed,
            gaps_escalated: totals.gaps_escalated,
            deadlines_missed: totals.deadlines_missed,
            agents_spawned: totals.agents_spawned,
            agents_ended: totals.agents_ended,
            agents_cost: totals.agents_cost,
        }
    }
}

/// How the obligations of one clause have fared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Clause {
    /// The clause's readable name.
    pub slug: String,
    /// Its deadline, as the language writes it: `14d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
    /// Obligations that were ever activated.
    pub triggers: u64,
    /// Fulfilled in time, those counted that were seen late.
    pub met: u64,
    /// Of these, recorded only after the deadline had passed.
    pub seen_late: u64,
    /// Fulfilled after due.
    pub late: u64,
    /// Open, and due has passed.
    pub overdue: u64,
    /// Open, and not yet due.
    pub pending: u64,
    /// Due passed and the fallback took its place.
    pub lapsed: u64,
    /// A fallback that is no longer owed.
    pub withdrawn: u64,
    /// Lapsed, and the fallback was fulfilled.
    pub compensated: u64,
    /// Let go by a person.
    pub waived: u64,
    /// Gone with what it was about, which was erased.
    pub void: u64,
    /// Deadlines that passed unmet, whatever came after: counted above by what did.
    pub missed: u64,
}

impl From<homeostat_graph::ClauseSummary> for Clause {
    fn from(summary: homeostat_graph::ClauseSummary) -> Self {
        let tally = summary.tally;
        Self {
            slug: summary.slug,
            within: summary.within,
            triggers: tally.triggers,
            met: tally.met,
            seen_late: tally.seen_late,
            late: tally.late,
            overdue: tally.overdue,
            pending: tally.pending,
            lapsed: tally.lapsed,
            withdrawn: tally.withdrawn,
            compensated: tally.compensated,
            waived: tally.waived,
            void: tally.void,
            missed: tally.missed,
        }
    }
}
