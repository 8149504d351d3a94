//! The five breakers of the seed.

use homeostat_intent::lowered::{Budget, Length, Limits};
use homeostat_log::control::{Decision as Word, Ending, Escalation};
use homeostat_world::{Duration, Timestamp};

use super::stage::{Stage, clause};
use crate::*;

fn dollars_an_hour(dollars: u64) -> Limits {
    let per = Length::from_micros(3_600_000_000);
    let budget = Budget { micro_dollars: dollars * 1_000_000, per };
    Limits { total_compute_budget: Some(budget), ..Limits::default() }
}

#[test]
fn a_gap_at_the_greatest_depth_goes_to_people() {
    let mut stage = Stage::new(Limits::default());
    stage.open_with("deep@1", clause("ack"), None, 4);
    stage.open_with("too_deep@2", clause("ack"), None, 5);
    assert_eq!(
        stage.settle(),
        ["opened deep@1", "opened too_deep@2", "escalated too_deep@2 TooDeep", "spawn deep@1/1"]
    );
    stage.person_says(Word::Retry, "too_deep@2");
    assert_eq!(stage.settle(), ["spawn too_deep@2/1"], "a person has looked and said go on");
}

#[test]
fn no_more_agents_than_allowed_work_at_once() {
    let mut stage = Stage::new(Limits { max_concurrent_agents: 2, ..Limits::default() });
    for n in 1..=4 {
        stage.open(&format!("ack@{n}"));
    }
    assert_eq!(
        stage.settle()[4..],
        [
            "spawn ack@1/1",
            "spawn ack@2/1",
            "Concurrency holds: 2 of 2 agents at work, 2 gaps waiting"
        ]
    );
    stage.close("ack@1");
    stage.end("ack@1/1", Ending::Resolved, 0);
    assert_eq!(stage.settle(), ["closed ack@1 Fulfilled", "spawn ack@3/1"]);
    stage.restart();
    stage.close("ack@2");
    stage.end("ack@2/1", Ending::Resolved, 0);
    assert_eq!(
        stage.settle(),
        [
            "closed ack@2 Fulfilled",
            "spawn ack@4/1",
            "Concurrency lets go: 2 of 2 agents at work, 0 gaps waiting"
        ]
    );
}

#[test]
fn after_as_many_failures_as_allowed_a_person_is_asked_and_retry_starts_over() {
    let mut stage = Stage::new(Limits::default());
    stage.open("ack@1");
    stage.settle();
    for (attempt, ending) in [Ending::Failed, Ending::TimedOut, Ending::Resolved].iter().enumerate()
    {
        // The third believes that it has resolved the gap, which stays open.
        stage.end(&format!("ack@1/{}", attempt + 1), *ending, 0);
        stage.wait(30);
        stage.settle();
    }
    let view = stage.conductor.gap("ack@1").unwrap();
    assert_eq!((view.state, view.attempts), (GapState::Escalated, 3));
    assert_eq!(view.escalation, Some(Escalation::AgentsExhausted));
    stage.wait(3_600);
    assert!(stage.settle().is_empty());
    stage.person_says(Word::Retry, "ack@1");
    assert_eq!(stage.settle(), ["spawn ack@1/4"]);
    stage.restart();
}

#[test]
fn a_lost_agent_is_no_failure_but_its_gap_rests_all_the_same() {
    let mut stage = Stage::new(Limits { max_agents_per_gap: 1, ..Limits::default() });
    stage.open("ack@1");
    stage.settle();
    stage.end("ack@1/1", Ending::Lost, 0);
    assert!(stage.settle().is_empty());
    assert_eq!(stage.state("ack@1"), Some(GapState::Cooling));
    assert_eq!(stage.conductor.gap("ack@1").unwrap().failures, 0);
    stage.wait(30);
    assert_eq!(stage.settle(), ["spawn ack@1/2"]);
}

#[test]
fn a_gap_rests_between_two_agents_and_the_conductor_says_until_when() {
    let mut stage = Stage::new(Limits::default());
    stage.open("ack@1");
    stage.settle();
    stage.wait(10);
    stage.end("ack@1/1", Ending::Failed, 0);
    assert!(stage.settle().is_empty());
    let until = Timestamp::EPOCH + Duration::from_secs(40);
    assert_eq!(stage.conductor.next_wake(), Some(until));
    assert_eq!(stage.conductor.gap("ack@1").unwrap().rests_until, Some(until));
    stage.restart();
    stage.wait(29);
    assert!(stage.settle().is_empty());
    stage.wait(1);
    assert_eq!(stage.settle(), ["spawn ack@1/2"]);
    assert_eq!(stage.conductor.next_wake(), None);
}

#[test]
fn the_budget_is_reserved_at_spawn_settled_at_the_end_and_free_again_after_an_hour() {
    let mut stage = Stage::new(dollars_an_hour(2));
    for n in 1..=3 {
        stage.open(&format!("ack@{n}"));
    }
    assert_eq!(
        stage.settle()[3..],
        [
            "spawn ack@1/1",
            "spawn ack@2/1",
            "Budget holds: $0.00 spent and $2.00 reserved of $2.00 an hour, 1 gap waiting"
        ]
    );
    stage.wait(60);
    for n in 1..=2 {
        stage.close(&format!("ack@{n}"));
        stage.end(&format!("ack@{n}/1"), Ending::Resolved, 1);
    }
    assert_eq!(stage.settle(), ["closed ack@1 Fulfilled", "closed ack@2 Fulfilled"]);
    stage.restart();
    assert!(stage.settle().is_empty());
    let relief = Timestamp::EPOCH + Duration::from_secs(3_660);
    assert_eq!(stage.conductor.next_wake(), Some(relief));
    stage.wait(3_600);
    assert_eq!(
        stage.settle(),
        [
            "spawn ack@3/1",
            "Budget lets go: $0.00 spent and $1.00 reserved of $2.00 an hour, 0 gaps waiting"
        ]
    );
}

#[test]
fn an_agent_that_cost_less_than_reserved_frees_the_rest_at_once() {
    let mut stage = Stage::new(dollars_an_hour(3));
    stage.open("dear@1");
    stage.open("ack@2");
    stage.settle();
    assert_eq!(stage.state("ack@2"), Some(GapState::Open));
    stage.close("dear@1");
    stage.end("dear@1/1", Ending::Resolved, 1);
    assert!(stage.settle().contains(&"spawn ack@2/1".to_owned()));
}

#[test]
fn a_cheaper_gap_does_not_overtake_a_more_urgent_one_that_waits_for_money() {
    let mut stage = Stage::new(dollars_an_hour(3));
    stage.open("ack@1");
    stage.open_with("dear@2", clause("dear"), Some(1), 0);
    stage.open("ack@3");
    let lines = stage.settle();
    assert!(lines.contains(&"spawn dear@2/1".to_owned()), "{lines:?}");
    assert!(!lines.iter().any(|line| line.starts_with("spawn ack")), "{lines:?}");
}

#[test]
fn free_work_goes_on_when_the_budget_is_used_up() {
    let mut stage = Stage::new(dollars_an_hour(1));
    stage.open("ack@1");
    stage.open("free@2");
    assert!(stage.settle().ends_with(&["spawn ack@1/1".to_owned(), "spawn free@2/1".to_owned()]));
}

#[test]
fn an_agent_dearer_than_the_whole_budget_goes_to_people_and_holds_nobody_up() {
    let mut stage = Stage::new(dollars_an_hour(2));
    stage.open_with("dear@1", clause("dear"), Some(1), 0);
    stage.open("ack@2");
    assert_eq!(stage.settle()[2..], ["escalated dear@1 OverBudget", "spawn ack@2/1"]);
}

#[test]
fn a_budget_that_is_a_hole_bounds_nothing() {
    let limits = Limits { max_concurrent_agents: 1_000, ..Limits::default() };
    let mut stage = Stage::new(limits);
    for n in 0..500 {
        stage.open(&format!("dear@{n}"));
    }
    let lines = stage.settle();
    assert_eq!(lines.iter().filter(|line| line.starts_with("spawn")).count(), 500);
}

#[test]
fn other_limits_bind_the_next_decision() {
    let mut stage = Stage::new(Limits { max_concurrent_agents: 1, ..Limits::default() });
    stage.open("ack@1");
    stage.open("ack@2");
    stage.settle();
    stage.conductor.set_limits(Limits::default());
    let lines = stage.settle();
    assert!(lines.contains(&"spawn ack@2/1".to_owned()), "{lines:?}");
}
