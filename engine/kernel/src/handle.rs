//! How everybody else talks to the loop: a handle that can be cloned, and the requests behind it.
//!
//! Promise: a full queue makes callers wait, it never drops or reorders a caller's requests; when
//! the loop has stopped every call says so.

use std::collections::BTreeMap;

use homeostat_conductor::GapView;
use homeostat_graph::{BackfillView, CompileError, Consequences, Preview};
use homeostat_intent::{Diff, Source};
use homeostat_log::control::{Changes, Decision};
use homeostat_log::{Append, Event, Receipt, Refusal};
use homeostat_world::Position;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use crate::contract::{Finding, Proposition, ReportError, Reported};
use crate::status::Status;
use crate::versions::{self, Version};

/// Talks to a running engine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle {
    requests: mpsc::Sender<Request>,
}

/// What the loop can be asked.
#[derive(Debug)]
pub(crate) enum Request {
    Append(Append, oneshot::Sender<Result<Receipt, AppendError>>),
    Decide(Verdict, oneshot::Sender<Result<Position, DecideError>>),
    Preview(Vec<Source>, oneshot::Sender<Result<Proposal, AdoptError>>),
    Adopt(Adoption, oneshot::Sender<Result<Evolved, AdoptError>>),
    Versions(oneshot::Sender<Vec<VersionView>>),
    Status(oneshot::Sender<Status>),
    Gaps(oneshot::Sender<Vec<GapView>>),
    Gap(String, oneshot::Sender<Option<GapView>>),
    Explain(Topic, oneshot::Sender<Result<Consequences, AskError>>),
    Read(ReadQuery, oneshot::Sender<Result<Vec<Event>, AskError>>),
    Check(oneshot::Sender<CheckBegun>),
    NextCheck(oneshot::Sender<CheckBegun>),
    Contract(oneshot::Sender<Vec<Proposition>>),
    Report(Finding, oneshot::Sender<Result<Reported, ReportError>>),
}

/// A check that was begun, or was under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckBegun {
    /// As of which position it looks.
    pub position: Position,
    /// What it looks at.
    pub checks: Vec<String>,
}

/// What can be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    Event(Position),
    Gap(String),
}

/// A person's word about a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The gap's id.
    pub gap: String,
    /// What is decided.
    pub decision: Decision,
    /// Who decides.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// A version that a person wants to be in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adoption {
    /// The texts of its files.
    pub sources: Vec<Source>,
    /// Who adopts it.
    pub by: String,
    /// The hash of the version that has to be in force before; any, when none.
    pub expected: Option<String>,
}

/// What a version would change.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proposal {
    /// Clause by clause.
    pub diff: Diff,
    /// In what is owed.
    pub preview: Preview,
}

impl Proposal {
    /// What changes, in numbers.
    #[must_use]
    pub fn changes(&self) -> Changes {
        versions::changes_of(&self.diff)
    }
}

/// A version that was adopted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evolved {
    /// Where the log says so.
    pub position: Position,
    /// What it changed.
    #[serde(flatten)]
    pub proposal: Proposal,
}

/// A version that was put in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VersionView {
    /// It, as the log has it.
    #[serde(flatten)]
    pub version: Version,
    /// What it asked of events of before it, and how far that has come.
    pub backfill: Option<BackfillView>,
    /// What of that is not done, by the names of clauses.
    pub left: BTreeMap<String, u64>,
}

/// Which events to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadQuery {
    /// The first position.
    pub from: Position,
    /// How many at most; the loop reads no more than
    /// [`APPEND_EVENTS_MAX`](homeostat_world::limits::APPEND_EVENTS_MAX) at once.
    pub limit: usize,
    /// Only the events of this subject (`entity/id`).
    pub subject: Option<String>,
}

/// Why an append was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The log does not take it: nothing of the request was stored.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed: nothing of the request was acknowledged; see the health endpoint.
    #[error(
        "the log is read-only since a write failed: {0}; free space or replace the disk, then restart"
    )]
    ReadOnly(String),
    /// The engine is stopping.
    #[error("the engine is stopping")]
    Stopping,
}

/// Why a decision was not taken.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// There is no such open gap.
    #[error("no open gap `{0}`; `homeostat gaps` lists them")]
    Unknown(String),
    /// Agents still have it, so there is nothing to retry.
    #[error("gap `{0}` is not escalated, agents still work on it; only `waive` can be decided now")]
    NotEscalated(String),
    /// It asks nothing of the past.
    #[error(
        "gap `{0}` does not stand for what a version asks of the past; only of one that does `backfill` can be decided"
    )]
    NotBackfill(String),
    /// It asks whether events of before a version are to be treated by it; nobody has tried yet.
    #[error(
        "gap `{0}` stands for what a version asks of the past; `backfill` or `waive` can be decided, nothing was tried yet"
    )]
    Backfill(String),
    /// It could not be written down.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// Why a version is not adopted, or not previewed. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// Its text is wrong.
    #[error("the spec has {errors} errors:\n{findings}")]
    Spec {
        /// How many errors.
        errors: usize,
        /// They, as people read them.
        findings: String,
    },
    /// It cannot be evaluated.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// It is in force already.
    #[error("version `{0}` is in force already")]
    InForce(String),
    /// Another version is in force than the one that it was compared with.
    #[error("version `{found}` is in force; expected `{expected}`")]
    Expected {
        /// The hash that was expected.
        expected: String,
        /// The hash of the one in force.
        found: String,
    },
    /// It was asked for in nobody's name.
    #[error("nobody's name was given; adopting a version takes a person's")]
    Nobody,
    /// Another one is being considered.
    #[error("another version is being considered; try again in a moment")]
    Busy,
    /// The log cannot be read.
    #[error("the log cannot be read: {0}")]
    Log(String),
    /// Its event cannot be made.
    #[error("the texts of the spec have no form in the log")]
    Unwritable,
    /// It could not be written down.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is no such event.
    #[error("no event at position `{asked}`; the log ends at `{head}`")]
    NoSuchPosition {
        /// What was asked for.
        asked: Position,
        /// The last position.
        head: Position,
    },
    /// No clause calls for such a gap, or nothing in the log does.
    #[error("nothing in the log calls for `{0}`")]
    NoSuchGap(String),
    /// The log cannot be read.
    #[error("the log cannot be read: {0}")]
    Log(String),
    /// The engine is stopping.
    #[error("the engine is stopping")]
    Stopping,
}

impl Handle {
    pub(crate) const fn new(requests: mpsc::Sender<Request>) -> Self {
        Self { requests }
    }

    /// Appends; returns once that survives what the engine's durability promises.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn append(&self, append: Append) -> Result<Receipt, AppendError> {
        self.ask(|reply| Request::Append(append, reply)).await.unwrap_or(Err(AppendError::Stopping))
    }

    /// Writes down a person's decision about a gap; returns its position in the log.
    ///
    /// # Errors
    /// See [`DecideError`].
    pub async fn decide(&self, verdict: Verdict) -> Result<Position, DecideError> {
        self.ask(|reply| Request::Decide(verdict, reply))
            .await
            .unwrap_or(Err(DecideError::Append(AppendError::Stopping)))
    }

    /// What a version would change if it were adopted now.
    ///
    /// # Errors
    /// See [`AdoptError`].
    pub async fn preview(&self, sources: Vec<Source>) -> Result<Proposal, AdoptError> {
        self.ask(|reply| Request::Preview(sources, reply))
            .await
            .unwrap_or(Err(AdoptError::Append(AppendError::Stopping)))
    }

    /// Puts another version of the spec in force; returns once it is.
    ///
    /// # Errors
    /// See [`AdoptError`].
    pub async fn adopt(&self, adoption: Adoption) -> Result<Evolved, AdoptError> {
        self.ask(|reply| Request::Adopt(adoption, reply))
            .await
            .unwrap_or(Err(AdoptError::Append(AppendError::Stopping)))
    }

    /// Every version that was put in force, the newest last.
    ///
    /// # Errors
    /// [`AskError::Stopping`].
    pub async fn versions(&self) -> Result<Vec<VersionView>, AskError> {
        self.ask(Request::Versions).await.ok_or(AskError::Stopping)
    }

    /// How the engine is.
    ///
    /// # Errors
    /// [`AskError::Stopping`].
    pub async fn status(&self) -> Result<Status, AskError> {
        self.ask(Request::Status).await.ok_or(AskError::Stopping)
    }

    /// Every open gap, most urgent first.
    ///
    /// # Errors
    /// [`AskError::Stopping`].
    pub async fn gaps(&self) -> Result<Vec<GapView>, AskError> {
        self.ask(Request::Gaps).await.ok_or(AskError::Stopping)
    }

    /// One open gap.
    ///
    /// # Errors
    /// [`AskError::Stopping`].
    pub async fn gap(&self, id: String) -> Result<Option<GapView>, AskError> {
        self.ask(|reply| Request::Gap(id, reply)).await.ok_or(AskError::Stopping)
    }

    /// What should have followed from one event, and what did.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn explain(&self, position: Position) -> Result<Consequences, AskError> {
        let topic = Topic::Event(position);
        self.ask(|reply| Request::Explain(topic, reply)).await.unwrap_or(Err(AskError::Stopping))
    }

    /// The same for what a gap belongs to: its event, or the tick or the lasting condition that
    /// called for it. The gap may have closed long ago.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn explain_gap(&self, gap: String) -> Result<Consequences, AskError> {
        let topic = Topic::Gap(gap);
        self.ask(|reply| Request::Explain(topic, reply)).await.unwrap_or(Err(AskError::Stopping))
    }

    /// Events of the log, in order.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn read(&self, query: ReadQuery) -> Result<Vec<Event>, AskError> {
        self.ask(|reply| Request::Read(query, reply)).await.unwrap_or(Err(AskError::Stopping))
    }

    /// Begins to check what the engine keeps against the log, unless a check is under way. What it finds comes into the
    /// log as `check.reported`, where that differs from what stands there.
    ///
    /// # Errors
    /// [`AskError::Stopping`].
    pub async fn check(&self) -> Result<CheckBegun, AskError> {
        self.ask(Request::Check).await.ok_or(AskError::Stopping)
    }

    /// Waits until the next check begins: when it is due by itself, when somebody asks for one, or when a new version of
    /// the spec asks what nobody has answered. For whoever looks at something that the engine cannot see.
    ///
    /// # Errors
    /// [`AskError::Stopping`].
    pub async fn next_check(&self) -> Result<CheckBegun, AskError> {
        self.ask(Request::NextCheck).await.ok_or(AskError::Stopping)
    }

    /// Everything that the contract says, how it stands, and what was last said of it.
    ///
    /// # Errors
    /// [`AskError::Stopping`].
    pub async fn contract(&self) -> Result<Vec<Proposition>, AskError> {
        self.ask(Request::Contract).await.ok_or(AskError::Stopping)
    }

    /// Writes down what somebody outside found, where that is news.
    ///
    /// # Errors
    /// See [`ReportError`].
    pub async fn report(&self, finding: Finding) -> Result<Reported, ReportError> {
        self.ask(|reply| Request::Report(finding, reply))
            .await
            .unwrap_or(Err(ReportError::Append(AppendError::Stopping)))
    }

    /// Ready once the loop takes no more requests: it was stopped, or it has died of a defect.
    pub async fn closed(&self) {
        self.requests.closed().await;
    }

    /// `None` when the loop has gone.
    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.ok()?;
        answer.await.ok()
    }
}
