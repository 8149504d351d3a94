//! `homeostat-sim replay`: one Plan, once more.

use std::path::PathBuf;

use homeostat_sim_harness::lane::NATIVE;
use homeostat_sim_harness::story::story;

use crate::{Outcome, files};

/// Run one Plan and judge it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The Plan
    plan: PathBuf,
    /// Tell the whole run, line by line
    #[arg(long)]
    trace: bool,
    /// Print the History as JSON Lines
    #[arg(long, conflicts_with = "trace")]
    history: bool,
}

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<Outcome, String> {
    let plan = files::plan(&args.plan)?;
    let judged = files::judged(NATIVE, &plan)?;
    if let Some(run) = &judged.run {
        if args.trace {
            print!("{}", story(&run.evidence));
        }
        if args.history {
            print!("{}", run.evidence.history.to_json_lines());
            for event in &run.evidence.log.events {
                println!("{}", homeostat_sim_harness::story::event_line(event));
            }
        }
        let events = run.evidence.log.events.len();
        println!("{events} events, {} of virtual time, trace {}", run.lasted, run.trace);
    }
    if judged.violations.is_empty() {
        println!("every promise was kept");
        return Ok(Outcome::Fine);
    }
    for violation in &judged.violations {
        println!("broken: {}: {}", violation.oracle, violation.what);
    }
    Ok(Outcome::Broken)
}
