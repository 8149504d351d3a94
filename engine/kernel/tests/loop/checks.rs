//! What the engine keeps is checked against its log, and a difference stands in the log.

use bytes::Bytes;
use homeostat_kernel::checkpoint::{KEY, SPACE};
use homeostat_log::Control;
use homeostat_world::{Batch, Durability, Duration, Position, Snapshot, Store};

use crate::doors::{SPEC, WILLING, World, interaction};

fn checked_hourly() -> World {
    let mut world = World::new(SPEC, WILLING);
    world.settings.check_every = Some(Duration::from_secs(3_600));
    world
}

/// What was reported: check, whether it holds, and the details.
async fn reported(world: &World) -> Vec<(String, bool, String)> {
    let events = world.events().await;
    let controls = events.iter().filter_map(Control::from_event).map(Result::unwrap);
    let of = |control| match control {
        Control::CheckReported { check, holds, detail, .. } => Some((check, holds?, detail)),
        _ => None,
    };
    controls.filter_map(of).collect()
}

/// Changes one count in the saved state, as a defect or a bad disk would.
async fn spoil_the_checkpoint(world: &World) {
    let saved = world.store.snapshot().get(SPACE, KEY).unwrap().unwrap();
    let at = saved.windows(14).position(|it| it == b"\"gaps_opened\":").unwrap() + 14;
    let mut spoiled = saved.to_vec();
    let digit = spoiled.get_mut(at).unwrap();
    *digit = if *digit == b'1' { b'2' } else { b'1' };
    let mut batch = Batch::new();
    batch.put(SPACE, Bytes::from_static(KEY), Bytes::from(spoiled));
    world.store.commit(batch, Durability::Power).await.unwrap();
}

async fn a_day(world: &World) {
    let (handle, running) = world.start().await;
    for id in 1..=5 {
        handle.append(interaction(world, id, id)).await.unwrap();
    }
    world.wait(90).await;
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_healthy_engine_is_checked_again_and_again_and_nothing_is_written() {
    let world = checked_hourly();
    a_day(&world).await;
    let before = world.events().await.len();
    let (handle, running) = world.start().await;
    world.wait(3 * 3_600).await;
    let begun = handle.check().await.unwrap();
    assert_eq!(begun.position, Position::new(before as u64));
    assert_eq!(begun.checks, ["state_matches_replay", "event_log_intact"]);
    world.wait(1).await;
    assert!(reported(&world).await.is_empty());
    assert_eq!(world.events().await.len(), before);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_state_that_is_not_what_a_replay_gives_is_reported_once_and_mended_by_a_restart() {
    let world = checked_hourly();
    a_day(&world).await;
    spoil_the_checkpoint(&world).await;
    let (_handle, running) = world.start().await;
    world.wait(1).await;
    let told = reported(&world).await;
    let [(check, false, detail)] = told.as_slice() else { panic!("expected one, found {told:?}") };
    assert_eq!(check, "state_matches_replay");
    assert!(detail.starts_with("the state is not what a replay gives: in the counts and reports"));
    world.wait(2 * 3_600).await;
    let told = reported(&world).await;
    assert_eq!(told.len(), 1, "it is known: {told:?}");
    running.stop().await;

    // The checkpoint that it leaves holds the difference; the next start does not take it.
    let (_handle, running) = world.start().await;
    world.wait(1).await;
    let told = reported(&world).await;
    let [_, (check, true, detail)] = told.as_slice() else {
        panic!("expected two, found {told:?}")
    };
    assert_eq!(check, "state_matches_replay");
    assert!(detail.starts_with("agrees with the log up to e"), "{detail}");
    running.stop().await;
    let (_handle, running) = world.start().await;
    world.wait(1).await;
    assert_eq!(reported(&world).await.len(), 2);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn without_the_setting_only_whoever_asks_has_it_checked() {
    let world = World::new(SPEC, WILLING);
    a_day(&world).await;
    spoil_the_checkpoint(&world).await;
    let (handle, running) = world.start().await;
    world.wait(86_400).await;
    assert!(reported(&world).await.is_empty());
    handle.check().await.unwrap();
    world.wait(1).await;
    assert_eq!(reported(&world).await.len(), 1);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_check_is_of_its_position_whatever_is_appended_meanwhile() {
    let world = World::new(SPEC, WILLING);
    let (handle, running) = world.start().await;
    for id in 1..=400 {
        if id % 40 == 0 {
            handle.check().await.unwrap();
        }
        handle.append(interaction(&world, id, id % 7)).await.unwrap();
    }
    world.wait(90).await;
    assert!(reported(&world).await.is_empty());
    running.stop().await;
}
