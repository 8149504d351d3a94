//! A node's own clock, which is wrong by an amount that can jump, and may run too fast or too slow.
//!
//! In: a clock that is right, and a [`Skew`] that somebody else turns. Out: the Clock door.
//! Never: goes backwards. A jump ahead ends at once every sleep that it passes; after a jump back the
//! clocks that were there before stay ahead and go on at the true rate. A drift is followed both
//! ways, since even a slow clock goes on.
//! Promise: what the Clock door promises, for each clock made, in the way of the host's clock: a new
//! clock of the same node (the node was started again) takes the skew as it then is.
//! Start reading at [`SkewedClock::now`].

use std::pin::pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use homeostat_world::{Clock, Duration, Timestamp};
use tokio::sync::Notify;

/// How wrong the clocks of a node are. Cheap to clone; clones turn the same clocks.
#[derive(Clone, Debug, Default)]
pub struct Skew {
    shared: Arc<Turned>,
}

#[derive(Debug, Default)]
struct Turned {
    jumped_micros: AtomicI64,
    drift: Mutex<Drift>,
    turned: Notify,
}

/// A rate that is wrong since some instant of true time.
#[derive(Clone, Copy, Debug, Default)]
struct Drift {
    /// How far earlier drifts have led.
    before_micros: i64,
    since: Timestamp,
    ppm: i64,
}

impl Drift {
    /// How far it leads in so long.
    fn led(self, run: i64) -> i64 {
        let led = (i128::from(run.max(0)) * i128::from(self.ppm)).div_euclid(MILLION);
        i64::try_from(led).unwrap_or(0)
    }

    /// How far off it is at `at`, which is not before `since`.
    fn at(self, at: Timestamp) -> i64 {
        self.before_micros.saturating_add(self.led(at.since(self.since).as_micros()))
    }

    /// The first instant of true time at which a clock that is off by this is at `at` or later.
    fn reaches(self, at: Timestamp) -> Timestamp {
        let wanted = at.since(self.since).as_micros().saturating_sub(self.before_micros);
        let rate = MILLION + i128::from(self.ppm);
        let run = (i128::from(wanted) * MILLION).div_euclid(rate.max(1));
        let mut run = i64::try_from(run).unwrap_or(i64::MAX / 2).max(0);
        // Rounding down twice is too early by a step or two, since no drift is below a half.
        for _ in 0..4 {
            if run.saturating_add(self.led(run)) >= wanted {
                break;
            }
            run += 1;
        }
        self.since + Duration::from_micros(run)
    }
}

const MILLION: i128 = 1_000_000;

impl Skew {
    /// Right, until it is turned.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The clocks of the node jump, ahead or (negative) back.
    pub fn jump(&self, by: Duration) {
        self.shared.jumped_micros.fetch_add(by.as_micros(), Ordering::Relaxed);
        self.shared.turned.notify_waiters();
    }

    /// From `now`, by true time, the clocks of the node run too fast by so many millionths, or
    /// (negative) too slow; 0 is right. How far they have drifted by then stays.
    pub fn drift(&self, now: Timestamp, ppm: i64) {
        let mut drift = self.shared.drift.lock().unwrap_or_else(PoisonError::into_inner);
        *drift = Drift { before_micros: drift.at(now), since: now, ppm };
        drop(drift);
        self.shared.turned.notify_waiters();
    }

    fn jumped(&self) -> i64 {
        self.shared.jumped_micros.load(Ordering::Relaxed)
    }

    fn drifts(&self) -> Drift {
        *self.shared.drift.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The clock of one life of a node. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct SkewedClock<C> {
    inner: C,
    skew: Skew,
    /// The largest jump seen in this life: a clock that was set back is not followed.
    ahead_micros: Arc<AtomicI64>,
}

impl<C: Clock> SkewedClock<C> {
    /// A clock that is wrong as `skew` says, beside `inner`, which is right.
    #[must_use]
    pub fn new(inner: C, skew: Skew) -> Self {
        Self { inner, skew, ahead_micros: Arc::new(AtomicI64::new(i64::MIN)) }
    }

    fn ahead(&self) -> Duration {
        let jumped = self.skew.jumped();
        let seen = self.ahead_micros.fetch_max(jumped, Ordering::Relaxed);
        Duration::from_micros(seen.max(jumped))
    }
}

impl<C: Clock> Clock for SkewedClock<C> {
    fn now(&self) -> Timestamp {
        let now = self.inner.now();
        now + self.ahead() + Duration::from_micros(self.skew.drifts().at(now))
    }

    async fn sleep_until(&self, at: Timestamp) {
        loop {
            // Asked for before the time is read, so that no turn in between is missed.
            let mut turned = pin!(self.skew.shared.turned.notified());
            turned.as_mut().enable();
            if self.now() >= at {
                return;
            }
            let inner_at = self.skew.drifts().reaches(at - self.ahead());
            tokio::select! {
                biased;
                () = turned => {}
                () = self.inner.sleep_until(inner_at) => {}
            }
        }
    }
}
