//! The stage: one madsim runtime, entered for as long as each call of the director lasts.
//!
//! In: nodes to start and stop, links to set, an instant to run to. Out: everything that the nodes
//! do on the way. Never: a thread of its own; it stays on the thread that made it.
//! Promise: the same calls, start and seed give the same polls in the same order. What a stopped node
//! held is free when `crash` returns; whatever else can run at that instant has run by then, too.
//! Start reading at [`Madsim`].

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration as StdDuration;

use homeostat_sim_harness::audit::{Audit, Panic, Polled};
use homeostat_sim_harness::stage::Link;
use homeostat_sim_harness::{Doors, Stage};
use homeostat_world::{Chance, Timestamp};
use madsim::Config;
use madsim::net::NetSim;
use madsim::runtime::Runtime;
use madsim::time::TimeHandle;
use rand_core::Rng;

use crate::net::MadNet;
use crate::tasks::{self, MadTasks};
use crate::time::{MadClock, Sleep};
use crate::world::{Node, Place, World};

/// One simulated world on madsim.
pub struct Madsim {
    runtime: Runtime,
    world: Arc<World>,
}

/// Less than madsim's smallest sleep: links have latencies of our own.
const MADSIM_LATENCY: std::ops::Range<StdDuration> =
    StdDuration::from_micros(1)..StdDuration::from_micros(2);

impl Madsim {
    /// An empty world at `start`. `chance` decides the order of tasks and jitter.
    #[must_use]
    pub fn new(start: Timestamp, chance: &Chance) -> Self {
        let mut config = Config::default();
        config.net.packet_loss_rate = 0.0;
        config.net.send_latency = MADSIM_LATENCY;
        let seed = chance.stream("schedule").next_u64();
        let runtime = Runtime::with_seed_and_config(seed, config);
        let (time, net) = runtime.block_on(async { (TimeHandle::current(), NetSim::current()) });
        Self { world: Arc::new(World::new(start, time, net, chance)), runtime }
    }

    /// How many polls there were.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.world.audit.read(Audit::steps)
    }

    fn node(&self, name: &str) -> Node {
        self.world.node(self.runtime.handle(), name)
    }

    /// Ends the tasks of `nodes`. madsim marks them, and drops them when it next runs.
    fn kill(&self, nodes: impl IntoIterator<Item = Node>) {
        for node in nodes {
            self.runtime.handle().kill(node.id);
        }
        self.runtime.block_on(async {});
    }
}

impl Stage for Madsim {
    type Doors = MadDoors;

    /// A node that still runs is stopped first.
    fn start<F, M>(&mut self, node: &str, main: M)
    where
        M: FnOnce(MadDoors) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        self.crash(node);
        let (name, node) = (Arc::from(node), self.node(node));
        let handle = self.runtime.handle();
        // madsim's word for a new life; there is nothing in it yet.
        handle.restart(node.id);
        let Some(handle) = handle.get_node(node.id) else { return };
        let place = Place { world: Arc::clone(&self.world), name, node, handle };
        let work = main(MadDoors { place: place.clone() });
        drop(tasks::spawn(&place, "main", work));
    }

    fn crash(&mut self, node: &str) {
        let node = self.node(node);
        self.kill([node]);
    }

    fn set_link(&mut self, from: &str, to: &str, link: Link) {
        let (from, to) = (self.node(from), self.node(to));
        self.world.set_link(from.id, to.id, link);
    }

    fn reset(&mut self, a: &str, b: &str) {
        let pair = BTreeSet::from([self.node(a).id, self.node(b).id]);
        for connection in self.world.connections(|it| it.ends() == pair) {
            connection.break_off();
        }
    }

    fn run_until(&mut self, at: Timestamp) {
        self.runtime.block_on(Sleep::new(Arc::clone(&self.world), at));
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

impl Drop for Madsim {
    /// Tasks hold timers and timers hold tasks: without this nothing would ever be freed.
    fn drop(&mut self) {
        self.kill(self.world.nodes());
    }
}

impl std::fmt::Debug for Madsim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Madsim")
            .field("now", &self.now())
            .field("steps", &self.steps())
            .finish_non_exhaustive()
    }
}

/// The doors of one node in one life. After that life they lead nowhere.
#[derive(Clone, Debug)]
pub struct MadDoors {
    place: Place,
}

impl Doors for MadDoors {
    type Clock = MadClock;
    type Net = MadNet;
    type Tasks = MadTasks;

    fn clock(&self) -> MadClock {
        MadClock::new(Arc::clone(&self.place.world))
    }

    fn net(&self) -> MadNet {
        MadNet::new(self.place.clone())
    }

    fn tasks(&self) -> MadTasks {
        MadTasks::new(self.place.clone())
    }
}
