//! The simulated doors keep the contracts that the real ones keep.

use homeostat_sim_harness::native::NativeDoors;
use homeostat_sim_harness::skew::{Skew, SkewedClock};
use homeostat_sim_harness::{Doors, Stage};
use homeostat_world::{Clock, Duration, conformance};

use crate::native;

/// Runs `check` in the native lane with several orders of tasks.
fn kept<F>(check: fn(NativeDoors) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    for seed in 0..20 {
        let mut native = native(seed);
        let done = native.finish("node", Duration::from_secs(60), check);
        assert_eq!(done, Some(()), "seed {seed}: {:?}", native.panics());
    }
}

#[test]
fn the_native_clock_keeps_the_contract() {
    kept(|doors| async move { conformance::clock_keeps_the_contract(&doors.clock()).await });
}

#[test]
fn a_skewed_clock_keeps_the_contract() {
    kept(|doors| async move {
        let skew = Skew::new();
        let clock = SkewedClock::new(doors.clock(), skew.clone());
        skew.jump(Duration::from_secs(-9));
        conformance::clock_keeps_the_contract(&clock).await;
        skew.jump(Duration::from_secs(-1));
        conformance::clock_keeps_the_contract(&clock).await;
        skew.jump(Duration::from_secs(100));
        conformance::clock_keeps_the_contract(&clock).await;
        for ppm in [-500_000, -3, 7, 500_000] {
            skew.drift(doors.clock().now(), ppm);
            conformance::clock_keeps_the_contract(&clock).await;
        }
    });
}

#[test]
fn native_tasks_keep_the_contract() {
    kept(|doors| async move { conformance::tasks_keep_the_contract(&doors.tasks()).await });
}

#[test]
fn the_native_net_keeps_the_contract() {
    kept(|doors| async move {
        conformance::net_keeps_the_contract(&doors.net(), &doors.tasks(), "node:0").await.unwrap();
    });
}
