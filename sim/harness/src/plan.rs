//! The Plan: everything that a run does, as data.
//!
//! In: TOML. Out: a [`Plan`], and TOML again. Never: a rate; faults stand at explicit times.
//! Promise: what is written reads back equal, and a Plan means the same in every lane and every
//! version of the engine that knows its `version`. Start reading at [`Plan`], then
//! [`Plan::from_toml`] and [`Plan::prepare`].

mod check;
mod expect;
mod fault;
mod signed;
mod text;

pub(crate) use check::{BACK_MAX, load_agents, load_spec};
pub use check::{PlanError, PlanErrors, Prepared};
pub use expect::Expect;
pub(crate) use expect::any_means;
pub use fault::{Fault, FaultKind, Gone, Operation, Rotten, Version, Ways};
pub(crate) use text::read;

use homeostat_log::{Confidence, Link};
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
    /// The files of another version of it, which people adopt where a step or a fault says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<Text>,
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
    /// What spec and agents are to bring about, beyond what the engine promises.
    #[serde(default, skip_serializing_if = "Expect::is_empty")]
    pub expect: Expect,
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
    /// A person looks at the escalated gaps and decides about the `nth` of them, from 0, modulo
    /// their number.
    Decide {
        /// Which.
        nth: u32,
        /// `retry` or `waive`.
        decision: homeostat_log::control::Decision,
        /// How long the person takes to decide after having looked: by then it may be stale.
        #[serde(default = "nothing", skip_serializing_if = "is_nothing")]
        thinks: Duration,
        /// Says the same about the same gap this many times.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        times: u32,
    },
    /// Reads a page of the log once, and takes down what it was shown.
    Read {
        /// From this position on.
        from: u64,
        /// So many events at most.
        limit: u32,
    },
    /// A person adopts the Plan's later version, and asks again until it is in force or refused.
    Adopt,
    /// A person says whether what the later version asks of earlier events is to be done.
    Answer {
        /// `backfill` or `waive`.
        decision: homeostat_log::control::Decision,
    },
    /// Somebody has the engine check what it keeps against its log, once.
    Check,
    /// A person says whether a proposition holds that the spec leaves to people or to a command, once.
    Report {
        /// Its name.
        check: String,
        /// Whether it does; none: that cannot be told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holds: Option<bool>,
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
    /// What sort of record it is.
    #[serde(default, skip_serializing_if = "is_primary")]
    pub kind: homeostat_log::Kind,
    /// Of an enrichment, the id of the event that it says more about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enriches: Option<String>,
    /// Of an enrichment, how sure it is: from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Its payload.
    #[serde(default)]
    pub data: serde_json::Map<String, serde_json::Value>,
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
            _ => 0,
        };
        self.steps.iter().map(count).sum()
    }
}

impl PlannedEvent {
    /// What it enriches, sent by `source`.
    ///
    /// # Errors
    /// When it says only half of it, or its confidence is none.
    pub(crate) fn link(&self, source: &str) -> Result<Option<Link>, String> {
        let (id, confidence) = match (&self.enriches, self.confidence) {
            (None, None) => return Ok(None),
            (Some(id), Some(confidence)) => (id.clone(), confidence),
            _ => return Err("`enriches` and `confidence` stand together".to_owned()),
        };
        let sure = Confidence::new(confidence)
            .ok_or_else(|| format!("confidence is `{confidence}`, expected 0 to 1"))?;
        Ok(Some(Link::to_named(source.to_owned(), id, sure)))
    }
}

const fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_one(times: &u32) -> bool {
    *times == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_primary(kind: &homeostat_log::Kind) -> bool {
    matches!(kind, homeostat_log::Kind::Primary)
}

const fn nothing() -> Duration {
    Duration::ZERO
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_nothing(length: &Duration) -> bool {
    length.as_micros() == 0
}

#[cfg(test)]
mod tests;
