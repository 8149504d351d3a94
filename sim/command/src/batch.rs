//! Many runs on as many cores as are given.
//!
//! In: [`Work`]. Out: a result for each run, and the marks that were reached.
//! Promise: results come in the order of the work, whatever the number of jobs; the first failure
//! is said at once. Start reading at [`run`].

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use homeostat_sim_harness::converged::Converged;
use homeostat_sim_harness::oracle::Violation;
use homeostat_sim_harness::report::Result as RunResult;
use homeostat_sim_harness::write::{Scenario, write};
use homeostat_sim_harness::{Lane, Plan, marks};

use crate::files;
use crate::judging::Judging;
use crate::progress::Progress;

/// Plans of one sort, each to be run in some lanes.
#[derive(Debug)]
pub(crate) struct Group {
    /// What reports call it.
    pub(crate) of: String,
    pub(crate) source: Source,
    pub(crate) lanes: Vec<Lane>,
    /// Whether all lanes must come to the same end.
    pub(crate) agree: bool,
}

/// Where Plans come from.
#[derive(Debug)]
pub(crate) enum Source {
    Seeds(Box<Scenario>, Range<u64>),
    Plan(Box<Plan>),
}

/// How it is run.
#[derive(Debug)]
pub(crate) struct Settings<'a> {
    pub(crate) jobs: Option<usize>,
    pub(crate) go_on: bool,
    /// Where Plans that fail are written.
    pub(crate) keep: &'a Path,
    pub(crate) judging: Judging,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) results: Vec<RunResult>,
    /// In how many runs each mark was reached.
    pub(crate) marks: BTreeMap<&'static str, u64>,
    /// How long each lane had a core.
    pub(crate) took: BTreeMap<String, Duration>,
}

/// One Plan in all its lanes.
struct Unit {
    plan: Plan,
    ran: Vec<Ran>,
}

struct Ran {
    result: RunResult,
    marks: Vec<&'static str>,
    took: Duration,
    /// Where lanes must agree: what it converged to.
    ended: Option<Converged>,
}

impl Group {
    const fn count(&self) -> u64 {
        match &self.source {
            Source::Seeds(_, seeds) => seeds.end.saturating_sub(seeds.start),
            Source::Plan(_) => 1,
        }
    }

    fn plan(&self, nth: u64) -> (Option<u64>, Plan) {
        match &self.source {
            Source::Seeds(scenario, seeds) => {
                let seed = seeds.start + nth;
                (Some(seed), write(seed, scenario))
            }
            Source::Plan(plan) => (None, Plan::clone(plan)),
        }
    }

    /// The Plan of one unit, by its place in the work.
    pub(crate) fn find(work: &[Self], nth: u64) -> Option<(&Self, u64)> {
        let mut left = nth;
        work.iter().find_map(|group| {
            let here = left;
            left = left.saturating_sub(group.count());
            (here < group.count()).then_some((group, here))
        })
    }
}

/// Runs everything.
///
/// # Errors
/// When a Plan cannot be run or a failing one cannot be kept.
pub(crate) fn run(work: &[Group], settings: &Settings<'_>) -> Result<Done, String> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let jobs = settings.jobs.unwrap_or(cores).max(1);
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let runs = work.iter().map(|group| group.count() * group.lanes.len() as u64).sum();
    let progress = Progress::new(runs);
    let (tell, told) = mpsc::channel();
    let (mut units, mut failure) = (BTreeMap::new(), None);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (tell, next, stop, judging) = (tell.clone(), &next, &stop, settings.judging);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    let Some((group, within)) = Group::find(work, nth) else { return };
                    // Whoever listens has gone only when there is nothing left to do.
                    if tell.send((nth, unit(group, within, judging))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(tell);
        for (nth, unit) in told {
            let unit = unit.and_then(|unit| kept(unit, settings, &progress));
            match unit {
                Ok(ran) => {
                    progress.more(ran.len() as u64);
                    let failed = ran.iter().any(|ran| !ran.result.violations.is_empty());
                    if failed && !settings.go_on {
                        stop.store(true, Ordering::Relaxed);
                    }
                    units.insert(nth, ran);
                }
                Err(why) => {
                    stop.store(true, Ordering::Relaxed);
                    failure.get_or_insert(why);
                }
            }
        }
    });
    progress.end();
    failure.map_or_else(|| Ok(gathered(units)), Err)
}

fn gathered(units: BTreeMap<u64, Vec<Ran>>) -> Done {
    let mut done = Done::default();
    for ran in units.into_values().flatten() {
        *done.took.entry(ran.result.lane.clone()).or_default() += ran.took;
        for mark in ran.marks {
            *done.marks.entry(mark).or_default() += 1;
        }
        done.results.push(ran.result);
    }
    done
}

/// Runs one Plan in each of its lanes.
fn unit(group: &Group, nth: u64, judging: Judging) -> Result<Unit, String> {
    let (seed, plan) = group.plan(nth);
    let mut ran: Vec<Ran> = Vec::new();
    for lane in &group.lanes {
        let mut here = one(*lane, &plan, judging, group.agree)?;
        here.result.of.clone_from(&group.of);
        here.result.seed = seed;
        if let Some(first) = ran.first() {
            here.result.violations.extend(disagreement(first, &here));
        }
        ran.push(here);
    }
    Ok(Unit { plan, ran })
}

fn one(lane: Lane, plan: &Plan, judging: Judging, agree: bool) -> Result<Ran, String> {
    let began = Instant::now();
    let judged = judging.judged(lane, plan)?;
    let run = judged.run.as_ref();
    let result = RunResult {
        lane: lane.name.to_owned(),
        trace: run.map(|run| run.trace.clone()),
        events: run.map_or(0, |run| run.evidence.log.events.len() as u64),
        virtual_micros: run.map_or(0, |run| run.lasted.as_micros()),
        violations: judged.violations,
        ..RunResult::default()
    };
    let marks = run.map(|run| marks::reached(&run.evidence)).unwrap_or_default();
    let ended = run.filter(|_| agree).map(|run| Converged::of(&run.evidence));
    Ok(Ran { result, marks, took: began.elapsed(), ended })
}

/// How the ends of two lanes differ.
fn disagreement(first: &Ran, second: &Ran) -> Option<Violation> {
    let difference = first.ended.as_ref()?.difference(second.ended.as_ref()?)?;
    let (one, other) = (&first.result.lane, &second.result.lane);
    let what = format!("`{one}` and `{other}` came to different ends: {difference}");
    Some(Violation { oracle: LANES.to_owned(), what })
}

/// What a disagreement of lanes is reported as.
pub(crate) const LANES: &str = "lanes";

/// Keeps the Plan of runs that broke a promise, and says so.
fn kept(unit: Unit, settings: &Settings<'_>, progress: &Progress) -> Result<Vec<Ran>, String> {
    let Unit { plan, mut ran } = unit;
    let first = ran.first().map(|ran| ran.result.lane.clone()).unwrap_or_default();
    for ran in ran.iter_mut().filter(|ran| !ran.result.violations.is_empty()) {
        let result = &mut ran.result;
        let path = keep(settings.keep, result, &plan)?;
        let lane = &result.lane;
        let command = if result.violations.iter().all(|it| it.oracle == LANES) {
            format!("homeostat sim diff {} --lanes {first},{lane}", path.display())
        } else {
            format!("homeostat sim replay {} --lane {lane} --trace", path.display())
        };
        progress.say(&format!("{} broke a promise", result.name()));
        for violation in &result.violations {
            progress.say(&format!("  {}: {}", violation.oracle, violation.what));
        }
        progress.say(&format!("  replay it: {command}"));
        result.replay = Some(command);
    }
    Ok(ran)
}

/// Writes the Plan of a run to where failing ones are kept.
pub(crate) fn keep(folder: &Path, result: &RunResult, plan: &Plan) -> Result<PathBuf, String> {
    let stem = Path::new(&result.of).file_stem().unwrap_or_default().to_string_lossy();
    let seed = result.seed.map_or_else(String::new, |seed| format!("-{seed}"));
    let path = folder.join(format!("failing-{stem}{seed}.toml"));
    std::fs::create_dir_all(folder)
        .map_err(|error| format!("cannot make `{}`: {error}", folder.display()))?;
    files::save(&path, &plan.to_toml())?;
    Ok(path)
}

/// The Plan of a result.
pub(crate) fn plan_of(work: &[Group], result: &RunResult) -> Option<Plan> {
    let group = work.iter().find(|group| {
        group.of == result.of
            && match (&group.source, result.seed) {
                (Source::Seeds(_, seeds), Some(seed)) => seeds.contains(&seed),
                (Source::Plan(_), None) => true,
                _ => false,
            }
    })?;
    let first = match &group.source {
        Source::Seeds(_, seeds) => seeds.start,
        Source::Plan(_) => 0,
    };
    Some(group.plan(result.seed.unwrap_or(first) - first).1)
}
