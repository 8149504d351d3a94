//! The door to whatever does an agent's work: a mock, a program.
//!
//! In: a [`Brief`]. Out: an [`Outcome`], which is only what was printed and how it stopped. Never: judges the output.
//! Promise: `run` returns, soon after the brief's deadline at the latest, and then nothing of the agent is left alive.
//! Start reading at [`Runner`].

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use crate::brief::Brief;

/// Does the work of agents.
pub trait Runner: Clone + Send + Sync + 'static {
    /// Runs one agent to its end: its own, its deadline, or until `stop` is ready.
    ///
    /// Dropping the future also ends the agent.
    fn run<S>(&self, brief: Brief, stop: S) -> impl Future<Output = Outcome> + Send
    where
        S: Future<Output = ()> + Send + 'static;
}

/// What a run gave: raw, and not believed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What it printed.
    pub lines: Vec<String>,
    /// How it stopped.
    pub finish: Finish,
}

/// How a run stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// By itself, well.
    Done,
    /// By itself, badly: why.
    Failed(String),
    /// It never began: why.
    NotStarted(String),
    /// Its deadline passed.
    TimedOut,
    /// It was told to.
    Stopped,
}

impl Outcome {
    /// An outcome without a word.
    #[must_use]
    pub const fn silent(finish: Finish) -> Self {
        Self { lines: Vec::new(), finish }
    }
}

/// Which of two came first.
pub(crate) enum First<A, B> {
    This(A),
    That(B),
}

/// Waits for the first of two, `this` when both are ready: unlike an unbiased choice it draws
/// nothing from an ambient generator.
pub(crate) async fn first<A, B>(
    this: impl Future<Output = A>,
    that: impl Future<Output = B>,
) -> First<A, B> {
    let mut this = pin!(this);
    let mut that = pin!(that);
    poll_fn(|context| {
        if let Poll::Ready(it) = this.as_mut().poll(context) {
            return Poll::Ready(First::This(it));
        }
        that.as_mut().poll(context).map(First::That)
    })
    .await
}
