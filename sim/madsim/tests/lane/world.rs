//! A world to test in, and how long something in it took.

use std::sync::{Arc, Mutex};

use homeostat_sim_harness::Stage;
use homeostat_sim_harness::stage::Link;
use homeostat_sim_madsim::{MadDoors, Madsim};
use homeostat_world::{Chance, Duration, Timestamp};

/// When every test begins: 2026-03-02T09:00:00Z.
pub(crate) const DAWN: Timestamp = Timestamp::from_micros(1_772_442_000_000_000);

pub(crate) const LONG: Duration = Duration::from_secs(3_600);

pub(crate) const CUT: Link =
    Link { open: false, refuses: false, latency: Duration::ZERO, jitter: Duration::ZERO };

pub(crate) fn madsim(seed: u64) -> Madsim {
    Madsim::new(DAWN, &Chance::from_u64(seed))
}

pub(crate) fn after(millis: i64) -> Timestamp {
    DAWN + Duration::from_millis(millis)
}

/// Starts `node` with `main` and lets `within` pass. What came out, if it was done by then.
pub(crate) fn finish<T, F, M>(
    stage: &mut Madsim,
    node: &str,
    within: Duration,
    main: M,
) -> Option<T>
where
    T: Send + 'static,
    M: FnOnce(MadDoors) -> F,
    F: Future<Output = T> + Send + 'static,
{
    let result = Arc::new(Mutex::new(None));
    stage.start(node, |doors| {
        let (work, result) = (main(doors), Arc::clone(&result));
        async move {
            let done = work.await;
            *result.lock().unwrap() = Some(done);
        }
    });
    let until = stage.now() + within;
    stage.run_until(until);
    result.lock().unwrap().take()
}

/// What happened, with milliseconds since the dawn.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<(i64, String)>>>);

impl Notes {
    pub(crate) fn note(&self, at: Timestamp, what: impl Into<String>) {
        self.0.lock().unwrap().push((at.since(DAWN).as_micros() / 1_000, what.into()));
    }

    pub(crate) fn all(&self) -> Vec<(i64, String)> {
        self.0.lock().unwrap().clone()
    }

    /// When `what` happened last, in milliseconds.
    pub(crate) fn when(&self, what: &str) -> Option<i64> {
        self.all().into_iter().rev().find(|(_, it)| it == what).map(|(at, _)| at)
    }
}

/// Both ways between `client` and `server`.
pub(crate) fn set(stage: &mut Madsim, link: Link) {
    stage.set_link("client", "server", link);
    stage.set_link("server", "client", link);
}

pub(crate) fn link(latency_ms: i64) -> Link {
    Link { latency: Duration::from_millis(latency_ms), ..Link::default() }
}
