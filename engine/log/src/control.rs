//! The engine's own vocabulary: control events.
//!
//! The log alone explains everything that ever happened: each decision of the engine is one of
//! these before it has any effect.

mod record;

use homeostat_world::{Duration, Timestamp};
use serde::{Deserialize, Serialize};

pub use record::{CONTROL_SOURCE, ControlError};

/// A decision or observation of the engine, as it stands in the log (kind `control`).
///
/// `gap` is the id of the obligation behind it, `slug@trigger position`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Control {
    /// A spec was put in force.
    #[serde(rename = "intent.adopted")]
    IntentAdopted {
        /// Its hash in hex.
        hash: String,
        /// Its name.
        name: Option<String>,
        /// The texts of its files, in order, so that the log explains itself.
        sources: Vec<AdoptedSource>,
        /// Who adopted it.
        by: String,
    },
    /// Another version of the spec took the place of the one in force.
    #[serde(rename = "intent.evolved")]
    IntentEvolved {
        /// Its hash in hex.
        hash: String,
        /// Its name.
        name: Option<String>,
        /// The texts of its files, in order.
        sources: Vec<AdoptedSource>,
        /// The person who adopted it. Agents cannot.
        by: String,
        /// The hash of the version that it takes the place of.
        from: String,
        /// What it says about events of before it.
        policy: BackfillPolicy,
        /// What it changes, clause by clause, in numbers.
        changes: Changes,
    },
    /// What should have happened and what happened differ.
    #[serde(rename = "gap.opened")]
    GapOpened {
        /// Which.
        gap: String,
        /// The clause, in hex.
        clause: String,
        /// What sort of gap.
        kind: GapKind,
        /// When the obligation is due, if it has a deadline.
        due: Option<Timestamp>,
        /// How many agents deep.
        depth: u16,
    },
    /// They no longer differ.
    #[serde(rename = "gap.closed")]
    GapClosed {
        /// Which.
        gap: String,
        /// How it ended.
        outcome: GapOutcome,
    },
    /// A deadline passed. History, whatever happens later.
    #[serde(rename = "deadline.missed")]
    DeadlineMissed {
        /// Whose.
        gap: String,
        /// The deadline.
        due: Timestamp,
    },
    /// An agent was given a gap.
    #[serde(rename = "agent.spawned")]
    AgentSpawned {
        /// The agent's id.
        agent: String,
        /// Its gap.
        gap: String,
        /// The how-manieth agent of this gap, from 1.
        attempt: u32,
        /// When it is killed if it has not ended.
        deadline: Timestamp,
        /// What it may cost at most, in millionths of a dollar; reserved from the budget.
        cost_max: u64,
    },
    /// An agent ended. Every agent does.
    #[serde(rename = "agent.ended")]
    AgentEnded {
        /// The agent's id.
        agent: String,
        /// Its gap.
        gap: String,
        /// How.
        ending: Ending,
        /// In its own or the engine's words.
        reason: String,
        /// What it cost, in millionths of a dollar.
        cost: u64,
    },
    /// A gap was given to people.
    #[serde(rename = "gap.escalated")]
    GapEscalated {
        /// Which.
        gap: String,
        /// Why.
        reason: Escalation,
    },
    /// A person decided about a gap.
    #[serde(rename = "gap.decided")]
    GapDecided {
        /// Which.
        gap: String,
        /// What.
        decision: Decision,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// A breaker held agents back, or let go again.
    #[serde(rename = "breaker.changed")]
    BreakerChanged {
        /// Which.
        breaker: Breaker,
        /// Whether it holds now.
        tripped: bool,
        /// The numbers behind it, readable.
        detail: String,
    },
    /// An engine has started on a log that an engine was at before: since the last event it was
    /// down, or it knows no better. Written where that makes a difference, which is where the
    /// calendar calls for something.
    #[serde(rename = "engine.resumed")]
    EngineResumed {},
    /// A checker looked at something that the log implies, and found another answer than the last
    /// one that stands here.
    #[serde(rename = "check.reported")]
    CheckReported {
        /// The checker's name: `state_matches_replay`.
        check: String,
        /// The instance that it is about, as `interaction/i1`; none for the system as a whole.
        instance: Option<String>,
        /// Whether what it checks holds; none when it could not tell.
        holds: Option<bool>,
        /// What it found, readable.
        detail: String,
        /// Who says so, a person or a program outside; none when the engine has looked itself.
        by: Option<String>,
    },
}

/// One file of an adopted spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptedSource {
    /// Its name.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// What becomes of the events that were there before a version which asks more of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackfillPolicy {
    /// What they would have called for is owed, some at a time.
    Sequential,
    /// Nothing.
    ProspectiveOnly,
    /// A person decides.
    HumanDecision,
}

/// What a version changes, in clauses. One clause may count more than once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Changes {
    /// Clauses that are as they were.
    pub unchanged: u64,
    /// New clauses.
    pub added: u64,
    /// Clauses that are gone.
    pub removed: u64,
    /// Clauses that stand elsewhere.
    pub moved: u64,
    /// Clauses with a nearer deadline.
    pub shortened: u64,
    /// Clauses with a later deadline.
    pub loosened: u64,
    /// Pairs of a removed and an added clause that say the same under other conditions.
    pub guard_changed: u64,
    /// Clauses whose label stands before something else.
    pub rewritten: u64,
    /// Clauses that declarations elsewhere give another meaning.
    pub redefined: u64,
}

/// What sort of difference a gap is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapKind {
    /// An event happened, its consequence has not.
    Reaction,
    /// Something should have happened by now.
    Temporal,
    /// The state of the system is not what its rules and its log imply.
    Consistency,
    /// What is there does not match what people declare, as after a new version of the spec.
    Intent,
    /// Everything works, but a bound of the contract is not kept.
    Quality,
}

impl GapKind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Reaction, Self::Temporal, Self::Consistency, Self::Intent, Self::Quality];

    /// The word that the log has for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reaction => "reaction",
            Self::Temporal => "temporal",
            Self::Consistency => "consistency",
            Self::Intent => "intent",
            Self::Quality => "quality",
        }
    }
}

/// How a gap ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapOutcome {
    /// What was owed happened in time.
    Fulfilled,
    /// What was owed happened in time and was recorded after the gap had opened by its deadline.
    SeenLate,
    /// What was owed happened after due.
    Late,
    /// Due passed, and the fallback took its place.
    Lapsed,
    /// The fallback is no longer owed, since the primary arrived.
    Withdrawn,
    /// A person let it go.
    Waived,
    /// What it was about was erased.
    Void,
}

/// How an agent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It appended events.
    Resolved,
    /// It asks for a person.
    NeedsHuman,
    /// It gave up, crashed, or claimed what its brief does not allow.
    Failed,
    /// It was over its time.
    TimedOut,
    /// The engine stopped while it was at work.
    Lost,
    /// It was told to stop, since its gap had closed without it.
    Stopped,
}

/// Why a gap needs a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Escalation {
    /// `max_agents_per_gap` agents have failed.
    AgentsExhausted,
    /// It lies deeper than `max_agent_depth`.
    TooDeep,
    /// An agent asked for it.
    AgentAsked,
    /// No agent is configured for the action.
    NoAgent,
    /// The action works on the outside and has been tried: doing it again needs a person's word.
    ExternalEffect,
    /// One agent alone may cost more than the budget of an hour.
    OverBudget,
}

/// What a person decides about a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Let agents try again, as often as the first time.
    Retry,
    /// It is no longer owed.
    Waive,
    /// What a version asks of events of before it is owed, some at a time.
    Backfill,
}

/// The breakers that hold agents back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Breaker {
    /// `max_concurrent_agents`.
    Concurrency,
    /// `total_compute_budget`.
    Budget,
}

/// The span that the compute budget is counted over.
pub const BUDGET_WINDOW: Duration = Duration::from_secs(3_600);
