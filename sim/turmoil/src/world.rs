//! What the nodes of one turmoil world share with the stage: the time, sleeps, links, connections.
//!
//! Never: holds a lock while somebody else's code runs; wakers are called when it is free again.
//! Start reading at [`World`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use homeostat_sim_harness::audit::SharedAudit;
use homeostat_sim_harness::stage::Link;
use homeostat_world::{Chance, Duration, Timestamp};
use rand_chacha::ChaCha12Rng;
use rand_core::Rng;
use tokio::sync::Notify;

use crate::line::Lines;
use crate::tasks::Table;

/// Which node, by the order in which they were first spoken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeId(usize);

pub(crate) struct World {
    now_micros: AtomicI64,
    /// Polls since time last moved.
    polls: AtomicU64,
    pub(crate) audit: SharedAudit,
    pub(crate) nodes: Mutex<Nodes>,
    pub(crate) lines: Mutex<Lines>,
    pub(crate) tasks: Mutex<Table>,
    sleeps: Mutex<Sleeps>,
    links: Mutex<Links>,
    /// Told whenever a link changes.
    relinked: Notify,
}

/// Polls at one instant after which nothing but a livelock can be meant: virtual time cannot move
/// while a task is ready, so two tasks that wake each other would go on for ever.
const POLLS_AT_ONE_INSTANT_MAX: u64 = 1_000_000;

impl World {
    pub(crate) fn new(start: Timestamp, chance: &Chance) -> Self {
        Self {
            now_micros: AtomicI64::new(start.as_micros()),
            polls: AtomicU64::new(0),
            audit: SharedAudit::default(),
            nodes: Mutex::default(),
            lines: Mutex::default(),
            tasks: Mutex::default(),
            sleeps: Mutex::default(),
            links: Mutex::new(Links { set: BTreeMap::new(), jitter: chance.stream("net") }),
            relinked: Notify::new(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now_micros.load(Ordering::Relaxed))
    }

    /// Moves time, never back, and counts polls anew.
    pub(crate) fn set_now(&self, now: Timestamp) {
        let before = self.now_micros.swap(now.as_micros(), Ordering::Relaxed);
        assert!(before <= now.as_micros(), "time went back from {before} to {now}");
        self.polls.store(0, Ordering::Relaxed);
    }

    /// Takes down that a task was polled, and says when.
    pub(crate) fn polled(&self) -> Timestamp {
        let (polls, now) = (self.polls.fetch_add(1, Ordering::Relaxed), self.now());
        assert!(
            polls < POLLS_AT_ONE_INSTANT_MAX,
            "livelock: {POLLS_AT_ONE_INSTANT_MAX} polls at {now} and still something can run"
        );
        now
    }

    /// How many polls there were since time last moved.
    pub(crate) fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }

    /// The id of a node, which need not have been started yet.
    pub(crate) fn id(&self, node: &str) -> NodeId {
        lock(&self.nodes).id(node)
    }

    /// Writes a sleep down until it ends or is dropped.
    pub(crate) fn sleep(self: &Arc<Self>, until: Timestamp) -> Sleep {
        let mut sleeps = lock(&self.sleeps);
        sleeps.last += 1;
        let key = (until, sleeps.last);
        sleeps.until.insert(key);
        Sleep { world: Arc::clone(self), key }
    }

    /// When the first sleep ends.
    pub(crate) fn next_sleep(&self) -> Option<Timestamp> {
        lock(&self.sleeps).until.first().map(|(until, _)| *until)
    }

    pub(crate) fn link(&self, from: NodeId, to: NodeId) -> Link {
        lock(&self.links).get(from, to)
    }

    /// Sets a link, and gives what it was.
    pub(crate) fn set_link(&self, from: NodeId, to: NodeId, link: Link) -> Link {
        let before = {
            let mut links = lock(&self.links);
            let before = links.get(from, to);
            links.set.insert((from, to), link);
            before
        };
        self.relinked.notify_waiters();
        before
    }

    /// How long one thing takes from `from` to `to` now.
    pub(crate) fn delay(&self, from: NodeId, to: NodeId) -> Duration {
        lock(&self.links).delay(from, to)
    }

    /// Ready when the link from `from` to `to` is open.
    pub(crate) async fn open(&self, from: NodeId, to: NodeId) {
        loop {
            // Asked for before the look, so that no change in between is missed.
            let mut relinked = std::pin::pin!(self.relinked.notified());
            relinked.as_mut().enable();
            if self.link(from, to).open {
                return;
            }
            relinked.await;
        }
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("now", &self.now()).finish_non_exhaustive()
    }
}

/// Locks; what a panic elsewhere left behind is as good as anything.
pub(crate) fn lock<T: ?Sized>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The nodes and their lives.
#[derive(Default)]
pub(crate) struct Nodes {
    ids: BTreeMap<String, NodeId>,
    list: Vec<Node>,
}

#[derive(Default)]
struct Node {
    /// Counts starts.
    life: u64,
    alive: bool,
}

impl Nodes {
    fn id(&mut self, name: &str) -> NodeId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = NodeId(self.list.len());
        self.ids.insert(name.to_owned(), id);
        self.list.push(Node::default());
        id
    }

    /// Begins a life of a node, and numbers it.
    pub(crate) fn begin(&mut self, id: NodeId) -> u64 {
        let Some(node) = self.list.get_mut(id.0) else { return 0 };
        node.life += 1;
        node.alive = true;
        node.life
    }

    /// Ends the life of a node; false: it had none.
    pub(crate) fn end(&mut self, id: NodeId) -> bool {
        self.list.get_mut(id.0).is_some_and(|node| std::mem::take(&mut node.alive))
    }

    pub(crate) fn end_all(&mut self) {
        self.list.iter_mut().for_each(|node| node.alive = false);
    }

    /// Whether a node runs.
    pub(crate) fn runs(&self, id: NodeId) -> bool {
        self.list.get(id.0).is_some_and(|node| node.alive)
    }

    /// Whether a node is in the life of this number.
    pub(crate) fn is_in(&self, id: NodeId, life: u64) -> bool {
        self.list.get(id.0).is_some_and(|node| node.alive && node.life == life)
    }
}

/// The sleeps that have not ended.
#[derive(Default)]
struct Sleeps {
    until: BTreeSet<(Timestamp, u64)>,
    last: u64,
}

/// One sleep that is written down.
pub(crate) struct Sleep {
    world: Arc<World>,
    key: (Timestamp, u64),
}

impl Drop for Sleep {
    fn drop(&mut self) {
        lock(&self.world.sleeps).until.remove(&self.key);
    }
}

/// The links as they were set.
struct Links {
    set: BTreeMap<(NodeId, NodeId), Link>,
    jitter: ChaCha12Rng,
}

impl Links {
    fn get(&self, from: NodeId, to: NodeId) -> Link {
        self.set.get(&(from, to)).copied().unwrap_or_default()
    }

    fn delay(&mut self, from: NodeId, to: NodeId) -> Duration {
        let link = self.get(from, to);
        let most = link.jitter.as_micros().max(0).unsigned_abs();
        let more = if most == 0 { 0 } else { self.jitter.next_u64() % (most + 1) };
        let more = i64::try_from(more).unwrap_or(i64::MAX);
        Duration::from_micros(link.latency.as_micros().max(0).saturating_add(more))
    }
}
