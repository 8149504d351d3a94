//! A node's own clock, which is wrong by an amount that can jump.
//!
//! In: a clock that is right, and a [`Skew`] that somebody else turns. Out: the Clock door.
//! Never: goes backwards. A jump back holds the answers still until true time has caught up; a
//! jump ahead ends at once every sleep that it passes.
//! Promise: what the Clock door promises, for each clock made. A new clock of the same node (the
//! node was started again) takes the skew as it then is, as a restarted process does.
//! Start reading at [`SkewedClock::now`].

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use homeostat_world::{Clock, Duration, Timestamp};
use tokio::sync::Notify;

/// How wrong the clocks of a node are. Cheap to clone; clones turn the same clocks.
#[derive(Clone, Debug, Default)]
pub struct Skew {
    shared: Arc<Turned>,
}

#[derive(Debug, Default)]
struct Turned {
    offset_micros: AtomicI64,
    turned: Notify,
}

impl Skew {
    /// Right, until it jumps.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The clocks of the node jump, ahead or (negative) back.
    pub fn jump(&self, by: Duration) {
        let offset = self.offset() + by.as_micros();
        self.shared.offset_micros.store(offset, Ordering::Relaxed);
        self.shared.turned.notify_waiters();
    }

    fn offset(&self) -> i64 {
        self.shared.offset_micros.load(Ordering::Relaxed)
    }
}

/// The clock of one life of a node. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct SkewedClock<C> {
    inner: C,
    skew: Skew,
    /// The largest answer given.
    last_micros: Arc<AtomicI64>,
}

impl<C: Clock> SkewedClock<C> {
    /// A clock that is wrong as `skew` says, beside `inner`, which is right.
    #[must_use]
    pub fn new(inner: C, skew: Skew) -> Self {
        Self { inner, skew, last_micros: Arc::new(AtomicI64::new(i64::MIN)) }
    }
}

impl<C: Clock> Clock for SkewedClock<C> {
    fn now(&self) -> Timestamp {
        let shown = self.inner.now() + Duration::from_micros(self.skew.offset());
        let last = self.last_micros.fetch_max(shown.as_micros(), Ordering::Relaxed);
        shown.max(Timestamp::from_micros(last))
    }

    async fn sleep_until(&self, at: Timestamp) {
        loop {
            // Asked for before the time is read, so that no jump in between is missed.
            let mut turned = pin!(self.skew.shared.turned.notified());
            turned.as_mut().enable();
            if self.now() >= at {
                return;
            }
            let inner_at = at - Duration::from_micros(self.skew.offset());
            tokio::select! {
                biased;
                () = turned => {}
                () = self.inner.sleep_until(inner_at) => {}
            }
        }
    }
}
