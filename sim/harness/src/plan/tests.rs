//! What a Plan reads back as, and what is said about one that makes no sense.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use homeostat_log::control::Decision;
use serde_json::json;

use super::*;

const SMALL: &str = r#"
version = 1
seed = 7
start = "2026-03-02T09:00:00Z"
active = "1m"
settle = "10m"
checkpoint_every = 20
clients = 2
spec = [{ name = "x.intent", text = "when a.created {\n  must: b(a)\n}\n" }]
agents = { name = "agents.toml", text = "" }

[[step]]
at = "9s"
client = 2
do = "decide"
nth = 0
decision = "waive"

[[step]]
at = "1s"
client = 1
do = "append"
events = [{ id = "e1", type = "a.created", time = "-3d", data = { a = "1", n = 2.0, "odd name" = [1, "x"] } }]

[[fault]]
at = "5s"
kind = "crash"
restart_after = "2s"
power = true
"#;

fn small() -> Plan {
    Plan::from_toml(SMALL).unwrap()
}

fn complaint(change: impl FnOnce(&mut Plan)) -> String {
    let mut plan = small();
    change(&mut plan);
    plan.prepare().unwrap_err().to_string()
}

#[test]
fn a_plan_reads_back_as_it_was_written() {
    let mut plan = small();
    plan.story = Some("it broke\nbecause \"of that\"".to_owned());
    let text = plan.to_toml();
    assert_eq!(Plan::from_toml(&text).unwrap(), plan, "{text}");
    assert_eq!(Plan::from_toml(&text).unwrap().to_toml(), text);
    assert!(plan.prepare().is_ok());
}

fn plan_event(plan: &Plan) -> PlannedEvent {
    let appended = plan.steps.iter().find_map(|step| match &step.action {
        Action::Append { events, .. } => events.first().cloned(),
        _ => None,
    });
    appended.unwrap()
}

#[test]
fn every_kind_of_fault_and_awkward_text_reads_back() {
    let mut plan = small();
    let lasts = Duration::from_secs(1);
    let latency = Duration::from_millis(3);
    let (restart_after, client, spec) = (latency, 1, Version::Other);
    let node = || "client-1".to_owned();
    let kinds = [
        FaultKind::Crash { restart_after, power: true, after_commits: Some(3) },
        FaultKind::Restart { restart_after },
        FaultKind::Adopt { spec, restart_after, lasts },
        FaultKind::Partition { client, ways: Ways::ToEngine, lasts },
        FaultKind::Slow { client: 2, latency, jitter: latency, lasts },
        FaultKind::Refuse { client, lasts },
        FaultKind::Reset { client: 2 },
        FaultKind::HalfOpen { client, gone: Gone::Between },
        FaultKind::Duplicate { client, lasts },
        FaultKind::LostAnswers { client, lasts },
        FaultKind::SlowPeer { client, pause: latency, lasts },
        FaultKind::DiskFull { lasts },
        FaultKind::DiskError { on: Operation::Sync, restart_after: lasts },
        FaultKind::DiskError { on: Operation::Write, restart_after: lasts },
        FaultKind::SlowSync { latency, lasts },
        FaultKind::BitRot { of: Rotten::Checkpoint, nth: 0, restored_after: lasts },
        FaultKind::StaleLog { commits: 2, restart_after, restored_after: lasts },
        FaultKind::StalePad { writes: 3, restart_after },
        FaultKind::ClockJump { node: node(), by_micros: -5_000_001 },
        FaultKind::ClockDrift { node: node(), ppm: -70_000, lasts },
        FaultKind::Pause { node: node(), lasts },
    ];
    for (nth, kind) in (0..).zip(kinds) {
        plan.faults.push(Fault { at: Duration::from_secs(10 + nth), kind });
    }
    plan.agents.text = Some("# ''' \u{7f}\u{1}\r\n".to_owned());
    let Action::Append { events, times } = &mut plan.steps.first_mut().unwrap().action else {
        unreachable!("the first step appends");
    };
    *times = 3;
    let odd = json!({ "": {}, "a.b": [], "t": "\"\\\n\u{0}é", "f": 1e300, "d": { "x": true } });
    events.first_mut().unwrap().data = odd.as_object().unwrap().clone();
    for (second, action) in [
        (40, Action::Read { from: 3, limit: 9 }),
        (41, Action::Decide { nth: 1, decision: Decision::Waive, thinks: latency, times: 2 }),
    ] {
        plan.steps.push(Step { at: Duration::from_secs(second), client: 2, action });
    }
    let mut inferred = plan_event(&plan);
    inferred.kind = homeostat_log::Kind::Enrichment;
    (inferred.enriches, inferred.confidence) = (Some("e\"1".to_owned()), Some(1.0));
    let mut erased = plan_event(&plan);
    erased.kind = homeostat_log::Kind::Tombstone;
    let action = Action::Append { events: vec![inferred, erased], times: 1 };
    plan.steps.push(Step { at: Duration::from_secs(42), client: 2, action });
    let text = plan.to_toml();
    assert_eq!(Plan::from_toml(&text).unwrap(), plan, "{text}");
    assert!(plan.check().is_ok(), "{:?}", plan.check());
}

#[test]
fn a_fault_that_makes_no_sense_is_refused_with_what_is_expected() {
    let second = Duration::from_secs(1);
    let half = Duration::from_millis(500);
    let (client, lasts, node) = (1, second, || "engine".to_owned());
    let cases = [
        (
            FaultKind::Crash { restart_after: second, power: false, after_commits: Some(0) },
            "after_commits is `0`, expected 1 or more",
        ),
        (
            FaultKind::SlowPeer { client, pause: Duration::ZERO, lasts },
            "pause is `0s`, expected `1ms` or more",
        ),
        (
            FaultKind::ClockDrift { node: node(), ppm: -500_001, lasts },
            "ppm is `-500001`, expected -500000 to 500000",
        ),
        (
            FaultKind::StaleLog { commits: 0, restart_after: half, restored_after: second },
            "`0` are gone, expected 1 to 64",
        ),
        (
            FaultKind::Adopt { spec: Version::Same, restart_after: second, lasts: half },
            "it starts the engine after `1s`, and is over after `500ms`",
        ),
        (FaultKind::Pause { node: "client-7".to_owned(), lasts }, "unknown client `7`"),
        (FaultKind::HalfOpen { client: 9, gone: Gone::Client }, "unknown client `9`"),
    ];
    for (kind, wanted) in cases {
        let error = complaint(|plan| plan.faults = vec![Fault { at: second, kind }]);
        assert!(error.contains(wanted), "{wanted} in {error}");
    }
}

#[test]
fn steps_out_of_order_are_sorted() {
    let times: Vec<_> = small().steps.iter().map(|step| step.at.to_string()).collect();
    assert_eq!(times, ["1s", "9s"]);
}

#[test]
fn another_version_is_refused_before_anything_else() {
    let text = SMALL.replace("version = 1", "version = 2\nnovelty = true");
    let error = Plan::from_toml(&text).unwrap_err().to_string();
    assert!(error.contains("unknown version `2`, expected `1`"), "{error}");
    let error = Plan::from_toml("seed = 1").unwrap_err().to_string();
    assert!(error.contains("no version was found"), "{error}");
}

#[test]
fn a_mistake_of_toml_or_an_unknown_field_names_its_line() {
    let error = Plan::from_toml("version = 1\nseed = \n").unwrap_err().to_string();
    assert!(error.starts_with("line 2:"), "{error}");
    for (good, bad) in [
        ("power = true", "power = true\nrate = 3"),
        ("nth = 0", "nth = 0\nwho = 1"),
        ("clients", "clientz"),
    ] {
        assert!(Plan::from_toml(&SMALL.replace(good, bad)).is_err(), "{bad}");
    }
}

#[test]
fn an_unknown_client_is_named_with_those_there_are() {
    let error = complaint(|plan| plan.clients = 1);
    assert!(error.contains("step at `9s`: unknown client `2`, expected 1 to 1"), "{error}");
    let kind = FaultKind::ClockJump { node: "client-9".to_owned(), by_micros: 1 };
    let error = complaint(|plan| plan.faults.push(Fault { at: Duration::ZERO, kind }));
    assert!(error.contains("unknown client `9`"), "{error}");
    let kind = FaultKind::ClockJump { node: "moon".to_owned(), by_micros: 1 };
    let error = complaint(|plan| plan.faults.push(Fault { at: Duration::ZERO, kind }));
    assert!(error.contains("unknown node `moon`"), "{error}");
}

#[test]
fn what_outlasts_the_run_or_overlaps_another_outage_is_refused() {
    let error = complaint(|plan| plan.active = Duration::from_secs(6));
    assert!(error.contains("fault `crash` at `5s`: it is not over within `active`"), "{error}");
    let kind = FaultKind::DiskFull { lasts: Duration::from_secs(1) };
    let error = complaint(|plan| plan.faults.push(Fault { at: Duration::from_secs(6), kind }));
    assert!(error.contains("the engine is down already, by `crash`"), "{error}");
}

#[test]
fn a_spec_that_does_not_load_and_an_agents_file_with_mistakes_are_both_told() {
    let error = complaint(|plan| {
        plan.spec.first_mut().unwrap().text = Some("when {".to_owned());
        plan.agents.text =
            Some("[[agent]]\nname = \"a\"\nfor = \"b\"\nkind = \"robot\"".to_owned());
    });
    assert!(error.contains("the spec does not load"), "{error}");
    assert!(error.contains("line 4: unknown kind `robot`"), "{error}");
    let error = complaint(|plan| {
        let text = "[[agent]]\nname = \"a\"\nfor = \"b\"\nkind = \"command\"\ncommand = [\"x\"]";
        plan.agents.text = Some(text.to_owned());
    });
    assert!(error.contains("a simulation runs no programs"), "{error}");
}

#[test]
fn an_event_that_toml_cannot_say_is_refused() {
    let error = complaint(|plan| {
        let Action::Append { events, .. } = &mut plan.steps.first_mut().unwrap().action else {
            unreachable!("the first step appends");
        };
        let data = json!({ "n": [null] });
        events.first_mut().unwrap().data = data.as_object().unwrap().clone();
    });
    assert!(error.contains("`n` has no form in a Plan"), "{error}");
}

#[test]
fn files_are_read_by_names_relative_to_the_plan() {
    let mut plan = small();
    let first = plan.spec.first_mut().unwrap();
    let text = first.text.take().unwrap();
    assert!(plan.prepare().unwrap_err().to_string().contains("its text was not read"));
    let resolved = plan.clone().resolved(|name| {
        assert_eq!(name, "x.intent");
        Ok(text.clone())
    });
    assert_eq!(resolved.unwrap(), small());
    let error = plan.resolved(|_| Err("no such file".to_owned())).unwrap_err().to_string();
    assert!(error.contains("file `x.intent`: no such file"), "{error}");
}
