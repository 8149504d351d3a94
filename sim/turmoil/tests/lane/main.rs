//! The turmoil lane: its doors keep the contracts, its links do what they are told, its runs keep
//! every promise and repeat to the byte.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail, and says where")]

mod conformance;
mod executor;
mod links;
mod plans;
mod processes;
mod runs;
#[path = "../../../harness/tests/stage/talk.rs"]
mod talk;

use std::sync::{Arc, Mutex};

use homeostat_sim_harness::Stage;
use homeostat_sim_turmoil::{Turmoil, TurmoilDoors};
use homeostat_world::{Duration, Timestamp};

/// When every test begins: 2026-03-02T09:00:00Z.
const DAWN: Timestamp = Timestamp::from_micros(1_772_442_000_000_000);

fn turmoil(seed: u64) -> Turmoil {
    Turmoil::new(DAWN, seed)
}

fn after(millis: i64) -> Timestamp {
    DAWN + Duration::from_millis(millis)
}

/// Starts `node` with `main`, runs for `within`, and gives what came of it.
fn finish<T, F>(
    turmoil: &mut Turmoil,
    node: &str,
    within: Duration,
    main: impl FnOnce(TurmoilDoors) -> F,
) -> Option<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let result = Arc::new(Mutex::new(None));
    turmoil.start(node, |doors| {
        let (work, result) = (main(doors), Arc::clone(&result));
        async move {
            let done = work.await;
            *result.lock().unwrap() = Some(done);
        }
    });
    turmoil.run_until(turmoil.now() + within);
    result.lock().unwrap().take()
}
