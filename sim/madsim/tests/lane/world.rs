//! A world to test in, and how long something in it took.

use std::sync::{Arc, Mutex};

use homeostat_sim_harness::Stage;
use homeostat_sim_madsim::{MadDoors, Madsim};
use homeostat_world::{Chance, Duration, Timestamp};

/// When every test begins: 2026-03-02T09:00:00Z.
pub(crate) const DAWN: Timestamp = Timestamp::from_micros(1_772_442_000_000_000);

pub(crate) const LONG: Duration = Duration::from_secs(3_600);

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
