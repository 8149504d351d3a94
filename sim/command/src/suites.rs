//! `homeostat-sim suites`: which suites there are, and which marks.

use std::path::Path;

use homeostat_sim_harness::marks;
use homeostat_sim_harness::write::{Suite, What};

use crate::suite::{self, House};
use crate::{Outcome, lanes};

/// List the suites: what each is for, and how much it runs
///
/// `homeostat sim run --suite NAME` runs one.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    house: House,
    /// List the marks instead: what healthy suites must reach
    #[arg(long)]
    marks: bool,
}

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<Outcome, String> {
    if args.marks {
        for mark in marks::all() {
            println!("{:<27} {}", mark.name, mark.sentence);
        }
        return Ok(Outcome::Fine);
    }
    for (name, it) in &suite::suites(&args.house)?.0 {
        println!("{name}  {}", it.about);
        let folder = args.house.suites.parent().unwrap_or(Path::new(""));
        println!("{:width$}  {}", "", counts(it, folder)?, width = name.len());
    }
    Ok(Outcome::Fine)
}

/// `native 320 runs, turmoil 40`.
fn counts(suite: &Suite, folder: &Path) -> Result<String, String> {
    let mut counts: Vec<(&str, u64)> = Vec::new();
    for run in &suite.runs {
        let count = match &run.what {
            What::Seeds { seeds, .. } => seeds.end - seeds.start,
            What::Plans(name) => suite::plans(&folder.join(name))?.len() as u64,
        };
        for name in &run.lanes {
            for lane in lanes::parse(name)?.0 {
                match counts.iter_mut().find(|(known, _)| *known == lane.name) {
                    Some((_, known)) => *known += count,
                    None => counts.push((lane.name, count)),
                }
            }
        }
    }
    let counts: Vec<String> =
        counts.into_iter().map(|(lane, count)| format!("{count} runs in {lane}")).collect();
    let marks = match &suite.marks {
        None => "every mark".to_owned(),
        Some(marks) => format!("{} marks", marks.len()),
    };
    Ok(format!("{}; must reach {marks}", counts.join(", ")))
}
