//! All state is a fold of the log: a restart anywhere, with or without a checkpoint, changes nothing.

use std::sync::Arc;

use homeostat_graph::Program;
use homeostat_kernel::checkpoint::{KEY, SPACE};
use homeostat_kernel::{Handle, Machine, StartError};
use homeostat_log::control::Ending;
use homeostat_log::{Control, Log};
use homeostat_world::tasks::TaskEnd;
use homeostat_world::{Clock, Position, Snapshot, Store};

use crate::doors::{SPEC, WILLING, World, event, interaction};

/// Agents that fail, stall, ask for people and succeed, so that every sort of control event occurs.
const MIXED: &str = r#"
    [[agent]]
    name = "mixed"
    for = "*"
    kind = "mock"
    takes = ["100ms", "3s"]
    time = "10s"
    cost_per_run = 0.01
    chance = { resolve = 4, fail = 3, stall = 1, needs_human = 1, wrong_key = 1, forbidden_type = 1 }
"#;

async fn a_day_with_trouble(world: &World) {
    let (handle, running) = world.start().await;
    for id in 1..=40 {
        handle.append(interaction(world, id, id % 7)).await.unwrap();
        if id % 5 == 0 {
            world.wait(1).await;
        }
        if id % 11 == 0 {
            let data = serde_json::json!({ "customer": format!("c{}", id % 7) });
            let review = event(world, "customer.reviewed", &format!("review-{id}"), &data);
            handle.append(review).await.unwrap();
        }
    }
    world.wait(90).await;
    let closed = handle.clone();
    assert_eq!(running.stop().await, TaskEnd::Done);
    // Whoever waits for the engine to be gone is told.
    closed.closed().await;
}

fn machine(world: &World) -> Machine {
    let spec = world.spec();
    let program = Arc::new(Program::compile(&spec).unwrap());
    Machine::new(program, spec.limits, Arc::new(world.agents_file()))
}

fn restored(world: &World, bytes: &[u8]) -> Machine {
    let spec = world.spec();
    let program = Arc::new(Program::compile(&spec).unwrap());
    Machine::restore(&program, &spec.limits, &Arc::new(world.agents_file()), bytes).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_restart_at_any_position_gives_the_state_of_no_restart() {
    let world = World::new(SPEC, MIXED);
    a_day_with_trouble(&world).await;
    let events = world.events().await.len();
    assert!(events > 200, "only {events} events happened");
    restarts_change_nothing(&world).await;
}

/// Replays the log with a restart at each position.
async fn restarts_change_nothing(world: &World) {
    let log = Log::open(world.store.clone(), None).await.unwrap();
    let reader = log.reader();
    let events = world.events().await;
    let mut whole = machine(world);
    let mut saved = Vec::new();
    for event in &events {
        whole.apply(event).unwrap();
        saved.push(whole.checkpoint(&reader.chain_at(event.position).unwrap().unwrap()));
    }
    let end = saved.last().unwrap();
    for (at, bytes) in saved.iter().enumerate() {
        let mut resumed = restored(world, bytes);
        for event in events.iter().skip(at + 1) {
            resumed.apply(event).unwrap();
        }
        let chain = reader.chain_at(resumed.applied()).unwrap().unwrap();
        assert!(&resumed.checkpoint(&chain) == end, "a restart at {} differs", at + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_live_engine_ends_in_the_state_of_a_replay() {
    let world = World::new(SPEC, MIXED);
    a_day_with_trouble(&world).await;
    // The engine saves its state when it stops. In the replay time goes on as far.
    let live = world.store.snapshot().get(SPACE, KEY).unwrap().unwrap();
    let log = Log::open(world.store.clone(), None).await.unwrap();
    let mut replayed = machine(&world);
    for event in world.events().await {
        replayed.apply(&event).unwrap();
    }
    replayed.advance(world.clock.now());
    let mut live = restored(&world, &live);
    live.advance(world.clock.now());
    let chain = log.reader().chain_at(replayed.applied()).unwrap().unwrap();
    assert!(replayed.checkpoint(&chain) == live.checkpoint(&chain), "live and replay differ");
}

#[tokio::test(start_paused = true)]
async fn agents_in_flight_are_recorded_as_lost_and_their_gaps_are_eligible_again() {
    let world = World::new(SPEC, &WILLING.replace("resolve", "stall"));
    let (handle, running) = world.start().await;
    handle.append(interaction(&world, 1, 1)).await.unwrap();
    world.wait(1).await;
    running.stop().await;
    assert_eq!(world.story().await.last().map(String::as_str), Some("agent.ended"));
    let world = World { agents: WILLING.to_owned(), ..world };
    let (_handle, running) = world.start().await;
    world.wait(5).await;
    running.stop().await;
    let endings: Vec<Ending> = world
        .events()
        .await
        .iter()
        .filter_map(|event| match Control::from_event(event)?.unwrap() {
            Control::AgentEnded { ending, .. } => Some(ending),
            _ => None,
        })
        .collect();
    assert_eq!(endings, [Ending::Lost, Ending::Resolved]);
}

#[tokio::test(start_paused = true)]
async fn a_killed_engine_leaves_agents_that_the_next_one_records_as_lost() {
    let world = World::new(SPEC, &WILLING.replace("resolve", "stall"));
    let (handle, running) = world.start().await;
    handle.append(interaction(&world, 1, 1)).await.unwrap();
    world.wait(1).await;
    // A copy of the store as it is now is what a kill would leave behind.
    let left_behind = World { store: world.store.fork(), ..world.clone() };
    running.stop().await;
    let (_handle, running) = left_behind.start().await;
    left_behind.wait(1).await;
    running.stop().await;
    let story = left_behind.story().await;
    assert_eq!(story.iter().filter(|it| *it == "agent.ended").count(), 1, "{story:?}");
}

#[tokio::test(start_paused = true)]
async fn another_spec_is_refused_on_a_log_that_has_one() {
    let world = World::new(SPEC, WILLING);
    world.start().await.1.stop().await;
    let head = world.events().await.len();
    let other = World::new(&SPEC.replace("within: 5s", "within: 6s"), WILLING);
    let other = World { store: world.store.clone(), ..other };
    let refused = other.try_start().await.map(drop);
    assert!(matches!(refused, Err(StartError::OtherSpec { .. })), "{refused:?}");
    assert_eq!(world.events().await.len(), head, "a refused start must not append");
    // Comments and layout are no other spec.
    let same = World::new(&format!("# a comment\n{SPEC}"), WILLING);
    World { store: world.store.clone(), ..same }.start().await.1.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_spec_is_not_put_in_force_over_history_without_a_word() {
    let world = World::new(SPEC, WILLING);
    let mut log = Log::open(world.store.clone(), None).await.unwrap();
    let old = interaction(&world, 1, 1);
    log.append(vec![old], crate::doors::DAWN, homeostat_world::Durability::Power).await.unwrap();
    let refused = world.try_start().await.map(drop);
    assert!(matches!(refused, Err(StartError::History { events: 1, .. })), "{refused:?}");
    let mut willing = world.clone();
    willing.settings.adopt_history = true;
    let (handle, running) = willing.start().await;
    willing.wait(1).await;
    assert!(handle.gaps().await.unwrap().is_empty());
    assert_eq!(handle.status().await.unwrap().head, Position::new(7));
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_recorded_as_of_before_what_a_checkpoint_has_seen() {
    let mut world = World::new(SPEC, WILLING);
    let (handle, running) = world.start().await;
    handle.append(interaction(&world, 1, 1)).await.unwrap();
    world.wait(50).await;
    // Any request makes the engine look at its clock, long after the last event.
    handle.status().await.unwrap();
    running.stop().await;
    world.set_clock_back();
    let (handle, running) = world.start().await;
    world.wait(10).await;
    handle.append(interaction(&world, 2, 2)).await.unwrap();
    world.wait(1).await;
    running.stop().await;
    let mut missed = 0;
    for event in world.events().await {
        if let Some(Ok(Control::DeadlineMissed { gap, due })) = Control::from_event(&event) {
            assert!(event.recorded > due, "`{gap}` missed {due} at {}", event.recorded);
            missed += 1;
        }
    }
    // By the time that the first life had come to, the second interaction was overdue at once.
    assert_eq!(missed, 1);
}

/// Blocks that the calendar opens: every minute for the system, once a day for each rep.
const BY_CALENDAR: &str = r#"
    time_zone: "UTC"
    entity customer {}
    entity interaction { belongs_to: customer }
    entity rep { has: preferred_time }
    event interaction.created
    event rep.moved
    action acknowledge(interaction) { satisfied_by: interaction.acknowledged }
    action count_till { satisfied_by: till.counted  by: system }
    action plan(rep) { satisfied_by: day.planned }
    action greet(rep, customer) { satisfied_by: customer.greeted }
    when interaction.created { must: acknowledge(interaction) within: 5s }
    every minute { must: count_till within: 50s }
    every day at rep.preferred_time {
      must: plan(rep) within: 10s
      for each customer { should: greet(rep, customer) }
    }
    limits { cooldown_per_gap: 2s  max_agents_per_gap: 2 }
"#;

async fn reps(world: &World, handle: &Handle, times: &[&str]) {
    for (id, time) in times.iter().enumerate() {
        let data = serde_json::json!({ "rep": format!("r{id}"), "preferred_time": time });
        handle.append(event(world, "rep.moved", &format!("rep-{id}"), &data)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_spec_that_goes_by_the_calendar_survives_restarts_and_catches_up() {
    let world = World::new(BY_CALENDAR, MIXED);
    let (handle, running) = world.start().await;
    reps(&world, &handle, &["09:00:30", "09:03", "09:06:30"]).await;
    for id in 1..=6 {
        handle.append(interaction(&world, id, id % 3)).await.unwrap();
    }
    world.wait(65).await;
    assert_eq!(running.stop().await, TaskEnd::Done);
    // The engine is down from 09:01:05 to 09:04:35.
    world.wait(210).await;
    let before = world.events().await.len();
    let (handle, running) = world.start().await;
    world.wait(200).await;
    drop(handle);
    running.stop().await;

    let story = world.story().await;
    assert_eq!(story.iter().position(|it| it == "engine.resumed"), Some(before));
    let opened: Vec<String> = world
        .events()
        .await
        .iter()
        .filter_map(|event| match Control::from_event(event)?.unwrap() {
            Control::GapOpened { gap, .. } => Some(gap),
            _ => None,
        })
        .collect();
    let has = |gap: &str| opened.iter().any(|it| it == gap);
    for gap in [
        "plan@2026-03-02T09:00:30Z~r0",
        "greet@2026-03-02T09:00:30Z~r0~c2",
        "plan@2026-03-02T09:03:00Z~r1",
        "plan@2026-03-02T09:06:30Z~r2",
        "count_till@2026-03-02T09:00:00Z",
        "count_till@2026-03-02T09:04:00Z",
    ] {
        assert!(has(gap), "{gap} is not among {opened:#?}");
    }
    for passed_over in ["count_till@2026-03-02T09:02:00Z", "count_till@2026-03-02T09:03:00Z"] {
        assert!(!has(passed_over), "{passed_over}");
    }
    restarts_change_nothing(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_tick_that_the_log_knows_nothing_of_is_missed_with_and_without_a_checkpoint() {
    let spec = BY_CALENDAR.replace("time_zone", "catch_up: none\n time_zone");
    let mut world = World::new(&spec, WILLING);
    let (handle, running) = world.start().await;
    // The tick of 09:01 calls for something that the world has 50 seconds for: nothing is written.
    world.wait(70).await;
    drop(handle);
    running.stop().await;
    world.settings.checkpoint_every = 1;
    let (handle, running) = world.start().await;
    handle.append(interaction(&world, 1, 1)).await.unwrap();
    world.wait(100).await;
    handle.append(interaction(&world, 2, 1)).await.unwrap();
    let owed: Vec<String> =
        world.events().await.into_iter().filter_map(|event| event.event.subject).collect();
    assert!(!owed.iter().any(|it| it.contains("count_till@2026-03-02T09:01:00Z")), "{owed:?}");

    let mut replayed = machine(&world);
    for event in world.events().await {
        replayed.apply(&event).unwrap();
    }
    let live = world.store.snapshot().get(SPACE, KEY).unwrap().unwrap();
    let log = Log::open(world.store.clone(), None).await.unwrap();
    let chain = log.reader().chain_at(replayed.applied()).unwrap().unwrap();
    assert!(replayed.checkpoint(&chain) == restored(&world, &live).checkpoint(&chain));
    running.stop().await;
    restarts_change_nothing(&world).await;
}
