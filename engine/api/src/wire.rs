//! What the API's answers hold, apart from events, explanations and problems.
//!
//! In: the views of the rooms below. Out: the same facts in a shape that outlives changes there:
//! what the OpenAPI document describes, what the server writes and the client reads.
//! Never: decides anything. Start reading at [`Gap`] and [`Status`].

mod contract;
mod intent;
mod status;
mod words;

use homeostat_conductor::GapView;
use homeostat_log::Receipt;
use homeostat_world::{Position, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use contract::{Contract, Excuse, Finding, Judge, Proposition, Report, Reported, Violation};
pub use intent::{AdoptionRequest, Asked, Backfill, Proposal, SpecText, Version, Versions};
pub use status::{Breaker, Clause, GapCounts, Health, Status, Totals};
pub use words::{
    Decision, Ending, Escalation, Kind, Performer, Policy, PropositionKind, State, Strength,
    Verdict,
};

/// The answer to an append: one entry for each event of the request, in its order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Appended {
    /// Where each event stands.
    pub events: Vec<Entry>,
}

/// Where one event of a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Entry {
    /// Its place in the log.
    #[schema(value_type = u64)]
    pub position: Position,
    /// When it was recorded, by the engine's clock.
    #[schema(value_type = String, format = DateTime)]
    pub recorded: Timestamp,
    /// Whether it had been there already: the same id, the same content.
    pub duplicate: bool,
}

impl From<Receipt> for Appended {
    fn from(receipt: Receipt) -> Self {
        let entry = |entry: homeostat_log::Entry| Entry {
            position: entry.position,
            recorded: entry.recorded,
            duplicate: entry.duplicate,
        };
        Self { events: receipt.entries.into_iter().map(entry).collect() }
    }
}

/// Some events of the log.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EventPage {
    /// CloudEvents with the engine's extension attributes `position` and `recorded`.
    #[schema(value_type = Vec<crate::openapi::CloudEvent>)]
    pub events: Vec<Box<serde_json::value::RawValue>>,
    /// Where to go on: the `from` of the next request. Absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub next: Option<Position>,
}

/// One open gap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Gap {
    /// `slug@trigger position`.
    #[schema(example = "acknowledge_to_rep@4021")]
    pub id: String,
    /// The clause's readable name.
    pub slug: String,
    /// The clause's identity, in hex.
    pub clause: String,
    /// What would close it.
    pub action: String,
    /// What sort of gap.
    pub kind: Kind,
    /// How urgent.
    pub strength: Strength,
    /// Who is expected to act.
    pub performer: Performer,
    /// What is being done about it.
    pub state: State,
    /// When it opened.
    #[schema(value_type = String, format = DateTime)]
    pub opened: Timestamp,
    /// When the obligation is due, if it is.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due: Option<Timestamp>,
    /// Whether that has passed.
    pub overdue: bool,
    /// How many agents deep.
    pub depth: u16,
    /// Agents spawned for it so far.
    pub attempts: u32,
    /// Those that failed since a person last said `retry`.
    pub failures: u32,
    /// The agent at work.
    pub agent: Option<String>,
    /// When it has rested, if it rests between two agents.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub rests_until: Option<Timestamp>,
    /// Why it lies with people.
    pub escalation: Option<Escalation>,
    /// How its last agent ended.
    pub last_ending: Option<Ending>,
    /// In that agent's or the engine's words.
    pub reason: Option<String>,
}

impl From<GapView> for Gap {
    fn from(view: GapView) -> Self {
        // Taken apart by name, so that a new field below is a decision here.
        let GapView {
            id,
            slug,
            clause,
            action,
            kind,
            severity,
            performer,
            state,
            opened,
            due,
            overdue,
            depth,
            attempts,
            failures,
            agent,
            rests_until,
            escalation,
            last_ending,
            reason,
        } = view;
        Self {
            id,
            slug,
            clause,
            action,
            kind: kind.into(),
            strength: severity.into(),
            performer: performer.into(),
            state: state.into(),
            opened,
            due,
            overdue,
            depth,
            attempts,
            failures,
            agent,
            rests_until,
            escalation: escalation.map(Into::into),
            last_ending: last_ending.map(Into::into),
            reason,
        }
    }
}

/// Some open gaps, most urgent first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GapPage {
    /// The gaps.
    pub gaps: Vec<Gap>,
    /// How many open gaps match the filter in all.
    pub matching: usize,
    /// The `after` of the next request. Absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A check that was begun, or was under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckBegun {
    /// As of which position of the log it looks.
    #[schema(value_type = u64)]
    pub position: Position,
    /// What it looks at, by the names that `check.reported` has.
    pub checks: Vec<String>,
}

impl From<homeostat_kernel::CheckBegun> for CheckBegun {
    fn from(begun: homeostat_kernel::CheckBegun) -> Self {
        Self { position: begun.position, checks: begun.checks }
    }
}

/// A person's word about a gap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionRequest {
    /// What is decided.
    pub decision: Decision,
    /// Who decides.
    #[schema(min_length = 1, max_length = 1024, example = "ada")]
    pub by: String,
    /// Why.
    #[schema(min_length = 1, max_length = 4096)]
    pub reason: String,
}

/// Where a decision stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decided {
    /// Its place.
    #[schema(value_type = u64)]
    pub position: Position,
}
