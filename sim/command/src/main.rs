//! The command of the proving ground: runs seeds, replays, shrinks and compares Plans.
//!
//! In: scenarios and Plans, files of TOML. Out: results on standard output, progress and messages
//! on standard error, and an exit code: 0 fine, 1 a promise was broken, 2 could not run.
//! Never: judges; the oracles of `sim/harness` do. Start reading at [`Verb`], then the verb's file.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command speaks to whoever typed it"
)]

mod batch;
mod canaries;
mod diff;
mod files;
mod judging;
mod lanes;
mod progress;
mod quiet;
mod replay;
mod run;
mod shrink;
mod suite;
mod suites;
mod twice;
mod write;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Runs the engine in simulated worlds, where everything that can go wrong does, and judges it.
#[derive(Debug, Parser)]
#[command(name = "homeostat-sim", version, max_term_width = 100, after_help = EXAMPLES)]
#[command(subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "\
Examples:
  homeostat sim run scenarios/crm.toml --seeds 0..300    Run 300 seeds, stop at the first failure
  homeostat sim run --suite smoke --twice                Run a suite, all of it in two processes
  homeostat sim replay failing.toml --trace              Tell the story of one run
  homeostat sim shrink failing.toml -o small.toml        Find the smallest Plan that still fails
  homeostat sim diff failing.toml                        Run twice, show where the runs part
  homeostat sim diff failing.toml --lanes native,madsim  Show where two lanes come to different ends

Exit codes: 0 fine, 1 a promise was broken, 2 could not run.";

/// What can be asked.
#[derive(Debug, Subcommand)]
enum Verb {
    Run(run::Args),
    Replay(replay::Args),
    Shrink(shrink::Args),
    Write(write::Args),
    Suites(suites::Args),
    Diff(diff::Args),
    Canaries(canaries::Args),
}

/// How a verb ended when it could run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Every promise was kept.
    Fine,
    /// One was broken.
    Broken,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Also the way of `--help` and `--version`, which are no errors.
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    quiet::install();
    let end = match cli.verb {
        Verb::Run(args) => run::run(&args),
        Verb::Replay(args) => replay::run(&args),
        Verb::Shrink(args) => shrink::run(&args),
        Verb::Write(args) => write::run(&args),
        Verb::Suites(args) => suites::run(&args),
        Verb::Diff(args) => diff::run(&args),
        Verb::Canaries(args) => canaries::run(&args),
    };
    match end {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::Broken) => ExitCode::from(1),
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::from(2)
        }
    }
}
