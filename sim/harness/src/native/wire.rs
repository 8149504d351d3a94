//! The simulated network: connections as two ends and the packets on their way to each.
//!
//! In: dials, bytes, closes, links, crashes. Out: arrivals, by the agenda.
//! Never: loses a byte of a connection that lives, or brings two of them in the wrong order.
//! Promise: a packet arrives when its link's latency (and jitter) has passed and the link is open;
//! on a cut link it waits for the heal and is then on its way anew; nothing tells either end. A
//! node that goes says so by a reset, which travels as everything else does: behind a cut link the
//! other end stays half open. One thing is simpler than life: room in a receiver's buffer is known
//! to its sender at once. Start reading at [`Wire::send`], then [`Wire::arrive`].

mod end;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, ErrorKind};
use std::task::{Poll, Waker};

use bytes::Bytes;
use homeostat_world::Duration;
use rand_core::Rng;
use tokio::io::ReadBuf;

use super::time::Due;
use super::world::{Moment, NodeId};
use crate::stage::Link;
use end::{End, Life};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ConnectionId(u64);

impl ConnectionId {
    pub(super) const fn get(self) -> u64 {
        self.0
    }
}

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Who connected.
    Caller,
    /// Who listened.
    Host,
}

/// Names one binding of a port; the port may be bound anew later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Binding {
    node: NodeId,
    pub(super) port: u16,
    serial: u64,
}

pub(super) struct Wire {
    links: BTreeMap<(NodeId, NodeId), Link>,
    ports: BTreeMap<(NodeId, u16), Port>,
    connections: BTreeMap<ConnectionId, Connection>,
    last: u64,
    jitter: Box<dyn Rng + Send>,
}

/// A bound port.
struct Port {
    serial: u64,
    /// Connections that wait to be accepted.
    backlog: VecDeque<ConnectionId>,
    waiting: Option<Waker>,
}

struct Connection {
    port: u16,
    caller: End,
    host: End,
    /// Whether the caller knows that it was accepted.
    established: bool,
}

/// What travels.
enum Packet {
    /// May I?
    Open,
    /// You may.
    Accept,
    /// You may not.
    Refuse,
    Data(Bytes),
    /// I write no more.
    Finish,
    /// This connection is no more.
    Reset,
}

/// Bytes on their way to an end and in it, after which its peer has to wait.
pub(super) const BUFFER_BYTES: usize = 64 << 10;
/// Connections that wait to be accepted, after which more are refused.
const BACKLOG_MAX: usize = 128;
/// Ports that the network chooses itself.
const PORTS_CHOSEN: std::ops::RangeInclusive<u16> = 49_152..=u16::MAX;

impl Side {
    const fn other(self) -> Self {
        match self {
            Self::Caller => Self::Host,
            Self::Host => Self::Caller,
        }
    }
}

impl Connection {
    const fn end(&self, side: Side) -> &End {
        match side {
            Side::Caller => &self.caller,
            Side::Host => &self.host,
        }
    }

    const fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::Caller => &mut self.caller,
            Side::Host => &mut self.host,
        }
    }

    /// Whether nobody has or will have anything of it.
    fn is_over(&self) -> bool {
        let over = |end: &End| end.life != Life::Open && end.coming.is_empty();
        over(&self.caller) && over(&self.host)
    }
}

impl Wire {
    pub(super) fn new(jitter: Box<dyn Rng + Send>) -> Self {
        Self {
            links: BTreeMap::new(),
            ports: BTreeMap::new(),
            connections: BTreeMap::new(),
            last: 0,
            jitter,
        }
    }

    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn link(&self, from: NodeId, to: NodeId) -> Link {
        self.links.get(&(from, to)).copied().unwrap_or_default()
    }

    /// How long a packet takes on `link`.
    fn delay(&mut self, link: Link) -> Duration {
        let most = link.jitter.as_micros().max(0).unsigned_abs();
        let more = if most == 0 { 0 } else { self.jitter.next_u64() % (most + 1) };
        let more = i64::try_from(more).unwrap_or(i64::MAX);
        Duration::from_micros(link.latency.as_micros().max(0).saturating_add(more))
    }

    /// Binds a port of `node`; 0 lets the network choose.
    pub(super) fn bind(&mut self, node: NodeId, port: u16) -> io::Result<Binding> {
        let free = |port: &u16| !self.ports.contains_key(&(node, *port));
        let port = match port {
            0 => PORTS_CHOSEN.into_iter().find(free),
            asked => Some(asked).filter(free),
        };
        let port = port.ok_or(ErrorKind::AddrInUse)?;
        let serial = self.next();
        let bound = Port { serial, backlog: VecDeque::new(), waiting: None };
        self.ports.insert((node, port), bound);
        Ok(Binding { node, port, serial })
    }

    fn port(&mut self, binding: Binding) -> Option<&mut Port> {
        let port = self.ports.get_mut(&(binding.node, binding.port))?;
        (port.serial == binding.serial).then_some(port)
    }

    /// The next connection of a bound port, and who it is from.
    pub(super) fn poll_accept(
        &mut self,
        binding: Binding,
        waker: &Waker,
    ) -> Poll<(ConnectionId, NodeId)> {
        // A port whose node has gone brings nobody, ever.
        let Some(port) = self.port(binding) else { return Poll::Pending };
        let Some(id) = port.backlog.pop_front() else {
            port.waiting = Some(waker.clone());
            return Poll::Pending;
        };
        let from = self.connections.get(&id).map_or(binding.node, |it| it.caller.node);
        Poll::Ready((id, from))
    }

    /// Gives a port back: who still waits there is reset.
    pub(super) fn unbind(&mut self, binding: Binding, moment: &mut Moment<'_>) {
        if self.port(binding).is_none() {
            return;
        }
        let port = self.ports.remove(&(binding.node, binding.port));
        for id in port.into_iter().flat_map(|port| port.backlog) {
            self.abort(id, Side::Host, moment);
        }
    }

    /// Begins to connect `from` to a port of `to`.
    pub(super) fn dial(
        &mut self,
        from: NodeId,
        to: NodeId,
        port: u16,
        moment: &mut Moment<'_>,
    ) -> ConnectionId {
        let id = ConnectionId(self.next());
        let caller = End::new(from, Life::Open);
        let host = End::new(to, Life::Unborn);
        let connection = Connection { port, caller, host, established: false };
        self.connections.insert(id, connection);
        self.send(id, Side::Caller, Packet::Open, moment);
        id
    }

    /// Whether a dialled connection stands by now.
    pub(super) fn poll_established(
        &mut self,
        id: ConnectionId,
        waker: &Waker,
    ) -> Poll<io::Result<()>> {
        let Some(it) = self.connections.get_mut(&id) else { return Poll::Ready(Err(gone())) };
        match it.caller.fault {
            Some(fault) => Poll::Ready(Err(fault.into())),
            None if it.established => Poll::Ready(Ok(())),
            None => {
                it.caller.reader = Some(waker.clone());
                Poll::Pending
            }
        }
    }

    pub(super) fn poll_read(
        &mut self,
        id: ConnectionId,
        side: Side,
        buffer: &mut ReadBuf<'_>,
        waker: &Waker,
        wakes: &mut Vec<Waker>,
    ) -> Poll<io::Result<()>> {
        let Some(it) = self.connections.get_mut(&id) else { return Poll::Ready(Err(gone())) };
        let read = it.end_mut(side).poll_read(buffer, waker);
        if matches!(read, Poll::Ready(Ok(()))) {
            wakes.extend(it.end_mut(side.other()).writer.take());
        }
        read
    }

    pub(super) fn poll_write(
        &mut self,
        id: ConnectionId,
        side: Side,
        bytes: &[u8],
        waker: &Waker,
        moment: &mut Moment<'_>,
    ) -> Poll<io::Result<usize>> {
        let Some(it) = self.connections.get_mut(&id) else { return Poll::Ready(Err(gone())) };
        let room = BUFFER_BYTES.saturating_sub(it.end(side.other()).bytes);
        let own = it.end_mut(side);
        if let Some(fault) = own.fault {
            return Poll::Ready(Err(fault.into()));
        }
        if own.has_finished {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        if room == 0 {
            own.writer = Some(waker.clone());
            return Poll::Pending;
        }
        let some = bytes.get(..room).unwrap_or(bytes);
        if !some.is_empty() {
            self.send(id, side, Packet::Data(Bytes::copy_from_slice(some)), moment);
        }
        Poll::Ready(Ok(some.len()))
    }

    /// Says that this end writes no more.
    pub(super) fn finish(&mut self, id: ConnectionId, side: Side, moment: &mut Moment<'_>) {
        let Some(it) = self.connections.get_mut(&id) else { return };
        let own = it.end_mut(side);
        if !own.has_finished && own.fault.is_none() {
            own.has_finished = true;
            self.send(id, side, Packet::Finish, moment);
        }
    }

    /// An end's owner lets it go. What it has not read is lost, which its peer is told, as TCP does.
    pub(super) fn close(&mut self, id: ConnectionId, side: Side, moment: &mut Moment<'_>) {
        let Some(it) = self.connections.get(&id) else { return };
        if it.end(side).life != Life::Open {
            return;
        }
        // A dial that still waits before a cut link is given up: nobody will ever hear of it.
        let dial = it
            .host
            .coming
            .front()
            .is_some_and(|(at, packet)| matches!(packet, Packet::Open) && *at <= moment.now);
        if side == Side::Caller && dial && !self.link(it.caller.node, it.host.node).open {
            self.connections.remove(&id);
            return;
        }
        if it.end(side).received.is_empty() {
            self.finish(id, side, moment);
            if let Some(it) = self.connections.get_mut(&id) {
                it.end_mut(side).shut();
            }
            self.sweep(id);
        } else {
            self.abort(id, side, moment);
        }
    }

    /// Ends one end, and sends its peer a reset.
    fn abort(&mut self, id: ConnectionId, side: Side, moment: &mut Moment<'_>) {
        let Some(it) = self.connections.get_mut(&id) else { return };
        it.end_mut(side).shut();
        self.send_reset(id, side, moment);
        self.sweep(id);
    }

    fn send_reset(&mut self, id: ConnectionId, side: Side, moment: &mut Moment<'_>) {
        let Some(it) = self.connections.get_mut(&id) else { return };
        let own = it.end_mut(side);
        if !std::mem::replace(&mut own.has_reset, true) && own.fault.is_none() {
            self.send(id, side, Packet::Reset, moment);
        }
    }

    /// Puts a packet on its way, behind those that went before.
    fn send(&mut self, id: ConnectionId, from: Side, packet: Packet, moment: &mut Moment<'_>) {
        let Some(it) = self.connections.get(&id) else { return };
        let link = self.link(it.end(from).node, it.end(from.other()).node);
        // On a cut link it goes nowhere: it waits, as of now.
        let delay = if link.open { self.delay(link) } else { Duration::ZERO };
        let Some(it) = self.connections.get_mut(&id) else { return };
        let to = it.end_mut(from.other());
        let at = (moment.now + delay).max(to.last_coming);
        // One entry of the agenda brings all that arrives at one instant.
        let announced = to.coming.back().is_some_and(|(before, _)| *before == at);
        if let Packet::Data(bytes) = &packet {
            to.bytes += bytes.len();
        }
        to.last_coming = at;
        to.coming.push_back((at, packet));
        if link.open && !announced {
            moment.agenda.at(at, Due::Arrival(id, from.other()));
        }
    }

    /// Brings to one end what has arrived there by now, unless the link is cut.
    pub(super) fn arrive(&mut self, id: ConnectionId, side: Side, moment: &mut Moment<'_>) {
        loop {
            let Some(it) = self.connections.get(&id) else { return };
            let link = self.link(it.end(side.other()).node, it.end(side).node);
            let Some(it) = self.connections.get_mut(&id) else { return };
            let due = it.end(side).coming.front().is_some_and(|(at, _)| *at <= moment.now);
            if !link.open || !due {
                break;
            }
            let Some((_, packet)) = it.end_mut(side).coming.pop_front() else { break };
            self.take(id, side, packet, link, moment);
        }
        self.sweep(id);
    }

    fn take(
        &mut self,
        id: ConnectionId,
        side: Side,
        packet: Packet,
        link: Link,
        moment: &mut Moment<'_>,
    ) {
        if matches!(packet, Packet::Open) {
            self.knock(id, link, moment);
            return;
        }
        let Some(it) = self.connections.get_mut(&id) else { return };
        let is_open = it.end(side).life == Life::Open;
        match packet {
            // Nobody is there to have it.
            Packet::Accept | Packet::Data(_) if !is_open => self.send_reset(id, side, moment),
            Packet::Accept => {
                it.established = true;
                moment.wakes.extend(it.end_mut(side).reader.take());
            }
            Packet::Refuse => {
                it.end_mut(side).fail(ErrorKind::ConnectionRefused, moment.wakes);
            }
            Packet::Reset => {
                it.end_mut(side).fail(ErrorKind::ConnectionReset, moment.wakes);
            }
            Packet::Finish => {
                let end = it.end_mut(side);
                end.peer_finished = true;
                moment.wakes.extend(end.reader.take());
            }
            Packet::Data(bytes) => {
                let end = it.end_mut(side);
                end.received.push_back(bytes);
                moment.wakes.extend(end.reader.take());
            }
            Packet::Open => {}
        }
    }

    /// A dial has come to its host.
    fn knock(&mut self, id: ConnectionId, link: Link, moment: &mut Moment<'_>) {
        let Some(it) = self.connections.get_mut(&id) else { return };
        let port = self.ports.get_mut(&(it.host.node, it.port));
        match port.filter(|port| !link.refuses && port.backlog.len() < BACKLOG_MAX) {
            Some(port) => {
                it.host.life = Life::Open;
                port.backlog.push_back(id);
                moment.wakes.extend(port.waiting.take());
                self.send(id, Side::Host, Packet::Accept, moment);
            }
            None => {
                it.host.life = Life::Shut;
                it.host.has_reset = true;
                self.send(id, Side::Host, Packet::Refuse, moment);
            }
        }
    }

    /// Forgets a connection that nobody has an end of.
    fn sweep(&mut self, id: ConnectionId) {
        if self.connections.get(&id).is_some_and(Connection::is_over) {
            self.connections.remove(&id);
        }
    }

    /// Sets a link. What waited before a cut one is on its way from now.
    pub(super) fn set_link(
        &mut self,
        from: NodeId,
        to: NodeId,
        link: Link,
        moment: &mut Moment<'_>,
    ) {
        let before = self.link(from, to);
        self.links.insert((from, to), link);
        if before.open || !link.open {
            return;
        }
        for (id, side) in self.ends_of(to) {
            let sender = self.connections.get(&id).map(|it| it.end(side.other()).node);
            if sender != Some(from) {
                continue;
            }
            let delay = self.delay(link);
            let Some(it) = self.connections.get_mut(&id) else { continue };
            let end = it.end_mut(side);
            let at = moment.now + delay;
            end.coming.iter_mut().for_each(|(arrives, _)| *arrives = at);
            end.last_coming = at;
            if !end.coming.is_empty() {
                moment.agenda.at(at, Due::Arrival(id, side));
            }
        }
    }

    /// Every end that lies on `node`.
    fn ends_of(&self, node: NodeId) -> Vec<(ConnectionId, Side)> {
        let sides = [Side::Caller, Side::Host];
        let all = self.connections.iter().flat_map(|(id, it)| sides.map(|side| (*id, it, side)));
        all.filter(|(_, it, side)| it.end(*side).node == node)
            .map(|(id, _, side)| (id, side))
            .collect()
    }

    /// Breaks every connection between the two nodes of `pair`, at both ends and at once.
    pub(super) fn reset(&mut self, pair: &BTreeSet<NodeId>, moment: &mut Moment<'_>) {
        for it in self.connections.values_mut() {
            if BTreeSet::from([it.caller.node, it.host.node]) != *pair {
                continue;
            }
            if it.host.life == Life::Unborn {
                it.host.life = Life::Shut;
            }
            for end in [&mut it.caller, &mut it.host] {
                end.drop_bytes();
                end.coming.clear();
                end.has_reset = true;
                end.fail(ErrorKind::ConnectionReset, moment.wakes);
            }
        }
        self.connections.retain(|_, it| !it.is_over());
    }

    /// A node has gone: its ports are free, its ends are shut, its peers will hear of it.
    pub(super) fn node_gone(&mut self, node: NodeId, moment: &mut Moment<'_>) {
        self.ports.retain(|(its, _), _| *its != node);
        let ends = self.ends_of(node);
        for &(id, side) in &ends {
            if let Some(it) = self.connections.get_mut(&id)
                && it.end(side).life == Life::Open
            {
                it.end_mut(side).shut();
                self.send_reset(id, side, moment);
            }
        }
        ends.into_iter().for_each(|(id, _)| self.sweep(id));
    }
}

/// Only an end whose node has gone can find its connection forgotten.
fn gone() -> io::Error {
    ErrorKind::NotConnected.into()
}
