//! What the doors of all nodes share: time, names, links, connections.
//!
//! In: calls of the stage and of doors. Out: wakes. Never: polls anything.
//! Promise: the same calls in the same order have the same effects.
//! Start reading at [`World`].

use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use homeostat_sim_harness::audit::SharedAudit;
use homeostat_sim_harness::stage::Link;
use homeostat_world::{Chance, Duration, Timestamp};
use madsim::net::NetSim;
use madsim::runtime::{Handle, NodeHandle};
use madsim::task::NodeId;
use madsim::time::TimeHandle;
use rand_core::Rng;

use crate::stream::Connection;

/// One simulated world.
pub(crate) struct World {
    start: Timestamp,
    time: TimeHandle,
    net: Arc<NetSim>,
    pub(crate) audit: SharedAudit,
    /// Polls since `paced`.
    polls: AtomicU64,
    /// When polls were counted anew.
    paced: AtomicI64,
    state: Mutex<State>,
}

struct State {
    nodes: BTreeMap<String, Node>,
    names: BTreeMap<IpAddr, String>,
    links: BTreeMap<(NodeId, NodeId), Link>,
    /// Who waits for a link to open.
    waiting: Vec<Waker>,
    /// By the caller's address, which is used again when all ports have been.
    connections: BTreeMap<SocketAddr, Arc<Connection>>,
    port: u16,
    jitter: Box<dyn Rng + Send>,
}

/// A node through all of its lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) ip: IpAddr,
}

/// A node in one of its lives, seen from inside.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) world: Arc<World>,
    pub(crate) name: Arc<str>,
    pub(crate) node: Node,
    pub(crate) handle: NodeHandle,
}

/// Polls in one second of virtual time after which nothing but a livelock can be meant: each takes
/// less than 100 nanoseconds of it, and madsim looks at timers alone while a task is ready.
const POLLS_IN_A_SECOND_MAX: u64 = 1_000_000;
/// Where callers' ports begin.
const PORT_FIRST: u16 = 49_152;

impl World {
    pub(crate) fn new(
        start: Timestamp,
        time: TimeHandle,
        net: Arc<NetSim>,
        chance: &Chance,
    ) -> Self {
        Self {
            start,
            time,
            net,
            audit: SharedAudit::default(),
            polls: AtomicU64::new(0),
            paced: AtomicI64::new(start.as_micros()),
            state: Mutex::new(State {
                nodes: BTreeMap::new(),
                names: BTreeMap::new(),
                links: BTreeMap::new(),
                waiting: Vec::new(),
                connections: BTreeMap::new(),
                port: PORT_FIRST,
                jitter: Box::new(chance.stream("net")),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Virtual time: the Plan's start, and what madsim's clock has run since.
    pub(crate) fn now(&self) -> Timestamp {
        let micros = i64::try_from(self.time.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.start + Duration::from_micros(micros)
    }

    /// Wakes `waker` when it is `at`, which lies ahead.
    pub(crate) fn ring(&self, at: Timestamp, waker: &Waker) {
        let left = at.since(self.start).to_std().saturating_sub(self.time.elapsed());
        let deadline = self.time.now_instant() + left;
        let mut timer = self.time.sleep_until(deadline);
        // A sleep that is made lasts a millisecond at least, one that is set does not.
        Pin::new(&mut timer).reset(deadline);
        let _rings = Pin::new(&mut timer).poll(&mut Context::from_waker(waker));
    }

    /// Counts a poll.
    pub(crate) fn pace(&self) {
        let now = self.now();
        let paced = Timestamp::from_micros(self.paced.load(Ordering::Relaxed));
        if now.since(paced) >= Duration::from_secs(1) {
            self.paced.store(now.as_micros(), Ordering::Relaxed);
            self.polls.store(0, Ordering::Relaxed);
        }
        let polls = self.polls.fetch_add(1, Ordering::Relaxed);
        assert!(
            polls < POLLS_IN_A_SECOND_MAX,
            "livelock: {POLLS_IN_A_SECOND_MAX} polls from {paced} to {now} and still something can run"
        );
    }

    /// The node called `name`, made when there is none.
    pub(crate) fn node(&self, handle: &Handle, name: &str) -> Node {
        let mut state = self.lock();
        if let Some(node) = state.nodes.get(name) {
            return *node;
        }
        let number = u16::try_from(state.nodes.len() + 1).unwrap_or(u16::MAX);
        let [high, low] = number.to_be_bytes();
        let ip = IpAddr::V4(Ipv4Addr::new(10, 0, high, low));
        let node = Node { id: handle.create_node().name(name).ip(ip).build().id(), ip };
        state.nodes.insert(name.to_owned(), node);
        state.names.insert(ip, name.to_owned());
        node
    }

    /// The node called `name`, if anybody has spoken of it.
    pub(crate) fn find(&self, name: &str) -> Option<Node> {
        self.lock().nodes.get(name).copied()
    }

    pub(crate) fn nodes(&self) -> Vec<Node> {
        self.lock().nodes.values().copied().collect()
    }

    /// `name:port`.
    pub(crate) fn written(&self, address: SocketAddr) -> String {
        let name = self.lock().names.get(&address.ip()).cloned().unwrap_or_default();
        format!("{name}:{}", address.port())
    }

    pub(crate) fn link(&self, from: NodeId, to: NodeId) -> Link {
        self.lock().links.get(&(from, to)).copied().unwrap_or_default()
    }

    /// Sets a link. That it is cut is madsim's to know, the rest is ours.
    pub(crate) fn set_link(&self, from: NodeId, to: NodeId, link: Link) {
        if link.open {
            self.net.unclog_link(from, to);
        } else {
            self.net.clog_link(from, to);
        }
        let mut state = self.lock();
        state.links.insert((from, to), link);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Ready when what leaves `from` can come to `to`.
    pub(crate) fn poll_open(
        &self,
        from: NodeId,
        to: NodeId,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        let mut state = self.lock();
        if state.links.get(&(from, to)).is_none_or(|link| link.open) {
            return Poll::Ready(());
        }
        state.waiting.push(context.waker().clone());
        Poll::Pending
    }

    pub(crate) async fn open(&self, from: NodeId, to: NodeId) {
        poll_fn(|context| self.poll_open(from, to, context)).await;
    }

    /// When something that leaves `from` now is at `to`, by the link between them.
    pub(crate) fn arrival(&self, from: NodeId, to: NodeId) -> Timestamp {
        let link = self.link(from, to);
        let most = link.jitter.as_micros().max(0).unsigned_abs();
        let more = if most == 0 { 0 } else { self.lock().jitter.next_u64() % (most + 1) };
        let more = Duration::from_micros(i64::try_from(more).unwrap_or(i64::MAX));
        self.now() + link.latency + more
    }

    /// A port for a caller.
    pub(crate) fn port(&self) -> u16 {
        let mut state = self.lock();
        let port = state.port;
        state.port = port.checked_add(1).unwrap_or(PORT_FIRST);
        port
    }

    pub(crate) fn connected(&self, caller: SocketAddr, connection: Arc<Connection>) {
        self.lock().connections.insert(caller, connection);
    }

    pub(crate) fn connection(&self, caller: SocketAddr) -> Option<Arc<Connection>> {
        self.lock().connections.get(&caller).cloned()
    }

    /// Both ends of `connection` have gone. Ports come round again, so another may stand there by now.
    pub(crate) fn forget(&self, caller: SocketAddr, connection: &Connection) {
        let mut state = self.lock();
        if state
            .connections
            .get(&caller)
            .is_some_and(|it| std::ptr::eq(&raw const **it, connection))
        {
            state.connections.remove(&caller);
        }
    }

    /// Every connection for which `wanted` holds, the oldest caller's first.
    pub(crate) fn connections(&self, wanted: impl Fn(&Connection) -> bool) -> Vec<Arc<Connection>> {
        let state = self.lock();
        state.connections.values().filter(|it| wanted(it)).cloned().collect()
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("now", &self.now()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("node", &self.name).finish_non_exhaustive()
    }
}
