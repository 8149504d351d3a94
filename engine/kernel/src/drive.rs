//! The async shell of the loop: the only writer of the log.
//!
//! In: requests through the [`Handle`], outcomes of agents, the clock. Out: commits, answers,
//! agents started and stopped.
//! Never: has an effect before its record is durable; holds a request while it could be committed.
//! Promise: one round is one commit and one sync, whatever waited; decisions of the engine go first,
//! so that nobody can overtake them.
//!
//! # The order of a round, and why
//!
//! 1. Take what waits (bounded), and the decisions of the round before.
//! 2. Append all of it in one commit. A crash before this loses only what nobody was promised.
//! 3. Acknowledge. A crash before this leaves callers in doubt; their resend finds the same ids.
//! 4. Show the events to the machine, let it decide. A crash before this is made good by the
//!    next start, which shows it the same events.
//! 5. Start and stop the agents whose records are now durable. A crash before this leaves an agent
//!    recorded that never ran: the next start records it as lost. The other order would leave an
//!    agent at work that nobody knows of.
//!
//! Start reading at [`Engine::start`], then `Loop::run`.

mod adopt;
mod checks;
mod effects;
mod queries;
mod round;
mod start;

use std::collections::BTreeMap;
use std::sync::Arc;

use homeostat_agents::{AgentsFile, Runner};
use homeostat_conductor::Decision;
use homeostat_intent::{Source, Spec};
use homeostat_log::Log;
use homeostat_world::limits::COMMIT_QUEUE_MAX;
use homeostat_world::tasks::TaskEnd;
use homeostat_world::{Clock, Durability, Duration, Store, TaskHandle, Tasks, Timestamp};
use tokio::sync::{mpsc, oneshot};

use crate::check::Checked;
use crate::handle::{CheckBegun, Handle, Request};
use crate::machine::Machine;
use crate::status::Health;

pub use start::StartError;

/// What an engine is made of.
#[derive(Debug)]
pub struct Parts<S: Store, C, T, R> {
    /// The open log.
    pub log: Log<S>,
    /// Where checkpoints are kept: the store that the log lies in.
    pub store: S,
    /// The clock.
    pub clock: C,
    /// Where agents and long reads run.
    pub tasks: T,
    /// What runs an agent's brief.
    pub runner: R,
    /// The spec to put in force.
    pub spec: Spec,
    /// Its texts, written into the log when it is adopted.
    pub sources: Vec<Source>,
    /// Which agents there are.
    pub agents: AgentsFile,
    /// The rest.
    pub settings: Settings,
}

/// How an engine behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What an acknowledgement promises.
    pub durability: Durability,
    /// A checkpoint is written after this many events.
    pub checkpoint_every: u64,
    /// Whether a spec may be adopted on a log that already holds events of the world: what they
    /// call for then becomes due at once, and agents act on it.
    pub adopt_history: bool,
    /// Whether the spec may take the place of another that is in force.
    pub adopt_other: bool,
    /// Whose word puts the spec in force.
    pub adopted_by: String,
    /// How often what the engine keeps is checked against its log, besides when somebody asks for it: in the engine's
    /// time, and at each start from a checkpoint. None: never by itself.
    pub check_every: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            durability: Durability::Power,
            checkpoint_every: 100_000,
            adopt_history: false,
            adopt_other: false,
            adopted_by: "operator".to_owned(),
            check_every: None,
        }
    }
}

/// Starts engines.
#[derive(Debug)]
pub struct Engine;

/// A started engine: stop it, or wait for it.
#[derive(Debug)]
pub struct Running<H> {
    stop: oneshot::Sender<()>,
    task: H,
}

impl Engine {
    /// Replays the log, records agents of an earlier life as lost, and starts the loop.
    ///
    /// # Errors
    /// See [`StartError`]; nothing was appended then.
    pub async fn start<S, C, T, R>(
        parts: Parts<S, C, T, R>,
    ) -> Result<(Handle, Running<T::Handle>), StartError>
    where
        S: Store,
        C: Clock,
        T: Tasks,
        R: Runner,
    {
        let tasks = parts.tasks.clone();
        let (mut engine, handle, stop, stopped) = assemble(parts)?;
        // Boxed: the loop's futures are large, and callers' should not be.
        Box::pin(engine.open()).await?;
        let task = tasks.spawn("engine", Box::pin(engine.run(stopped)));
        Ok((handle, Running { stop, task }))
    }
}

/// The loop and its ends, not yet running. Apart from `start`, so that its future stays small.
type Assembled<S, C, T, R> =
    (Box<Loop<S, C, T, R>>, Handle, oneshot::Sender<()>, oneshot::Receiver<()>);

fn assemble<S, C, T, R>(parts: Parts<S, C, T, R>) -> Result<Assembled<S, C, T, R>, StartError>
where
    S: Store,
    C: Clock,
    T: Tasks,
    R: Runner,
{
    let start::Recovered { mut machine, mut spec, opening, from_checkpoint } =
        start::recover(&parts)?;
    let (requests, inbox) = mpsc::channel(COMMIT_QUEUE_MAX);
    let (outcomes_in, outcomes) = mpsc::channel(COMMIT_QUEUE_MAX);
    // One at a time.
    let (checked_in, checked) = mpsc::channel(1);
    let (stop, stopped) = oneshot::channel();
    let (considered_in, considered) = mpsc::channel(1);
    let Parts { log, store, clock, tasks, runner, spec: _, sources, agents: _, settings } = parts;
    let engine = Box::new(Loop {
        opening: start::first_words(&mut machine, opening, &mut spec, &sources, &settings),
        log,
        store,
        clock,
        tasks,
        runner,
        spec,
        machine,
        settings,
        requests: inbox,
        held: None,
        outcomes_in,
        outcomes,
        considering: None,
        considered_in,
        considered,
        alive: BTreeMap::new(),
        checked_in,
        checked,
        checking: None,
        wish_to_check: Vec::new(),
        await_check: Vec::new(),
        next_check: None,
        last_check: None,
        starts_from_checkpoint: from_checkpoint,
        carried: Vec::new(),
        health: Health::Ok,
        since_checkpoint: 0,
    });
    Ok((engine, Handle::new(requests), stop, stopped))
}

impl<H: TaskHandle> Running<H> {
    /// Stops gracefully: what waits is committed and answered, agents are stopped and recorded as
    /// lost, a checkpoint is written. Gives how the loop ended: anything but
    /// [`TaskEnd::Done`] is a defect.
    pub async fn stop(self) -> TaskEnd {
        // The loop may have gone by itself; then there is nothing to ask for.
        if self.stop.send(()).is_err() {
            tracing::debug!("the engine had stopped by itself");
        }
        self.task.join().await
    }

    /// Waits until the loop ends by itself, which it does only when every handle is gone.
    pub async fn wait(self) {
        self.task.join().await;
        drop(self.stop);
    }
}

/// The loop and all that it owns.
struct Loop<S: Store, C, T: Tasks, R> {
    log: Log<S>,
    store: S,
    clock: C,
    tasks: T,
    runner: R,
    /// The spec in force.
    spec: Arc<Spec>,
    machine: Machine,
    settings: Settings,
    requests: mpsc::Receiver<Request>,
    /// Taken from the queue, and too large for the rest of the round that took it.
    held: Option<Request>,
    outcomes_in: mpsc::Sender<effects::Finished>,
    outcomes: mpsc::Receiver<effects::Finished>,
    /// The task that examines the log for a version that somebody wants to adopt or preview.
    considering: Option<T::Handle>,
    considered_in: mpsc::Sender<adopt::Considered>,
    considered: mpsc::Receiver<adopt::Considered>,
    /// What stops each agent that runs.
    alive: BTreeMap<String, effects::Leash<T::Handle>>,
    checked_in: mpsc::Sender<Checked>,
    checked: mpsc::Receiver<Checked>,
    /// The check that is under way.
    checking: Option<checks::Checking<T::Handle>>,
    /// Who wants one.
    wish_to_check: Vec<oneshot::Sender<CheckBegun>>,
    /// Who wants to know when the next one begins.
    await_check: Vec<oneshot::Sender<CheckBegun>>,
    /// When one is due by itself.
    next_check: Option<Timestamp>,
    /// What the last one of this life found.
    last_check: Option<Checked>,
    /// Whether the state was taken from a checkpoint, and not from the log alone.
    starts_from_checkpoint: bool,
    /// What this life has to say first.
    opening: Vec<homeostat_log::Control>,
    /// Decided, not yet in the log.
    carried: Vec<Decision>,
    health: Health,
    since_checkpoint: u64,
}
