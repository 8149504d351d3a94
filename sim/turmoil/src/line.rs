//! What turmoil's connections lack: resets from outside, and room that is counted in bytes.
//!
//! turmoil gives a sender credit by the segment, and the segment that says "I write no more" gets
//! lost when it finds none. So a connection's room is counted here, in bytes, and turmoil is given
//! more credit than there are bytes. Start reading at [`Line`], then [`Pipe`].

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use crate::world::{NodeId, World, lock};

/// Bytes on their way to an end and in it, after which its peer has to wait.
pub(crate) const BUFFER_BYTES: usize = 64 << 10;

/// Every end of a connection, and every dial.
#[derive(Default)]
pub(crate) struct Lines {
    last: u64,
    open: BTreeMap<u64, (BTreeSet<NodeId>, Arc<Mutex<State>>)>,
    pipes: BTreeMap<Ends, Arc<Mutex<Pipe>>>,
}

/// The caller's address and the host's: both ends know them.
pub(crate) type Ends = (SocketAddr, SocketAddr);

/// One end of a connection, or a dial, that can be broken from outside.
pub(crate) struct Line {
    world: Arc<World>,
    id: u64,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    broken: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// Who waits on a line.
#[derive(Clone, Copy)]
pub(crate) enum Half {
    Read,
    Write,
}

impl Line {
    /// A line between two nodes, which the world knows of until it is dropped.
    pub(crate) fn new(world: &Arc<World>, own: NodeId, peer: NodeId) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let mut lines = lock(&world.lines);
        lines.last += 1;
        let id = lines.last;
        lines.open.insert(id, (BTreeSet::from([own, peer]), Arc::clone(&state)));
        drop(lines);
        Self { world: Arc::clone(world), id, state }
    }

    /// Ready with an error once the line is broken.
    pub(crate) fn poll_broken(&self, half: Half, context: &Context<'_>) -> Poll<io::Error> {
        let mut state = lock(&self.state);
        if state.broken {
            return Poll::Ready(ErrorKind::ConnectionReset.into());
        }
        let waiting = match half {
            Half::Read => &mut state.reader,
            Half::Write => &mut state.writer,
        };
        if !waiting.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            *waiting = Some(context.waker().clone());
        }
        Poll::Pending
    }

    /// The room of the connection that this line has become.
    pub(crate) fn pipe(&self, ends: Ends) -> Arc<Mutex<Pipe>> {
        Arc::clone(lock(&self.world.lines).pipes.entry(ends).or_default())
    }

    /// Forgets the room of a connection when the other end has let go of it too.
    pub(crate) fn forget(&self, ends: &Ends, pipe: &Arc<Mutex<Pipe>>) {
        // The registry has one and the end that lets go has one.
        if Arc::strong_count(pipe) <= 2 {
            lock(&self.world.lines).pipes.remove(ends);
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        lock(&self.world.lines).open.remove(&self.id);
    }
}

impl World {
    /// Breaks every connection and every dial between two nodes, at both ends and at once.
    pub(crate) fn break_lines(&self, a: NodeId, b: NodeId) {
        let pair = BTreeSet::from([a, b]);
        let mut wakes = Vec::new();
        for (between, state) in lock(&self.lines).open.values() {
            if *between == pair {
                let mut state = lock(state);
                state.broken = true;
                wakes.extend(state.reader.take());
                wakes.extend(state.writer.take());
            }
        }
        wakes.into_iter().for_each(Waker::wake);
    }
}

/// The room of one connection, both ways.
#[derive(Default)]
pub(crate) struct Pipe {
    /// What the caller writes.
    to_host: Room,
    /// What the host writes.
    to_caller: Room,
}

/// The room of one way.
#[derive(Default)]
pub(crate) struct Room {
    /// On their way or not read.
    bytes: usize,
    /// Nobody will ever read.
    gone: bool,
    writer: Option<Waker>,
}

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Who connected.
    Caller,
    /// Who listened.
    Host,
}

impl Pipe {
    /// The room for what `side` writes.
    pub(crate) const fn outward(&mut self, side: Side) -> &mut Room {
        match side {
            Side::Caller => &mut self.to_host,
            Side::Host => &mut self.to_caller,
        }
    }

    /// The room for what `side` reads.
    pub(crate) const fn inward(&mut self, side: Side) -> &mut Room {
        match side {
            Side::Caller => &mut self.to_caller,
            Side::Host => &mut self.to_host,
        }
    }
}

impl Room {
    /// How many bytes may be written, once it is any.
    pub(crate) fn poll_free(&mut self, context: &Context<'_>) -> Poll<usize> {
        // What is written to an end that has gone is answered by a reset, in its time.
        let free = if self.gone { BUFFER_BYTES } else { BUFFER_BYTES.saturating_sub(self.bytes) };
        if free == 0 {
            self.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(free)
    }

    pub(crate) const fn written(&mut self, count: usize) {
        self.bytes += count;
    }

    /// Gives back who waits for the room.
    pub(crate) const fn read(&mut self, count: usize) -> Option<Waker> {
        self.bytes = self.bytes.saturating_sub(count);
        if count > 0 { self.writer.take() } else { None }
    }

    /// Gives back who waits for room that nobody will make any more.
    pub(crate) const fn leave(&mut self) -> Option<Waker> {
        self.gone = true;
        self.writer.take()
    }
}
