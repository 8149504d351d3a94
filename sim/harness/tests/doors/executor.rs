//! The executor: order, time, the ends of tasks, the ends of nodes.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use homeostat_sim_harness::native::{Native, NativeDoors, Order};
use homeostat_sim_harness::{Doors, Stage};
use homeostat_world::tasks::TaskEnd;
use homeostat_world::{Chance, Clock, Duration, TaskHandle, Tasks};
use tokio::sync::{mpsc, oneshot};

use crate::{DAWN, after, native};

const LONG: Duration = Duration::from_secs(3_600);

/// Ten tasks that write down their turns, and what they wrote.
fn turns(mut native: Native) -> (Native, Vec<(usize, u32)>) {
    let turns = native.finish("node", LONG, |doors| async move {
        let (tell, mut told) = mpsc::unbounded_channel();
        for task in 0..10 {
            let (doors, tell) = (doors.clone(), tell.clone());
            let tasks = doors.tasks();
            drop(doors.tasks().spawn("turn", async move {
                for turn in 0..5 {
                    tell.send((task, turn)).unwrap();
                    tasks.yield_now().await;
                    doors.clock().sleep_until(doors.clock().now() + Duration::from_micros(7)).await;
                }
            }));
        }
        drop(tell);
        let mut heard = Vec::new();
        while let Some(turn) = told.recv().await {
            heard.push(turn);
        }
        heard
    });
    (native, turns.unwrap())
}

#[test]
fn one_seed_gives_one_order_and_other_seeds_others() {
    let orders: BTreeSet<_> = (0..8).map(|seed| turns(native(seed)).1).collect();
    assert_eq!(orders.len(), 8);
    for seed in 0..8 {
        let (mut first, mut second) = (native(seed), native(seed));
        first.keep_trace();
        second.keep_trace();
        let ((first, heard), (second, heard_again)) = (turns(first), turns(second));
        assert_eq!(heard, heard_again);
        assert!(first.audit().trace().len() > 100);
        assert_eq!(first.audit().trace(), second.audit().trace());
        assert_eq!(first.audit().hash(), second.audit().hash());
        assert_ne!(first.audit().hash(), turns(native(seed + 1)).0.audit().hash());
    }
}

#[test]
fn without_shuffling_whoever_can_run_first_runs_first() {
    let fifo = |seed| turns(Native::new(DAWN, &Chance::from_u64(seed), Order::Fifo)).1;
    let rounds = (0..5).flat_map(|turn| (0..10).map(move |task| (task, turn)));
    assert_eq!(fifo(1), rounds.collect::<Vec<_>>());
    assert_eq!(fifo(1), fifo(2));
}

#[test]
fn timers_end_at_their_microsecond_and_in_the_order_of_time() {
    let mut native = native(1);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&heard);
    native.start("node", |doors| async move {
        for micros in [3_000_001, 5, 3_000_000, 0, -9] {
            let (clock, told) = (doors.clock(), Arc::clone(&told));
            drop(doors.tasks().spawn("sleeper", async move {
                clock.sleep_until(DAWN + Duration::from_micros(micros)).await;
                told.lock().unwrap().push(clock.now().since(DAWN).as_micros());
            }));
        }
    });
    native.run_until(after(2_000));
    assert_eq!((native.now(), heard.lock().unwrap().clone()), (after(2_000), vec![0, 0, 5]));
    native.run_until(after(3_000));
    assert_eq!(*heard.lock().unwrap(), [0, 0, 5, 3_000_000]);
    native.run_until(after(9_000));
    assert_eq!(*heard.lock().unwrap(), [0, 0, 5, 3_000_000, 3_000_001]);
    assert_eq!((native.now(), native.tasks_alive()), (after(9_000), 0));
}

#[test]
fn a_sleep_that_is_dropped_wakes_nobody() {
    let mut native = native(1);
    native.start("node", |doors| async move {
        let clock = doors.clock();
        for _ in 0..100 {
            tokio::select! {
                biased;
                () = clock.sleep_until(after(60_000)) => panic!("too long"),
                () = clock.sleep_until(clock.now() + Duration::from_millis(1)) => {}
            }
        }
    });
    native.run_until(after(1_000));
    let steps = native.audit().steps();
    native.run_until(after(100_000));
    assert_eq!((native.audit().steps(), native.panics().len()), (steps, 0));
}

#[test]
fn a_task_ends_done_cancelled_or_panicked_and_others_go_on() {
    let mut native = native(1);
    let ends = native.finish("node", LONG, |doors| async move {
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
    let [panic] = native.audit().panics() else { panic!("{:?}", native.panics()) };
    assert_eq!((panic.task.as_str(), panic.message.as_str()), ("broken", "a planted defect"));
}

/// Says when it is dropped, and then tries what a dropped thing may try.
struct Farewell {
    doors: NativeDoors,
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
    let mut native = native(1);
    let dropped = Arc::new(AtomicUsize::new(0));
    let ran = Arc::new(AtomicUsize::new(0));
    let (in_task, in_main, count) = (Arc::clone(&dropped), Arc::clone(&dropped), Arc::clone(&ran));
    native.start("node", |doors| async move {
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
    native.run_until(after(10));
    assert_eq!(ran.load(Ordering::SeqCst), 11);
    native.crash("node");
    assert_eq!((dropped.load(Ordering::SeqCst), native.tasks_alive()), (2, 0));
    native.run_until(after(100));
    assert_eq!((ran.load(Ordering::SeqCst), native.panics()), (11, vec![]));
}

#[test]
fn a_crash_of_one_node_leaves_the_others_and_it_can_start_again() {
    let mut native = native(1);
    let lives = Arc::new(Mutex::new(Vec::new()));
    let start = |native: &mut Native, node: &'static str| {
        let lives = Arc::clone(&lives);
        native.start(node, move |doors| async move {
            loop {
                lives.lock().unwrap().push((node, doors.clock().now().since(DAWN).as_micros()));
                doors.clock().sleep_until(doors.clock().now() + Duration::from_millis(2)).await;
            }
        });
    };
    start(&mut native, "a");
    start(&mut native, "b");
    native.run_until(after(1));
    native.crash("a");
    native.run_until(after(3));
    start(&mut native, "a");
    native.run_until(after(3));
    let mut heard = lives.lock().unwrap().clone();
    heard.sort_unstable();
    assert_eq!(heard, [("a", 0), ("a", 3_000), ("b", 0), ("b", 2_000)]);
}

#[test]
#[should_panic(expected = "livelock")]
fn two_tasks_that_wake_each_other_for_ever_are_noticed() {
    let mut native = Native::new(DAWN, &Chance::from_u64(1), Order::Fifo);
    native.start("node", |doors| async move {
        loop {
            doors.tasks().yield_now().await;
        }
    });
    native.run_until(after(1));
}
