//! Each oracle sees what it is there to see: evidence of a good run is tampered with, and the
//! oracle, and it alone where that can be said, calls it out.

use std::collections::BTreeSet;

use homeostat_log::control::{Ending, Escalation};
use homeostat_log::{Actor, Control, Event};
use homeostat_sim_harness::history::{Line, What};
use homeostat_sim_harness::oracle::{Evidence, judge};
use homeostat_world::{Position, Timestamp};

use crate::desk::{calm, evidence, seconds};

/// Tampers with a good run; says which oracles notice.
fn noticed_by(tamper: impl FnOnce(&mut Evidence)) -> BTreeSet<String> {
    let mut evidence = evidence(&calm(2));
    assert_eq!(judge(&evidence), []);
    tamper(&mut evidence);
    judge(&evidence).into_iter().map(|violation| violation.oracle).collect()
}

#[track_caller]
fn check(oracle: &str, tamper: impl FnOnce(&mut Evidence)) {
    let noticed = noticed_by(tamper);
    assert!(noticed.contains(oracle), "`{oracle}` is blind; noticed by {noticed:?}");
}

/// The first control event that `wanted` wants, with its index among the controls.
fn find(evidence: &Evidence, wanted: fn(&Control) -> bool) -> (usize, Event, Control) {
    let found = evidence.log.controls.iter().enumerate().find(|(_, (_, it))| wanted(it)).unwrap();
    let (nth, (index, control)) = found;
    (nth, evidence.log.events.get(*index).unwrap().clone(), control.clone())
}

/// Puts a control event right after the `nth` one, as if the engine had decided it too. Positions
/// of what follows are left as they are: only the oracles of controls are asked about this.
fn insert(evidence: &mut Evidence, nth: usize, control: Control) {
    let index = evidence.log.controls.get(nth).unwrap().0;
    evidence.log.controls.insert(nth + 1, (index, control));
}

const fn spawned(control: &Control) -> bool {
    matches!(control, Control::AgentSpawned { .. })
}

#[test]
fn a_lost_event_is_noticed() {
    check("acknowledged", |evidence| {
        let last = evidence.log.events.iter().rposition(|it| it.event.source == "sim").unwrap();
        evidence.log.events.remove(last);
    });
}

#[test]
fn an_event_stored_twice_is_noticed() {
    check("acknowledged", |evidence| {
        let event = evidence.log.events.iter().find(|it| it.event.source == "sim").cloned();
        evidence.log.events.extend(event);
    });
}

#[test]
fn an_event_that_nobody_sent_is_noticed() {
    check("acknowledged", |evidence| {
        let mut event =
            evidence.log.events.iter().find(|it| it.event.source == "sim").cloned().unwrap();
        event.event.id = "invented".to_owned();
        evidence.log.events.push(event);
    });
}

#[test]
fn an_event_with_other_content_is_noticed() {
    check("acknowledged", |evidence| {
        let event = evidence.log.events.iter_mut().find(|it| it.event.source == "sim").unwrap();
        event.event.r#type = "interaction.destroyed".to_owned();
    });
}

#[test]
fn an_event_that_overtook_an_acknowledged_one_is_noticed() {
    check("acknowledged", |evidence| {
        let lines = &mut evidence.history.lines;
        let sent = lines.iter().position(|line| matches!(line.what, What::Sent { .. })).unwrap();
        let sent = lines.remove(sent);
        lines.push(sent);
    });
}

#[test]
fn a_position_left_out_is_noticed() {
    check("chain", |evidence| {
        evidence.log.events.remove(3);
    });
}

#[test]
fn a_log_that_does_not_verify_is_noticed() {
    check("chain", |evidence| evidence.log.verified = Err("torn".to_owned()));
}

#[test]
fn time_that_goes_backwards_is_noticed() {
    check("clock", |evidence| {
        evidence.log.events.last_mut().unwrap().recorded = Timestamp::EPOCH;
    });
}

#[test]
fn a_checkpoint_of_another_state_is_noticed() {
    check("replay", |evidence| {
        let stored = evidence.log.checkpoint.as_mut().unwrap();
        let last = stored.bytes.iter().rposition(|byte| *byte == b'}').unwrap();
        stored.bytes.insert(last, b' ');
    });
}

#[test]
fn two_agents_on_one_gap_are_noticed() {
    check("dispatch", |evidence| {
        let (nth, _, control) = find(evidence, spawned);
        let Control::AgentSpawned { gap, deadline, cost_max, .. } = control else { return };
        let agent = format!("{gap}/2");
        insert(evidence, nth, Control::AgentSpawned { agent, gap, attempt: 2, deadline, cost_max });
    });
}

#[test]
fn an_agent_for_a_closed_gap_is_noticed() {
    check("dispatch", |evidence| {
        let (nth, _, control) = find(evidence, |it| matches!(it, Control::GapClosed { .. }));
        let Control::GapClosed { gap, .. } = control else { return };
        let (agent, deadline) = (format!("{gap}/9"), Timestamp::MAX);
        insert(
            evidence,
            nth,
            Control::AgentSpawned { agent, gap, attempt: 9, deadline, cost_max: 0 },
        );
    });
}

#[test]
fn too_many_agents_at_once_are_noticed() {
    check("limits", |evidence| evidence.setup.spec.limits.max_concurrent_agents = 1);
}

#[test]
fn too_short_a_rest_is_noticed() {
    check("limits", |evidence| {
        let cooldown = &mut evidence.setup.spec.limits.cooldown_per_gap;
        cooldown.micros = seconds(20).as_micros();
    });
}

#[test]
fn too_many_failures_on_one_gap_are_noticed() {
    check("limits", |evidence| evidence.setup.spec.limits.max_agents_per_gap = 0);
}

#[test]
fn an_agent_too_deep_is_noticed() {
    check("limits", |evidence| evidence.setup.spec.limits.max_agent_depth = 0);
}

#[test]
fn agents_over_the_budget_are_noticed() {
    check("limits", |evidence| {
        let budget = evidence.setup.spec.limits.total_compute_budget.as_mut().unwrap();
        budget.micro_dollars = 60_000;
    });
}

#[test]
fn an_agent_for_an_escalated_gap_is_noticed() {
    check("limits", |evidence| {
        let (nth, _, control) = find(evidence, spawned);
        let Control::AgentSpawned { gap, .. } = control else { return };
        insert(evidence, nth - 1, Control::GapEscalated { gap, reason: Escalation::AgentAsked });
    });
}

#[test]
fn an_agent_without_an_end_is_noticed() {
    check("agents_end", |evidence| {
        let (nth, ..) = find(evidence, |it| matches!(it, Control::AgentEnded { .. }));
        evidence.log.controls.remove(nth);
    });
}

#[test]
fn an_agent_with_two_ends_is_noticed() {
    check("agents_end", |evidence| {
        let (nth, _, control) = find(evidence, |it| matches!(it, Control::AgentEnded { .. }));
        insert(evidence, nth, control);
    });
}

#[test]
fn a_persons_gap_that_is_escalated_is_noticed() {
    check("dispatch", |evidence| {
        let persons = |it: &Control| matches!(it, Control::GapOpened { gap, .. } if gap.starts_with("confirm@"));
        let (nth, _, control) = find(evidence, persons);
        let Control::GapOpened { gap, .. } = control else { return };
        insert(evidence, nth, Control::GapEscalated { gap, reason: Escalation::TooDeep });
    });
}

#[test]
fn an_agent_at_work_that_the_log_does_not_know_is_noticed() {
    check("dispatch", |evidence| {
        let line = evidence.history.lines.first_mut().unwrap();
        line.what = What::Works { agent: "acknowledge@999999/1".to_owned() };
    });
}

#[test]
fn an_agent_that_ended_long_after_its_deadline_is_noticed() {
    check("agents_end", |evidence| {
        for (index, control) in &mut evidence.log.controls {
            let spawned_at = evidence.log.events.get(*index).unwrap().recorded;
            if let Control::AgentSpawned { deadline, .. } = control {
                *deadline = spawned_at - seconds(10);
            }
        }
    });
}

#[test]
fn an_agent_event_outside_its_brief_is_noticed() {
    check("brief", |evidence| {
        let of_agent = |it: &&mut Event| matches!(it.event.actor, Actor::Agent(_));
        let event = evidence.log.events.iter_mut().find(of_agent).unwrap();
        event.event.r#type = "interaction.created".to_owned();
    });
}

#[test]
fn an_agent_event_after_the_end_of_its_agent_is_noticed() {
    check("brief", |evidence| {
        let of_agent = |it: &&Event| matches!(it.event.actor, Actor::Agent(_));
        let mut event = evidence.log.events.iter().find(of_agent).unwrap().clone();
        event.position = Position::new(evidence.log.events.len() as u64 + 1);
        evidence.log.events.push(event);
    });
}

#[test]
fn a_deadline_missed_twice_is_noticed() {
    check("deadlines", |evidence| {
        let (nth, _, control) = find(evidence, |it| matches!(it, Control::DeadlineMissed { .. }));
        insert(evidence, nth, control);
    });
}

#[test]
fn a_deadline_missed_at_its_due_is_noticed() {
    check("deadlines", |evidence| {
        let (nth, event, control) =
            find(evidence, |it| matches!(it, Control::DeadlineMissed { .. }));
        let Control::DeadlineMissed { gap, .. } = control else { return };
        let due = event.recorded;
        evidence.log.controls.get_mut(nth).unwrap().1 = Control::DeadlineMissed { gap, due };
    });
}

#[test]
fn a_request_without_an_answer_is_noticed() {
    check("liveness", |evidence| {
        let lines = &mut evidence.history.lines;
        let answered = |what: &What| matches!(what, What::Acknowledged { events } if events.iter().any(|(id, _)| id == "created-1-0"));
        lines.retain(|line| !answered(&line.what));
    });
}

#[test]
fn an_engine_that_is_not_up_is_noticed() {
    check("liveness", |evidence| {
        for line in &mut evidence.history.lines {
            if let What::Looked { up, .. } = &mut line.what {
                *up = false;
            }
        }
    });
}

#[test]
fn a_gap_that_nobody_has_is_noticed() {
    check("liveness", |evidence| {
        let (_, _, control) = find(evidence, |it| matches!(it, Control::GapEscalated { .. }));
        let Control::GapEscalated { gap, .. } = control else { return };
        let about = |it: &Control| match it {
            Control::GapEscalated { gap: of, .. }
            | Control::GapDecided { gap: of, .. }
            | Control::GapClosed { gap: of, .. } => *of == gap,
            _ => false,
        };
        evidence.log.controls.retain(|(_, it)| !about(it));
    });
}

#[test]
fn a_decision_that_nothing_came_of_is_noticed() {
    check("liveness", |evidence| {
        // As if the log had ended in the middle of the day and the engine had looked on since.
        let middle = evidence.log.events.len() as u64 / 3;
        evidence.log.controls.retain(|(index, _)| (*index as u64) < middle);
        for line in &mut evidence.history.lines {
            if let What::Looked { position, .. } = &mut line.what {
                *position = middle;
            }
        }
    });
}

#[test]
fn a_panic_is_noticed() {
    check("panics", |evidence| {
        let line = evidence.history.lines.first_mut().unwrap();
        line.what = What::Panicked { task: "engine".to_owned(), why: "because".to_owned() };
    });
}

#[test]
fn an_agent_that_lives_on_after_its_deadline_is_noticed() {
    check("agents_end", |evidence| {
        let (nth, _, control) = find(evidence, |it| matches!(it, Control::AgentEnded { .. }));
        let Control::AgentEnded { agent, gap, reason, cost, .. } = control else { return };
        evidence.log.controls.remove(nth);
        let index = evidence.log.events.len() - 1;
        let ended = Control::AgentEnded { agent, gap, ending: Ending::Lost, reason, cost };
        evidence.log.controls.push((index, ended));
        for line in &mut evidence.history.lines {
            if let What::Looked { position, .. } = &mut line.what {
                *position = index as u64;
            }
        }
    });
}

#[test]
fn a_gap_that_is_none_is_noticed() {
    check("meaning", |evidence| {
        let (nth, _, control) = find(evidence, |it| matches!(it, Control::GapOpened { .. }));
        let Control::GapOpened { clause, kind, due, depth, .. } = control else { return };
        let gap = "acknowledge@999999".to_owned();
        insert(evidence, nth, Control::GapOpened { gap, clause, kind, due, depth });
    });
}

#[test]
fn a_gap_left_out_of_the_log_is_noticed() {
    check("meaning", |evidence| {
        let (_, _, control) = find(evidence, |it| matches!(it, Control::GapEscalated { .. }));
        let Control::GapEscalated { gap, .. } = control else { return };
        let opens = |it: &Control| matches!(it, Control::GapOpened { gap: of, .. } if *of == gap);
        evidence.log.controls.retain(|(_, it)| !opens(it));
    });
}

#[test]
fn a_gap_closed_with_another_outcome_is_noticed() {
    check("meaning", |evidence| {
        let (nth, _, control) = find(evidence, |it| matches!(it, Control::GapClosed { .. }));
        let Control::GapClosed { gap, .. } = control else { return };
        let outcome = homeostat_log::control::GapOutcome::Lapsed;
        evidence.log.controls.get_mut(nth).unwrap().1 = Control::GapClosed { gap, outcome };
    });
}

#[test]
fn a_second_spec_is_noticed() {
    check("intent", |evidence| {
        let adopted = |it: &Control| matches!(it, Control::IntentAdopted { .. });
        let (nth, _, control) = find(evidence, adopted);
        insert(evidence, nth, control);
    });
}

#[test]
fn an_event_that_was_shown_and_stands_otherwise_is_noticed() {
    for (position, name) in [(1, "another"), (3, "none"), (1_000_000, "beyond")] {
        check("shown", |evidence| {
            let events = vec![(position, name.to_owned())];
            let what = What::Shown { from: position, events, why: None };
            let last = evidence.history.lines.last().cloned().unwrap();
            evidence.history.lines.push(Line { what, ..last });
        });
    }
}

#[test]
fn a_refusal_that_nothing_excuses_is_noticed() {
    check("panics", |evidence| {
        let what = What::Refused { why: "no".to_owned() };
        let last = evidence.history.lines.last().cloned().unwrap();
        evidence.history.lines.push(Line { what, ..last });
    });
}
