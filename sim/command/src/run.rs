//! `homeostat-sim run`: seeds of one scenario, or a suite.
//!
//! Start reading at [`run`]; `batch` does the work, `suite` says what a suite is made of, `twice`
//! does it all again in another process.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use homeostat_sim_harness::marks;
use homeostat_sim_harness::report::{MarkCount, Report};
use homeostat_sim_harness::write::{Scenario, parse_seeds};

use crate::batch::{self, Done, Group, Settings, Source};
use crate::judging::Judging;
use crate::lanes::{self, Lanes};
use crate::suite::Selected;
use crate::{Outcome, files, suite, twice};

/// Run seeds of a scenario, or a suite, and judge each run
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The scenario
    #[arg(required_unless_present = "suite", conflicts_with = "suite")]
    pub(crate) scenario: Option<PathBuf>,
    /// Run a suite instead; `homeostat sim suites` lists them
    #[arg(long, value_name = "NAME", conflicts_with = "seeds")]
    pub(crate) suite: Option<String>,
    #[command(flatten)]
    pub(crate) house: suite::House,
    /// Which seeds: `0..300`, without its end. A number alone, `7`, is that one seed
    #[arg(long, value_parser = seeds, default_value = "0..100")]
    pub(crate) seeds: Range<u64>,
    /// In which lanes: `native`, `native,madsim`, `all`. A suite has its own; then only these of them
    #[arg(long, visible_alias = "lanes", value_name = "LANES", value_parser = lanes::parse)]
    pub(crate) lane: Option<Lanes>,
    /// Plans run at once; as many as there are cores when it is not said
    #[arg(long)]
    pub(crate) jobs: Option<usize>,
    /// Go on after a failure
    #[arg(long)]
    pub(crate) go_on: bool,
    /// Run everything again in another process, and compare
    #[arg(long)]
    pub(crate) twice: bool,
    /// Say how many runs reached each mark
    #[arg(long)]
    marks: bool,
    /// What is printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Where Plans that fail are written
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) keep: PathBuf,
    #[command(flatten)]
    pub(crate) judging: Judging,
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

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<Outcome, String> {
    let began = Instant::now();
    let Selected { name, work, wanted } = selected(args)?;
    let Args { jobs, go_on, judging, .. } = *args;
    let settings = Settings { jobs, go_on, keep: &args.keep, judging };
    let done = batch::run(&work, &settings)?;
    let report = report(name, &done, &wanted);
    let again = args.twice && report.failed() == 0;
    let repeats = if again { Some(twice::agrees(args, &work, &report)?) } else { None };
    match args.format {
        Format::Json => println!("{}", report.to_json()),
        Format::Junit => print!("{}", report.to_junit()),
        Format::Text => {
            print!("{}", summary(&report, &done, began.elapsed(), (args.marks, repeats)))
        }
    }
    let complete = args.suite.is_none() || report.never_reached().next().is_none();
    let fine = report.failed() == 0 && repeats != Some(false) && complete;
    Ok(if fine { Outcome::Fine } else { Outcome::Broken })
}

fn selected(args: &Args) -> Result<Selected, String> {
    if let Some(name) = &args.suite {
        return suite::selected(name, &args.house, args.lane.as_ref());
    }
    let path = args.scenario.as_deref().unwrap_or(Path::new(""));
    let Range { start, end } = args.seeds;
    if (start, end) == (start, start + 1) && start > 1 {
        eprintln!(
            "note: this runs the one seed {start}; `--seeds 0..{start}` runs {start} of them"
        );
    }
    let lanes = args.lane.clone().map_or_else(|| lanes::parse("native"), Ok)?;
    let group = Group {
        of: path.display().to_string(),
        source: Source::Seeds(Box::new(scenario(path)?), args.seeds.clone()),
        lanes: lanes.0,
        agree: false,
    };
    Ok(Selected { name: path.display().to_string(), work: vec![group], wanted: Vec::new() })
}

/// The scenario in a file.
pub(crate) fn scenario(path: &Path) -> Result<Scenario, String> {
    let text = files::read(path)?;
    Scenario::from_toml(&text, files::beside(path)).map_err(|errors| files::said_of(path, &errors))
}

fn report(name: String, done: &Done, wanted: &[&str]) -> Report {
    let count = |mark: &marks::Mark| MarkCount {
        name: mark.name.to_owned(),
        runs: done.marks.get(mark.name).copied().unwrap_or(0),
        wanted: wanted.contains(&mark.name),
    };
    Report { name, results: done.results.clone(), marks: marks::all().map(count).collect() }
}

/// `shows` says whether marks are asked for, and whether a second pass agreed, if there was one.
fn summary(report: &Report, done: &Done, took: Duration, shows: (bool, Option<bool>)) -> String {
    let (shows_marks, repeats) = shows;
    let mut text = String::new();
    // Writing to a string does not fail, here and below.
    for (lane, busy) in &done.took {
        let of_lane = || report.results.iter().filter(|result| &result.lane == lane);
        let micros: i64 = of_lane().map(|result| result.virtual_micros).sum();
        let lasted = homeostat_world::Duration::from_micros(micros);
        let events: u64 = of_lane().map(|result| result.events).sum();
        let (runs, failed) =
            (of_lane().count(), of_lane().filter(|it| !it.violations.is_empty()).count());
        let rate = rate(runs, *busy);
        let _written = writeln!(
            text,
            "{lane:<8} {runs} runs, {failed} failed, {events} events, {lasted} of virtual time, {rate:.0} runs/s on a core"
        );
    }
    if shows_marks {
        for mark in &report.marks {
            let sentence = marks::named(&mark.name).map_or("", |known| known.sentence);
            let _written = writeln!(text, "{:>7} runs  {:<27} {sentence}", mark.runs, mark.name);
        }
    }
    for (mark, sentence) in report.never_reached() {
        let _written = writeln!(text, "never reached: {mark}: {sentence}");
    }
    let (runs, failed) = (report.results.len(), report.failed());
    let reached = report.marks.iter().filter(|mark| mark.runs > 0).count();
    let (marks, secs) = (report.marks.len(), took.as_secs_f64());
    let times = match repeats {
        Some(true) => ", each run twice and the same",
        Some(false) => ", not the same in another process",
        None => "",
    };
    let _written = writeln!(
        text,
        "{}: {runs} runs, {failed} failed{times}, {reached} of {marks} marks reached, {secs:.1} s, {:.0} runs/s",
        report.name,
        rate(runs, took),
    );
    text
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
fn rate(runs: usize, took: Duration) -> f64 {
    runs as f64 / took.as_secs_f64().max(0.001)
}

/// `7`, or `0..300`, and at least one.
fn seeds(text: &str) -> Result<Range<u64>, String> {
    parse_seeds(text)
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
