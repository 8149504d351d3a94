//! The stage: turmoil's steps, and the leaps over the time in which nothing happens.
//!
//! In: nodes to start and stop, links to set, an instant to run to. Out: everything that the nodes
//! do on the way. Never: the machine's clock or entropy.
//! Promise: the same calls, start and seed give the same polls in the same order.
//!
//! One step of turmoil is one millisecond, the finest that tokio's timers know. Within a step time
//! stands still: each host runs until it can do no more, its clock moves on, and what that wakes
//! runs in the next step. Hosts take turns in an order that turmoil draws anew for each step.
//!
//! turmoil would tick through every millisecond of a Plan's hours. When a step has polled no task
//! and delivered no message, nothing can happen before the next sleep ends or the next message is
//! due, so each host's paused clock is moved there at once. Start reading at
//! [`Turmoil::run_until`].

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use homeostat_sim_harness::audit::{Audit, Panic, Polled};
use homeostat_sim_harness::stage::{Doors, Link, Stage};
use homeostat_world::{Chance, Duration, Timestamp};
use tokio::runtime::Handle;
use turmoil::{Builder, Sim};

use crate::net::TurmoilNet;
use crate::post::Post;
use crate::tasks::{Place, TurmoilTasks};
use crate::time::TurmoilClock;
use crate::world::{World, lock};

/// One turmoil world.
pub struct Turmoil {
    sim: Sim<'static>,
    world: Arc<World>,
    post: Post,
    hosts: BTreeMap<String, Arc<Mutex<Option<Handle>>>>,
    start: Timestamp,
    /// The time of the next step: what every host's clock shows.
    next: Timestamp,
}

/// How long a step is.
const TICK: Duration = Duration::from_millis(1);
/// More segments than a connection has bytes of room, and more dials than clients have ports:
/// turmoil loses the end of a connection whose room is used up, and panics when a listener's is.
const SEGMENTS_MAX: usize = crate::line::BUFFER_BYTES + 1;

impl Turmoil {
    /// An empty world at `start`. `seed` decides the order of hosts, tokio's `select!` and jitter.
    #[must_use]
    pub fn new(start: Timestamp, seed: u64) -> Self {
        let epoch = Duration::from_micros(start.as_micros().max(0)).to_std();
        let sim = Builder::new()
            .rng_seed(seed)
            .epoch(std::time::SystemTime::UNIX_EPOCH + epoch)
            .simulation_duration(std::time::Duration::MAX)
            .tick_duration(TICK.to_std())
            .min_message_latency(std::time::Duration::ZERO)
            .max_message_latency(std::time::Duration::ZERO)
            .tcp_capacity(SEGMENTS_MAX)
            .enable_random_order()
            .build();
        Self {
            sim,
            world: Arc::new(World::new(start, &Chance::from_u64(seed))),
            post: Post::default(),
            hosts: BTreeMap::new(),
            start,
            next: start,
        }
    }

    /// Lets a host begin a new life, and gives its runtime.
    fn host(&mut self, node: &str) -> Handle {
        let slot = match self.hosts.get(node) {
            Some(slot) => {
                self.sim.bounce(node);
                Arc::clone(slot)
            }
            None => {
                let slot = Arc::new(Mutex::new(None));
                let told = Arc::clone(&slot);
                // The node's own tasks do everything; what turmoil takes for the host's software
                // only keeps the host alive. It is called in the runtime of each new life.
                self.sim.host(node, move || {
                    *lock(&told) = Some(Handle::current());
                    std::future::pending()
                });
                self.post.register(&self.sim, node, self.world.id(node));
                self.hosts.insert(node.to_owned(), Arc::clone(&slot));
                slot
            }
        };
        let runtime = lock(&slot).clone();
        runtime.unwrap_or_else(|| panic!("turmoil did not start host `{node}`"))
    }

    /// One step of turmoil. False: nothing came of it, so nothing can until something is due.
    fn step(&mut self) -> bool {
        self.world.set_now(self.next);
        let delivered = self.post.deliver(&self.sim, self.next);
        if let Err(error) = self.sim.step() {
            panic!("turmoil's step at {} failed: {error}", self.next);
        }
        self.post.collect(&self.sim, &self.world);
        self.next = self.next + TICK;
        // What is delivered to one host may wake another that has had its turn: a refused dial.
        delivered || self.world.polls() > 0
    }

    /// Moves every host's clock to the next thing that is due, but not further than to the first
    /// step after `until`.
    fn leap(&mut self, until: Timestamp) {
        let after = self.tick_at_or_after(until + Duration::from_micros(1));
        let due = [self.world.next_sleep(), self.post.next()].into_iter().flatten().min();
        let to = due.map_or(after, |due| self.tick_at_or_after(due).min(after));
        let by = to.since(self.next);
        if by <= Duration::ZERO {
            return;
        }
        for (node, host) in &self.hosts {
            let id = self.world.id(node);
            if let Some(runtime) = lock(host).as_ref().filter(|_| lock(&self.world.nodes).runs(id))
            {
                advance(runtime, by);
            }
        }
        self.next = to;
    }

    /// Steps stand a tick apart, from the start.
    fn tick_at_or_after(&self, at: Timestamp) -> Timestamp {
        let (tick, micros) = (TICK.as_micros(), at.since(self.start).as_micros());
        let rest = micros.rem_euclid(tick);
        let missing = if rest == 0 { 0 } else { tick - rest };
        at + Duration::from_micros(missing)
    }
}

/// Moves a paused clock. The first poll does that; the rest would only let tasks run.
fn advance(runtime: &Handle, by: Duration) {
    let _inside = runtime.enter();
    let advanced = pin!(tokio::time::advance(by.to_std()));
    let pending = advanced.poll(&mut Context::from_waker(Waker::noop())).is_pending();
    assert!(pending, "tokio's clock moves without letting tasks run");
}

impl Stage for Turmoil {
    type Doors = TurmoilDoors;

    /// A node that still runs is stopped first.
    fn start<F, M>(&mut self, node: &str, main: M)
    where
        M: FnOnce(TurmoilDoors) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        self.crash(node);
        let runtime = self.host(node);
        let id = self.world.id(node);
        let life = lock(&self.world.nodes).begin(id);
        let (world, name) = (Arc::clone(&self.world), Arc::from(node));
        let place = Place { world, node: id, name, life, runtime };
        let work = main(TurmoilDoors { place: place.clone() });
        drop(place.spawn("main", work));
    }

    fn crash(&mut self, node: &str) {
        let id = self.world.id(node);
        // First, so that what tasks do while they are dropped begins nothing new.
        let ran = lock(&self.world.nodes).end(id);
        if ran {
            self.sim.crash(node);
            self.post.collect(&self.sim, &self.world);
        }
    }

    fn set_link(&mut self, from: &str, to: &str, link: Link) {
        let between = (self.world.id(from), self.world.id(to));
        let before = self.world.set_link(between.0, between.1, link);
        self.post.relink(between, before, &self.world);
    }

    fn reset(&mut self, a: &str, b: &str) {
        self.world.break_lines(self.world.id(a), self.world.id(b));
    }

    fn run_until(&mut self, at: Timestamp) {
        // The first step is always taken: who called may have woken somebody.
        while self.next <= at {
            if !self.step() {
                self.leap(at);
            }
        }
        self.world.set_now(at.max(self.world.now()));
    }

    fn now(&self) -> Timestamp {
        self.world.now()
    }

    fn panics(&self) -> Vec<Panic> {
        self.world.audit.read(|audit| audit.panics().to_vec())
    }

    fn trace_hash(&self) -> u64 {
        self.world.audit.read(Audit::hash)
    }

    fn keep_polls(&mut self) {
        self.world.audit.keep();
    }

    fn polls(&self) -> Vec<Polled> {
        self.world.audit.read(|audit| audit.trace().to_vec())
    }
}

impl Drop for Turmoil {
    /// What tasks do while they are dropped begins nothing new.
    fn drop(&mut self) {
        lock(&self.world.nodes).end_all();
    }
}

impl std::fmt::Debug for Turmoil {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turmoil").field("now", &self.now()).finish_non_exhaustive()
    }
}

/// The doors of one node in one life. After that life they lead nowhere.
#[derive(Clone, Debug)]
pub struct TurmoilDoors {
    place: Place,
}

impl Doors for TurmoilDoors {
    type Clock = TurmoilClock;
    type Net = TurmoilNet;
    type Tasks = TurmoilTasks;

    fn clock(&self) -> TurmoilClock {
        TurmoilClock::new(Arc::clone(&self.place.world))
    }

    fn net(&self) -> TurmoilNet {
        TurmoilNet::new(self.place.clone())
    }

    fn tasks(&self) -> TurmoilTasks {
        TurmoilTasks::new(self.place.clone())
    }
}
