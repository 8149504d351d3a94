//! `homeostat-sim replay`: one Plan, once more.

use std::path::PathBuf;

use homeostat_sim_harness::coverage::Coverage;
use homeostat_sim_harness::story::{event_line, story};

use crate::judging::Judging;
use crate::lanes::{self, Lanes};
use crate::{Outcome, files};

/// Run one Plan and judge it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The Plan
    plan: PathBuf,
    /// In which lane, or lanes, one after the other: `native`, `native,madsim`, `all`
    #[arg(long, visible_alias = "lanes", value_name = "LANES", value_parser = lanes::parse, default_value = "native")]
    lane: Lanes,
    /// Tell the whole run, line by line
    #[arg(long)]
    trace: bool,
    /// Print the History as JSON Lines
    #[arg(long, conflicts_with = "trace")]
    history: bool,
    /// Say how often each clause of the spec was triggered, met and missed; below 100% is a broken promise
    #[arg(long)]
    coverage: bool,
    /// Print all that two equal runs agree on, and judge nothing
    #[arg(long, hide = true, conflicts_with_all = ["trace", "history"])]
    lines: bool,
    #[command(flatten)]
    judging: Judging,
}

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<Outcome, String> {
    let plan = files::plan(&args.plan)?;
    if args.lines {
        let lines = args.judging.lines(args.lane.first(), &plan)?;
        lines.iter().for_each(|line| println!("{line}"));
        return Ok(Outcome::Fine);
    }
    let mut outcome = Outcome::Fine;
    for lane in &args.lane.0 {
        let judged = args.judging.judged(*lane, &plan)?;
        if let Some(run) = &judged.run {
            if args.trace {
                print!("{}", story(&run.evidence));
            }
            if args.history {
                print!("{}", run.evidence.history.to_json_lines());
                run.evidence.log.events.iter().for_each(|event| println!("{}", event_line(event)));
            }
            if args.coverage {
                let coverage = Coverage::of(&run.evidence);
                print!("{coverage}");
                if coverage.percent() < 100 {
                    outcome = Outcome::Broken;
                    for (clause, word) in coverage.missing() {
                        println!("never {word}: {clause}");
                    }
                }
            }
            let events = run.evidence.log.events.len();
            println!(
                "{}: {events} events, {} of virtual time, trace {}",
                lane.name, run.lasted, run.trace
            );
        }
        for violation in &judged.violations {
            println!("broken: {}: {}", violation.oracle, violation.what);
            outcome = Outcome::Broken;
        }
    }
    if outcome == Outcome::Fine {
        println!("every promise was kept");
    }
    Ok(outcome)
}
