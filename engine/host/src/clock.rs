//! The real clock: wall time in microseconds UTC that never goes backwards.
//!
//! In: the machine's wall clock and its monotonic clock. Out: [`Clock::now`] and its waits.
//! Never: repeats an hour because somebody set the machine's clock back.
//! Promise: it runs at the monotonic clock's rate, follows the wall clock forwards (a corrected
//! clock, a laptop that slept), and stays ahead when the wall clock is set back; a restart takes
//! the wall clock as it then is. Start reading at [`SystemClock::read`].

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use homeostat_world::{Clock, Duration, Timestamp};

/// The machine's clock. Clones share one ratchet.
#[derive(Clone, Debug)]
pub struct SystemClock {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The monotonic clock when this one was made; its readings have no origin of their own.
    started: Instant,
    /// The largest `wall - monotonic` seen, in microseconds.
    offset: AtomicI64,
    /// The largest answer given.
    last: AtomicI64,
}

/// How long one wait of the timer lasts at most. The timer runs on the monotonic clock, which
/// stands still while a machine sleeps, so long waits look at the wall clock this often.
const WAIT_MAX: Duration = Duration::from_secs(15);

impl SystemClock {
    /// A clock that begins at the machine's wall time.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                started: Instant::now(),
                offset: AtomicI64::new(i64::MIN),
                last: AtomicI64::new(i64::MIN),
            }),
        }
    }

    fn read(&self) -> Timestamp {
        // The wall clock first: a pause between the two readings then makes the offset too small,
        // which the next reading mends. The other order would push the clock ahead for good.
        let wall = wall_micros();
        let run = micros(self.shared.started.elapsed());
        self.answer(wall, run)
    }

    /// What to say when the wall clock shows `wall` and the monotonic one has run for `run`.
    fn answer(&self, wall: i64, run: i64) -> Timestamp {
        let seen = wall.saturating_sub(run);
        let offset = self.shared.offset.fetch_max(seen, Ordering::AcqRel).max(seen);
        let now = run.saturating_add(offset);
        let last = self.shared.last.fetch_max(now, Ordering::AcqRel);
        Timestamp::from_micros(now.max(last))
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        self.read()
    }

    async fn sleep_until(&self, at: Timestamp) {
        loop {
            let left = at.since(self.now());
            if left <= Duration::ZERO {
                return;
            }
            tokio::time::sleep(left.min(WAIT_MAX).to_std()).await;
        }
    }
}

/// Microseconds since the epoch by the wall clock; negative for a machine set before 1970.
fn wall_micros() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => micros(after),
        Err(before) => micros(before.duration()).saturating_neg(),
    }
}

fn micros(length: std::time::Duration) -> i64 {
    i64::try_from(length.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_clock_that_is_set_back_does_not_turn_time_back() {
        let clock = SystemClock::new();
        assert_eq!(clock.answer(1_000_000, 0), Timestamp::from_micros(1_000_000));
        assert_eq!(clock.answer(400_000, 10), Timestamp::from_micros(1_000_010));
        assert_eq!(clock.answer(400_500, 510), Timestamp::from_micros(1_000_510));
    }

    #[test]
    fn a_wall_clock_that_jumps_ahead_is_followed() {
        let clock = SystemClock::new();
        let early = clock.answer(1_000_000, 0);
        assert_eq!(clock.answer(9_000_000, 10).since(early), Duration::from_secs(8));
        assert_eq!(clock.answer(9_000_005, 20), Timestamp::from_micros(9_000_010));
    }

    #[test]
    fn an_answer_is_never_below_an_earlier_one() {
        let clock = SystemClock::new();
        let first = clock.answer(50, 40);
        assert_eq!(clock.answer(20, 30), first, "an older reading that comes in late");
    }

    #[tokio::test]
    async fn a_wait_ends_at_or_after_its_instant() {
        let clock = SystemClock::new();
        let at = clock.now() + Duration::from_millis(5);
        clock.sleep_until(at).await;
        assert!(clock.now() >= at);
        clock.sleep_until(at).await;
    }
}
