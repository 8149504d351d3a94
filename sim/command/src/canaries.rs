//! `homeostat-sim canaries`: shows that no oracle is blind, by defects planted in the engine.
//!
//! Promise: a defect that its oracle does not catch within the bounds is a broken promise, and so is
//! a seed that fails with nothing planted. CPU seconds are of this process, which is a debug build.
//! Start reading at [`run`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use homeostat_sim_harness::canaries::{ALL, Canary, Caught, hunt};
use homeostat_sim_harness::write::{Scenario, write};
use homeostat_sim_harness::{Lane, Plan, canaries};
use nix::time::{ClockId, clock_gettime};
use serde_json::json;

use crate::judging::Judging;
use crate::run::scenario;
use crate::{Outcome, files, lanes};

/// Plant defects in the engine, one after the other, and see each of them caught by its oracle
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which ones; all when none is named
    names: Vec<String>,
    /// Only say which there are
    #[arg(long)]
    list: bool,
    /// The world to run in
    #[arg(long, value_parser = lanes::named, default_value = "native")]
    lane: Lane,
    /// Seeds at most, for each
    #[arg(long, default_value_t = 5_000)]
    seeds: u64,
    /// CPU seconds at most until it is caught, for each
    #[arg(long, default_value_t = 60)]
    cpu: u32,
    /// Runs at most to make the Plan small
    #[arg(long, default_value_t = 1_500)]
    budget: u32,
    /// What is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Where the scenarios are
    #[arg(long, value_name = "DIR", default_value = "scenarios")]
    scenarios: PathBuf,
    /// Where the small Plans are written
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs: one object a line.
    Json,
}

/// What a canary is hunted with.
enum Ground {
    Scenario(Box<Scenario>),
    Kept(Box<Plan>),
}

impl Ground {
    fn of(path: &Path) -> Result<Self, String> {
        let is_in = |kept: &str| path.parent().is_some_and(|folder| folder.ends_with(kept));
        if KEPT.into_iter().any(is_in) {
            return files::plan(path).map(|plan| Self::Kept(Box::new(plan)));
        }
        scenario(path).map(|scenario| Self::Scenario(Box::new(scenario)))
    }

    /// The Plan of a seed. A kept Plan is itself first, and then itself with other chance.
    fn plan(&self, seed: u64) -> Plan {
        match self {
            Self::Scenario(scenario) => write(seed, scenario),
            Self::Kept(plan) => Plan { seed: plan.seed.saturating_add(seed), ..Plan::clone(plan) },
        }
    }
}

/// The folders of kept Plans.
const KEPT: [&str; 2] = ["seeds", "plans"];

/// What became of one canary.
struct Row {
    canary: &'static Canary,
    /// Seeds that were run.
    seeds: u64,
    cpu_seconds: f64,
    caught: Option<Small>,
}

/// The Plan that gave it away, made small.
struct Small {
    what: String,
    plan: Plan,
    runs: u64,
    cpu_seconds: f64,
}

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<Outcome, String> {
    let chosen = chosen(&args.names)?;
    if args.list {
        for canary in chosen {
            println!("{:13} {:38} {}", canary.oracle, canary.name, canary.defect);
        }
        return Ok(Outcome::Fine);
    }
    let mut grounds: BTreeMap<&str, (Ground, u64)> = BTreeMap::new();
    let mut survivors = 0;
    for canary in chosen {
        let path = args.scenarios.join(format!("{}.toml", canary.scenario));
        let (ground, seeds) = match grounds.get_mut(canary.scenario) {
            Some(known) => known,
            None => grounds.entry(canary.scenario).or_insert((Ground::of(&path)?, 0)),
        };
        let row = one(args, canary, ground)?;
        *seeds = row.seeds.max(*seeds);
        survivors += u32::from(row.caught.is_none());
        println!("{}", said(args, &row));
    }
    let mut failed = 0;
    for (name, (ground, seeds)) in &grounds {
        failed += control(args, name, ground, *seeds)?;
    }
    Ok(if survivors == 0 && failed == 0 { Outcome::Fine } else { Outcome::Broken })
}

fn chosen(names: &[String]) -> Result<Vec<&'static Canary>, String> {
    if names.is_empty() {
        return Ok(ALL.iter().collect());
    }
    let find = |name: &String| {
        let found = ALL.iter().find(|canary| canary.name == name);
        found.ok_or_else(|| format!("no canary `{name}`; `homeostat-sim canaries --list` has all"))
    };
    names.iter().map(find).collect()
}

fn one(args: &Args, canary: &'static Canary, ground: &Ground) -> Result<Row, String> {
    let (began, mut seeds) = (cpu_seconds()?, 0);
    let mut judge = |plan: &Plan| Judging::default().judged(args.lane, plan);
    let go_on = |seed: u64| {
        let spent = cpu_seconds().map_or(f64::INFINITY, |now| now - began);
        let goes_on = seed < args.seeds && spent < f64::from(args.cpu);
        seeds += u64::from(goes_on);
        goes_on
    };
    let caught = hunt(canary, |seed| ground.plan(seed), &mut judge, go_on)?;
    let cpu_seconds = cpu_seconds()? - began;
    let caught = caught.map(|caught| small(args, canary, caught)).transpose()?;
    Ok(Row { canary, seeds, cpu_seconds, caught })
}

fn small(args: &Args, canary: &Canary, caught: Caught) -> Result<Small, String> {
    let (began, mut runs) = (cpu_seconds()?, 0);
    let mut judge = |plan: &Plan| {
        runs += 1;
        Judging::default().judged(args.lane, plan)
    };
    let budget = usize::try_from(args.budget).unwrap_or(usize::MAX);
    let plan = canaries::shrunk(canary, &caught.plan, &mut judge, budget)?;
    if let Some(folder) = &args.keep {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("cannot make `{}`: {error}", folder.display()))?;
        files::save(&folder.join(format!("{}.toml", canary.name)), &plan.to_toml())?;
    }
    Ok(Small { what: caught.what, plan, runs, cpu_seconds: cpu_seconds()? - began })
}

/// With nothing planted the same seeds keep every promise. How many do not.
fn control(args: &Args, name: &str, ground: &Ground, seeds: u64) -> Result<u64, String> {
    let mut failed = 0;
    for seed in 0..seeds {
        let judged = Judging::default().judged(args.lane, &ground.plan(seed))?;
        for violation in &judged.violations {
            let (oracle, what) = (&violation.oracle, &violation.what);
            eprintln!("{name} {seed}, nothing planted: {oracle}: {what}");
        }
        failed += u64::from(!judged.violations.is_empty());
    }
    match args.format {
        Format::Text => {
            println!("{name}: with nothing planted, {failed} of {seeds} seeds break a promise");
        }
        Format::Json => {
            println!("{}", json!({ "control": name, "seeds": seeds, "failed": failed }));
        }
    }
    Ok(failed)
}

fn said(args: &Args, row: &Row) -> String {
    let Row { canary, seeds, cpu_seconds, caught } = row;
    let size = |plan: &Plan| (plan.faults.len(), plan.steps.len(), plan.events_count());
    if args.format == Format::Json {
        let small = caught.as_ref().map(|small| {
            let (faults, steps, events) = size(&small.plan);
            json!({
                "what": small.what, "faults": faults, "steps": steps, "events": events,
                "runs": small.runs, "cpu_seconds": small.cpu_seconds,
            })
        });
        let row = json!({
            "canary": canary.name, "oracle": canary.oracle, "defect": canary.defect,
            "scenario": canary.scenario, "lane": args.lane.name, "seeds": seeds,
            "cpu_seconds": cpu_seconds, "caught": small,
        });
        return row.to_string();
    }
    let head = format!("{:13} {:38} {:5}", canary.oracle, canary.name, canary.scenario);
    let Some(small) = caught else {
        return format!("{head} SURVIVED {seeds} seeds, {cpu_seconds:.1} s: the oracle is blind");
    };
    let (faults, steps, events) = size(&small.plan);
    format!(
        "{head} caught after {seeds} seeds, {cpu_seconds:.2} s; {faults} faults, {steps} steps, \
         {events} events after {} runs, {:.1} s\n    {}",
        small.runs, small.cpu_seconds, small.what
    )
}

/// What this process has used of all processors.
fn cpu_seconds() -> Result<f64, String> {
    let used = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)
        .map_err(|error| format!("cannot read the CPU clock: {error}"))?;
    Ok(std::time::Duration::from(used).as_secs_f64())
}
