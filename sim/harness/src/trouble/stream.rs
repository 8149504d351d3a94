//! One connection with trouble.
//!
//! In: bytes. Out: the same bytes, later, twice, or not at all. Never: makes one up.
//! Promise: a request begins with the first byte that is written after something was read, which is
//! so for every exchange of HTTP/1.1 without pipelining.
//! Start reading at [`TroubledStream::poll_read`](tokio::io::AsyncRead::poll_read).

use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use homeostat_world::Clock;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;

use super::{Fate, StreamOf, TroubledNet, lock};
use crate::plan::Gone;
use crate::stage::Doors;

/// One end of a connection. What is gone stays gone when the trouble is over.
pub struct TroubledStream<D: Doors> {
    net: TroubledNet<D>,
    /// None: it is gone for this end.
    inner: Option<StreamOf<D>>,
    address: String,
    fate: Arc<Mutex<Fate>>,
    /// Whether what is written next begins a request.
    begins: bool,
    /// Where a second copy of the present request goes.
    copy: Option<mpsc::UnboundedSender<Vec<u8>>>,
    reads: Rest,
    writes: Rest,
}

/// Nothing in it is pinned where it lies.
impl<D: Doors> Unpin for TroubledStream<D> {}

/// A rest between two bytes of a slow peer.
type Rest = Option<Pin<Box<dyn Future<Output = ()> + Send>>>;

impl<D: Doors> TroubledStream<D> {
    pub(super) fn new(net: TroubledNet<D>, inner: StreamOf<D>, address: String) -> Self {
        let fate = net.trouble.line();
        let inner = Some(inner);
        Self { net, inner, address, fate, begins: true, copy: None, reads: None, writes: None }
    }

    /// What has become of it. Whoever asks is told of a change.
    fn gone(&mut self, context: &Context<'_>) -> Option<Gone> {
        let gone = {
            let mut fate = lock(&self.fate);
            let waker = context.waker();
            if fate.gone.is_none() && !fate.waiting.iter().any(|it| it.will_wake(waker)) {
                fate.waiting.push(waker.clone());
            }
            fate.gone
        };
        self.vanish(gone);
        gone
    }

    /// Lets go of what is gone: the engine's end is ended, or stays open with nobody at this one.
    fn vanish(&mut self, gone: Option<Gone>) {
        match gone {
            None => {}
            Some(Gone::Engine) => drop(self.inner.take()),
            Some(Gone::Client | Gone::Between) => lock(&self.net.parked).extend(self.inner.take()),
        }
    }

    /// The rest that a slow peer takes after a byte.
    fn rest(&self) -> Rest {
        let pause = lock(&self.net.trouble.shared).pause?;
        let clock = self.net.doors.clock();
        Some(Box::pin(async move { clock.sleep_until(clock.now() + pause).await }))
    }

    /// Sends what was written a second time, if there is such trouble.
    fn copied(&mut self, bytes: &[u8]) {
        if std::mem::take(&mut self.begins) {
            let duplicates = lock(&self.net.trouble.shared).duplicates;
            self.copy = duplicates.then(|| self.net.copy(&self.address));
        }
        if let Some(copy) = &self.copy {
            // Where nobody takes it the copy has got lost.
            let _lost = copy.send(bytes.to_vec());
        }
    }
}

/// Whether the rest is over.
fn rested(rest: &mut Rest, context: &mut Context<'_>) -> bool {
    let over = rest.as_mut().is_none_or(|rest| rest.as_mut().poll(context).is_ready());
    if over {
        *rest = None;
    }
    over
}

impl<D: Doors> AsyncRead for TroubledStream<D> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        match this.gone(context) {
            Some(Gone::Client) => return Poll::Ready(Err(ErrorKind::ConnectionReset.into())),
            Some(Gone::Engine | Gone::Between) => return Poll::Pending,
            None => {}
        }
        if !rested(&mut this.reads, context) {
            return Poll::Pending;
        }
        let is_slow = lock(&this.net.trouble.shared).pause.is_some();
        let Some(inner) = &mut this.inner else {
            return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
        };
        let before = buffer.filled().len();
        let read = if is_slow && buffer.remaining() > 1 {
            let mut one = [0_u8; 1];
            let mut small = ReadBuf::new(&mut one);
            let read = Pin::new(inner).poll_read(context, &mut small);
            buffer.put_slice(small.filled());
            read
        } else {
            Pin::new(inner).poll_read(context, buffer)
        };
        let count = buffer.filled().len() - before;
        if count > 0 {
            this.begins = true;
            if lock(&this.net.trouble.shared).loses_answers {
                buffer.set_filled(before);
                this.inner = None;
                return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
            }
            this.reads = this.rest();
        }
        read
    }
}

impl<D: Doors> AsyncWrite for TroubledStream<D> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        match this.gone(context) {
            Some(Gone::Client) => return Poll::Ready(Err(ErrorKind::ConnectionReset.into())),
            // It goes nowhere.
            Some(Gone::Engine | Gone::Between) => return Poll::Ready(Ok(bytes.len())),
            None => {}
        }
        if !rested(&mut this.writes, context) {
            return Poll::Pending;
        }
        let is_slow = lock(&this.net.trouble.shared).pause.is_some();
        let some = bytes.get(..1).filter(|_| is_slow).unwrap_or(bytes);
        let Some(inner) = &mut this.inner else {
            return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
        };
        let written = Pin::new(inner).poll_write(context, some);
        if let Poll::Ready(Ok(count)) = &written {
            let sent = some.get(..*count).unwrap_or(some);
            if !sent.is_empty() {
                this.copied(sent);
                this.writes = this.rest();
            }
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Some(inner) => Pin::new(inner).poll_flush(context),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let gone = self.gone(context);
        match &mut self.inner {
            Some(inner) if gone.is_none() => Pin::new(inner).poll_shutdown(context),
            _ => Poll::Ready(Ok(())),
        }
    }
}

impl<D: Doors> Drop for TroubledStream<D> {
    fn drop(&mut self) {
        let gone = lock(&self.fate).gone;
        self.vanish(gone);
    }
}

impl<D: Doors> std::fmt::Debug for TroubledStream<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TroubledStream").field("fate", &self.fate).finish_non_exhaustive()
    }
}
