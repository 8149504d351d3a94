//! `homeostat-sim shrink`: the smallest Plan that breaks the same promise.

use std::path::PathBuf;

use homeostat_sim_harness::Plan;
use homeostat_sim_harness::lane::NATIVE;
use homeostat_sim_harness::shrink::shrink;

use crate::{Outcome, files};

/// Make a failing Plan as small as can be
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The Plan
    plan: PathBuf,
    /// Where to write the small one
    #[arg(short, long, value_name = "PLAN")]
    output: PathBuf,
    /// Runs at most
    #[arg(long, default_value_t = 2_000)]
    budget: u32,
}

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<Outcome, String> {
    let plan = files::plan(&args.plan)?;
    let Some(oracle) = broken(&plan)? else {
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
        broken(plan).is_ok_and(|found| found.as_ref() == Some(&oracle))
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
    println!("homeostat sim replay {} --trace", args.output.display());
    Ok(Outcome::Broken)
}

/// The first promise that the Plan breaks.
fn broken(plan: &Plan) -> Result<Option<String>, String> {
    let judged = files::judged(NATIVE, plan)?;
    Ok(judged.violations.into_iter().next().map(|violation| violation.oracle))
}
