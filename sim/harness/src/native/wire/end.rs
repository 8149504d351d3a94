//! One end of a connection: what comes to it, what its owner has not read, what it was told.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::task::{Poll, Waker};

use bytes::{Buf, Bytes};
use homeostat_world::Timestamp;
use tokio::io::ReadBuf;

use super::Packet;
use crate::native::world::NodeId;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// The dial has not come here yet.
    Unborn,
    /// Somebody has it, or will by accepting it.
    Open,
    /// Nobody has it any more.
    Shut,
}

pub(super) struct End {
    pub(super) node: NodeId,
    pub(super) life: Life,
    /// On their way here, and when they arrive, in order.
    pub(super) coming: VecDeque<(Timestamp, Packet)>,
    /// When the last one arrives: nothing overtakes it.
    pub(super) last_coming: Timestamp,
    /// Arrived and not read.
    pub(super) received: VecDeque<Bytes>,
    /// Bytes on their way here or not read.
    pub(super) bytes: usize,
    /// The peer writes no more.
    pub(super) peer_finished: bool,
    /// This end writes no more.
    pub(super) has_finished: bool,
    /// This end has told its peer that there is no connection.
    pub(super) has_reset: bool,
    /// What every use of it fails with.
    pub(super) fault: Option<ErrorKind>,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
}

impl End {
    pub(super) const fn new(node: NodeId, life: Life) -> Self {
        Self {
            node,
            life,
            coming: VecDeque::new(),
            last_coming: Timestamp::MIN,
            received: VecDeque::new(),
            bytes: 0,
            peer_finished: false,
            has_finished: false,
            has_reset: false,
            fault: None,
            reader: None,
            writer: None,
        }
    }

    pub(super) fn poll_read(
        &mut self,
        buffer: &mut ReadBuf<'_>,
        waker: &Waker,
    ) -> Poll<io::Result<()>> {
        if self.received.is_empty() {
            return match self.fault {
                Some(fault) => Poll::Ready(Err(fault.into())),
                None if self.peer_finished => Poll::Ready(Ok(())),
                None => {
                    self.reader = Some(waker.clone());
                    Poll::Pending
                }
            };
        }
        while buffer.remaining() > 0
            && let Some(first) = self.received.front_mut()
        {
            let some = first.len().min(buffer.remaining());
            buffer.put_slice(&first.split_to(some));
            self.bytes = self.bytes.saturating_sub(some);
            if !first.has_remaining() {
                self.received.pop_front();
            }
        }
        Poll::Ready(Ok(()))
    }

    /// From now on every use fails.
    pub(super) fn fail(&mut self, fault: ErrorKind, wakes: &mut Vec<Waker>) {
        self.fault.get_or_insert(fault);
        wakes.extend(self.reader.take());
        wakes.extend(self.writer.take());
    }

    /// Its owner is gone.
    pub(super) fn shut(&mut self) {
        self.life = Life::Shut;
        self.drop_bytes();
        self.reader = None;
        self.writer = None;
    }

    pub(super) fn drop_bytes(&mut self) {
        let read: usize = self.received.iter().map(Bytes::len).sum();
        self.bytes = self.bytes.saturating_sub(read);
        self.received.clear();
    }
}
