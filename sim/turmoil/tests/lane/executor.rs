//! Time, the order of tasks, the ends of tasks, the ends of nodes.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use homeostat_sim_harness::{Doors, Stage};
use homeostat_sim_turmoil::TurmoilDoors;
use homeostat_world::tasks::TaskEnd;
use homeostat_world::{Clock, Duration, TaskHandle, Tasks};
use tokio::sync::oneshot;

use crate::{DAWN, after, finish, turmoil};

const LONG: Duration = Duration::from_secs(3_600);

/// The turns that five nodes take, by their own account, and the hash of the run.
fn turns(seed: u64) -> (Vec<(usize, u32)>, u64) {
    let mut turmoil = turmoil(seed);
    let turns = Arc::new(Mutex::new(Vec::new()));
    for node in 0..5 {
        let turns = Arc::clone(&turns);
        turmoil.start(&format!("node-{node}"), |doors| async move {
            for turn in 0..5 {
                turns.lock().unwrap().push((node, turn));
                doors.clock().sleep_until(doors.clock().now() + Duration::from_millis(7)).await;
            }
        });
    }
    turmoil.run_until(after(1_000));
    let turns = turns.lock().unwrap().clone();
    (turns, turmoil.trace_hash())
}

#[test]
fn one_seed_gives_one_order_and_other_seeds_others() {
    let orders: BTreeSet<_> = (0..8).map(|seed| turns(seed).0).collect();
    assert_eq!(orders.len(), 8);
    for seed in 0..8 {
        assert_eq!(turns(seed), turns(seed));
    }
}

/// Which arms a `select!` without an order takes, when all are ready.
fn arms(seed: u64) -> Vec<u32> {
    let mut turmoil = turmoil(seed);
    let arms = finish(&mut turmoil, "node", LONG, |_| async {
        let mut arms = Vec::new();
        for _ in 0..64 {
            arms.push(tokio::select! {
                () = async {} => 0,
                () = async {} => 1,
                () = async {} => 2,
            });
        }
        arms
    });
    arms.unwrap()
}

#[test]
fn a_select_draws_from_the_seed() {
    let drawn: BTreeSet<_> = (0..8).map(arms).collect();
    assert_eq!(drawn.len(), 8, "every seed takes the same arms");
    assert_eq!(arms(3), arms(3));
}

#[test]
fn sleeps_end_at_their_millisecond_however_long_they_are_and_whoever_else_sleeps() {
    let mut turmoil = turmoil(1);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let sleeps = [
        ("a", vec![3_600_000_001, 5, 1_000, 0, -9]),
        ("b", vec![1_001, 86_400_000_000, 999]),
        ("c", vec![3_600_000_000]),
    ];
    for (node, sleeps) in sleeps {
        let told = Arc::clone(&heard);
        turmoil.start(node, |doors| async move {
            for micros in sleeps {
                let (clock, told) = (doors.clock(), Arc::clone(&told));
                drop(doors.tasks().spawn("sleeper", async move {
                    clock.sleep_until(DAWN + Duration::from_micros(micros)).await;
                    let late = clock.now().since(DAWN).as_micros() - micros.max(0);
                    told.lock().unwrap().push((micros, late));
                }));
            }
        });
    }
    turmoil.run_until(after(2));
    let mut first = heard.lock().unwrap().clone();
    first.sort_unstable();
    assert_eq!(first, [(-9, 0), (0, 0), (5, 995), (999, 1), (1_000, 0), (1_001, 999)]);
    turmoil.run_until(DAWN + Duration::from_secs(90_000));
    let later = heard.lock().unwrap().split_off(6);
    let expected = [(3_600_000_000, 0), (3_600_000_001, 999), (86_400_000_000, 0)];
    assert_eq!(later, expected);
    assert_eq!((turmoil.now(), turmoil.panics()), (after(90_000_000), vec![]));
}

#[test]
fn the_stage_stops_at_any_microsecond_and_time_never_goes_back() {
    let mut turmoil = turmoil(1);
    let seen = Arc::new(Mutex::new(vec![DAWN]));
    let told = Arc::clone(&seen);
    turmoil.start("node", |doors| async move {
        loop {
            told.lock().unwrap().push(doors.clock().now());
            doors.clock().sleep_until(doors.clock().now() + Duration::from_millis(3)).await;
        }
    });
    for micros in [0, 1, 1, 999, 1_000, 1_500, 4_001, 4_002, 50_000, 50_001] {
        turmoil.run_until(DAWN + Duration::from_micros(micros));
        assert_eq!(turmoil.now(), DAWN + Duration::from_micros(micros));
        seen.lock().unwrap().push(turmoil.now());
        let clock = Arc::new(Mutex::new(None));
        let told = Arc::clone(&clock);
        turmoil.start("short", move |doors| {
            *told.lock().unwrap() = Some(doors.clock().now());
            async {}
        });
        assert_eq!(*clock.lock().unwrap(), Some(turmoil.now()));
    }
    let seen = seen.lock().unwrap();
    assert!(seen.is_sorted(), "{seen:?}");
    assert!(seen.len() > 25, "{seen:?}");
}

#[test]
fn a_task_ends_done_cancelled_or_panicked_and_others_go_on() {
    let mut turmoil = turmoil(1);
    let ends = finish(&mut turmoil, "node", LONG, |doors| async move {
        let tasks = doors.tasks();
        let short = tasks.spawn("short", async {}).join().await;
        let (held, dropped) = oneshot::channel::<()>();
        let stuck = tasks.spawn("stuck", async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        tasks.yield_now().await;
        stuck.cancel();
        let freed = dropped.await.is_err();
        let stuck = stuck.join().await;
        let unbegun = tasks.spawn("unbegun", async { panic!("must not run") });
        unbegun.cancel();
        let unbegun = unbegun.join().await;
        let broken = tasks.spawn("broken", async { panic!("a planted defect") }).join().await;
        let late = tasks.spawn("late", async {});
        doors.clock().sleep_until(after(10)).await;
        late.cancel();
        (freed, [short, stuck, unbegun, broken, late.join().await])
    });
    use TaskEnd::{Cancelled, Done, Panicked};
    assert_eq!(ends, Some((true, [Done, Cancelled, Cancelled, Panicked, Done])));
    let panics = turmoil.panics();
    let [panic] = panics.as_slice() else { panic!("{panics:?}") };
    assert_eq!((panic.node.as_str(), panic.task.as_str()), ("node", "broken"));
    assert_eq!(panic.message, "a planted defect");
}

#[test]
#[should_panic(expected = "runtime is configured to shut down on unhandled panic")]
fn tasks_that_wake_each_other_for_ever_end_the_run() {
    let mut turmoil = turmoil(1);
    turmoil.start("node", |doors| async move {
        loop {
            doors.tasks().yield_now().await;
        }
    });
    turmoil.run_until(after(10));
}

/// Says when it is dropped, and then tries what a dropped thing may try.
struct Farewell {
    doors: TurmoilDoors,
    dropped: Arc<AtomicUsize>,
}

impl Drop for Farewell {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::SeqCst);
        drop(self.doors.tasks().spawn("ghost", async { panic!("a ghost runs") }));
    }
}

#[test]
fn a_crashed_node_never_runs_again_and_frees_what_it_held() {
    let mut turmoil = turmoil(1);
    let dropped = Arc::new(AtomicUsize::new(0));
    let ran = Arc::new(AtomicUsize::new(0));
    let (in_task, in_main, count) = (Arc::clone(&dropped), Arc::clone(&dropped), Arc::clone(&ran));
    turmoil.start("node", |doors| async move {
        let _farewell = Farewell { doors: doors.clone(), dropped: in_main };
        let clock = doors.clock();
        let farewell = Farewell { doors: doors.clone(), dropped: in_task };
        drop(doors.tasks().spawn("ticker", async move {
            let _farewell = farewell;
            loop {
                count.fetch_add(1, Ordering::SeqCst);
                clock.sleep_until(clock.now() + Duration::from_millis(1)).await;
            }
        }));
        std::future::pending::<()>().await;
    });
    turmoil.run_until(after(10));
    assert_eq!(ran.load(Ordering::SeqCst), 11);
    turmoil.crash("node");
    assert_eq!(dropped.load(Ordering::SeqCst), 2);
    turmoil.run_until(after(100));
    assert_eq!((ran.load(Ordering::SeqCst), turmoil.panics()), (11, vec![]));
    // Nobody sleeps any more: not even the stage steps through what follows.
    turmoil.crash("node");
    turmoil.crash("nobody");
}

#[test]
fn a_stage_that_is_dropped_frees_what_its_nodes_held() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let mut turmoil = turmoil(1);
    let inside = Arc::clone(&dropped);
    turmoil.start("node", |doors| async move {
        let _farewell = Farewell { doors, dropped: inside };
        std::future::pending::<()>().await;
    });
    turmoil.run_until(after(10));
    drop(turmoil);
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    assert_eq!(Arc::strong_count(&dropped), 1);
}

#[test]
fn a_crash_of_one_node_leaves_the_others_and_it_can_start_again() {
    let mut turmoil = turmoil(1);
    let lives = Arc::new(Mutex::new(Vec::new()));
    for node in ["a", "b", "c"] {
        let lives = Arc::clone(&lives);
        turmoil.start(node, |doors| beats(doors, node, lives));
    }
    turmoil.run_until(after(25));
    turmoil.crash("b");
    turmoil.run_until(after(45));
    let life = Arc::clone(&lives);
    turmoil.start("b", |doors| beats(doors, "B", life));
    turmoil.run_until(after(60));
    let of = |name| {
        let lives = lives.lock().unwrap();
        lives.iter().filter(|(node, _)| *node == name).map(|(_, at)| *at).collect::<Vec<_>>()
    };
    assert_eq!(of("a"), [0, 10, 20, 30, 40, 50, 60]);
    assert_eq!(of("b"), [0, 10, 20]);
    assert_eq!(of("B"), [46, 56]);
    assert_eq!(of("c"), of("a"));
}

async fn beats(
    doors: TurmoilDoors,
    node: &'static str,
    lives: Arc<Mutex<Vec<(&'static str, i64)>>>,
) {
    loop {
        let now = doors.clock().now();
        lives.lock().unwrap().push((node, now.since(DAWN).as_micros() / 1_000));
        doors.clock().sleep_until(now + Duration::from_millis(10)).await;
    }
}
