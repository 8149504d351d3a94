//! A node's own clock, which is wrong by an amount that can jump.
//!
//! In: a clock that is right, and a [`Skew`] that somebody else turns. Out: the Clock door.
//! Never: goes backwards. A jump ahead ends at once every sleep that it passes; after a jump back the
//! clocks that were there before stay ahead and go on at the true rate.
//! Promise: what the Clock door promises, for each clock made, in the way of the host's clock: a new
//! clock of the same node (the node was started again) takes the skew as it then is.
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
    /// The largest skew seen in this life: a clock that was set back is not followed.
    ahead_micros: Arc<AtomicI64>,
}

impl<C: Clock> SkewedClock<C> {
    /// A clock that is wrong as `skew` says, beside `inner`, which is right.
    #[must_use]
    pub fn new(inner: C, skew: Skew) -> Self {
        Self { inner, skew, ahead_micros: Arc::new(AtomicI64::new(i64::MIN)) }
    }

    fn ahead(&self) -> Duration {
        let offset = self.skew.offset();
        let seen = self.ahead_micros.fetch_max(offset, Ordering::Relaxed);
        Duration::from_micros(seen.max(offset))
    }
}

impl<C: Clock> Clock for SkewedClock<C> {
    fn now(&self) -> Timestamp {
        self.inner.now() + self.ahead()
    }

    async fn sleep_until(&self, at: Timestamp) {
        loop {
            // Asked for before the time is read, so that no jump in between is missed.
            let mut turned = pin!(self.skew.shared.turned.notified());
            turned.as_mut().enable();
            if self.now() >= at {
                return;
            }
            let inner_at = at - self.ahead();
            tokio::select! {
                biased;
                () = turned => {}
                () = self.inner.sleep_until(inner_at) => {}
            }
        }
    }
}
