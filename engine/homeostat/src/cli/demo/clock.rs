//! A clock whose day runs in seconds: slow where much happens, fast where people would wait.
//!
//! In: a timetable of how long each stretch of the day takes to watch. Out: the clock door that
//! the engine runs on, so its deadlines, cool-downs and budgets pass at that pace too.
//! Promise: never goes backwards; at the end of the timetable it stands still.

use std::sync::Arc;
use std::time::{Duration as Watched, Instant};

use homeostat_world::{Clock, Duration, Timestamp};

/// A stretch of the day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    /// How much of the day passes.
    pub(crate) passes: Duration,
    /// How long it takes to watch.
    pub(crate) watched: Watched,
}

/// The demo's clock.
#[derive(Clone, Debug)]
pub(crate) struct PacedClock {
    started: Instant,
    dawn: Timestamp,
    stretches: Arc<[Stretch]>,
}

impl PacedClock {
    /// Starts the day now, at `dawn`.
    pub(crate) fn start(dawn: Timestamp, stretches: &[Stretch]) -> Self {
        Self { started: Instant::now(), dawn, stretches: stretches.into() }
    }

    /// Whether the timetable is at its end.
    pub(crate) fn is_at_end(&self) -> bool {
        let length: Watched = self.stretches.iter().map(|stretch| stretch.watched).sum();
        self.started.elapsed() >= length
    }

    /// What the day shows after `watched`.
    fn shown_after(&self, mut watched: Watched) -> Timestamp {
        let mut shown = self.dawn;
        for stretch in self.stretches.iter() {
            if watched < stretch.watched {
                let share = watched.as_secs_f64() / stretch.watched.as_secs_f64();
                return shown + scaled(stretch.passes, share);
            }
            watched = watched.saturating_sub(stretch.watched);
            shown = shown + stretch.passes;
        }
        shown
    }

    /// How long to watch until the day shows `at`; none when it never does.
    fn watched_until(&self, at: Timestamp) -> Option<Watched> {
        let mut shown = self.dawn;
        let mut watched = Watched::ZERO;
        for stretch in self.stretches.iter() {
            let end = shown + stretch.passes;
            if at <= end {
                let left = at.since(shown).to_std().as_secs_f64();
                let share = left / stretch.passes.to_std().as_secs_f64().max(f64::MIN_POSITIVE);
                return Some(watched + stretch.watched.mul_f64(share.clamp(0.0, 1.0)));
            }
            watched += stretch.watched;
            shown = end;
        }
        None
    }
}

impl Clock for PacedClock {
    fn now(&self) -> Timestamp {
        self.shown_after(self.started.elapsed())
    }

    async fn sleep_until(&self, at: Timestamp) {
        loop {
            let Some(watched) = self.watched_until(at) else {
                return std::future::pending().await;
            };
            tokio::time::sleep_until((self.started + watched).into()).await;
            // Rounding may wake it a moment early; the door promises that `at` has come.
            if self.now() >= at {
                return;
            }
            tokio::time::sleep(Watched::from_millis(1)).await;
        }
    }
}

/// `share` of `length`, to the microsecond.
fn scaled(length: Duration, share: f64) -> Duration {
    let micros = length.to_std().mul_f64(share).as_micros();
    Duration::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> PacedClock {
        PacedClock::start(
            Timestamp::EPOCH,
            &[
                Stretch { passes: Duration::from_secs(10), watched: Watched::from_secs(1) },
                Stretch { passes: Duration::from_secs(3_600), watched: Watched::from_secs(2) },
            ],
        )
    }

    #[test]
    fn each_stretch_has_its_own_pace_and_the_end_stands_still() {
        let shown = |millis| clock().shown_after(Watched::from_millis(millis));
        assert_eq!(shown(0), Timestamp::EPOCH);
        assert_eq!(shown(500), Timestamp::EPOCH + Duration::from_secs(5));
        assert_eq!(shown(2_000), Timestamp::EPOCH + Duration::from_secs(1_810));
        assert_eq!(shown(99_000), Timestamp::EPOCH + Duration::from_secs(3_610));
    }

    #[test]
    fn waiting_is_the_inverse_of_showing() {
        for seconds in [0, 3, 10, 11, 2_000, 3_610] {
            let at = Timestamp::EPOCH + Duration::from_secs(seconds);
            let watched = clock().watched_until(at).unwrap_or_default();
            let off = clock().shown_after(watched).since(at).as_micros().abs();
            assert!(off <= 2, "{seconds} s: off by {off} us");
        }
        assert_eq!(clock().watched_until(Timestamp::EPOCH + Duration::from_secs(3_611)), None);
    }
}
