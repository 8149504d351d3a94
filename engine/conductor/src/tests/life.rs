//! The life of a gap.

use homeostat_intent::lowered::{Limits, Performer};
use homeostat_log::control::{Decision as Word, Ending, Escalation, GapKind, GapOutcome};
use homeostat_world::Timestamp;

use super::stage::{Stage, clause};
use crate::*;

#[test]
fn a_gap_is_written_down_before_an_agent_is_spawned_for_it() {
    let mut stage = Stage::new(Limits::default());
    stage.open("ack@1");
    assert_eq!(stage.settle(), ["opened ack@1", "spawn ack@1/1"]);
    assert_eq!(stage.state("ack@1"), Some(GapState::Working));
    stage.close("ack@1");
    stage.end("ack@1/1", Ending::Resolved, 1);
    assert_eq!(stage.settle(), ["closed ack@1 Fulfilled"]);
    assert_eq!(stage.conductor.gaps().count(), 0);
    stage.restart();
}

#[test]
fn a_gap_that_opened_and_closed_unseen_leaves_nothing_in_the_log() {
    let mut stage = Stage::new(Limits::default());
    stage.open("ack@1");
    stage.close("ack@1");
    assert!(stage.settle().is_empty());
    stage.restart();
}

#[test]
fn a_missed_deadline_is_history_even_if_nobody_looked_in_between() {
    let mut stage = Stage::new(Limits::default());
    stage.pass_fact(Fact::DeadlineMissed { gap: "ack@1".to_owned(), due: Timestamp::EPOCH });
    stage.open("ack@1");
    let outcome = GapOutcome::Late;
    stage.pass_fact(Fact::GapClosed { gap: "ack@1".to_owned(), outcome });
    assert_eq!(stage.settle(), ["opened ack@1", "missed ack@1", "closed ack@1 Late"]);
    stage.restart();
}

#[test]
fn a_missed_deadline_without_a_gap_is_written_down_once() {
    let mut stage = Stage::new(Limits::default());
    stage.pass_fact(Fact::DeadlineMissed { gap: "ack@1".to_owned(), due: Timestamp::EPOCH });
    assert_eq!(stage.settle(), ["missed ack@1"]);
    assert!(stage.settle().is_empty());
    stage.restart();
}

#[test]
fn a_gap_that_closed_while_its_opening_was_under_way_still_gets_its_closing() {
    let mut stage = Stage::new(Limits::default());
    stage.open("ack@1");
    let Some(Decision::Record(opened)) =
        stage.conductor.decide(stage.now, &super::stage::offer).into_iter().next()
    else {
        unreachable!("a new gap is written down");
    };
    stage.close("ack@1");
    stage.pass_control(opened);
    stage.restart();
    assert_eq!(stage.settle(), ["closed ack@1 Fulfilled"]);
}

#[test]
fn the_most_urgent_gap_goes_first_and_ties_go_by_age() {
    let limits = Limits { max_concurrent_agents: 1, ..Limits::default() };
    let mut stage = Stage::new(limits);
    let of = |severity: Severity| ClauseFacts { severity, ..clause("ack") };
    stage.open_with("could@1", of(Severity::Could), None, 0);
    stage.open_with("should@2", of(Severity::Should), None, 0);
    stage.open_with("undated@3", of(Severity::Must), None, 0);
    stage.open_with("younger@10", of(Severity::Must), Some(60), 0);
    stage.open_with("older@9", of(Severity::Must), Some(60), 0);
    stage.open_with("nearer@11", of(Severity::Must), Some(5), 0);
    stage.open_with("invariant@12", of(Severity::Invariant), None, 0);
    assert_eq!(
        dispatched(&mut stage),
        ["invariant@12", "nearer@11", "older@9", "younger@10", "undated@3", "should@2", "could@1"]
    );
}

/// Gives one gap after the other to its agent, until none is left. In which order.
fn dispatched(stage: &mut Stage) -> Vec<String> {
    let mut order = Vec::new();
    loop {
        let lines = stage.settle();
        let Some(agent) = lines.iter().find_map(|line| line.strip_prefix("spawn ")) else {
            return order;
        };
        let (gap, _) = agent.rsplit_once('/').unwrap();
        stage.close(gap);
        stage.end(agent, Ending::Resolved, 0);
        order.push(gap.to_owned());
    }
}

#[test]
fn what_must_hold_goes_before_every_duty_whatever_kind_of_gap_it_is() {
    let limits = Limits { max_concurrent_agents: 1, ..Limits::default() };
    let mut stage = Stage::new(limits);
    // A target that may be optimised is an opportunity; a bound that must be kept is none.
    stage.open_of("cost@1", GapKind::Quality, Severity::Could);
    stage.open_of("prompt@2026-03-02T09:00:00Z~r1", GapKind::Temporal, Severity::Should);
    stage.open_of("review@2026-03-09T00:00:00Z~c1", GapKind::Temporal, Severity::Must);
    stage.open_of("review@2026-03-02T00:00:00Z~c2", GapKind::Temporal, Severity::Must);
    stage.open_with("late@2", clause("ack"), Some(60), 0);
    stage.open_of("ack@3", GapKind::Reaction, Severity::Must);
    stage.open_of("re_alert@10~a1", GapKind::Temporal, Severity::Must);
    stage.open_of("backfilled@4", GapKind::Intent, Severity::Must);
    stage.open_of("explained@20~d1", GapKind::Intent, Severity::Invariant);
    stage.open_of("unacknowledged@19~a7", GapKind::Temporal, Severity::Invariant);
    stage.open_of("response_time@18", GapKind::Quality, Severity::Invariant);
    stage.open_of("state_matches_replay@17", GapKind::Consistency, Severity::Invariant);
    let status = stage.conductor.status();
    let kinds = status.by_kind;
    let counted = [kinds.reaction, kinds.temporal, kinds.consistency, kinds.intent, kinds.quality];
    assert_eq!(counted, [2, 5, 1, 2, 2]);
    assert_eq!(status.by_severity.invariant, 4);
    assert_eq!(
        dispatched(&mut stage),
        [
            "state_matches_replay@17",
            "response_time@18",
            "unacknowledged@19~a7",
            "explained@20~d1",
            "late@2",
            "ack@3",
            "backfilled@4",
            "re_alert@10~a1",
            "review@2026-03-02T00:00:00Z~c2",
            "review@2026-03-09T00:00:00Z~c1",
            "prompt@2026-03-02T09:00:00Z~r1",
            "cost@1",
        ]
    );
}

#[test]
fn a_gap_for_people_is_waited_for_and_never_given_to_an_agent() {
    let mut stage = Stage::new(Limits::default());
    let performer = Performer::Human;
    stage.open_with("await_reply@1", ClauseFacts { performer, ..clause("ack") }, None, 0);
    assert_eq!(stage.settle(), ["opened await_reply@1"]);
    assert_eq!(stage.state("await_reply@1"), Some(GapState::Waiting));
    stage.person_says(Word::Retry, "await_reply@1");
    assert!(stage.settle().is_empty());
}

#[test]
fn an_agent_whose_gap_closed_without_it_is_told_to_stop() {
    let mut stage = Stage::new(Limits::default());
    stage.open("ack@1");
    stage.settle();
    stage.close("ack@1");
    assert_eq!(stage.settle(), ["stop ack@1/1", "closed ack@1 Fulfilled"]);
    assert_eq!(stage.conductor.status().agents_at_work, 0);
    stage.restart();
}

#[test]
fn an_agent_that_asks_for_a_person_gets_one() {
    let mut stage = Stage::new(Limits::default());
    stage.open("ack@1");
    stage.settle();
    stage.end("ack@1/1", Ending::NeedsHuman, 0);
    assert_eq!(stage.settle(), ["escalated ack@1 AgentAsked"]);
    let view = stage.conductor.gap("ack@1").unwrap();
    assert_eq!(view.state, GapState::Escalated);
    assert_eq!(view.escalation, Some(Escalation::AgentAsked));
    assert_eq!(view.reason.as_deref(), Some("as the test has it"));
    stage.restart();
}

#[test]
fn a_waived_gap_gets_no_more_agents_and_its_agent_is_stopped() {
    let mut stage = Stage::new(Limits::default());
    stage.open("ack@1");
    stage.settle();
    stage.person_says(Word::Waive, "ack@1");
    let outcome = GapOutcome::Waived;
    stage.pass_fact(Fact::GapClosed { gap: "ack@1".to_owned(), outcome });
    assert_eq!(stage.settle(), ["stop ack@1/1", "closed ack@1 Waived"]);
}

#[test]
fn an_action_without_an_agent_goes_to_people_until_one_is_configured() {
    let mut stage = Stage::new(Limits::default());
    stage.open("nobody@1");
    assert_eq!(stage.settle(), ["opened nobody@1", "escalated nobody@1 NoAgent"]);
    stage.restart();
    assert!(stage.settle().is_empty());
    let decisions = stage.conductor.decide(stage.now, &|_| Some(Offer { cost_max: 0 }));
    assert!(matches!(decisions.as_slice(), [Decision::Spawn(spawn)] if spawn.gap == "nobody@1"));
}

#[test]
fn an_outside_effect_is_tried_once_and_again_only_at_a_persons_word() {
    let mut stage = Stage::new(Limits::default());
    stage.open_with("mail@1", ClauseFacts { external: true, ..clause("mail") }, None, 0);
    assert_eq!(stage.settle(), ["opened mail@1", "spawn mail@1/1"]);
    stage.end("mail@1/1", Ending::Lost, 0);
    assert_eq!(stage.settle(), ["escalated mail@1 ExternalEffect"]);
    stage.person_says(Word::Retry, "mail@1");
    stage.wait(30);
    assert_eq!(stage.settle(), ["spawn mail@1/2"]);
}

#[test]
fn what_only_the_log_knows_is_withdrawn() {
    let mut stage = Stage::new(Limits::default());
    stage.open("ack@1");
    stage.settle();
    // Another spec is in force after a restart: the graph says nothing of this gap.
    stage.history.retain(|passed| matches!(passed, super::stage::Passed::Control(..)));
    stage.conductor = stage.replayed();
    stage.end("ack@1/1", Ending::Lost, 0);
    assert_eq!(stage.settle(), ["closed ack@1 Withdrawn"]);
}

#[test]
fn a_failed_append_is_decided_again() {
    let mut stage = Stage::new(Limits::default());
    stage.open("ack@1");
    let first = stage.conductor.decide(stage.now, &super::stage::offer);
    assert_eq!(first.len(), 1);
    stage.conductor.forget_in_flight();
    assert_eq!(stage.conductor.decide(stage.now, &super::stage::offer), first);
}

#[test]
fn one_answer_is_bounded_and_the_rest_follows() {
    let limits = Limits { max_concurrent_agents: 5, ..Limits::default() };
    let mut stage = Stage::new(limits);
    let count = DECISIONS_MAX * 2 + 7;
    for n in 0..count {
        stage.open(&format!("ack@{n}"));
    }
    assert_eq!(stage.conductor.decide(stage.now, &super::stage::offer).len(), DECISIONS_MAX);
    stage.restart();
    let lines = stage.settle();
    assert_eq!(lines.iter().filter(|line| line.starts_with("opened")).count(), count);
    assert_eq!(lines.iter().filter(|line| line.starts_with("spawn")).count(), 5);
    stage.restart();
}

#[test]
fn a_checkpoint_of_another_shape_is_refused_with_a_remedy() {
    let limits = Limits::default();
    let text = br#"{"version":9,"things":[]}"#;
    let error = Conductor::restore(limits.clone(), text).unwrap_err().to_string();
    assert_eq!(
        error,
        "the conductor's checkpoint has version 9, expected 1; delete it and replay the log"
    );
    assert!(Conductor::restore(limits, b"{").is_err());
}

#[test]
fn the_shape_of_a_checkpoint_is_frozen() {
    let mut stage = Stage::new(Limits::default());
    stage.open_with("ack@1", clause("ack"), Some(5), 1);
    stage.open("ack@2");
    stage.settle();
    stage.end("ack@1/1", Ending::Failed, 1);
    stage.settle();
    let json: serde_json::Value = serde_json::from_slice(&stage.conductor.checkpoint()).unwrap();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../../snapshots/conductor");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_json_snapshot!("checkpoint", json));
    settings.bind(|| insta::assert_json_snapshot!("status", stage.conductor.status()));
    settings.bind(|| {
        insta::assert_json_snapshot!("gap", stage.conductor.gap("ack@1").unwrap());
    });
}
