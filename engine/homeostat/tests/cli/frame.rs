//! What holds for every verb: colours, settings, exit codes, pipes.

use std::process::Stdio;

use crate::bench::{Bench, golden};

const GOOD: &str = "event a.made\naction b(a) { satisfied_by: b.done }\n\
                    when a.made {\n  must: b(a)\n    within: 5s\n}\nevent b.done\n";
const BAD: &str = "when {\n";

#[test]
fn a_verb_that_does_not_exist_is_refused_with_the_one_that_was_meant() {
    let run = Bench::new().run(&["chekc"]).ended(2);
    golden("verb-unknown", &run.stderr);
}

#[test]
fn a_color_that_does_not_exist_is_refused() {
    Bench::new().run(&["--color", "green", "check"]).ended(2).says("possible values: auto, always");
}

#[test]
fn colours_are_shown_on_request_and_never_into_a_pipe() {
    let bench = Bench::new();
    bench.write("bad.intent", BAD);
    let plain = bench.run(&["check", "bad.intent"]).ended(1).stdout;
    assert!(!plain.contains('\u{1b}'), "{plain}");
    let coloured = bench.run(&["check", "bad.intent", "--color", "always"]).ended(1).stdout;
    assert!(coloured.contains('\u{1b}'), "{coloured}");
    let asked = bench.command(&["check", "bad.intent"]).env("NO_COLOR", "1").output().unwrap();
    assert!(!asked.stdout.contains(&0x1b));
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let bench = Bench::new();
    bench.write("good.intent", GOOD);
    bench.write("homeostat.toml", "format = \"json\"\nspec = [\"good.intent\"]\n");
    assert!(bench.run(&["check"]).fine().json().is_object());
    let by_environment =
        bench.command(&["check"]).env("HOMEOSTAT_FORMAT", "text").output().unwrap();
    assert!(!by_environment.stdout.starts_with(b"{"));
    let by_flag = bench
        .command(&["check", "--format", "json"])
        .env("HOMEOSTAT_FORMAT", "text")
        .output()
        .unwrap();
    assert!(by_flag.stdout.starts_with(b"{"));
}

#[test]
fn an_unknown_setting_is_an_error_with_its_line() {
    let bench = Bench::new();
    bench.write("homeostat.toml", "# settings\nlgo = \"data\"\n");
    bench.run(&["check"]).ended(2).says("homeostat.toml:2: unknown field `lgo`");
}

#[test]
fn a_settings_file_that_is_not_there_is_an_error_only_when_it_was_asked_for() {
    let bench = Bench::new();
    bench.write("good.intent", GOOD);
    bench.run(&["check", "good.intent"]).fine();
    bench
        .run(&["check", "good.intent", "--config", "other.toml"])
        .ended(2)
        .says("cannot read the configuration `other.toml`");
}

#[test]
fn paths_in_the_settings_are_relative_to_their_file() {
    let bench = Bench::new();
    bench.write("deep/good.intent", GOOD);
    bench.write("deep/settings.toml", "spec = [\"good.intent\"]\n");
    bench.run(&["check", "--config", "deep/settings.toml"]).fine();
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    let bench = Bench::new();
    let mut child = bench
        .command(&["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Closes the pipe before anything is read from it.
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn errors_are_json_too_when_json_is_asked_for() {
    let run = Bench::new().run(&["check", "missing.intent", "--format", "json"]).ended(2);
    let error: serde_json::Value = serde_json::from_str(&run.stderr).unwrap();
    assert!(error["error"].as_str().unwrap().contains("cannot read `missing.intent`"), "{error}");
    assert_eq!(run.stdout, "");
}

#[test]
fn a_log_level_that_does_not_exist_is_refused() {
    Bench::new()
        .run(&["completions", "bash", "--log-level", "a=b=c"])
        .ended(2)
        .says("`a=b=c` is no log level");
}

#[test]
fn completions_know_every_verb() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        Bench::new().run(&["completions", shell]).fine().shows("explain").shows("durability");
    }
}
