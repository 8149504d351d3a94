//! Connections: madsim's ordered channel each way, made into streams of bytes.
//!
//! In: bytes, closes, resets. Out: bytes in order, ends, faults, at the time that the link allows.
//! Never: loses a byte of a connection that lives, or brings two of them in the wrong order.
//! Promise: what the Net door promises of streams. One thing is simpler than life, as in the native
//! lane: room in a receiver's buffer is known to its sender at once.
//! Start reading at [`MadStream`].

use std::collections::BTreeSet;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::Stream;
use homeostat_world::Timestamp;
use madsim::net::{Receiver, Sender};
use madsim::task::NodeId;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::time::Sleep;
use crate::world::World;

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Who connected.
    Caller,
    /// Who listened.
    Host,
}

/// What both ends of a connection know of each other without a packet.
#[derive(Debug)]
pub(crate) struct Connection {
    address: SocketAddr,
    caller: NodeId,
    host: NodeId,
    port: u16,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    broken: bool,
    accepted: bool,
    caller: End,
    host: End,
}

#[derive(Debug, Default)]
struct End {
    gone: bool,
    /// Bytes on their way here or not read.
    unread: usize,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// What travels, and when it may be seen at the earliest.
struct Parcel {
    at: Timestamp,
    what: What,
}

enum What {
    Data(Bytes),
    /// The peer writes no more.
    Finish,
    /// The peer is no more.
    Gone,
}

/// Whether a peer is there to have what is written.
enum Heard {
    Yes,
    /// Nobody is there.
    No,
    /// Nobody is there, and behind a cut link nobody can know: what is written goes nowhere.
    Unknown,
}

/// Bytes on their way to an end and in it, after which its peer has to wait.
const BUFFER_BYTES: usize = 64 << 10;

impl Connection {
    pub(crate) fn new(address: SocketAddr, caller: NodeId, host: NodeId, port: u16) -> Arc<Self> {
        Arc::new(Self { address, caller, host, port, state: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The nodes at its ends.
    pub(crate) fn ends(&self) -> BTreeSet<NodeId> {
        BTreeSet::from([self.caller, self.host])
    }

    /// Whether nobody has accepted it yet at that port.
    pub(crate) fn waits_at(&self, node: NodeId, port: u16) -> bool {
        self.host == node && self.port == port && !self.lock().accepted
    }

    pub(crate) fn accepted(&self) {
        self.lock().accepted = true;
    }

    /// Nobody will ever accept it.
    pub(crate) fn abandoned(&self, world: &World) {
        self.left(Side::Host, world);
    }

    /// Both ends see a reset from now on.
    pub(crate) fn break_off(&self) {
        let mut state = self.lock();
        state.broken = true;
        let wakes: Vec<Waker> =
            [Side::Caller, Side::Host].into_iter().flat_map(|side| state.wakers(side)).collect();
        drop(state);
        wakes.into_iter().for_each(Waker::wake);
    }

    /// One end has gone. Its peer may have to hear of it.
    fn left(&self, side: Side, world: &World) {
        let mut state = self.lock();
        state.end(side).gone = true;
        let over = state.caller.gone && state.host.gone;
        let wakes = state.wakers(side.other());
        drop(state);
        wakes.into_iter().for_each(Waker::wake);
        if over {
            world.forget(self.address, self);
        }
    }

    /// From which node to which the bytes go that `side` hears.
    const fn way_to(&self, side: Side) -> (NodeId, NodeId) {
        match side {
            Side::Caller => (self.host, self.caller),
            Side::Host => (self.caller, self.host),
        }
    }
}

impl State {
    const fn end(&mut self, side: Side) -> &mut End {
        match side {
            Side::Caller => &mut self.caller,
            Side::Host => &mut self.host,
        }
    }

    fn wakers(&mut self, side: Side) -> Vec<Waker> {
        let end = self.end(side);
        end.reader.take().into_iter().chain(end.writer.take()).collect()
    }
}

impl Side {
    const fn other(self) -> Self {
        match self {
            Self::Caller => Self::Host,
            Self::Host => Self::Caller,
        }
    }
}

/// One end of a connection; closed when dropped.
pub struct MadStream {
    world: Arc<World>,
    connection: Arc<Connection>,
    side: Side,
    sender: Sender,
    receiver: Receiver,
    /// Arrived, and not to be seen yet.
    held: Option<Parcel>,
    wait: Option<Sleep>,
    received: Bytes,
    /// Whether the peer writes no more.
    ended: bool,
    /// Whether this end writes no more.
    finished: bool,
}

impl MadStream {
    pub(crate) fn new(
        world: Arc<World>,
        connection: Arc<Connection>,
        side: Side,
        (sender, receiver): (Sender, Receiver),
    ) -> Self {
        Self {
            world,
            connection,
            side,
            sender,
            receiver,
            held: None,
            wait: None,
            received: Bytes::new(),
            ended: false,
            finished: false,
        }
    }

    /// Itself, unless it was broken off.
    pub(crate) fn still_stands(self) -> io::Result<Self> {
        let broken = self.connection.lock().broken;
        if broken { Err(ErrorKind::ConnectionReset.into()) } else { Ok(self) }
    }

    /// Puts something on its way to the peer, by the link as it is now.
    fn send(&self, what: What) -> io::Result<()> {
        let (from, to) = self.connection.way_to(self.side.other());
        let parcel = Parcel { at: self.world.arrival(from, to), what };
        let sent =
            pin!(self.sender.send(Box::new(parcel))).poll(&mut Context::from_waker(Waker::noop()));
        match sent {
            Poll::Ready(sent) => sent,
            // It never waits.
            Poll::Pending => Err(ErrorKind::WouldBlock.into()),
        }
    }

    /// Whether the peer has what is written.
    fn is_heard(&self) -> Heard {
        if !self.sender.is_closed() {
            return Heard::Yes;
        }
        let (from, to) = self.connection.way_to(self.side);
        let known = self.world.link(from, to).open && self.world.link(to, from).open;
        if known { Heard::No } else { Heard::Unknown }
    }

    /// What comes next, when its time has come and its link is open.
    fn poll_parcel(&mut self, context: &mut Context<'_>) -> Poll<What> {
        let (from, to) = self.connection.way_to(self.side);
        if self.held.is_none() {
            let gone = || Parcel { at: self.world.arrival(from, to), what: What::Gone };
            let parcel = match Pin::new(&mut self.receiver).poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(parcel))) => {
                    parcel.downcast().map_or_else(|_| gone(), |it| *it)
                }
                // madsim lets go of a channel at once; that this is known takes its time here.
                Poll::Ready(Some(Err(_)) | None) => gone(),
            };
            self.wait = Some(Sleep::new(Arc::clone(&self.world), parcel.at));
            self.held = Some(parcel);
        }
        if let Some(wait) = &mut self.wait {
            match Pin::new(wait).poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) => self.wait = None,
            }
        }
        // Parcels were held up by madsim; that nobody is there any more passes no cut either.
        if matches!(&self.held, Some(Parcel { what: What::Gone, .. }))
            && self.world.poll_open(from, to, context).is_pending()
        {
            return Poll::Pending;
        }
        self.held.take().map_or(Poll::Pending, |parcel| Poll::Ready(parcel.what))
    }
}

impl AsyncRead for MadStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        {
            let mut state = self.connection.lock();
            if state.broken {
                return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
            }
            state.end(self.side).reader = Some(context.waker().clone());
        }
        while self.received.is_empty() && !self.ended {
            match self.poll_parcel(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(What::Data(bytes)) => self.received = bytes,
                Poll::Ready(What::Finish | What::Gone) => self.ended = true,
            }
        }
        let some = self.received.len().min(buffer.remaining());
        buffer.put_slice(&self.received.split_to(some));
        let side = self.side;
        let mut state = self.connection.lock();
        let own = state.end(side);
        own.unread = own.unread.saturating_sub(some);
        let writer = state.end(side.other()).writer.take();
        drop(state);
        if let Some(writer) = writer {
            writer.wake();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for MadStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let peer = self.side.other();
        let is_heard = self.is_heard();
        let mut state = self.connection.lock();
        if state.broken {
            return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
        }
        if self.finished {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        match is_heard {
            Heard::Yes => {}
            Heard::No => return Poll::Ready(Err(ErrorKind::ConnectionReset.into())),
            Heard::Unknown => return Poll::Ready(Ok(bytes.len())),
        }
        let room = BUFFER_BYTES.saturating_sub(state.end(peer).unread);
        if room == 0 {
            state.end(self.side).writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        let some = bytes.get(..room).unwrap_or(bytes);
        state.end(peer).unread += some.len();
        drop(state);
        if !some.is_empty() {
            self.send(What::Data(Bytes::copy_from_slice(some)))?;
        }
        Poll::Ready(Ok(some.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !std::mem::replace(&mut self.finished, true) {
            // Nobody there needs no telling.
            let _told = self.send(What::Finish);
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for MadStream {
    fn drop(&mut self) {
        self.connection.left(self.side, &self.world);
    }
}

impl std::fmt::Debug for MadStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MadStream").field("side", &self.side).finish_non_exhaustive()
    }
}
