//! `homeostat-sim write`: the Plan of a seed, as a file to read and change.

use std::path::PathBuf;

use crate::{Outcome, files, run};

/// Write the Plan of one seed
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The scenario
    scenario: PathBuf,
    /// The seed
    #[arg(long)]
    seed: u64,
    /// Where to; standard output when it is not said
    #[arg(short, long, value_name = "PLAN")]
    output: Option<PathBuf>,
}

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<Outcome, String> {
    let scenario = run::scenario(&args.scenario)?;
    let text = homeostat_sim_harness::write::write(args.seed, &scenario).to_toml();
    match &args.output {
        Some(path) => files::save(path, &text)?,
        None => print!("{text}"),
    }
    Ok(Outcome::Fine)
}
