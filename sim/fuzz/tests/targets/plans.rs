//! Plans: those that make sense keep every promise, and those that make none are refused in words.

use homeostat_sim_fuzz::{AnyPlan, Dice, mutate, samples};
use homeostat_sim_harness::Plan;
use homeostat_sim_harness::history::Line;
use homeostat_sim_harness::lane::NATIVE;
use homeostat_sim_harness::run::{Setup, run_and_judge};
use homeostat_sim_harness::story::story;
use homeostat_sim_harness::write::{Scenario, Suites};

#[test]
fn a_plan_that_makes_sense_keeps_every_promise() {
    target!(60).with_arbitrary::<AnyPlan>().for_each(|AnyPlan(plan)| {
        if plan.prepare().is_err() {
            return;
        }
        let judged = run_and_judge(NATIVE, plan).unwrap();
        let told = judged.run.as_ref().map(|run| story(&run.evidence)).unwrap_or_default();
        assert!(judged.violations.is_empty(), "{:#?}\n{told}", judged.violations);
    });
}

#[test]
fn a_plan_reads_back_equal_or_is_refused_in_words() {
    target!(400).with_arbitrary::<AnyPlan>().for_each(|AnyPlan(plan)| {
        let text = plan.to_toml();
        match plan.check() {
            Ok(()) => {
                let read = Plan::from_toml(&text).unwrap();
                assert_eq!(read, *plan, "{text}");
                assert_eq!(read.to_toml(), text);
            }
            Err(errors) => {
                assert!(!errors.0.is_empty() && !errors.to_string().is_empty());
                assert!(plan.prepare().is_err() && Setup::of(plan).is_err());
            }
        }
    });
}

/// Pieces that mean something in a Plan or a scenario.
const PIECES: [&str; 40] = [
    "=",
    "[",
    "]",
    "{",
    "}",
    "[[step]]\n",
    "[[fault]]\n",
    "\"",
    "'''",
    "\n",
    "#",
    ",",
    ".",
    "at = ",
    "\"5s\"",
    "\"-3d\"",
    "\"0s\"",
    "\"99999999999999999999s\"",
    "do = \"append\"\n",
    "do = ",
    "kind = \"crash\"\n",
    "kind = \"clock_jump\"\n",
    "by_micros = -9223372036854775808\n",
    "node = ",
    "client = 1\n",
    "client = 4294967296\n",
    "events = []",
    "times = 0\n",
    "power = true\n",
    "decision = \"waive\"\n",
    "version = 1\n",
    "seed = -1\n",
    "seed = 9223372036854775807\n",
    "2026-03-02T09:00:00Z",
    "1e400",
    "nan",
    "inf",
    "true",
    "0x7f",
    "settle = ",
];

#[test]
fn any_text_is_a_plan_or_is_refused_in_words() {
    target!(800).for_each(|bytes: &[u8]| {
        let text = mutate::text(&[samples::PLAN], &PIECES, &mut Dice::of_bytes(bytes));
        match Plan::from_toml(&text) {
            Err(errors) => assert!(!errors.to_string().is_empty()),
            Ok(plan) => {
                let resolved = plan.resolved(samples::read);
                let Ok(plan) = resolved else { return };
                if plan.prepare().is_ok() {
                    assert_eq!(Plan::from_toml(&plan.to_toml()).unwrap(), plan, "{text}");
                }
            }
        }
    });
}

#[test]
fn any_text_is_a_scenario_or_suites_or_is_refused_in_words() {
    target!(800).for_each(|bytes: &[u8]| {
        let mut texts = samples::SCENARIOS.to_vec();
        texts.push(samples::SUITES);
        let text = mutate::text(&texts, &PIECES, &mut Dice::of_bytes(bytes));
        if let Err(errors) = Scenario::from_toml(&text, samples::read) {
            assert!(!errors.to_string().is_empty());
        }
        match Suites::from_toml(&text) {
            Err(errors) => assert!(!errors.to_string().is_empty()),
            Ok(suites) => assert!(suites.0.values().all(|suite| !suite.runs.is_empty())),
        }
    });
}

#[test]
fn any_line_is_of_a_history_or_is_refused() {
    const SAMPLES: [&str; 3] = [
        r#"{"step":7,"at":"2026-03-02T09:00:02.000654Z","node":"client-1","what":"sent","ids":["e1"]}"#,
        r#"{"step":8,"at":"2026-03-02T09:00:02Z","node":"director","what":"looked","up":true,"position":3,"engine_now":"2026-03-02T09:00:02Z"}"#,
        r#"{"step":9,"at":"2026-03-02T09:00:02Z","node":"engine","what":"opens","head":4,"checkpoint":2}"#,
    ];
    let pieces = ["\"", ":", ",", "{", "}", "[", "]", "null", "-1", "1e99", "\\u0000", "\"what\":"];
    target!(800).for_each(|bytes: &[u8]| {
        let text = mutate::text(&SAMPLES, &pieces, &mut Dice::of_bytes(bytes));
        if let Ok(line) = serde_json::from_str::<Line>(&text) {
            let again = serde_json::to_string(&line).unwrap();
            assert_eq!(serde_json::from_str::<Line>(&again).unwrap(), line, "{text}");
        }
    });
}
