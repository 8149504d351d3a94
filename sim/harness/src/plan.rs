//! The Plan: everything that a run does, as data.
//!
//! In: TOML. Out: a [`Plan`], and TOML again. Never: a rate; faults stand at explicit times.
//! Promise: what is written reads back equal, and a Plan means the same in every lane and every
//! version of the engine that knows its `version`. Start reading at [`Plan`], then
//! [`Plan::from_toml`] and [`Plan::prepare`].

mod check;
mod signed;
mod text;

pub use check::{PlanError, PlanErrors, Prepared};
pub(crate) use check::{load_agents, load_spec};
pub(crate) use text::read;

use homeostat_world::{Duration, Timestamp};
use serde::{Deserialize, Serialize};

/// The version of the format.
pub const VERSION: u32 = 1;

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`VERSION`].
    pub version: u32,
    /// What wrote it, and what chance draws from while it runs.
    pub seed: u64,
    /// When it begins, by the true clock.
    pub start: Timestamp,
    /// Workload and faults happen in this long; then faults end and links heal.
    pub active: Duration,
    /// After that, everything that must converge has this long to do so.
    pub settle: Duration,
    /// A checkpoint of the engine after this many events.
    pub checkpoint_every: u64,
    /// The files of the spec, named relative to the Plan's own file, or given with their text.
    pub spec: Vec<Text>,
    /// The agents file.
    pub agents: Text,
    /// How many clients there are: `client-1`, `client-2` ….
    pub clients: u32,
    /// What clients and people do, in order of time.
    #[serde(default, rename = "step")]
    pub steps: Vec<Step>,
    /// What goes wrong, in order of time.
    #[serde(default, rename = "fault")]
    pub faults: Vec<Fault>,
    /// Why it was kept, for Plans in `scenarios/seeds`: what broke, why, what fixed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub story: Option<String>,
}

/// A file or its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Its name, a path relative to the Plan's file when `text` is missing.
    pub name: String,
    /// What stands in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// One thing that a client does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// When, from the start.
    pub at: Duration,
    /// Which client.
    pub client: u32,
    /// What.
    #[serde(flatten)]
    pub action: Action,
}

/// What clients do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Sends events in one request, and sends the same again until it is answered.
    Append {
        /// The events.
        events: Vec<PlannedEvent>,
        /// Sends the request this many times, answered or not.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        times: u32,
    },
    /// Looks at the escalated gaps and decides about the `nth` of them, from 0, modulo their number.
    Decide {
        /// Which.
        nth: u32,
        /// `retry` or `waive`.
        decision: homeostat_log::control::Decision,
    },
}

/// An event that a client sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedEvent {
    /// Its id.
    pub id: String,
    /// Its type.
    pub r#type: String,
    /// Its time, from the start of the Plan, `-3d` for before it; none: the client's clock when it
    /// is first sent.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "signed")]
    pub time: Option<Duration>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Its payload.
    #[serde(default)]
    pub data: serde_json::Map<String, serde_json::Value>,
}

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// When, from the start.
    pub at: Duration,
    /// What.
    #[serde(flatten)]
    pub kind: FaultKind,
}

/// What can go wrong. Nodes are `engine` and `client-1` ….
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// The engine stops at once and comes back.
    Crash {
        /// After how long.
        restart_after: Duration,
        /// Whether what was not synced is gone: a loss of power, not only of the process.
        power: bool,
    },
    /// No byte passes between a client and the engine.
    Partition {
        /// Which client.
        client: u32,
        /// Which ways.
        ways: Ways,
        /// For how long.
        lasts: Duration,
    },
    /// Bytes between a client and the engine take longer.
    Slow {
        /// Which client.
        client: u32,
        /// How long they take.
        latency: Duration,
        /// Up to this much longer.
        jitter: Duration,
        /// For how long.
        lasts: Duration,
    },
    /// New connections of a client are refused.
    Refuse {
        /// Which client.
        client: u32,
        /// For how long.
        lasts: Duration,
    },
    /// Connections between a client and the engine break.
    Reset {
        /// Which client.
        client: u32,
    },
    /// The engine's disk has no room.
    DiskFull {
        /// For how long. The engine is restarted when it ends, as an operator would.
        lasts: Duration,
    },
    /// The next commit of the engine's disk fails; the engine is restarted soon after.
    DiskError {
        /// After how long the operator restarts it.
        restart_after: Duration,
    },
    /// Syncs of the engine's disk take longer.
    SlowSync {
        /// How long.
        latency: Duration,
        /// For how long.
        lasts: Duration,
    },
    /// A node's own clock jumps. The engine's answers must not go backwards.
    ClockJump {
        /// `engine` or `client-1` ….
        node: String,
        /// By how many microseconds: less than 0 is back.
        by_micros: i64,
    },
}

/// Which ways a partition cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ways {
    /// Both.
    Both,
    /// Requests do not get through.
    ToEngine,
    /// Answers do not get through.
    FromEngine,
}

impl FaultKind {
    /// How long it is in force: until the heal, or until the engine is started again.
    #[must_use]
    pub const fn lasts(&self) -> Duration {
        match self {
            Self::Crash { restart_after, .. } | Self::DiskError { restart_after } => *restart_after,
            Self::Partition { lasts, .. }
            | Self::Slow { lasts, .. }
            | Self::Refuse { lasts, .. }
            | Self::DiskFull { lasts }
            | Self::SlowSync { lasts, .. } => *lasts,
            Self::Reset { .. } | Self::ClockJump { .. } => Duration::ZERO,
        }
    }

    /// Whether the engine is stopped, or started again, because of it. Two of these never overlap.
    #[must_use]
    pub const fn stops_engine(&self) -> bool {
        matches!(self, Self::Crash { .. } | Self::DiskFull { .. } | Self::DiskError { .. })
    }

    /// The client whose link it is about.
    #[must_use]
    pub const fn client(&self) -> Option<u32> {
        match self {
            Self::Partition { client, .. }
            | Self::Slow { client, .. }
            | Self::Refuse { client, .. }
            | Self::Reset { client } => Some(*client),
            _ => None,
        }
    }

    /// Its name in a Plan: `crash`, `disk_full`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Crash { .. } => "crash",
            Self::Partition { .. } => "partition",
            Self::Slow { .. } => "slow",
            Self::Refuse { .. } => "refuse",
            Self::Reset { .. } => "reset",
            Self::DiskFull { .. } => "disk_full",
            Self::DiskError { .. } => "disk_error",
            Self::SlowSync { .. } => "slow_sync",
            Self::ClockJump { .. } => "clock_jump",
        }
    }
}

impl Fault {
    /// When it is over, from the start.
    #[must_use]
    pub const fn ends(&self) -> Duration {
        Duration::from_micros(self.at.as_micros().saturating_add(self.kind.lasts().as_micros()))
    }
}

impl Plan {
    /// Puts steps and faults in order of time; what stands at one time keeps its order.
    pub fn sort(&mut self) {
        self.steps.sort_by_key(|step| step.at);
        self.faults.sort_by_key(|fault| fault.at);
    }

    /// How many events its clients send, repeats not counted.
    #[must_use]
    pub fn events_count(&self) -> usize {
        let count = |step: &Step| match &step.action {
            Action::Append { events, .. } => events.len(),
            Action::Decide { .. } => 0,
        };
        self.steps.iter().map(count).sum()
    }
}

const fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_one(times: &u32) -> bool {
    *times == 1
}

#[cfg(test)]
mod tests;
