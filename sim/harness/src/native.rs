//! The native lane: our own small executor, one thread, virtual time.
//!
//! In: nodes to start and stop, links to set, an instant to run to. Out: everything that the nodes
//! do on the way. Never: a thread of its own, the machine's clock or entropy.
//! Promise: the same calls, start and seed give the same polls in the same order, to the last one;
//! time stands still while anything can run, and then jumps to the next timer or arrival. A
//! stopped node's tasks are dropped and never polled again, and dropping them reaches nobody else:
//! its connections are cut first. A panic ends its task alone.
//! Start reading at [`Native`] and `Native::poll`; the network is in `native/wire.rs`.

mod net;
mod tasks;
mod time;
mod wire;
mod world;

use std::collections::BTreeSet;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use homeostat_world::{Chance, Duration, Timestamp};
use rand_core::Rng;

use crate::audit::{Audit, Panic, Polled};
use crate::stage::{Doors, Link, Stage};
use tasks::{Picked, TaskId};
use world::{Place, World};

pub use net::{SimListener, SimNet, SimStream};
pub use tasks::{SimTask, SimTasks};
pub use time::SimClock;

/// How the executor chooses among the tasks that can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Whoever could run first.
    Fifo,
    /// By chance, so that each seed tries other interleavings.
    Shuffled,
}

/// One simulated world: nodes, a network, time.
pub struct Native {
    world: Arc<World>,
    /// What chooses the next task; none: first come, first served.
    schedule: Option<Box<dyn Rng + Send>>,
    audit: Audit,
    /// Polls since time last moved.
    here: u64,
}

/// Polls at one instant after which nothing but a livelock can be meant: virtual time cannot move
/// while a task is ready, so two tasks that wake each other would go on for ever.
const POLLS_AT_ONE_INSTANT_MAX: u64 = 1_000_000;

impl Native {
    /// An empty world at `start`. `chance` decides the order of tasks (when shuffled) and jitter.
    #[must_use]
    pub fn new(start: Timestamp, chance: &Chance, order: Order) -> Self {
        let schedule: Option<Box<dyn Rng + Send>> = match order {
            Order::Fifo => None,
            Order::Shuffled => Some(Box::new(chance.stream("schedule"))),
        };
        Self {
            world: Arc::new(World::new(start, Box::new(chance.stream("net")))),
            schedule,
            audit: Audit::default(),
            here: 0,
        }
    }

    /// Keeps a line for each poll from now on, to find where two runs part.
    pub fn keep_trace(&mut self) {
        self.audit.keep();
    }

    /// What was polled so far, and what panicked.
    #[must_use]
    pub const fn audit(&self) -> &Audit {
        &self.audit
    }

    /// How many tasks have not ended, of all nodes.
    #[must_use]
    pub fn tasks_alive(&self) -> usize {
        self.world.lock().tasks.len()
    }

    /// Starts `node` with `main`, and runs until that is done, at most for `within`. The node and
    /// its other tasks stay.
    pub fn finish<T, F, M>(&mut self, node: &str, within: Duration, main: M) -> Option<T>
    where
        T: Send + 'static,
        M: FnOnce(NativeDoors) -> F,
        F: Future<Output = T> + Send + 'static,
    {
        let result = Arc::new(Mutex::new(None));
        let until = self.now() + within;
        self.start(node, |doors| {
            let work = main(doors);
            let result = Arc::clone(&result);
            async move {
                let done = work.await;
                *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
            }
        });
        let take = || result.lock().unwrap_or_else(PoisonError::into_inner).take();
        loop {
            self.run_ready();
            if let Some(done) = take() {
                return Some(done);
            }
            if !self.advance(until) {
                return None;
            }
        }
    }

    /// Polls whatever can run until nothing can.
    fn run_ready(&mut self) {
        while let Some(id) = self.world.ready.pick(self.schedule.as_deref_mut()) {
            self.poll(id);
        }
    }

    /// Lets one task run to its next suspension point. No lock is held while it runs or is dropped,
    /// since either may do anything with the world.
    fn poll(&mut self, id: TaskId) {
        let Some(picked) = self.world.lock().tasks.pick(id) else { return };
        let Picked { mut future, waker, cancelled } = picked;
        if cancelled {
            drop_quietly(future);
            self.polled(id, false);
            self.world.end(id, tasks::TaskEnd::Cancelled);
            return;
        }
        let mut context = Context::from_waker(&waker);
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut context)));
        self.polled(id, matches!(polled, Ok(Poll::Pending)));
        match polled {
            Ok(Poll::Pending) => self.world.lock().tasks.put_back(id, future),
            Ok(Poll::Ready(())) => {
                drop_quietly(future);
                self.world.end(id, tasks::TaskEnd::Done);
            }
            Err(payload) => {
                drop_quietly(future);
                let (node, task) = self.world.names(id);
                self.audit.panicked(self.world.now(), &node, &task, payload.as_ref());
                self.world.end(id, tasks::TaskEnd::Panicked);
            }
        }
    }

    fn polled(&mut self, id: TaskId, waits: bool) {
        let at = self.world.now();
        self.here += 1;
        assert!(
            self.here < POLLS_AT_ONE_INSTANT_MAX,
            "livelock: {POLLS_AT_ONE_INSTANT_MAX} polls at {at} and still something can run"
        );
        self.audit.polled(at, id.0, waits, || self.world.names(id));
    }

    /// Goes to the next thing that is due, no later than `until`. False: there was none, and time
    /// is `until` now.
    fn advance(&mut self, until: Timestamp) -> bool {
        let before = self.world.now();
        let something = self.world.advance(until);
        if self.world.now() > before {
            self.here = 0;
        }
        something
    }
}

impl Stage for Native {
    type Doors = NativeDoors;

    /// A node that still runs is stopped first.
    fn start<F, M>(&mut self, node: &str, main: M)
    where
        M: FnOnce(NativeDoors) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        self.crash(node);
        let place = World::place(&self.world, node);
        let work = main(NativeDoors { place: place.clone() });
        drop(place.spawn("main", work));
    }

    fn crash(&mut self, node: &str) {
        // The connections first: what the tasks let go of while they are dropped is then nobody's.
        let gone = self.world.stop(node);
        for task in gone {
            drop_quietly(task.future);
            task.end.set(tasks::TaskEnd::Cancelled);
        }
    }

    fn set_link(&mut self, from: &str, to: &str, link: Link) {
        self.world.with(|state, moment| {
            let (from, to) = (state.nodes.id(from), state.nodes.id(to));
            state.wire.set_link(from, to, link, moment);
        });
    }

    fn reset(&mut self, a: &str, b: &str) {
        self.world.with(|state, moment| {
            let pair = BTreeSet::from([state.nodes.id(a), state.nodes.id(b)]);
            state.wire.reset(&pair, moment);
        });
    }

    fn run_until(&mut self, at: Timestamp) {
        loop {
            self.run_ready();
            if !self.advance(at) {
                return;
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.world.now()
    }

    fn panics(&self) -> Vec<Panic> {
        self.audit.panics().to_vec()
    }

    fn trace_hash(&self) -> u64 {
        self.audit.hash()
    }

    fn keep_polls(&mut self) {
        self.audit.keep();
    }

    fn polls(&self) -> Vec<Polled> {
        self.audit.trace().to_vec()
    }
}

impl Drop for Native {
    /// Tasks hold the world and the world holds tasks: without this nothing would ever be freed.
    fn drop(&mut self) {
        for node in self.world.node_names() {
            self.crash(&node);
        }
    }
}

impl std::fmt::Debug for Native {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Native")
            .field("now", &self.now())
            .field("steps", &self.audit.steps())
            .finish_non_exhaustive()
    }
}

/// The doors of one node in one life. After that life they lead nowhere.
#[derive(Clone, Debug)]
pub struct NativeDoors {
    place: Place,
}

impl Doors for NativeDoors {
    type Clock = SimClock;
    type Net = SimNet;
    type Tasks = SimTasks;

    fn clock(&self) -> SimClock {
        SimClock::new(Arc::clone(&self.place.world))
    }

    fn net(&self) -> SimNet {
        SimNet::new(self.place.clone())
    }

    fn tasks(&self) -> SimTasks {
        SimTasks::new(self.place.clone())
    }
}

/// Drops a future whose destructors may panic: that must not take the executor with it. The panic
/// hook has said what happened, and the task's end is what it was.
fn drop_quietly<T>(it: T) {
    drop(catch_unwind(AssertUnwindSafe(|| drop(it))));
}
