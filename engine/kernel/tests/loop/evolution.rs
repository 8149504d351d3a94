//! A version takes over while the engine runs, or at a start: recorded first, by a person, and the same
//! after any restart.

use std::sync::Arc;

use homeostat_agents::{Brief, Finish, Outcome};
use homeostat_graph::Program;
use homeostat_intent::{Source, Spec};
use homeostat_kernel::checkpoint::{KEY, SPACE};
use homeostat_kernel::{AdoptError, Adoption, DecideError, Handle, Machine, StartError, versions};
use homeostat_log::control::Decision;
use homeostat_log::{Actor, Control, Event, Log};
use homeostat_world::{Clock, Duration, Position, Snapshot, Store};

use crate::doors::{SPEC, WILLING, World, interaction, verdict};

fn with_check(policy: &str) -> String {
    let owed = "must: acknowledge(interaction)";
    let more = format!("must: check(interaction)\n within: 1h\n {owed}");
    format!(
        "{}\n action check(interaction) {{ satisfied_by: interaction.checked }} {policy}",
        SPEC.replace(owed, &more)
    )
    .replace("max_agents_per_gap: 2", "max_agents_per_gap: 2  max_backfill_in_flight: 2")
}

const SEQUENTIAL: &str = "when intent.evolved { backfill_policy: sequential }";

fn sources(text: &str) -> Vec<Source> {
    vec![Source { name: "next.intent".to_owned(), text: text.to_owned() }]
}

fn adoption(text: &str) -> Adoption {
    Adoption { sources: sources(text), by: "ada".to_owned(), expected: None }
}

async fn some_interactions(world: &World, handle: &Handle, ids: std::ops::RangeInclusive<u64>) {
    for id in ids {
        handle.append(interaction(world, id, id % 3)).await.unwrap();
    }
}

/// The log through a machine, with a restart from its bytes at `restart`; what it ends in an hour later.
/// With `saved`, it goes on from those bytes at the end.
async fn replayed(
    world: &World,
    events: &[Event],
    restart: Option<usize>,
    saved: Option<&[u8]>,
) -> Vec<u8> {
    let log = Log::open(world.store.clone(), None).await.unwrap();
    let chain = |at: Position| log.reader().chain_at(at).unwrap().unwrap();
    let file = Arc::new(world.agents_file());
    let mut spec = Arc::new(world.spec());
    let compiled = |spec: &Spec| Arc::new(Program::compile(spec).unwrap());
    let mut machine = Machine::new(compiled(&spec), spec.limits.clone(), Arc::clone(&file));
    for (at, event) in events.iter().enumerate() {
        if restart == Some(at) {
            let bytes = machine.checkpoint(&chain(machine.applied()));
            machine = Machine::restore(&compiled(&spec), &spec.limits, &file, &bytes).unwrap();
        }
        let earlier = || events.iter().cloned().map(Ok);
        versions::show(&mut machine, &mut spec, event, None, earlier).unwrap();
    }
    if let Some(saved) = saved {
        machine = Machine::restore(&compiled(&spec), &spec.limits, &file, saved).unwrap();
    }
    // An engine that ran has let time pass since its last event; a replay has not.
    machine.advance(world.clock.now() + Duration::from_secs(3_600));
    machine.checkpoint(&chain(machine.applied()))
}

#[tokio::test(start_paused = true)]
async fn a_version_takes_over_while_the_engine_runs_and_asks_the_past_some_at_a_time() {
    let world = World::new(SPEC, WILLING);
    let (handle, running) = world.start().await;
    some_interactions(&world, &handle, 1..=5).await;
    world.wait(2).await;
    let next = with_check(SEQUENTIAL);
    let proposal = handle.preview(sources(&next)).await.unwrap();
    assert_eq!((proposal.preview.retroactive(), proposal.diff.counts().added), (5, 1));
    assert_eq!(handle.versions().await.unwrap().len(), 1, "a preview adopts nothing");
    let evolved = handle.adopt(adoption(&next)).await.unwrap();
    assert_eq!(evolved.proposal.preview.retroactive(), 5);
    let mut most = 0;
    for _ in 0..40 {
        let status = handle.status().await.unwrap();
        most = most.max(status.backfills.first().unwrap().in_flight);
        tokio::time::advance(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(most, 2);
    world.wait(10).await;
    let versions = handle.versions().await.unwrap();
    let backfill = versions.last().unwrap().backfill.clone().unwrap();
    assert_eq!((backfill.total, backfill.done, backfill.waiting), (5, 5, 0));
    let event = world.events().await.into_iter().find(Control::is_evolution).unwrap();
    assert_eq!(event.position, evolved.position);
    assert_eq!(event.event.actor, Actor::Human("ada".to_owned()));
    let Some(Ok(Control::IntentEvolved { by, from, changes, .. })) = Control::from_event(&event)
    else {
        panic!("{event:?}")
    };
    assert_eq!((by.as_str(), changes.added, from), ("ada", 1, world.spec().hash.to_string()));
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_at_any_position_gives_the_same_bytes_after_any_number_of_versions() {
    let world = World::new(SPEC, WILLING);
    let (handle, running) = world.start().await;
    some_interactions(&world, &handle, 1..=4).await;
    world.wait(1).await;
    handle.adopt(adoption(&with_check(SEQUENTIAL))).await.unwrap();
    some_interactions(&world, &handle, 5..=6).await;
    world.wait(1).await;
    handle.adopt(adoption(SPEC)).await.unwrap();
    some_interactions(&world, &handle, 7..=8).await;
    let last = with_check("");
    let asked = handle.adopt(adoption(&last)).await.unwrap().position;
    world.wait(1).await;
    handle.decide(verdict(&format!("backfill@{asked}"), Decision::Backfill)).await.unwrap();
    world.wait(60).await;
    running.stop().await;
    let events = world.events().await;
    assert_eq!(events.iter().filter(|it| Control::is_evolution(it)).count(), 3);
    let whole = replayed(&world, &events, None, None).await;
    for at in 0..events.len() {
        let again = replayed(&world, &events, Some(at), None).await;
        assert!(again == whole, "a restart at {at} differs");
    }
    // The engine saves its state when it stops; a start under the last version takes it up.
    let saved = || world.store.snapshot().get(SPACE, KEY).unwrap().unwrap();
    assert!(replayed(&world, &events, None, Some(&saved())).await == whole);
    let later = World { sources: sources(&last), ..world.clone() };
    let (handle, running) = later.start().await;
    assert_eq!(handle.versions().await.unwrap().len(), 4);
    running.stop().await;
    assert_eq!(world.events().await.len(), events.len());
    assert!(replayed(&world, &events, None, Some(&saved())).await == whole);
}

#[tokio::test(start_paused = true)]
async fn by_default_a_person_is_asked_once_and_can_let_it_go() {
    let world = World::new(SPEC, WILLING);
    let (handle, running) = world.start().await;
    some_interactions(&world, &handle, 1..=3).await;
    world.wait(1).await;
    let asked = handle.adopt(adoption(&with_check(""))).await.unwrap().position;
    world.wait(1).await;
    let gaps = handle.gaps().await.unwrap();
    let ids: Vec<&str> = gaps.iter().map(|gap| gap.id.as_str()).collect();
    assert_eq!(ids, [format!("backfill@{asked}")]);
    assert!(!world.story().await.iter().any(|it| it == "interaction.checked"));
    let retry = handle.decide(verdict(ids.first().unwrap(), Decision::Retry)).await;
    assert!(matches!(retry, Err(DecideError::Backfill(_))), "{retry:?}");
    handle.decide(verdict(ids.first().unwrap(), Decision::Waive)).await.unwrap();
    world.wait(1).await;
    assert!(handle.gaps().await.unwrap().is_empty());
    assert_eq!(handle.status().await.unwrap().backfills.first().unwrap().dropped, 3);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_version_removes_is_withdrawn_and_its_agents_are_stopped() {
    let world = World::new(SPEC, &WILLING.replace("resolve", "stall"));
    let (handle, running) = world.start().await;
    some_interactions(&world, &handle, 1..=1).await;
    world.wait(1).await;
    let ack = "must: acknowledge(interaction)\n        within: 5s";
    assert!(SPEC.contains(ack));
    handle.adopt(adoption(&SPEC.replace(ack, ""))).await.unwrap();
    world.wait(1).await;
    let story = world.story().await;
    assert!(story.ends_with(&["agent.ended".to_owned(), "gap.closed".to_owned()]), "{story:?}");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_version_is_adopted_by_a_person_over_the_one_that_was_seen_or_not_at_all() {
    let world = World::new(SPEC, WILLING);
    let (handle, running) = world.start().await;
    let head = world.events().await.len();
    let good = with_check("");
    let nobody = Adoption { by: " ".to_owned(), ..adoption(&good) };
    assert!(matches!(handle.adopt(nobody).await, Err(AdoptError::Nobody)));
    let stale = Adoption { expected: Some("00".repeat(32)), ..adoption(&good) };
    assert!(matches!(handle.adopt(stale).await, Err(AdoptError::Expected { .. })));
    let wrong = handle.adopt(adoption("when { must:")).await;
    assert!(matches!(wrong, Err(AdoptError::Spec { .. })), "{wrong:?}");
    let same = handle.adopt(adoption(&format!("# a comment\n{SPEC}"))).await;
    assert!(matches!(same, Err(AdoptError::InForce(_))), "{same:?}");
    assert_eq!(world.events().await.len(), head, "what is refused leaves nothing behind");
    let (first, second) =
        tokio::join!(handle.adopt(adoption(&good)), handle.adopt(adoption(&good)));
    assert!(first.is_ok());
    assert!(matches!(second, Err(AdoptError::Busy)), "{second:?}");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_version_that_cannot_be_written_down_is_not_in_force() {
    let world = World::new(SPEC, WILLING);
    let (handle, running) = world.start().await;
    some_interactions(&world, &handle, 1..=1).await;
    world.wait(1).await;
    world.store.set_full(true);
    let refused = handle.adopt(adoption(&with_check(""))).await;
    assert!(matches!(refused, Err(AdoptError::Append(_))), "{refused:?}");
    assert_eq!(handle.status().await.unwrap().spec_hash, world.spec().hash.to_string());
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_start_with_another_spec_adopts_it_only_when_told_to() {
    let world = World::new(SPEC, WILLING);
    let (handle, running) = world.start().await;
    some_interactions(&world, &handle, 1..=3).await;
    world.wait(1).await;
    running.stop().await;
    let head = world.events().await.len();
    let mut other = World { sources: sources(&with_check(SEQUENTIAL)), ..world.clone() };
    let refused = other.try_start().await.map(drop);
    assert!(matches!(refused, Err(StartError::OtherSpec { .. })), "{refused:?}");
    assert_eq!(world.events().await.len(), head, "a refused start must not append");
    other.settings.adopt_other = true;
    other.settings.adopted_by = "grace".to_owned();
    let (handle, running) = other.start().await;
    other.wait(10).await;
    let versions = handle.versions().await.unwrap();
    assert_eq!(versions.last().unwrap().version.by, "grace");
    assert_eq!(versions.last().unwrap().backfill.as_ref().unwrap().done, 3);
    running.stop().await;
    // And the first one is another spec by now.
    let refused = world.try_start().await.map(drop);
    assert!(matches!(refused, Err(StartError::OtherSpec { .. })), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn no_agent_can_adopt_a_version_or_decide_anything() {
    let world = World::new(SPEC, WILLING);
    let (handle, running) = world.start().await;
    some_interactions(&world, &handle, 1..=1).await;
    world.wait(1).await;
    running.stop().await;
    // What an agent's run may say is judged by the machine, whatever runs it.
    let events = world.events().await;
    let file = Arc::new(world.agents_file());
    let spec = world.spec();
    let program = Arc::new(Program::compile(&spec).unwrap());
    let forged =
        ["intent.evolved", "intent.adopted", "gap.decided", "gap.closed", "check.reported"];
    for forged in forged {
        let mut machine =
            Machine::new(Arc::clone(&program), spec.limits.clone(), Arc::clone(&file));
        for event in events.iter().take(3) {
            machine.apply(event).unwrap();
        }
        let brief = spawned(&mut machine, &events);
        let claim = serde_json::json!({ "append": { "type": forged, "data": {
            "interaction": "i1", "hash": "00", "by": "ada", "kind": "control",
            "check": "event_log_intact", "holds": true, "detail": "" } } });
        let outcome = Outcome { lines: vec![claim.to_string()], finish: Finish::Done };
        let now = events.last().unwrap().recorded;
        let homeostat_agents::Verdict::Ended { events: appended, control } =
            machine.judge(&brief.agent, &outcome, now)
        else {
            panic!("a claim in time is judged")
        };
        assert!(appended.is_empty(), "{forged} was let in: {appended:?}");
        let failed = homeostat_log::control::Ending::Failed;
        assert!(matches!(control, Control::AgentEnded { ending, .. } if ending == failed));
    }
}

fn spawned(machine: &mut Machine, events: &[Event]) -> Brief {
    let now = events.get(2).unwrap().recorded;
    machine.advance(now);
    let spawn = machine.decide(now).into_iter().find_map(|decision| match decision {
        homeostat_conductor::Decision::Spawn(spawn) => Some(spawn),
        _ => None,
    });
    let spawned = machine.spawn(spawn.unwrap(), Vec::new(), now).unwrap();
    // It is alive when the log says so.
    let began = events.iter().position(|it| it.event.r#type == "agent.spawned").unwrap();
    for event in events.iter().take(began + 1).skip(3) {
        machine.apply(event).unwrap();
    }
    spawned.brief
}
