//! What each fault does to a whole run, seen in its History and in the log that is left; and that
//! every promise is kept all the same.

use homeostat_log::Control;
use homeostat_log::control::Decision;
use homeostat_sim_harness::Plan;
use homeostat_sim_harness::history::{Line, What};
use homeostat_sim_harness::oracle::{Evidence, judge};
use homeostat_sim_harness::plan::{
    Action, Fault, FaultKind, Gone, Operation, Rotten, Step, Version,
};
use homeostat_sim_harness::story::story;
use homeostat_world::Duration;

use crate::desk::{calm, run, seconds};

/// What a calm run comes to with these faults, on which no oracle has anything to say.
fn with(faults: &[(Duration, FaultKind)]) -> Evidence {
    let fault = |(at, kind): &(Duration, FaultKind)| Fault { at: *at, kind: kind.clone() };
    kept(Plan { faults: faults.iter().map(fault).collect(), ..calm(3) })
}

fn kept(plan: Plan) -> Evidence {
    plan.prepare().unwrap_or_else(|errors| panic!("{errors}"));
    let evidence = run(&plan).evidence;
    let violations = judge(&evidence);
    assert!(violations.is_empty(), "{violations:#?}\n{}", story(&evidence));
    evidence
}

fn millis(millis: i64) -> Duration {
    Duration::from_millis(millis)
}

/// When it happened, in milliseconds from the start.
fn at(evidence: &Evidence, wanted: impl Fn(&Line) -> bool) -> Vec<i64> {
    let wanted = evidence.history.lines.iter().filter(|line| wanted(line));
    wanted.map(|line| line.at.since(evidence.plan.start).as_micros() / 1_000).collect()
}

fn crashes(evidence: &Evidence) -> Vec<i64> {
    at(evidence, |line| line.what == What::Crashed)
}

fn starts(evidence: &Evidence) -> Vec<i64> {
    at(evidence, |line| line.what == What::Started)
}

fn refusals(evidence: &Evidence) -> Vec<String> {
    let why = |line: &Line| match &line.what {
        What::Refused { why } => Some(why.clone()),
        _ => None,
    };
    evidence.history.lines.iter().filter_map(why).collect()
}

#[test]
fn a_restart_stops_as_asked_and_starts_again() {
    let evidence = with(&[(seconds(10), FaultKind::Restart { restart_after: seconds(6) })]);
    assert_eq!(crashes(&evidence), [0; 0]);
    let stops = at(&evidence, |line| line.node == "engine" && line.what == What::Stopped);
    assert!(stops.first().is_some_and(|at| (10_000..16_000).contains(at)), "{stops:?}");
    assert!(starts(&evidence).get(1).is_some_and(|at| (16_000..16_100).contains(at)));
}

#[test]
fn a_restart_that_is_not_waited_for_is_a_kill() {
    // Its disk takes longer than the operator does.
    let evidence = with(&[
        (seconds(9), FaultKind::SlowSync { latency: seconds(2), lasts: seconds(5) }),
        (seconds(10), FaultKind::Restart { restart_after: millis(5) }),
    ]);
    assert_eq!(crashes(&evidence), [10_005]);
}

#[test]
fn a_crash_at_a_step_falls_between_a_commit_and_what_follows_from_it() {
    for power in [false, true] {
        let crash = FaultKind::Crash { restart_after: seconds(5), power, after_commits: Some(1) };
        let evidence = with(&[(millis(3_700), crash)]);
        let crashed = crashes(&evidence);
        assert!(crashed.iter().all(|at| (3_800..4_000).contains(at)), "{crashed:?}");
        // The request of that moment stands in the log from before the crash, and its answer,
        // which is after it, says where.
        let sent = evidence.history.lines.iter().find_map(|line| match &line.what {
            What::Sent { ids } if at(&evidence, |it| it == line) == [3_800] => Some(ids.clone()),
            _ => None,
        });
        let id = sent.unwrap().first().cloned().unwrap();
        let stands = evidence.log.events.iter().find(|it| it.event.id == id).unwrap();
        assert!(stands.recorded < evidence.plan.start + seconds(4));
        let heard = at(&evidence, |line| match &line.what {
            What::Acknowledged { events } => events.iter().any(|(of, _)| *of == id),
            _ => false,
        });
        assert!(heard.iter().all(|at| *at > 8_700), "{heard:?}");
    }
}

#[test]
fn a_crash_at_the_first_commit_of_a_start_falls_into_the_recovery() {
    let first = FaultKind::Crash { restart_after: seconds(1), power: true, after_commits: None };
    let again = FaultKind::Crash { restart_after: seconds(1), power: true, after_commits: Some(1) };
    let evidence = with(&[(seconds(5), first), (seconds(6), again)]);
    // The second life never got as far as to be up.
    assert_eq!(starts(&evidence).len(), 2);
    assert!(crashes(&evidence).get(1).is_some_and(|at| (6_000..6_010).contains(at)));
}

fn adopt(spec: Version) -> Evidence {
    let (restart_after, lasts) = (seconds(7), seconds(10));
    let evidence = with(&[(seconds(10), FaultKind::Adopt { spec, restart_after, lasts })]);
    let adoptions =
        |(_, control): &&(usize, Control)| matches!(control, Control::IntentAdopted { .. });
    assert_eq!(evidence.log.controls.iter().filter(adoptions).count(), 1);
    evidence
}

#[test]
fn a_spec_that_is_adopted_twice_is_in_force_once() {
    let evidence = adopt(Version::Same);
    assert_eq!((refusals(&evidence).len(), starts(&evidence).len()), (0, 2));
    assert!(starts(&evidence).get(1).is_some_and(|at| *at < 17_100), "nobody stops it again");
}

#[test]
fn another_spec_and_a_text_that_is_none_are_refused_and_leave_the_log_as_it_was() {
    for (version, said) in
        [(Version::Other, "unknown spec version"), (Version::Invalid, "does not load")]
    {
        let evidence = adopt(version);
        let refusals = refusals(&evidence);
        assert!(refusals.len() == 1 && refusals.iter().all(|it| it.contains(said)), "{refusals:?}");
        assert!(starts(&evidence).get(1).is_some_and(|at| (20_000..20_100).contains(at)));
    }
}

#[test]
fn a_half_open_connection_costs_its_client_a_timeout_where_it_does_not_see_it() {
    let waits = |gone| {
        let evidence = with(&[(millis(3_900), FaultKind::HalfOpen { client: 1, gone })]);
        // At 7.6 s client 1 sends on the connection that it has from before.
        let heard = at(&evidence, |line| {
            line.node == "client-1" && matches!(line.what, What::Acknowledged { .. })
        });
        heard.into_iter().find(|at| *at >= 7_600).unwrap()
    };
    assert!(waits(Gone::Client) < 8_000);
    assert!(waits(Gone::Engine) >= 12_600);
    assert!(waits(Gone::Between) >= 12_600);
}

#[test]
fn answers_that_get_lost_and_requests_that_arrive_twice_store_nothing_twice() {
    let lasts = seconds(20);
    let quiet = with(&[]).log.events.iter().filter(|it| it.event.source == "sim").count();
    let evidence = with(&[(seconds(1), FaultKind::LostAnswers { client: 2, lasts })]);
    let heard = at(&evidence, |line| {
        line.node == "client-2" && matches!(line.what, What::Acknowledged { .. })
    });
    assert!(heard.iter().all(|at| *at > 21_000), "{heard:?}");
    let first = evidence.log.events.iter().find(|it| it.event.source == "sim").unwrap();
    assert!(first.recorded < evidence.plan.start + seconds(3));
    let twice = with(&[(seconds(0), FaultKind::Duplicate { client: 1, lasts })]);
    for evidence in [evidence, twice] {
        let stored = evidence.log.events.iter().filter(|it| it.event.source == "sim").count();
        assert_eq!(stored, quiet);
    }
}

#[test]
fn a_slow_peer_is_waited_for_and_holds_nobody_else_up() {
    let (pause, lasts) = (millis(40), seconds(12));
    let evidence = with(&[(seconds(1), FaultKind::SlowPeer { client: 2, pause, lasts })]);
    let heard = |node: &str| {
        at(&evidence, |line| line.node == node && matches!(line.what, What::Acknowledged { .. }))
    };
    assert!(heard("client-2").first().is_some_and(|at| *at > 4_000), "{:?}", heard("client-2"));
    assert!(heard("client-1").iter().filter(|at| **at < 4_000).count() >= 2);
}

#[test]
fn an_engine_whose_disk_fails_stores_nothing_more_until_it_is_restarted() {
    for on in [Operation::Write, Operation::Sync, Operation::Read] {
        let restart_after = seconds(5);
        let evidence = with(&[(seconds(10), FaultKind::DiskError { on, restart_after })]);
        let recorded = evidence
            .log
            .events
            .iter()
            .map(|event| event.recorded.since(evidence.plan.start).as_micros() / 1_000);
        // It meets the fault within a request or two, and nothing is recorded from then on.
        assert!(!recorded.into_iter().any(|at| (12_000..15_000).contains(&at)), "{on:?}");
        assert_eq!(crashes(&evidence), [15_000]);
    }
}

#[test]
fn a_start_on_a_rotten_event_is_refused_with_its_place_and_the_remedy() {
    let rot = FaultKind::BitRot { of: Rotten::Event, nth: 0, restored_after: seconds(10) };
    let crash = FaultKind::Crash { restart_after: seconds(1), power: false, after_commits: None };
    let plan = Plan { checkpoint_every: 1_000_000, ..calm(3) };
    let faults = [(seconds(6), rot), (seconds(8), crash)];
    let faults = faults.into_iter().map(|(at, kind)| Fault { at, kind }).collect();
    let evidence = kept(Plan { faults, ..plan });
    let refusals = refusals(&evidence);
    let [why] = refusals.as_slice() else { panic!("{refusals:?}") };
    assert!(why.contains("damaged at position `1`") && why.contains("restore the log"), "{why}");
    assert!(starts(&evidence).get(1).is_some_and(|at| (16_000..16_100).contains(at)));
}

#[test]
fn a_rotten_checkpoint_is_passed_over() {
    let rot = FaultKind::BitRot { of: Rotten::Checkpoint, nth: 0, restored_after: seconds(10) };
    let crash = FaultKind::Crash { restart_after: seconds(1), power: false, after_commits: None };
    let faults = [(seconds(20), rot), (seconds(22), crash)];
    let faults = faults.into_iter().map(|(at, kind)| Fault { at, kind }).collect();
    let evidence = kept(Plan { faults, checkpoint_every: 5, ..calm(3) });
    assert_eq!(refusals(&evidence).len(), 0);
    let rotten = at(
        &evidence,
        |line| matches!(&line.what, What::Fault { text } if text.contains("nothing to rot")),
    );
    assert!(rotten.is_empty() && starts(&evidence).len() == 3, "{rotten:?}");
}

#[test]
fn what_is_shown_is_what_stands_and_rot_is_shown_to_nobody() {
    let mut plan = calm(3);
    for second in [5, 15, 25] {
        let action = Action::Read { from: 1, limit: 50 };
        plan.steps.push(Step { at: seconds(second), client: 2, action });
    }
    let rot = FaultKind::BitRot { of: Rotten::Event, nth: 2, restored_after: seconds(8) };
    plan.faults = vec![Fault { at: seconds(10), kind: rot }];
    plan.sort();
    let evidence = kept(plan);
    let shown: Vec<(usize, String)> = (evidence.history.lines.iter())
        .filter_map(|line| match &line.what {
            What::Shown { events, why, .. } => {
                Some((events.len(), why.clone().unwrap_or_default()))
            }
            _ => None,
        })
        .collect();
    let [before, during, after] = shown.as_slice() else { panic!("{shown:?}") };
    assert!(before.0 > 3 && after.0 > 3, "{shown:?}");
    assert!(during.0 == 0 && during.1.contains("damaged at position `3`"), "{shown:?}");
}

#[test]
fn a_log_that_lost_what_was_synced_is_refused_until_it_is_restored() {
    let stale =
        FaultKind::StaleLog { commits: 3, restart_after: seconds(2), restored_after: seconds(6) };
    let evidence = with(&[(seconds(20), stale)]);
    let refusals = refusals(&evidence);
    let [why] = refusals.as_slice() else { panic!("{refusals:?}") };
    assert!(why.contains("was acknowledged") && why.contains("restore the log"), "{why}");
    assert!(starts(&evidence).get(1).is_some_and(|at| (26_000..26_100).contains(at)));
}

#[test]
fn a_stale_pad_proves_less_and_keeps_nobody_from_starting() {
    for writes in [1, 5, 60] {
        let stale = FaultKind::StalePad { writes, restart_after: seconds(1) };
        let evidence = with(&[(seconds(20), stale)]);
        assert_eq!((refusals(&evidence).len(), starts(&evidence).len()), (0, 2));
    }
}

/// How far ahead of the true clock the engine records, in milliseconds, from a time of the log on.
fn ahead(evidence: &Evidence) -> i64 {
    let look = at(evidence, |line| matches!(line.what, What::Looked { .. }));
    let clock = evidence.history.lines.iter().find_map(|line| match &line.what {
        What::Looked { engine_now, .. } => Some(*engine_now),
        _ => None,
    });
    let now = clock.unwrap().since(evidence.plan.start).as_micros() / 1_000;
    now - look.first().unwrap()
}

#[test]
fn a_clock_that_is_wrong_from_the_start_or_drifts_stays_as_wrong_as_it_is() {
    let node = || "engine".to_owned();
    let jump = FaultKind::ClockJump { node: node(), by_micros: -5_000_000 };
    assert_eq!(ahead(&with(&[(seconds(0), jump.clone())])), -5_000);
    // Later, it is not followed in the same life.
    assert_eq!(ahead(&with(&[(seconds(1), jump)])), 0);
    let fast = FaultKind::ClockDrift { node: node(), ppm: 100_000, lasts: seconds(20) };
    assert_eq!(ahead(&with(&[(seconds(2), fast)])), 2_000);
    let slow = FaultKind::ClockDrift { node: node(), ppm: -100_000, lasts: seconds(20) };
    assert_eq!(ahead(&with(&[(seconds(2), slow)])), -2_000);
}

#[test]
fn a_paused_engine_records_nothing_and_catches_up() {
    let pause = FaultKind::Pause { node: "engine".to_owned(), lasts: seconds(8) };
    let evidence = with(&[(seconds(10), pause)]);
    let recorded: Vec<i64> = (evidence.log.events.iter())
        .map(|event| event.recorded.since(evidence.plan.start).as_micros() / 1_000)
        .collect();
    assert!(!recorded.iter().any(|at| (10_001..18_000).contains(at)));
    assert!(recorded.iter().filter(|at| (18_000..18_100).contains(*at)).count() > 5);
    assert_eq!(crashes(&evidence), [0; 0]);
}

#[test]
fn people_decide_twice_or_on_what_is_no_longer_so_and_are_told() {
    let decide = |decision, thinks, times| Action::Decide { nth: 0, decision, thinks, times };
    let outcomes = |actions: Vec<(i64, Action)>| {
        let mut plan = calm(5);
        plan.steps.retain(|step| matches!(step.action, Action::Append { .. }));
        let step = |(at, action)| Step { at: seconds(at), client: 1, action };
        plan.steps.extend(actions.into_iter().map(step));
        plan.sort();
        let evidence = kept(plan);
        let outcome = |line: &Line| match &line.what {
            What::Decided { outcome, .. } => Some(outcome.clone()),
            _ => None,
        };
        evidence.history.lines.iter().filter_map(outcome).collect::<Vec<_>>()
    };
    // Twice the same at once: the second time it no longer lies with people.
    let twice = outcomes(vec![(30, decide(Decision::Retry, Duration::ZERO, 2))]);
    assert!(twice.len() == 2 && twice.first().is_some_and(|it| it == "Retry"), "{twice:?}");
    assert!(twice.last().is_some_and(|it| it != "Retry"), "{twice:?}");
    // Somebody thinks for five seconds about a gap that another one gives back meanwhile.
    let stale = outcomes(vec![
        (30, decide(Decision::Retry, seconds(5), 1)),
        (31, decide(Decision::Waive, Duration::ZERO, 1)),
    ]);
    assert_eq!(stale.first().map(String::as_str), Some("Waive"));
    assert!(stale.last().is_some_and(|it| it != "Retry"), "{stale:?}");
}
