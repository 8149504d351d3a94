//! The way to the program of the proving ground.

use std::process::{Command, Output};

use crate::bench::Bench;

/// Runs a copy of `homeostat` in a folder of its own, since the real `homeostat-sim` may have been
/// built beside the real one. A shell makes the files: a program that this process has open for
/// writing, were it only for a moment, could not be started by its other threads' children.
fn homeostat_beside(make_program: &str, arguments: &[&str]) -> Output {
    let bench = Bench::new();
    let script = format!("cp '{}' homeostat && {make_program}", env!("CARGO_BIN_EXE_homeostat"));
    let folder = bench.path("");
    let made = Command::new("sh").args(["-c", &script]).current_dir(&folder).status().unwrap();
    assert!(made.success());
    Command::new(folder.join("homeostat")).args(arguments).env("PATH", "").output().unwrap()
}

/// With a program beside it that repeats its arguments and ends with `code`.
fn with_program(code: i32, arguments: &[&str]) -> Output {
    let program = format!(
        "printf '#!/bin/sh\\necho \"$@\"\\nexit {code}\\n' > homeostat-sim && chmod +x homeostat-sim"
    );
    homeostat_beside(&program, arguments)
}

#[test]
fn everything_behind_sim_is_handed_over_untouched() {
    let output = with_program(0, &["sim", "run", "crm.toml", "--format", "junit", "--help"]);
    assert_eq!(output.stdout, b"run crm.toml --format junit --help\n");
    assert_eq!(with_program(0, &["sim", "--help"]).stdout, b"--help\n");
}

#[test]
fn the_exit_code_is_that_of_the_program() {
    for code in 0..=2 {
        let output = with_program(code, &["sim", "run"]);
        assert_eq!(output.status.code(), Some(code));
        assert_eq!(output.stderr, b"", "what was wrong has been said already");
    }
}

#[test]
fn a_program_that_is_not_there_is_said_with_the_way_to_get_it() {
    let output = homeostat_beside("true", &["sim", "run"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = "`homeostat-sim` was found neither beside `homeostat` nor on the PATH";
    assert!(said.contains(expected), "{said}");
    assert!(said.contains("cargo build --release -p homeostat-sim"), "{said}");
}
