//! Gaps open, agents close them, people decide.

use homeostat_conductor::GapState;
use homeostat_kernel::{DecideError, ReadQuery};
use homeostat_log::control::{Decision, Escalation};
use homeostat_log::{Actor, Control, Kind};
use homeostat_world::Position;

use crate::doors::{SPEC, WILLING, World, event, interaction, verdict};

#[tokio::test(start_paused = true)]
async fn a_gap_opens_is_given_to_an_agent_and_closes() {
    let world = World::new(SPEC, WILLING);
    let (handle, running) = world.start().await;
    let receipt = handle.append(interaction(&world, 1, 1)).await.unwrap();
    assert_eq!(receipt.entries.first().unwrap().position, Position::new(2));
    world.wait(1).await;
    assert_eq!(
        world.story().await,
        [
            "intent.adopted",
            "interaction.created",
            "gap.opened",
            "agent.spawned",
            "interaction.acknowledged",
            "agent.ended",
            "gap.closed",
        ]
    );
    let events = world.events().await;
    let answer = &events.get(4).unwrap().event;
    assert_eq!(answer.cause.as_deref(), Some("acknowledge@2"));
    assert_eq!(answer.actor, Actor::Agent("acknowledge@2/1".to_owned()));
    assert_eq!((answer.kind, answer.depth), (Kind::Primary, 1));
    assert!(handle.gaps().await.unwrap().is_empty());
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_duty_of_the_world_becomes_a_gap_when_due_has_passed() {
    let world = World::new(SPEC, WILLING);
    let (handle, running) = world.start().await;
    handle.append(interaction(&world, 1, 1)).await.unwrap();
    world.wait(59).await;
    assert!(handle.gaps().await.unwrap().is_empty());
    world.wait(2).await;
    // An agent may act now, and does.
    assert!(world.story().await.contains(&"deadline.missed".to_owned()));
    assert!(world.story().await.contains(&"customer.reviewed".to_owned()));
    let status = handle.status().await.unwrap();
    assert_eq!(status.totals.deadlines_missed, 1);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_gap_on_which_agents_fail_is_given_to_a_person_who_can_send_it_back() {
    let hopeless = WILLING.replace("\"resolve\"", "[\"fail\", \"fail\", \"resolve\"]");
    let world = World::new(SPEC, &hopeless);
    let (handle, running) = world.start().await;
    handle.append(interaction(&world, 1, 1)).await.unwrap();
    world.wait(10).await;
    let gap = handle.gap("acknowledge@2".to_owned()).await.unwrap().unwrap();
    assert_eq!(gap.state, GapState::Escalated);
    assert_eq!(gap.escalation, Some(Escalation::AgentsExhausted));
    assert_eq!(gap.attempts, 2);
    let text = handle.explain(Position::new(2)).await.unwrap().to_string();
    assert!(text.contains("→ waiting for a person: agents exhausted"), "{text}");

    handle.decide(verdict("acknowledge@2", Decision::Retry)).await.unwrap();
    world.wait(5).await;
    assert!(handle.gap("acknowledge@2".to_owned()).await.unwrap().is_none());
    let decided = world.events().await.into_iter().find(|it| it.event.r#type == "gap.decided");
    assert_eq!(decided.unwrap().event.actor, Actor::Human("ada".to_owned()));
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_person_can_let_a_gap_go() {
    let world = World::new(SPEC, &WILLING.replace("resolve", "stall"));
    let (handle, running) = world.start().await;
    handle.append(interaction(&world, 1, 1)).await.unwrap();
    world.wait(1).await;
    let retry = handle.decide(verdict("acknowledge@2", Decision::Retry)).await;
    assert!(matches!(retry, Err(DecideError::NotEscalated(_))), "{retry:?}");
    handle.decide(verdict("acknowledge@2", Decision::Waive)).await.unwrap();
    let again = handle.decide(verdict("acknowledge@2", Decision::Waive)).await;
    assert!(matches!(again, Err(DecideError::Unknown(_))), "{again:?}");
    world.wait(1).await;
    let story = world.story().await;
    // The lease ends first: a gap must not look closed while an agent still holds it.
    assert!(story.ends_with(&["agent.ended".to_owned(), "gap.closed".to_owned()]), "{story:?}");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_same_event_sent_twice_is_stored_once_and_answered_alike() {
    let world = World::new(SPEC, WILLING);
    let (handle, running) = world.start().await;
    let request = interaction(&world, 1, 1);
    let first = handle.append(request.clone()).await.unwrap();
    let second = handle.append(request).await.unwrap();
    assert_eq!(first.entries.first().unwrap().position, second.entries.first().unwrap().position);
    assert!(second.entries.first().unwrap().duplicate);
    running.stop().await;
    let stored = world.story().await;
    assert_eq!(stored.iter().filter(|it| *it == "interaction.created").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_agent_whose_gap_closes_is_stopped() {
    let world = World::new(SPEC, &WILLING.replace("resolve", "stall"));
    let (handle, running) = world.start().await;
    handle.append(interaction(&world, 1, 1)).await.unwrap();
    world.wait(1).await;
    let data = serde_json::json!({ "interaction": "i1" });
    handle.append(event(&world, "interaction.acknowledged", "by-hand", &data)).await.unwrap();
    world.wait(1).await;
    let ended = world.events().await.iter().find_map(|event| match Control::from_event(event) {
        Some(Ok(Control::AgentEnded { ending, .. })) => Some(ending),
        _ => None,
    });
    assert_eq!(ended, Some(homeostat_log::control::Ending::Stopped));
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn events_and_their_consequences_can_be_asked_for() {
    let world = World::new(SPEC, WILLING);
    let (handle, running) = world.start().await;
    handle.append(interaction(&world, 1, 1)).await.unwrap();
    world.wait(1).await;
    let query = ReadQuery { from: Position::new(2), limit: 2, subject: None };
    let events = handle.read(query).await.unwrap();
    assert_eq!(events.len(), 2);
    let explanation = handle.explain(Position::new(2)).await.unwrap();
    let text = explanation.to_string();
    assert!(text.contains("interaction.created"), "{text}");
    assert!(handle.explain(Position::new(99)).await.is_err());
    running.stop().await;
}
