//! A quarter of the customer platform, by the text of its spec as it is: every clause is triggered, met
//! and missed, and nobody is asked twice in a night that a clock skips or repeats.

use std::path::Path;

use homeostat_log::Control;
use homeostat_sim_harness::Plan;
use homeostat_sim_harness::coverage::Coverage;
use homeostat_sim_harness::lane::NATIVE;
use homeostat_sim_harness::oracle::{Evidence, Violation};
use homeostat_sim_harness::plan::Action;
use homeostat_sim_harness::run::run_and_judge;

#[expect(clippy::disallowed_methods, reason = "a test reads the files that it is about")]
pub(crate) fn quarter() -> Plan {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/plans");
    let read = |name: &str| {
        std::fs::read_to_string(folder.join(name)).map_err(|error| format!("{name}: {error}"))
    };
    Plan::from_toml(&read("quarter.toml").unwrap()).unwrap().resolved(read).unwrap()
}

fn ran(plan: &Plan) -> (Evidence, Vec<Violation>) {
    let judged = run_and_judge(NATIVE, plan).unwrap();
    (judged.run.unwrap().evidence, judged.violations)
}

fn golden(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../../snapshots/sim");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// The gaps of a duty, by what stands behind its `@`.
fn occasions<'e>(evidence: &'e Evidence, slug: &str) -> Vec<&'e str> {
    let opened = evidence.log.controls.iter().filter_map(|(_, control)| match control {
        Control::GapOpened { gap, .. } => gap.split_once('@'),
        _ => None,
    });
    opened.filter(|(name, _)| *name == slug).map(|(_, occasion)| occasion).collect()
}

#[test]
fn every_clause_of_the_quarter_is_triggered_met_and_missed() {
    let (evidence, violations) = ran(&quarter());
    assert!(violations.is_empty(), "{violations:#?}");
    let coverage = Coverage::of(&evidence);
    assert_eq!(coverage.percent(), 100, "{coverage}");
    golden("quarter", &coverage.to_string());
}

#[test]
fn a_night_without_the_hour_and_a_night_with_two_of_it_have_one_tick() {
    let (evidence, _) = ran(&quarter());
    let asked = occasions(&evidence, "prompt_activity_log");
    let in_night = |from: &str, to: &str| -> Vec<&str> {
        asked.iter().copied().filter(|it| from < *it && *it < to).collect()
    };
    // 01:30 is not there in London: the clock then reads 02:30.
    let skipped = in_night("2026-03-28T12", "2026-03-29T12");
    assert_eq!(skipped, ["2026-03-29T01:30:00Z~london"]);
    // 02:30 is there twice in Sydney, at 15:30 and at 16:30 in UTC. The engine was down for both.
    let repeated = in_night("2026-04-04T12", "2026-04-05T12");
    assert_eq!(repeated, ["2026-04-04T15:30:00Z~sydney"]);
    // The preference changed from the small hours to the evening after it had been asked that day.
    let changed = in_night("2026-04-13T12", "2026-04-15T12");
    assert_eq!(changed, ["2026-04-13T16:30:00Z~sydney", "2026-04-15T08:00:00Z~sydney"]);
}

#[test]
fn a_quarter_in_which_less_happens_is_not_covered() {
    let mut plan = quarter();
    for step in &mut plan.steps {
        if let Action::Append { events, .. } = &mut step.action {
            events.retain(|event| event.r#type != "sales_director.notified");
        }
    }
    plan.steps
        .retain(|step| !matches!(&step.action, Action::Append { events, .. } if events.is_empty()));
    let (evidence, violations) = ran(&plan);
    let said: Vec<(&str, &str)> =
        violations.iter().map(|it| (it.oracle.as_str(), it.what.as_str())).collect();
    assert_eq!(said, [("covered", "`escalate_to_sales_director` was never met")]);
    assert!(Coverage::of(&evidence).percent() < 100);
}
