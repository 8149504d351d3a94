//! madsim puts functions of its own in the place of libc's clock, entropy and threads. Whatever runs
//! beside it in the same process must not feel that.

use std::collections::BTreeSet;
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use homeostat_sim_harness::Stage;
use homeostat_sim_harness::lane::NATIVE;
use homeostat_sim_harness::run::Setup;
use homeostat_sim_madsim::LANE;

use crate::desk::{calm, stormy};
use crate::world::{after, madsim};

#[test]
#[expect(clippy::disallowed_methods, reason = "the machine's clock is what this test is about")]
fn the_machine_has_its_own_clock_threads_and_entropy_between_calls() {
    let mut stage = madsim(1);
    let before = (Instant::now(), SystemTime::now());
    stage.run_until(after(10_000_000_000));
    let hours = Duration::from_secs(3_600);
    assert!(before.0.elapsed() < hours && before.1.elapsed().unwrap() < hours);
    assert!(stage.now() >= after(10_000_000_000));
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || tell.send(7)).join().unwrap().unwrap();
    assert_eq!(told.recv(), Ok(7));
    let keys = || {
        use std::hash::BuildHasher;
        #[expect(clippy::disallowed_types, reason = "ambient entropy is what this test is about")]
        std::thread::spawn(|| std::hash::RandomState::new().hash_one(0)).join().unwrap()
    };
    assert_eq!((0..4).map(|_| keys()).collect::<BTreeSet<_>>().len(), 4);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "tokio's own timers are what this test is about")]
fn real_tokio_works_while_another_thread_simulates() {
    let plan = calm(1);
    std::thread::scope(|scope| {
        let simulates =
            scope.spawn(|| (LANE.run)(&plan, &Setup::of(&plan).unwrap()).unwrap().trace);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let slept = runtime.block_on(async {
            let before = tokio::time::Instant::now();
            tokio::time::sleep(Duration::from_millis(20)).await;
            before.elapsed()
        });
        assert!(slept >= Duration::from_millis(20));
        assert!(!simulates.join().unwrap().is_empty());
    });
}

#[test]
fn the_native_lane_does_not_feel_a_madsim_run_before_it_on_its_thread() {
    let plan = stormy(2);
    let setup = Setup::of(&plan).unwrap();
    let native = || (NATIVE.run)(&plan, &setup).unwrap().trace;
    let before = native();
    let first = (LANE.run)(&plan, &setup).unwrap().trace;
    assert_eq!(native(), before);
    assert_eq!((LANE.run)(&plan, &setup).unwrap().trace, first);
}
