//! The real clock, sped up.
//!
//! In: the machine's clock. Out: the Clock door, in which a minute passes in a second.
//! Promise: what the Clock door promises. Clones are the same clock.

use homeostat_host::SystemClock;
use homeostat_world::{Clock, Duration, Timestamp};

/// Virtual seconds in a real one. A machine that is busy lets a task wait for tens of milliseconds
/// now and then, which is a second or two here: short beside the deadlines of a Plan that is worth
/// running on real doors, and a Plan of half an hour still ends in half a minute.
pub const SPEED: i64 = 60;

/// A clock that begins at an instant of its own and runs [`SPEED`] times as fast.
#[derive(Clone, Debug)]
pub(crate) struct FastClock {
    real: SystemClock,
    began: Timestamp,
    start: Timestamp,
}

impl FastClock {
    /// It is `start` now.
    pub(crate) fn new(start: Timestamp) -> Self {
        let real = SystemClock::new();
        let began = real.now();
        Self { real, began, start }
    }
}

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        let passed = self.real.now().since(self.began).as_micros();
        self.start + Duration::from_micros(passed.saturating_mul(SPEED))
    }

    async fn sleep_until(&self, at: Timestamp) {
        // Rounded up, so that `at` has come when the real clock says so.
        let real = at.since(self.start).as_micros().saturating_add(SPEED - 1) / SPEED;
        self.real.sleep_until(self.began + Duration::from_micros(real)).await;
    }
}
