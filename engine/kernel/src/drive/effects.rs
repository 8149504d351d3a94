//! What is done once its record is durable: agents started and stopped.
//!
//! In: briefs and ids. Out: tasks that run agents, and their outcomes into the loop's queue.
//! Never: judges an outcome. Promise: whatever becomes of a task, the agent's deadline still ends
//! the agent. Start reading at [`Loop::carry_out`].

use homeostat_agents::{Brief, Outcome, Runner};
use homeostat_world::{Clock, Store, TaskHandle, Tasks};
use tokio::sync::oneshot;

use super::Loop;

/// Something to do.
#[derive(Debug)]
pub(super) enum Effect {
    /// Run this.
    Start(Box<Brief>),
    /// Stop that agent; its end is in the log.
    Stop(String),
}

/// What a run gave, on its way to the loop.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) agent: String,
    pub(super) outcome: Outcome,
}

/// Holds a running agent. Dropping it asks the agent to stop.
#[derive(Debug)]
pub(super) struct Leash<H> {
    /// Never sent on: its end is the signal.
    _stop: oneshot::Sender<()>,
    task: H,
}

impl<S, C, T, R> Loop<S, C, T, R>
where
    S: Store,
    C: Clock,
    T: Tasks,
    R: Runner,
{
    pub(super) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Start(brief) => self.start_agent(*brief),
            Effect::Stop(agent) => drop(self.alive.remove(&agent)),
        }
    }

    fn start_agent(&mut self, brief: Brief) {
        let (stop, stopped) = oneshot::channel::<()>();
        let (runner, finished) = (self.runner.clone(), self.outcomes_in.clone());
        let agent = brief.agent.clone();
        let task = self.tasks.spawn(&brief.agent.clone(), async move {
            let agent = brief.agent.clone();
            let stopped = async move {
                // Dropped or sent on: either way it is time.
                drop(stopped.await);
            };
            let outcome = runner.run(brief, stopped).await;
            // The loop may have ended; then the next start records the agent as lost.
            drop(finished.send(Finished { agent, outcome }).await);
        });
        self.alive.insert(agent, Leash { _stop: stop, task });
    }

    /// Stops every agent, and returns when nothing of them is left.
    pub(super) async fn stop_all_agents(&mut self) {
        let leashes = std::mem::take(&mut self.alive);
        let tasks: Vec<_> = leashes.into_values().map(|leash| leash.task).collect();
        // Their outcomes no longer count, and a full queue must not hold them up.
        self.outcomes.close();
        for task in tasks {
            task.join().await;
        }
    }
}
