//! Agents whose beginnings and answers are written into the History, whatever the engine makes of them.
//!
//! In: a runner. Out: the same runner. Never: changes an answer or when it comes.
//! Promise: whoever begins has a line, and every answer, also one that comes when nobody asks any more.
//! Start reading at [`Overheard`].

use std::future::Future;

use homeostat_agents::{Brief, Outcome, Runner};
use homeostat_world::Clock;

use super::ENGINE;
use crate::history::{Recorder, What};

/// A runner that is listened to. `clock` is the true one.
#[derive(Clone, Debug)]
pub(super) struct Overheard<R, C> {
    pub(super) runner: R,
    pub(super) clock: C,
    pub(super) recorder: Recorder,
}

impl<R: Runner, C: Clock> Runner for Overheard<R, C> {
    async fn run<S>(&self, brief: Brief, stop: S) -> Outcome
    where
        S: Future<Output = ()> + Send + 'static,
    {
        let agent = brief.agent.clone();
        self.recorder.record(self.clock.now(), ENGINE, What::Works { agent: agent.clone() });
        let outcome = self.runner.run(brief, stop).await;
        let answered = What::Answered { agent, lines: outcome.lines.len() as u64 };
        self.recorder.record(self.clock.now(), ENGINE, answered);
        outcome
    }
}
