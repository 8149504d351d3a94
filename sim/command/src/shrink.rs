//! `homeostat-sim shrink`: the smallest Plan that breaks the same promise.

use std::path::PathBuf;

use homeostat_sim_harness::Plan;
use homeostat_sim_harness::converged::Converged;
use homeostat_sim_harness::shrink::shrink;

use crate::batch::LANES;
use crate::judging::Judging;
use crate::lanes::{self, Lanes};
use crate::{Outcome, files};

/// Make a failing Plan as small as can be
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The Plan
    plan: PathBuf,
    /// Where to write the small one
    #[arg(short, long, value_name = "PLAN")]
    output: PathBuf,
    /// In which lane it fails. In several, `native,madsim`, it also fails where they come to
    /// different ends
    #[arg(long, visible_alias = "lanes", value_name = "LANES", value_parser = lanes::parse, default_value = "native")]
    lane: Lanes,
    /// Runs at most
    #[arg(long, default_value_t = 2_000)]
    budget: u32,
}

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<Outcome, String> {
    let plan = files::plan(&args.plan)?;
    let Some(oracle) = broken(&args.lane, &plan)? else {
        return Err(format!(
            "`{}` keeps every promise, so there is nothing to shrink",
            args.plan.display()
        ));
    };
    eprintln!("shrinking, so that `{oracle}` stays broken");
    let mut runs = 0_u32;
    let still_fails = |plan: &Plan| {
        runs += 1;
        // Another promise that breaks on the way is another failure.
        broken(&args.lane, plan).is_ok_and(|found| found.as_ref() == Some(&oracle))
    };
    let budget = usize::try_from(args.budget).unwrap_or(usize::MAX);
    let small = shrink(&plan, still_fails, budget);
    files::save(&args.output, &small.to_toml())?;
    let size = |plan: &Plan| {
        format!(
            "{} faults, {} steps, {} events",
            plan.faults.len(),
            plan.steps.len(),
            plan.events_count()
        )
    };
    println!("{}: {} from {}, in {runs} runs", args.output.display(), size(&small), size(&plan));
    let (output, lanes) = (args.output.display(), args.lane.text());
    if oracle == LANES {
        println!("homeostat sim diff {output} --lanes {lanes}");
    } else {
        println!("homeostat sim replay {output} --lane {lanes} --trace");
    }
    Ok(Outcome::Broken)
}

/// The first promise that the Plan breaks, lane by lane.
fn broken(lanes: &Lanes, plan: &Plan) -> Result<Option<String>, String> {
    let mut ended: Option<Converged> = None;
    for lane in &lanes.0 {
        let judged = Judging::default().judged(*lane, plan)?;
        if let Some(violation) = judged.violations.into_iter().next() {
            return Ok(Some(violation.oracle));
        }
        let here = judged.run.map(|run| Converged::of(&run.evidence));
        if ended.is_some() && here != ended {
            return Ok(Some(LANES.to_owned()));
        }
        ended = here;
    }
    Ok(None)
}
