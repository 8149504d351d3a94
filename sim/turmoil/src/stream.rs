//! One end of a connection: turmoil's stream, with resets and room of our own.
//!
//! Promise: what the Net door promises. Start reading at [`TurmoilStream`].

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::TcpStream;

use crate::line::{Ends, Half, Line, Pipe, Side};
use crate::world::lock;

/// One end of a connection; closed when dropped.
pub struct TurmoilStream {
    inner: TcpStream,
    line: Line,
    ends: Ends,
    side: Side,
    pipe: Arc<Mutex<Pipe>>,
    has_finished: bool,
}

/// What one segment carries at most: Ethernet's, so that requests are torn where real ones are.
const SEGMENT_BYTES: usize = 1_448;

impl TurmoilStream {
    pub(crate) fn new(inner: TcpStream, line: Line, side: Side) -> io::Result<Self> {
        let (own, peer) = (inner.local_addr()?, inner.peer_addr()?);
        let ends = match side {
            Side::Caller => (own, peer),
            Side::Host => (peer, own),
        };
        let pipe = line.pipe(ends);
        Ok(Self { inner, line, ends, side, pipe, has_finished: false })
    }
}

impl AsyncRead for TurmoilStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(error) = self.line.poll_broken(Half::Read, context) {
            return Poll::Ready(Err(error));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        let count = buffer.filled().len().saturating_sub(before);
        let waiting = lock(&self.pipe).inward(self.side).read(count);
        waiting.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for TurmoilStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(error) = self.line.poll_broken(Half::Write, context) {
            return Poll::Ready(Err(error));
        }
        let free = ready!(lock(&self.pipe).outward(self.side).poll_free(context));
        let some = bytes.get(..free.min(SEGMENT_BYTES)).unwrap_or(bytes);
        let count = ready!(Pin::new(&mut self.inner).poll_write(context, some))?;
        lock(&self.pipe).outward(self.side).written(count);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // turmoil takes the second time for a mistake.
        if std::mem::replace(&mut self.has_finished, true) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl Drop for TurmoilStream {
    fn drop(&mut self) {
        self.line.forget(&self.ends, &self.pipe);
        let waiting = lock(&self.pipe).inward(self.side).leave();
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl std::fmt::Debug for TurmoilStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TurmoilStream").field("ends", &self.ends).finish_non_exhaustive()
    }
}
