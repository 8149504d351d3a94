//! The turmoil doors keep the contracts that the real ones keep.

use homeostat_sim_harness::skew::{Skew, SkewedClock};
use homeostat_sim_harness::{Doors, Stage};
use homeostat_sim_turmoil::TurmoilDoors;
use homeostat_world::{Duration, conformance};

use crate::{finish, turmoil};

/// Runs `check` with several seeds.
fn kept<F>(check: fn(TurmoilDoors) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    for seed in 0..20 {
        let mut turmoil = turmoil(seed);
        let done = finish(&mut turmoil, "node", Duration::from_secs(60), check);
        assert_eq!(done, Some(()), "seed {seed}: {:?}", turmoil.panics());
    }
}

#[test]
fn the_turmoil_clock_keeps_the_contract() {
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
    });
}

#[test]
fn turmoil_tasks_keep_the_contract() {
    kept(|doors| async move { conformance::tasks_keep_the_contract(&doors.tasks()).await });
}

#[test]
fn the_turmoil_net_keeps_the_contract_on_one_node() {
    kept(|doors| async move {
        conformance::net_keeps_the_contract(&doors.net(), &doors.tasks(), "node:0").await.unwrap();
    });
}
