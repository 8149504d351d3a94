//! One door for every check, used by people and by .ci/run alike.
//!
//! `cargo ci tidy` checks the house itself, `cargo ci kill` the promise that a killed engine loses
//! nothing, `cargo ci images` the same for a loss of power. `ci/test` runs all of them and the tests.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to people")]

mod agreement;
mod arguments;
mod arrows;
mod binary;
mod canaries;
mod chance;
mod fuzz;
mod images;
mod kill;
mod mutate;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo ci <check>

  tidy                          arrows between rooms, map lines, file sizes, paths in documents
  kill [--rounds N] [--seed N]  kill -9 on `serve` under load at random instants, then account for
                                every acknowledged event (builds the debug binary)
  images [--rounds N] [--seed N] [--canary]
                                cut the power of a writer at N instants of its life, open what each
                                cut may leave, and account for every acknowledged event (needs strace);
                                --canary: of a writer that acknowledges without a sync, which must fail
  canaries [--quick] [--write]  plant each defect of the list in the engine and see its oracle catch it
                                (builds a debug `homeostat-sim` of its own); --quick: one per oracle;
                                --write: puts the table into sim/README.md
  mutate [--inputs N] [--seed N]
                                N mutated specs (200,000): read, laid out, mended and analysed without a
                                panic, a lost byte or a second error on a line
  agreement [--cases N] [--from SEED]
                                both evaluators on N generated specs and logs (10000), in a release
                                build: they agree, or the smallest case on which they do not
  fuzz [TARGET] [--seconds N]   the targets of sim/fuzz, or those with TARGET in their name, under
                                libFuzzer for so long each (60 s)
";

/// A check gives the list of what is wrong, each entry a place and a remedy.
type Findings = Vec<String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let root = workspace_root();
    let result = match arguments.first().map(String::as_str) {
        Some("tidy") => arrows::check(&root).and_then(|mut findings| {
            findings.extend(tidy::check(&root)?);
            Ok(findings)
        }),
        Some("kill") => kill::run(&root, arguments.get(1..).unwrap_or_default()),
        Some("canaries") => canaries::run(&root, arguments.get(1..).unwrap_or_default()),
        Some("fuzz") => fuzz::run(&root, arguments.get(1..).unwrap_or_default()),
        Some("mutate") => mutate::run(&root, arguments.get(1..).unwrap_or_default()),
        Some("agreement") => agreement::run(&root, arguments.get(1..).unwrap_or_default()),
        Some("images") => images::run(&root, arguments.get(1..).unwrap_or_default()),
        Some("-h" | "--help" | "help") => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        other => {
            eprintln!("error: no check `{}`\n\n{USAGE}", other.unwrap_or_default());
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(findings) if findings.is_empty() => ExitCode::SUCCESS,
        Ok(findings) => {
            for finding in &findings {
                eprintln!("{finding}");
            }
            eprintln!("{} found", findings.len());
            ExitCode::FAILURE
        }
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::from(2)
        }
    }
}

/// The folder above this package.
fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}
