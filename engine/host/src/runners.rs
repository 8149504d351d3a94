//! Runs agents on this machine: mocks by their script, commands as processes.
//!
//! In: briefs. Out: what was printed, and how it stopped. Never: judges or trusts the output; `engine/agents` does.
//! Promise: when a run returns, or its future is dropped, no process of its group is left alive, nor any that left the
//! group and carries its mark. Start reading at [`HostRunner`], then `command`, then `leftovers`.

mod command;
mod group;
mod leftovers;
mod verdict;

use std::future::Future;
use std::sync::Arc;

use homeostat_agents::{AgentsFile, Brief, Finish, Kind, MockRunner, Outcome, Runner};
use homeostat_world::{Chance, Clock};

pub use command::CommandRunner;
pub use leftovers::{Cleared, LogMark};
pub use verdict::{Answer, ask};

/// Runs every agent of an agents file.
#[derive(Clone, Debug)]
pub struct HostRunner<C> {
    file: Arc<AgentsFile>,
    mocks: MockRunner<C>,
    commands: CommandRunner<C>,
}

impl<C: Clock> HostRunner<C> {
    /// The agents of `file`, timed by `clock`; mocks draw from `chance`, commands are marked as
    /// agents of `log`.
    #[must_use]
    pub fn new(file: Arc<AgentsFile>, clock: C, chance: Chance, log: LogMark) -> Self {
        let mocks = MockRunner::new(Arc::clone(&file), clock.clone(), chance);
        let commands = CommandRunner::new(Arc::clone(&file), clock, log);
        Self { file, mocks, commands }
    }
}

impl<C: Clock> Runner for HostRunner<C> {
    async fn run<S>(&self, brief: Brief, stop: S) -> Outcome
    where
        S: Future<Output = ()> + Send + 'static,
    {
        match self.file.member(&brief.member).map(|member| &member.kind) {
            Some(Kind::Mock(_)) => self.mocks.run(brief, stop).await,
            Some(Kind::Command(_)) => self.commands.run(brief, stop).await,
            None => {
                let why = format!("agent `{}` is not in the agents file", brief.member);
                Outcome::silent(Finish::NotStarted(why))
            }
        }
    }
}
