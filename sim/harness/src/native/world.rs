//! What all nodes of one native world share: time, the agenda, tasks, the wire.
//!
//! Never: wakes, polls or drops anything of a node while its lock is held; wakers are collected
//! and called afterwards. Start reading at [`World::with`].

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use homeostat_world::Timestamp;
use homeostat_world::tasks::TaskEnd;
use rand_core::Rng;

use super::tasks::{End, Gone, Ready, SimTask, Table, TaskId};
use super::time::{Agenda, Due};
use super::wire::Wire;

/// Which node, by the order in which they were first spoken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeId(usize);

pub(super) struct World {
    now: AtomicI64,
    pub(super) ready: Arc<Ready>,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) agenda: Agenda,
    pub(super) tasks: Table,
    pub(super) wire: Wire,
    pub(super) nodes: Nodes,
}

/// What a change of the state may need: the time, a way to be called later, a list of whom to wake.
pub(super) struct Moment<'a> {
    pub(super) now: Timestamp,
    pub(super) agenda: &'a mut Agenda,
    pub(super) wakes: &'a mut Vec<Waker>,
}

/// The nodes and their lives.
#[derive(Default)]
pub(super) struct Nodes {
    ids: BTreeMap<String, NodeId>,
    list: Vec<Node>,
}

struct Node {
    name: String,
    /// Counts starts.
    life: u64,
    alive: bool,
}

/// A node in one of its lives, seen from inside.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) world: Arc<World>,
    pub(super) node: NodeId,
    life: u64,
}

impl World {
    pub(super) fn new(start: Timestamp, jitter: Box<dyn Rng + Send>) -> Self {
        Self {
            now: AtomicI64::new(start.as_micros()),
            ready: Arc::default(),
            state: Mutex::new(State {
                agenda: Agenda::default(),
                tasks: Table::default(),
                wire: Wire::new(jitter),
                nodes: Nodes::default(),
            }),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now.load(Ordering::Relaxed))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and wakes whom that concerns once the lock is free.
    pub(super) fn with<R>(&self, change: impl FnOnce(&mut Inside<'_>, &mut Moment<'_>) -> R) -> R {
        let mut wakes = Vec::new();
        let result = {
            let mut state = self.lock();
            let State { agenda, tasks: _, wire, nodes } = &mut *state;
            let mut moment = Moment { now: self.now(), agenda, wakes: &mut wakes };
            change(&mut Inside { wire, nodes }, &mut moment)
        };
        wakes.into_iter().for_each(Waker::wake);
        result
    }

    /// Moves time to the next thing that is due, no later than `until`, and does it. False when
    /// there is none; time is `until` then.
    pub(super) fn advance(&self, until: Timestamp) -> bool {
        let mut wakes = Vec::new();
        {
            let mut state = self.lock();
            let State { agenda, wire, .. } = &mut *state;
            let Some(at) = agenda.next().filter(|at| *at <= until) else {
                self.now.fetch_max(until.as_micros(), Ordering::Relaxed);
                return false;
            };
            let now = at.max(self.now());
            self.now.store(now.as_micros(), Ordering::Relaxed);
            while let Some(due) = agenda.take(now) {
                match due {
                    Due::Wake(waker) => wakes.push(waker),
                    Due::Arrival(connection, side) => {
                        let mut moment = Moment { now, agenda, wakes: &mut wakes };
                        wire.arrive(connection, side, &mut moment);
                    }
                }
            }
        }
        wakes.into_iter().for_each(Waker::wake);
        true
    }

    /// Begins a new life of `node`.
    pub(super) fn place(world: &Arc<Self>, node: &str) -> Place {
        let mut state = world.lock();
        let id = state.nodes.id(node);
        let life = state.nodes.begin(id);
        drop(state);
        Place { world: Arc::clone(world), node: id, life }
    }

    /// Ends the life of `node`: cuts its connections, takes its tasks away.
    pub(super) fn stop(&self, node: &str) -> Vec<Gone> {
        let gone = {
            let mut state = self.lock();
            let id = state.nodes.id(node);
            state.nodes.end(id);
            state.tasks.take_all(id)
        };
        self.with(|state, moment| {
            let id = state.nodes.id(node);
            state.wire.node_gone(id, moment);
        });
        gone
    }

    /// Gives a task its end, which whoever joins it hears of.
    pub(super) fn end(&self, id: TaskId, how: TaskEnd) {
        let end = self.lock().tasks.remove(id);
        if let Some(end) = end {
            end.set(how);
        }
    }

    /// The node and the name of a task.
    pub(super) fn names(&self, id: TaskId) -> (String, String) {
        let state = self.lock();
        let Some((node, name)) = state.tasks.names(id) else { return Default::default() };
        (state.nodes.name(node).to_owned(), name.to_owned())
    }

    pub(super) fn node_names(&self) -> Vec<String> {
        self.lock().nodes.list.iter().map(|node| node.name.clone()).collect()
    }
}

/// The parts of the state that [`World::with`] changes.
pub(super) struct Inside<'a> {
    pub(super) wire: &'a mut Wire,
    pub(super) nodes: &'a mut Nodes,
}

impl Nodes {
    pub(super) fn id(&mut self, name: &str) -> NodeId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = NodeId(self.list.len());
        self.ids.insert(name.to_owned(), id);
        self.list.push(Node { name: name.to_owned(), life: 0, alive: false });
        id
    }

    pub(super) fn name(&self, id: NodeId) -> &str {
        self.list.get(id.0).map_or("", |node| &node.name)
    }

    fn begin(&mut self, id: NodeId) -> u64 {
        let Some(node) = self.list.get_mut(id.0) else { return 0 };
        node.life += 1;
        node.alive = true;
        node.life
    }

    fn end(&mut self, id: NodeId) {
        if let Some(node) = self.list.get_mut(id.0) {
            node.alive = false;
        }
    }

    pub(super) fn is_alive(&self, id: NodeId, life: u64) -> bool {
        self.list.get(id.0).is_some_and(|node| node.alive && node.life == life)
    }
}

impl Place {
    /// Starts a task here. On a node that has gone it is dropped unseen.
    pub(super) fn spawn<F>(&self, name: &str, work: F) -> SimTask
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let end = Arc::new(End::default());
        let mut state = self.world.lock();
        if !state.nodes.is_alive(self.node, self.life) {
            drop(state);
            end.set(TaskEnd::Cancelled);
            return SimTask::new(Arc::clone(&self.world), None, end);
        }
        let work = Box::pin(work);
        let ready = &self.world.ready;
        let (id, waker) = state.tasks.insert(self.node, name, work, Arc::clone(&end), ready);
        drop(state);
        waker.wake();
        SimTask::new(Arc::clone(&self.world), Some(id), end)
    }

    pub(super) fn is_alive(&self, nodes: &Nodes) -> bool {
        nodes.is_alive(self.node, self.life)
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("now", &self.now()).finish_non_exhaustive()
    }
}
