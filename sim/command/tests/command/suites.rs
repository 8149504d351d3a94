//! Suites, lanes and the check that runs repeat, as people and CI use them.

use std::path::Path;

use crate::{scenarios, sim, stderr, stdout, written};

fn suites(folder: &Path, text: &str) -> String {
    let path = folder.join("suites.toml").display().to_string();
    std::fs::write(&path, text).unwrap();
    path
}

/// A suite in a folder of its own that has one Plan in `kept`.
fn with_one_plan(folder: &Path, marks: &str) -> String {
    let kept = folder.join("kept");
    std::fs::create_dir_all(&kept).unwrap();
    std::fs::rename(written("3", folder), kept.join("one.toml")).unwrap();
    suites(folder, &format!("[s]\nabout = \"x\"\n{marks}\n[[s.run]]\nplans = \"kept\"\n"))
}

#[test]
fn the_smoke_suite_is_as_large_as_it_should_be_in_every_lane() {
    let file = scenarios().join("suites.toml").display().to_string();
    let listed = stdout(&sim(&["suites", "--suites", &file]));
    for suite in ["smoke  ", "deep  ", "night  "] {
        assert!(listed.contains(suite), "{listed}");
    }
    let smoke = listed.split("smoke  ").nth(1).unwrap().lines().nth(1).unwrap();
    for (lane, least) in [("native", 300), ("turmoil", 30), ("madsim", 30)] {
        let before = smoke.split(&format!(" runs in {lane}")).next().unwrap();
        let count: u64 = before.rsplit(' ').next().unwrap().parse().unwrap();
        assert!(count >= least, "{lane} has {count}: {smoke}");
    }
    assert!(smoke.ends_with("must reach every mark"), "{smoke}");
}

#[test]
fn every_plan_in_a_suites_folder_is_run_without_being_listed() {
    let folder = tempfile::tempdir().unwrap();
    let file = with_one_plan(folder.path(), "marks = []");
    let once = sim(&["run", "--suite", "s", "--suites", &file]);
    assert_eq!(once.status.code(), Some(0), "{once:?}");
    assert!(stdout(&once).contains("suite s: 1 runs, 0 failed"), "{once:?}");
    let kept = folder.path().join("kept");
    std::fs::copy(kept.join("one.toml"), kept.join("two.toml")).unwrap();
    let both = stdout(&sim(&["run", "--suite", "s", "--suites", &file]));
    assert!(both.contains("suite s: 2 runs, 0 failed"), "{both}");
}

#[test]
fn a_suite_that_never_reaches_its_marks_is_red() {
    let folder = tempfile::tempdir().unwrap();
    let file =
        with_one_plan(folder.path(), "marks = [\"intent-adopted\", \"escalated-over-budget\"]");
    let output = sim(&["run", "--suite", "s", "--suites", &file]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = stdout(&output);
    let wanted = "never reached: escalated-over-budget: one agent alone may cost more than";
    assert!(said.contains(wanted), "{said}");
    assert!(!said.contains("never reached: intent-adopted"), "{said}");
}

#[test]
fn runs_that_repeat_in_another_process_are_fine() {
    let folder = tempfile::tempdir().unwrap();
    let keep = folder.path().display().to_string();
    let scenario = scenarios().join("lanes.toml").display().to_string();
    let arguments =
        ["run", &scenario, "--seeds", "0..2", "--lane", "all", "--twice", "--keep", &keep];
    let output = sim(&arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(
        stdout(&output).contains("6 runs, 0 failed, each run twice and the same"),
        "{output:?}"
    );
}

#[test]
fn a_break_of_determinism_is_found_and_the_first_line_that_parts_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let plan = written("3", folder.path());
    let compared = sim(&["diff", &plan, "--break-determinism"]);
    assert_eq!(compared.status.code(), Some(1), "{compared:?}");
    let said = stdout(&compared);
    assert!(said.starts_with("the runs part at line "), "{said}");
    let line = |which: &str| {
        said.lines().find(|line| line.trim_start().starts_with(which)).map(str::to_owned)
    };
    let (first, second) = (line("first:").unwrap(), line("second:").unwrap());
    assert_ne!(first.replace("first:", ""), second.replace("second:", ""));
    let keep = folder.path().display().to_string();
    let scenario = scenarios().join("crm.toml").display().to_string();
    let broken = ["--twice", "--break-determinism", "--keep", &keep];
    let output = sim(&[&["run", &scenario, "--seeds", "0..2"], &broken[..]].concat());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = stderr(&output);
    assert!(said.contains("is not the same run in another process"), "{said}");
    assert!(said.contains("the runs part at line "), "{said}");
}

#[test]
fn lanes_come_to_the_same_end_and_one_that_does_not_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.toml").display().to_string();
    let scenario = scenarios().join("lanes.toml").display().to_string();
    let output = sim(&["write", &scenario, "--seed", "5", "-o", &plan]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let compared = sim(&["diff", &plan, "--lanes", "all"]);
    assert_eq!(compared.status.code(), Some(0), "{compared:?}");
    for lane in ["turmoil", "madsim"] {
        let said = format!("{lane}: the same as in native");
        assert!(stdout(&compared).contains(&said), "{compared:?}");
    }
}

#[test]
fn one_seed_that_was_meant_as_twenty_is_pointed_out() {
    let folder = tempfile::tempdir().unwrap();
    let keep = folder.path().display().to_string();
    let scenario = scenarios().join("calm.toml").display().to_string();
    let output = sim(&["run", &scenario, "--seeds", "20", "--keep", &keep]);
    let said = stderr(&output);
    assert!(said.contains("the one seed 20; `--seeds 0..20` runs 20 of them"), "{said}");
}
