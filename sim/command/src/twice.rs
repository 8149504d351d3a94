//! Everything once more, in another process, which must come to the same hashes.
//!
//! In: what a first pass came to. Out: whether the second came to the same; where it did not, the
//! first line in which the runs part. Start reading at [`agrees`].

use std::process::{Command, Stdio};

use homeostat_sim_harness::report::Report;

use crate::batch::{self, Group};
use crate::run::Args;
use crate::{diff, lanes};

/// The lane that runs on real time, where no two runs are alike.
const REAL: &str = "tokio";

/// Whether a process of its own comes to the same hashes.
pub(crate) fn agrees(args: &Args, work: &[Group], first: &Report) -> Result<bool, String> {
    let second = again(args)?;
    for (one, other) in first.results.iter().zip(&second.results) {
        if one.trace == other.trace || one.lane == REAL {
            continue;
        }
        eprintln!("{} is not the same run in another process", one.name());
        let plan = batch::plan_of(work, one);
        let plan = plan.ok_or_else(|| format!("the Plan of {} is gone", one.name()))?;
        let path = batch::keep(&args.keep, one, &plan)?;
        let lane = lanes::named(&one.lane)?;
        if let Some(parting) = diff::processes(&path, lane, args.judging)? {
            eprintln!("{parting}");
        } else {
            eprintln!("this time the two were equal: what makes them differ is not in every run");
        }
        eprintln!("  compare them: homeostat sim diff {} --lanes {}", path.display(), one.lane);
        return Ok(false);
    }
    if first.results.len() != second.results.len() {
        let (first, second) = (first.results.len(), second.results.len());
        eprintln!("the second process made {second} runs, expected {first}");
        return Ok(false);
    }
    Ok(true)
}

/// The same runs in another process.
fn again(args: &Args) -> Result<Report, String> {
    let own = std::env::current_exe().map_err(|error| format!("cannot find myself: {error}"))?;
    let mut command = Command::new(own);
    command.args(["run", "--format", "json", "--go-on", "--keep"]).arg(&args.keep);
    match &args.scenario {
        Some(scenario) => {
            let seeds = format!("{}..{}", args.seeds.start, args.seeds.end);
            command.arg(scenario).args(["--seeds", &seeds]);
        }
        None => {
            command.args(["--suite", args.suite.as_deref().unwrap_or_default()]);
            command.arg("--suites").arg(&args.house.suites);
        }
    }
    if let Some(lanes) = &args.lane {
        command.args(["--lane", &lanes.text()]);
    }
    if let Some(jobs) = args.jobs {
        command.args(["--jobs", &jobs.to_string()]);
    }
    command.args(args.judging.flags()).stderr(Stdio::inherit());
    let output = command.output().map_err(|error| format!("cannot start a second run: {error}"))?;
    serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("the second run gave no report: {error}"))
}
