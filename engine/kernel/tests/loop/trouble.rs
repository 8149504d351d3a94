//! The device fails: nothing unwritten is acknowledged, reading goes on, a restart finds everything.

use homeostat_kernel::{AppendError, Health, ReadQuery};
use homeostat_world::Position;

use crate::doors::{SPEC, WILLING, World, event, interaction};

#[tokio::test(start_paused = true)]
async fn a_full_device_stops_acknowledgements_and_not_reading() {
    let world = World::new(SPEC, WILLING);
    let (handle, running) = world.start().await;
    handle.append(interaction(&world, 1, 1)).await.unwrap();
    world.wait(1).await;
    world.store.set_full(true);
    for id in 2..5 {
        let refused = handle.append(interaction(&world, id, 1)).await;
        let Err(AppendError::ReadOnly(reason)) = refused else { panic!("{refused:?}") };
        assert!(reason.contains("no space left"), "{reason}");
    }
    let status = handle.status().await.unwrap();
    assert!(matches!(status.health, Health::ReadOnly { .. }));
    let query = ReadQuery { from: Position::new(1), limit: 100, subject: None };
    assert_eq!(handle.read(query).await.unwrap().len(), 7);
    // Deadlines pass, and nothing spins or panics.
    world.wait(600).await;
    running.stop().await;

    world.store.set_full(false);
    let (handle, running) = world.start().await;
    handle.append(interaction(&world, 2, 1)).await.unwrap();
    world.wait(1).await;
    let story = world.story().await;
    assert_eq!(story.iter().filter(|it| *it == "interaction.created").count(), 2);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn every_caller_is_answered_when_the_engine_stops() {
    let world = World::new(SPEC, WILLING);
    let (handle, running) = world.start().await;
    let mut calls = Vec::new();
    for id in 1..=50 {
        let (handle, request) = (handle.clone(), interaction(&world, id, id));
        #[expect(clippy::disallowed_methods, reason = "callers are concurrent")]
        calls.push(tokio::spawn(async move { handle.append(request).await }));
    }
    running.stop().await;
    let mut stored = 0;
    for call in calls {
        match call.await.unwrap() {
            Ok(_) => stored += 1,
            Err(AppendError::Stopping) => {}
            Err(other) => panic!("{other}"),
        }
    }
    let story = world.story().await;
    assert_eq!(story.iter().filter(|it| *it == "interaction.created").count(), stored);
}

#[tokio::test(start_paused = true)]
async fn requests_that_do_not_fit_into_one_commit_are_taken_one_after_another() {
    let world = World::new(SPEC, WILLING);
    let (handle, running) = world.start().await;
    let text = "x".repeat(900_000);
    let mut calls = Vec::new();
    // Three requests of 18 MB each: any two of them are more than one commit may hold.
    for request in 0..3 {
        let mut append = homeostat_log::Append::default();
        for id in 0..20 {
            let data = serde_json::json!({ "text": text });
            let one = event(&world, "note", &format!("{request}-{id}"), &data);
            append.events.extend(one.events);
        }
        let handle = handle.clone();
        #[expect(clippy::disallowed_methods, reason = "callers are concurrent")]
        calls.push(tokio::spawn(async move { handle.append(append).await }));
    }
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().entries.len(), 20);
    }
    running.stop().await;
}
