//! A small Plan: a desk whose agents mostly do their work, and everything that a Plan can do to it.

use homeostat_log::control::Decision;
use homeostat_sim_harness::Plan;
use homeostat_sim_harness::lane::NATIVE;
use homeostat_sim_harness::oracle::Evidence;
use homeostat_sim_harness::plan::{
    Action, Expect, Fault, FaultKind, Operation, PlannedEvent, Step, Text, VERSION, Ways,
};
use homeostat_sim_harness::run::{Run, Setup};
use homeostat_world::{Duration, Timestamp};
use serde_json::json;

const SPEC: &str = r#"
    entity customer {}
    entity interaction { belongs_to: customer }
    event interaction.created
    action acknowledge(interaction) { satisfied_by: interaction.acknowledged }
    action review(customer) { satisfied_by: customer.reviewed }
    action confirm(interaction) { satisfied_by: interaction.confirmed  by: human }
    action mail(customer) { satisfied_by: customer.mailed  effect: external }
    when interaction.created {
      must: acknowledge(interaction)
        within: 5s
      should: review(interaction.customer)
        within: 1m
      should: mail(interaction.customer)
        within: 2m
      could: confirm(interaction)
    }
    limits {
      cooldown_per_gap: 2s
      max_agents_per_gap: 2
      max_concurrent_agents: 3
      total_compute_budget: $2/hour
    }
"#;

const AGENTS: &str = r#"
    [defaults]
    time = "3s"
    cost_max = 0.05
    cost_per_run = 0.001

    [[agent]]
    name = "acknowledger"
    for = "acknowledge"
    kind = "mock"
    takes = ["50ms", "900ms"]
    chance = { resolve = 6, fail = 1, stall = 1, crash = 1, garbage = 1 }

    [[agent]]
    name = "others"
    for = "*"
    kind = "mock"
    takes = ["50ms", "2s"]
    chance = { resolve = 6, wrong_key = 1, forbidden_type = 1, needs_human = 1, overspend = 1 }
"#;

pub(crate) fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(seconds)
}

/// Thirty interactions over half a minute, two clients, nothing going wrong.
pub(crate) fn calm(seed: u64) -> Plan {
    let step = |nth: i64| {
        let event = |copy: i64| {
            PlannedEvent {
            id: format!("created-{nth}-{copy}"),
            r#type: "interaction.created".to_owned(),
            time: None,
            subject: Some(format!("interaction/i{nth}-{copy}")),
            kind: homeostat_log::Kind::Primary,
            enriches: None,
            confidence: None,
            data: json!({ "interaction": format!("i{nth}-{copy}"), "customer": format!("c{}", nth % 4) })
                .as_object()
                .cloned()
                .unwrap(),
        }
        };
        let times = if nth % 5 == 0 { 3 } else { 1 };
        let action = Action::Append { events: (0..1 + nth % 3).map(event).collect(), times };
        Step {
            at: Duration::from_millis(nth * 1_900),
            client: u32::try_from(1 + nth % 2).unwrap(),
            action,
        }
    };
    let mut steps: Vec<Step> = (0..15).map(step).collect();
    for (at, decision) in [(20, Decision::Retry), (25, Decision::Waive)] {
        let action = Action::Decide { nth: 1, decision, thinks: Duration::ZERO, times: 1 };
        steps.push(Step { at: seconds(at), client: 1, action });
    }
    let mut plan = Plan {
        later: Vec::new(),
        version: VERSION,
        seed,
        start: Timestamp::from_micros(1_772_442_000_000_000),
        active: seconds(40),
        settle: seconds(60),
        checkpoint_every: 40,
        spec: vec![Text { name: "desk.intent".to_owned(), text: Some(SPEC.to_owned()) }],
        agents: Text { name: "desk.toml".to_owned(), text: Some(AGENTS.to_owned()) },
        clients: 2,
        steps,
        faults: Vec::new(),
        expect: Expect::default(),
        story: None,
    };
    plan.sort();
    plan
}

/// The same with one fault of each kind.
pub(crate) fn stormy(seed: u64) -> Plan {
    let faults = [
        (1, FaultKind::SlowSync { latency: Duration::from_millis(300), lasts: seconds(3) }),
        (5, FaultKind::Crash { restart_after: seconds(1), power: false, after_commits: None }),
        (8, FaultKind::Partition { client: 1, ways: Ways::FromEngine, lasts: seconds(4) }),
        (9, FaultKind::ClockJump { node: "engine".to_owned(), by_micros: -3_000_000 }),
        (
            12,
            FaultKind::Crash {
                restart_after: Duration::from_millis(20),
                power: true,
                after_commits: None,
            },
        ),
        (14, FaultKind::Reset { client: 2 }),
        (15, FaultKind::Refuse { client: 2, lasts: seconds(3) }),
        (16, FaultKind::ClockJump { node: "client-1".to_owned(), by_micros: 90_000_000 }),
        (18, FaultKind::DiskError { on: Operation::Write, restart_after: seconds(2) }),
        (
            22,
            FaultKind::Slow {
                client: 1,
                latency: Duration::from_millis(200),
                jitter: Duration::from_millis(300),
                lasts: seconds(5),
            },
        ),
        (24, FaultKind::DiskFull { lasts: seconds(3) }),
        (28, FaultKind::ClockJump { node: "engine".to_owned(), by_micros: 30_000_000 }),
    ];
    let fault = |(at, kind)| Fault { at: seconds(at), kind };
    Plan { faults: faults.into_iter().map(fault).collect(), ..calm(seed) }
}

pub(crate) fn run(plan: &Plan) -> Run {
    let ran = Setup::of(plan).and_then(|setup| (NATIVE.run)(plan, &setup));
    ran.unwrap_or_else(|why| panic!("{why}"))
}

pub(crate) fn evidence(plan: &Plan) -> Evidence {
    run(plan).evidence
}
