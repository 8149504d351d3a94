//! `homeostat-sim run`: many seeds of one scenario, on as many cores as are given.
//!
//! Promise: results come in order of seed, whatever the number of jobs; the first failure is said
//! at once. Start reading at [`run`].

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use homeostat_sim_harness::Plan;
use homeostat_sim_harness::lane::NATIVE;
use homeostat_sim_harness::report::{Report, Result as SeedResult};
use homeostat_sim_harness::write::{Scenario, parse_seeds, write};

use crate::progress::Progress;
use crate::{Outcome, files};

/// Run seeds of a scenario and judge each run
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The scenario
    scenario: PathBuf,
    /// Which seeds: `7`, or `0..300` without its end
    #[arg(long, value_parser = seeds, default_value = "0..100")]
    seeds: Range<u64>,
    /// Runs at once; as many as there are cores when it is not said
    #[arg(long)]
    jobs: Option<usize>,
    /// Go on after a failure
    #[arg(long)]
    go_on: bool,
    /// What is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Where Plans that fail are written
    #[arg(long, value_name = "DIR", default_value = ".")]
    keep: PathBuf,
}

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For CI systems.
    Junit,
}

/// The only lane so far.
const LANE: &str = "native";

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<Outcome, String> {
    let scenario = scenario(&args.scenario)?;
    let began = Instant::now();
    let mut report = Report {
        scenario: args.scenario.display().to_string(),
        lane: LANE.to_owned(),
        results: results(args, &scenario)?,
    };
    report.results.sort_by_key(|result| result.seed);
    let took = began.elapsed().as_secs_f64();
    match args.format {
        Format::Json => println!("{}", report.to_json()),
        Format::Junit => print!("{}", report.to_junit()),
        Format::Text => println!("{}", summary(&report, took)),
    }
    Ok(if report.failed() == 0 { Outcome::Fine } else { Outcome::Broken })
}

/// The scenario in a file.
pub(crate) fn scenario(path: &Path) -> Result<Scenario, String> {
    let text = files::read(path)?;
    Scenario::from_toml(&text, files::beside(path)).map_err(|errors| files::said_of(path, &errors))
}

fn summary(report: &Report, took: f64) -> String {
    let seeds = report.results.len();
    let events: u64 = report.results.iter().map(|result| result.events).sum();
    let micros: i64 = report.results.iter().map(|result| result.virtual_micros).sum();
    let lasted = homeostat_world::Duration::from_micros(micros);
    #[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
    let rate = seeds as f64 / took.max(0.001);
    format!(
        "{seeds} seeds, {} failed, {events} events, {lasted} of virtual time, {took:.1} s, {rate:.0} seeds/s",
        report.failed()
    )
}

fn results(args: &Args, scenario: &Scenario) -> Result<Vec<SeedResult>, String> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let jobs = args.jobs.unwrap_or(cores).max(1);
    let next = AtomicU64::new(args.seeds.start);
    let stop = AtomicBool::new(false);
    let progress = Progress::new(args.seeds.end.saturating_sub(args.seeds.start));
    let (tell, told) = mpsc::channel();
    let mut results = Vec::new();
    let mut failure = None;
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (tell, next, stop) = (tell.clone(), &next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    // Whoever listens has gone only when there is nothing left to do.
                    if seed >= args.seeds.end || tell.send(one(seed, scenario)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(tell);
        for done in told {
            progress.one_more();
            match done.and_then(|done| kept(args, done, &progress)) {
                Ok(result) => {
                    if !result.violations.is_empty() && !args.go_on {
                        stop.store(true, Ordering::Relaxed);
                    }
                    results.push(result);
                }
                Err(why) => {
                    stop.store(true, Ordering::Relaxed);
                    failure.get_or_insert(why);
                }
            }
        }
    });
    progress.end();
    failure.map_or(Ok(results), Err)
}

fn one(seed: u64, scenario: &Scenario) -> Result<(SeedResult, Plan), String> {
    let plan = write(seed, scenario);
    let judged = files::judged(NATIVE, &plan)?;
    let run = judged.run.as_ref();
    let result = SeedResult {
        seed,
        trace: run.map(|run| run.trace.clone()),
        events: run.map_or(0, |run| run.evidence.log.events.len() as u64),
        virtual_micros: run.map_or(0, |run| run.lasted.as_micros()),
        violations: judged.violations,
        replay: None,
    };
    Ok((result, plan))
}

/// Keeps the Plan of a run that broke a promise, and says so.
fn kept(
    args: &Args,
    (mut result, plan): (SeedResult, Plan),
    progress: &Progress,
) -> Result<SeedResult, String> {
    if result.violations.is_empty() {
        return Ok(result);
    }
    let stem = args.scenario.file_stem().unwrap_or_default().to_string_lossy();
    let path = args.keep.join(format!("failing-{stem}-{}.toml", result.seed));
    std::fs::create_dir_all(&args.keep)
        .map_err(|error| format!("cannot make `{}`: {error}", args.keep.display()))?;
    files::save(&path, &plan.to_toml())?;
    let command = format!("homeostat sim replay {} --trace", path.display());
    progress.say(&format!("seed {} broke a promise", result.seed));
    for violation in &result.violations {
        progress.say(&format!("  {}: {}", violation.oracle, violation.what));
    }
    progress.say(&format!("  replay it: {command}"));
    result.replay = Some(command);
    Ok(result)
}

/// `7`, or `0..300`, and at least one.
fn seeds(text: &str) -> Result<Range<u64>, String> {
    let range = parse_seeds(text)?;
    if range.is_empty() { Err(format!("`{text}` holds no seed")) } else { Ok(range) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_one_or_a_range_without_its_end() {
        assert_eq!(seeds("7"), Ok(7..8));
        assert_eq!(seeds("0..300"), Ok(0..300));
        for bad in ["", "a", "3..", "5..5", "9..3", "-1"] {
            assert!(seeds(bad).is_err(), "{bad}");
        }
    }
}
