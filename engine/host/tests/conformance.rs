//! The real doors keep the contracts that the simulated ones keep.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use homeostat_host::clock::SystemClock;
use homeostat_host::net::TokioNet;
use homeostat_host::tasks::TokioTasks;
use homeostat_world::conformance;
use tokio::runtime::Handle;

#[tokio::test]
async fn the_system_clock_keeps_the_contract() {
    conformance::clock_keeps_the_contract(&SystemClock::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokio_tasks_keep_the_contract() {
    conformance::tasks_keep_the_contract(&TokioTasks::new(Handle::current())).await;
}

#[tokio::test]
async fn tokio_net_keeps_the_contract() {
    let tasks = TokioTasks::new(Handle::current());
    conformance::net_keeps_the_contract(&TokioNet, &tasks, "127.0.0.1:0").await.unwrap();
}
