//! How everybody else talks to the loop: a handle that can be cloned, and the requests behind it.
//!
//! Promise: a full queue makes callers wait, it never drops or reorders a caller's requests; when
//! the loop has stopped every call says so.

use homeostat_conductor::GapView;
use homeostat_graph::Consequences;
use homeostat_log::control::Decision;
use homeostat_log::{Append, Event, Receipt, Refusal};
use homeostat_world::Position;
use tokio::sync::{mpsc, oneshot};

use crate::status::Status;

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
    Status(oneshot::Sender<Status>),
    Gaps(oneshot::Sender<Vec<GapView>>),
    Gap(String, oneshot::Sender<Option<GapView>>),
    Explain(Topic, oneshot::Sender<Result<Consequences, AskError>>),
    Read(ReadQuery, oneshot::Sender<Result<Vec<Event>, AskError>>),
    Check(oneshot::Sender<CheckBegun>),
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
