//! The executor: order, time, the ends of tasks, the ends of nodes.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use homeostat_sim_harness::{Doors, Stage};
use homeostat_sim_madsim::{MadDoors, Madsim};
use homeostat_world::tasks::TaskEnd;
use homeostat_world::{Clock, Duration, TaskHandle, Tasks};
use tokio::sync::mpsc;

use crate::world::{DAWN, LONG, after, finish, madsim};

/// Ten tasks that write down their turns, and what they wrote.
fn turns(seed: u64) -> (Vec<(usize, u32)>, u64) {
    let mut stage = madsim(seed);
    let turns = finish(&mut stage, "node", LONG, |doors| async move {
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
    (turns.unwrap(), stage.trace_hash())
}

#[test]
fn one_seed_gives_one_order_and_other_seeds_others() {
    let orders: BTreeSet<_> = (0..8).map(|seed| turns(seed).0).collect();
    assert_eq!(orders.len(), 8);
    for seed in 0..8 {
        assert_eq!(turns(seed), turns(seed));
        assert_ne!(turns(seed).1, turns(seed + 1).1);
    }
}

#[test]
fn the_clock_begins_at_the_start_and_is_seen_from_outside() {
    let mut stage = madsim(1);
    assert_eq!(stage.now(), DAWN);
    let mut clock = None;
    stage.start("node", |doors| {
        clock = Some(doors.clock());
        std::future::pending()
    });
    let clock = clock.unwrap();
    assert_eq!(clock.now(), DAWN);
    stage.run_until(after(5_000));
    assert_eq!(clock.now(), after(5_000));
    assert_eq!(stage.now(), after(5_000));
}

/// Sleepers, and when they woke, in microseconds; run to a second in `calls` calls.
fn sleepers(calls: i64) -> Vec<i64> {
    let mut stage = madsim(1);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&heard);
    stage.start("node", |doors| async move {
        for micros in [700_001, 5, 700_000, 0, -9, 1_000] {
            let (clock, told) = (doors.clock(), Arc::clone(&told));
            drop(doors.tasks().spawn("sleeper", async move {
                clock.sleep_until(DAWN + Duration::from_micros(micros)).await;
                told.lock().unwrap().push(clock.now().since(DAWN).as_micros());
            }));
        }
    });
    for call in 1..=calls {
        stage.run_until(after(1_000 * call / calls));
    }
    let mut heard = heard.lock().unwrap().clone();
    heard.sort_unstable();
    heard
}

#[test]
fn timers_end_at_their_microsecond_however_the_director_cuts_time() {
    for calls in [1, 2, 3, 500] {
        assert_eq!(sleepers(calls), [0, 0, 5, 1_000, 700_000, 700_001], "{calls} calls");
    }
}

#[test]
fn a_sleep_that_is_dropped_wakes_nobody() {
    let mut stage = madsim(1);
    stage.start("node", |doors| async move {
        let clock = doors.clock();
        for _ in 0..100 {
            tokio::select! {
                biased;
                () = clock.sleep_until(after(60_000)) => panic!("too long"),
                () = clock.sleep_until(clock.now() + Duration::from_millis(1)) => {}
            }
        }
    });
    stage.run_until(after(1_000));
    let steps = stage.steps();
    assert_eq!(steps, 101);
    stage.run_until(after(100_000));
    assert_eq!((stage.steps(), stage.panics().len()), (steps, 0));
}

#[test]
fn a_panic_is_taken_down_and_ends_its_task_alone() {
    let mut stage = madsim(1);
    stage.keep_polls();
    let end = finish(&mut stage, "node", LONG, |doors| async move {
        doors.clock().sleep_until(after(3)).await;
        doors.tasks().spawn("broken", async { panic!("a planted defect") }).join().await
    });
    assert_eq!(end, Some(TaskEnd::Panicked));
    let panics = stage.panics();
    let [panic] = &panics[..] else { panic!("{panics:?}") };
    assert_eq!((panic.node.as_str(), panic.task.as_str()), ("node", "broken"));
    assert_eq!((panic.at, panic.message.as_str()), (after(3), "a planted defect"));
    let polls: Vec<_> = stage.polls().into_iter().map(|it| (it.at, it.task, it.waits)).collect();
    let poll = |at, task: &str, waits| (at, task.to_owned(), waits);
    let expected = [
        poll(DAWN, "main", true),
        poll(after(3), "main", true),
        poll(after(3), "broken", false),
        poll(after(3), "main", false),
    ];
    assert_eq!(polls, expected);
}

/// Says when it is dropped, and then does what a dropped thing may do.
struct Farewell {
    doors: MadDoors,
    dropped: Arc<AtomicUsize>,
}

impl Drop for Farewell {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::SeqCst);
        drop(self.doors.tasks().spawn("ghost", async { panic!("a ghost runs") }));
        panic!("a destructor panics");
    }
}

/// A node with two tasks that hold something, one of which ticks each millisecond.
fn ticker(stage: &mut Madsim, dropped: &Arc<AtomicUsize>, ran: &Arc<AtomicUsize>) {
    let (in_task, in_main, count) = (Arc::clone(dropped), Arc::clone(dropped), Arc::clone(ran));
    stage.start("node", |doors| async move {
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
}

#[test]
fn a_crashed_node_never_runs_again_frees_what_it_held_and_can_start_again() {
    let mut stage = madsim(1);
    let (dropped, ran) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    ticker(&mut stage, &dropped, &ran);
    stage.run_until(after(10));
    let before = ran.load(Ordering::SeqCst);
    assert!((10..=11).contains(&before), "{before}");
    stage.crash("node");
    assert_eq!(dropped.load(Ordering::SeqCst), 2);
    stage.run_until(after(100));
    assert_eq!((ran.load(Ordering::SeqCst), stage.panics()), (before, vec![]));
    // Once more, and the second time without a crash before.
    ticker(&mut stage, &dropped, &ran);
    stage.run_until(after(200));
    assert!(ran.load(Ordering::SeqCst) > before + 90);
    ticker(&mut stage, &dropped, &ran);
    assert_eq!(dropped.load(Ordering::SeqCst), 4);
    stage.run_until(after(300));
    drop(stage);
    assert_eq!(dropped.load(Ordering::SeqCst), 6, "a stage that is dropped frees everything");
}

#[test]
fn a_node_that_is_stopped_twice_or_unknown_is_stopped() {
    let mut stage = madsim(1);
    stage.crash("nobody");
    stage.crash("nobody");
    let done = finish(&mut stage, "nobody", Duration::from_secs(1), |_| async { 7 });
    assert_eq!(done, Some(7));
}

#[test]
#[should_panic(expected = "livelock")]
fn two_tasks_that_wake_each_other_for_ever_are_noticed() {
    let mut stage = madsim(1);
    stage.start("node", |doors| async move {
        loop {
            doors.tasks().yield_now().await;
        }
    });
    stage.run_until(after(10_000));
}
