//! What a crash leaves, what a fault does, and the contract of the store door.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::future::Future;

use homeostat_world::store::contract;
use homeostat_world::{
    Batch, Chance, Clock, Durability, Duration, Pad, Snapshot, Space, Store, StoreError, Timestamp,
};

use super::{OpenDisk, SYNC_LATENCY, SimDisk};
use crate::native::{Native, NativeDoors, Order, SimClock};
use crate::plan::{Operation, Rotten};
use crate::stage::{Doors, Stage};

const SPACE: Space = Space("test");
const LONG: Duration = Duration::from_secs(3_600);

fn world(seed: u64) -> (Native, SimDisk) {
    let chance = Chance::from_u64(seed);
    (Native::new(Timestamp::EPOCH, &chance, Order::Fifo), SimDisk::new(&chance))
}

/// Runs `work` on an opened disk to its end.
fn on<T, F>(native: &mut Native, disk: &SimDisk, work: impl FnOnce(OpenDisk<SimClock>) -> F) -> T
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let disk = disk.clone();
    native.finish("node", LONG, |doors: NativeDoors| work(disk.open(doors.clock()))).unwrap()
}

fn batch(keys: &[&'static str]) -> Batch {
    let mut batch = Batch::new();
    for key in keys {
        batch.put(SPACE, key.as_bytes(), key.as_bytes());
    }
    batch
}

fn keys<P: Snapshot>(snapshot: &P) -> Vec<String> {
    let all = snapshot.range(SPACE, std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);
    all.map(|pair| String::from_utf8(pair.unwrap().0.to_vec()).unwrap()).collect()
}

fn left(disk: &SimDisk) -> Vec<String> {
    keys(&disk.image().snapshot())
}

/// What is found on the disks of many seeds after the same deeds.
fn found(deeds: impl Fn(&mut Native, &SimDisk)) -> BTreeSet<Vec<String>> {
    let run = |seed| {
        let (mut native, disk) = world(seed);
        deeds(&mut native, &disk);
        left(&disk)
    };
    (0..64).map(run).collect()
}

fn all_of(lists: &[&[&str]]) -> BTreeSet<Vec<String>> {
    lists.iter().map(|list| list.iter().map(|&key| key.to_owned()).collect()).collect()
}

#[test]
fn the_simulated_disk_keeps_the_contract() {
    let (mut native, disk) = world(1);
    on(&mut native, &disk, |disk| async move { contract::keeps_the_contract(&disk, 1_000).await })
        .unwrap();
    assert_eq!(native.panics(), []);
}

#[test]
fn a_sync_takes_its_time_and_shows_nothing_before() {
    let (mut native, disk) = world(1);
    disk.set_sync_latency(Duration::from_millis(70));
    let took = on(&mut native, &disk, |disk| async move {
        let began = disk.clock.now();
        disk.commit(batch(&["a"]), Durability::Process).await.unwrap();
        let buffered = disk.clock.now().since(began);
        disk.commit(batch(&["b"]), Durability::Power).await.unwrap();
        assert_eq!(keys(&disk.snapshot()), ["a", "b"]);
        (buffered, disk.clock.now().since(began))
    });
    assert_eq!(took, (Duration::ZERO, Duration::from_millis(70)));

    let (mut native, disk) = world(1);
    let open = disk.clone();
    native.start("node", |doors| async move {
        open.open(doors.clock()).commit(batch(&["a"]), Durability::Power).await.unwrap();
    });
    native.run_until(Timestamp::EPOCH + SYNC_LATENCY - Duration::from_micros(1));
    assert_eq!(left(&disk), [""; 0]);
    native.run_until(Timestamp::EPOCH + SYNC_LATENCY);
    assert_eq!(left(&disk), ["a"]);
}

async fn synced_and_buffered(disk: OpenDisk<SimClock>) {
    disk.commit(batch(&["a"]), Durability::Process).await.unwrap();
    disk.commit(batch(&["b"]), Durability::Power).await.unwrap();
    disk.commit(batch(&["c", "d"]), Durability::Process).await.unwrap();
    disk.commit(batch(&["e"]), Durability::Process).await.unwrap();
}

#[test]
fn a_crash_of_the_process_keeps_what_was_committed() {
    let found = found(|native, disk| {
        on(native, disk, synced_and_buffered);
        disk.crash(false);
    });
    assert_eq!(found, all_of(&[&["a", "b", "c", "d", "e"]]));
}

#[test]
fn loss_of_power_keeps_what_was_synced_and_a_first_part_of_the_rest() {
    let found = found(|native, disk| {
        on(native, disk, synced_and_buffered);
        disk.crash(true);
    });
    let first_parts: [&[&str]; 3] =
        [&["a", "b"], &["a", "b", "c", "d"], &["a", "b", "c", "d", "e"]];
    assert_eq!(found, all_of(&first_parts));
}

#[test]
fn what_power_takes_back_is_as_it_was_before() {
    let found = found(|native, disk| {
        on(native, disk, |disk| async move {
            disk.commit(batch(&["a", "b"]), Durability::Power).await.unwrap();
            let mut change = Batch::new();
            change.remove(SPACE, "a");
            change.put(SPACE, "b", "other");
            change.remove(SPACE, "b");
            change.put(SPACE, "c", "c");
            disk.commit(change, Durability::Process).await.unwrap();
        });
        disk.crash(true);
    });
    assert_eq!(found, all_of(&[&["a", "b"], &["c"]]));
}

#[test]
fn a_crash_with_commits_in_flight_keeps_a_first_part_of_them_each_whole() {
    for power in [false, true] {
        let found = found(|native, disk| {
            let open = disk.clone();
            native.start("node", |doors| async move {
                let disk = open.open(doors.clock());
                let (one, two) = tokio::join!(
                    disk.commit(batch(&["a", "b"]), Durability::Power),
                    disk.commit(batch(&["c"]), Durability::Power),
                );
                one.and(two).unwrap();
            });
            native.run_until(Timestamp::EPOCH + Duration::from_micros(1));
            native.crash("node");
            disk.crash(power);
        });
        assert_eq!(found, all_of(&[&[], &["a", "b"], &["a", "b", "c"]]), "power: {power}");
    }
}

#[test]
fn whoever_gives_up_waiting_for_a_commit_does_not_undo_it() {
    let (mut native, disk) = world(1);
    on(&mut native, &disk, |disk| async move {
        {
            let mut commit = Box::pin(disk.commit(batch(&["a"]), Durability::Power));
            let mut poll = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(commit.as_mut().poll(&mut poll).is_pending());
        }
        disk.clock.sleep_until(disk.clock.now() + LONG - Duration::from_secs(1)).await;
        assert_eq!(keys(&disk.snapshot()), ["a"]);
    });
}

#[test]
fn a_full_disk_takes_nothing_until_there_is_room_and_it_is_opened_anew() {
    let found = found(|native, disk| {
        let full = disk.clone();
        on(native, disk, |disk| async move {
            disk.commit(batch(&["a"]), Durability::Power).await.unwrap();
            full.set_full(true);
            let error = disk.commit(batch(&["b"]), Durability::Power).await.unwrap_err();
            assert!(matches!(error, StoreError::Full), "{error}");
            full.set_full(false);
            let error = disk.commit(batch(&["c"]), Durability::Power).await.unwrap_err();
            assert!(matches!(error, StoreError::Poisoned(_)), "{error}");
            assert!(full.is_poisoned());
        });
        on(native, disk, |disk| async move {
            disk.commit(batch(&["d"]), Durability::Power).await.unwrap();
        });
    });
    assert_eq!(found, all_of(&[&["a", "d"]]));
}

#[test]
fn a_failed_commit_may_be_there_after_the_next_opening() {
    let found = found(|native, disk| {
        let failing = disk.clone();
        on(native, disk, |disk| async move {
            disk.commit(batch(&["a"]), Durability::Power).await.unwrap();
            failing.set_failing(Some(Operation::Write));
            let error = disk.commit(batch(&["b"]), Durability::Power).await.unwrap_err();
            assert!(matches!(error, StoreError::Io(_)), "{error}");
            assert_eq!(keys(&disk.snapshot()), ["a"]);
            let error = disk.commit(batch(&["c"]), Durability::Power).await.unwrap_err();
            assert!(matches!(error, StoreError::Poisoned(_)), "{error}");
        });
        on(native, disk, |_| async {});
    });
    assert_eq!(found, all_of(&[&["a"], &["a", "b"]]));
}

#[test]
fn a_process_that_was_replaced_writes_nothing_more() {
    let (mut native, disk) = world(1);
    let old = on(&mut native, &disk, |disk| async move { disk });
    on(&mut native, &disk, |new| async move {
        let error = old.commit(batch(&["a"]), Durability::Power).await.unwrap_err();
        assert!(matches!(error, StoreError::Poisoned(_)), "{error}");
        assert!(old.write(0, &[1; 64]).is_err());
        new.commit(batch(&["b"]), Durability::Power).await.unwrap();
    });
    assert_eq!(left(&disk), ["b"]);
    disk.crash(false);
    on(&mut native, &disk, |_| async {});
}

#[test]
fn the_pad_survives_a_crash_at_once_and_loss_of_power_within_a_second() {
    let mut found = BTreeSet::new();
    for seed in 0..64 {
        let (mut native, disk) = world(seed);
        on(&mut native, &disk, |disk| async move {
            disk.write(0, &[1; 64]).unwrap();
            disk.write(1, &[2; 64]).unwrap();
            disk.clock.sleep_until(disk.clock.now() + Duration::from_secs(1)).await;
            disk.write(2, &[3; 64]).unwrap();
        });
        assert_eq!(disk.slots(), [[3; 64], [2; 64]]);
        disk.crash(false);
        assert_eq!(disk.slots(), [[3; 64], [2; 64]]);
        disk.crash(true);
        let [first, second] = disk.slots();
        assert_eq!(second, [2; 64], "a write of one slot leaves the other untouched");
        let new = first.iter().take_while(|byte| **byte == 3).count();
        assert!(first.iter().skip(new).all(|byte| *byte == 1), "{first:?}");
        found.insert(new.clamp(0, 64));
    }
    assert!(found.contains(&0) && found.contains(&64) && found.len() > 2, "{found:?}");
}

#[test]
fn a_disk_that_holds_lands_a_commit_and_lets_nobody_know() {
    for power in [false, true] {
        let found = found(|native, disk| {
            let (open, held) = (disk.clone(), disk.clone());
            disk.hold_after(Some(2));
            native.start("node", |doors| async move {
                let disk = open.open(doors.clock());
                held.hold_after(Some(2));
                disk.commit(batch(&["a"]), Durability::Power).await.unwrap();
                disk.commit(batch(&["b"]), Durability::Power).await.unwrap();
                unreachable!("the second commit does not return");
            });
            native.run_until(Timestamp::EPOCH + Duration::from_millis(1));
            assert!(!disk.is_held());
            native.run_until(Timestamp::EPOCH + Duration::from_secs(1));
            assert!(disk.is_held() && native.panics().is_empty());
            native.crash("node");
            disk.crash(power);
            assert!(!disk.is_held());
        });
        assert_eq!(found, all_of(&[&["a", "b"]]), "power: {power}");
    }
}

#[test]
fn a_failing_sync_fails_what_must_survive_power_and_nothing_else() {
    let (mut native, disk) = world(1);
    let failing = disk.clone();
    on(&mut native, &disk, |disk| async move {
        failing.set_failing(Some(Operation::Sync));
        disk.commit(batch(&["a"]), Durability::Process).await.unwrap();
        let error = disk.commit(Batch::new(), Durability::Power).await.unwrap_err();
        assert!(matches!(error, StoreError::Io(_)), "{error}");
    });
    on(&mut native, &disk, |disk| async move {
        disk.commit(batch(&["b"]), Durability::Power).await.unwrap();
    });
    // It fails once.
    assert_eq!(left(&disk).last().map(String::as_str), Some("b"));
}

#[test]
fn a_device_that_cannot_be_read_says_so_also_to_snapshots_from_before() {
    let (mut native, disk) = world(1);
    let failing = disk.clone();
    on(&mut native, &disk, |disk| async move {
        disk.commit(batch(&["a", "b"]), Durability::Power).await.unwrap();
        let before = disk.snapshot();
        failing.set_failing(Some(Operation::Read));
        for snapshot in [before, disk.snapshot()] {
            assert!(matches!(snapshot.get(SPACE, b"a"), Err(StoreError::Io(_))));
            let mut all =
                snapshot.range(SPACE, std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);
            assert!(matches!(all.next(), Some(Err(StoreError::Io(_)))));
        }
        failing.set_failing(None);
        assert_eq!(keys(&disk.snapshot()), ["a", "b"]);
    });
}

#[test]
fn a_rotten_event_is_reported_and_its_neighbours_are_read() {
    use homeostat_log::index::EVENTS;
    let (mut native, disk) = world(1);
    let rotting = disk.clone();
    assert!(!disk.rot(Rotten::Event, 0), "there is nothing to rot");
    on(&mut native, &disk, |disk| async move {
        let mut change = Batch::new();
        for position in 1..=3_u64 {
            change.put(EVENTS, position.to_be_bytes().to_vec(), "event");
        }
        disk.commit(change, Durability::Power).await.unwrap();
        assert!(rotting.rot(Rotten::Event, 4));
        let read = |position: u64| disk.snapshot().get(EVENTS, &position.to_be_bytes());
        assert!(matches!(read(2), Err(StoreError::Damaged(_))));
        assert!(read(1).is_ok() && read(3).is_ok());
        let snapshot = disk.snapshot();
        let all = snapshot.range(EVENTS, std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);
        assert_eq!(all.map(|pair| pair.is_ok()).collect::<Vec<_>>(), [true, false, true]);
        rotting.heal_rot();
        assert_eq!(read(2).unwrap().as_deref(), Some(&b"event"[..]));
    });
}

#[test]
fn synced_commits_that_are_gone_come_back_only_when_they_are_restored() {
    for restored in [false, true] {
        let (mut native, disk) = world(1);
        disk.remember(8);
        on(&mut native, &disk, |disk| async move {
            for key in ["a", "b", "c"] {
                disk.commit(batch(&[key]), Durability::Power).await.unwrap();
            }
            let mut change = Batch::new();
            change.put(SPACE, "a", "other");
            change.remove(SPACE, "b");
            disk.commit(change, Durability::Power).await.unwrap();
            disk.write(0, &[1; 64]).unwrap();
        });
        assert!(disk.lose_synced(2));
        assert_eq!(left(&disk), ["a", "b"]);
        assert_eq!(disk.image().snapshot().get(SPACE, b"a").unwrap().as_deref(), Some(&b"a"[..]));
        assert_eq!(disk.slots(), [[1; 64], [0; 64]], "the pad keeps all");
        disk.restore(restored);
        assert_eq!(left(&disk), if restored { ["a", "c"] } else { ["a", "b"] });
        let a = disk.image().snapshot().get(SPACE, b"a").unwrap();
        assert_eq!(a.as_deref(), Some(if restored { &b"other"[..] } else { b"a" }));
    }
}

#[test]
fn what_was_lost_and_restored_is_the_newest_to_be_lost_again() {
    let (mut native, disk) = world(1);
    disk.remember(8);
    on(&mut native, &disk, |disk| async move {
        for key in ["a", "b", "c"] {
            disk.commit(batch(&[key]), Durability::Power).await.unwrap();
        }
    });
    assert!(disk.lose_synced(1));
    disk.restore(true);
    assert!(disk.lose_synced(1));
    assert_eq!(left(&disk), ["a", "b"], "no hole");
    disk.restore(true);
    assert!(disk.lose_synced(2));
    assert_eq!(left(&disk), ["a"]);
}

#[test]
fn a_stale_pad_is_as_it_was_some_writes_ago() {
    for (writes, expected) in [(1, [[3; 64], [2; 64]]), (3, [[1; 64], [0; 64]]), (9, [[0; 64]; 2])]
    {
        let (mut native, disk) = world(1);
        disk.remember(8);
        on(&mut native, &disk, |disk| async move {
            for turn in 0..4_u8 {
                disk.write(usize::from(turn), &[turn + 1; 64]).unwrap();
            }
        });
        assert_eq!(disk.slots(), [[3; 64], [4; 64]]);
        disk.lose_pad(writes);
        assert_eq!(disk.slots(), expected, "{writes}");
    }
}
