//! `homeostat-sim diff`: the same Plan twice, in two processes or in several lanes.
//!
//! In one lane, two processes must give the same bytes; the first line in which they part is shown.
//! Lanes are different worlds: what they must agree on is what they converge to.
//! Start reading at [`run`].

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use homeostat_sim_harness::Lane;
use homeostat_sim_harness::converged::Converged;

use crate::judging::Judging;
use crate::lanes::{self, Lanes};
use crate::{Outcome, files};

/// Run one Plan in two processes, or in several lanes, and show where the runs part
///
/// In one lane: the first line that differs between two processes. In several: what stands open at
/// the end of one and not of another.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The Plan
    plan: PathBuf,
    /// In which lane, or lanes: `native,madsim`, `all`
    #[arg(long, visible_alias = "lane", value_name = "LANES", value_parser = lanes::parse, default_value = "native")]
    lanes: Lanes,
    #[command(flatten)]
    judging: Judging,
}

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<Outcome, String> {
    if let [lane] = args.lanes.0.as_slice() {
        // Mistakes in the Plan are said once, here.
        files::plan(&args.plan)?;
        return Ok(match processes(&args.plan, *lane, args.judging)? {
            None => Outcome::Fine,
            Some(parting) => {
                println!("{parting}");
                Outcome::Broken
            }
        });
    }
    in_lanes(args)
}

/// What each lane converges to, against the first.
fn in_lanes(args: &Args) -> Result<Outcome, String> {
    let plan = files::plan(&args.plan)?;
    let mut first: Option<(&str, Converged)> = None;
    let mut outcome = Outcome::Fine;
    for lane in &args.lanes.0 {
        let judged = args.judging.judged(*lane, &plan)?;
        for violation in &judged.violations {
            println!("broken in {}: {}: {}", lane.name, violation.oracle, violation.what);
            outcome = Outcome::Broken;
        }
        let Some(run) = judged.run else { continue };
        let here = Converged::of(&run.evidence);
        let Some((name, expected)) = &first else {
            println!("{}: {} things were due or stand open", lane.name, here.lines.len());
            first = Some((lane.name, here));
            continue;
        };
        match expected.difference(&here) {
            None => println!("{}: the same as in {name}", lane.name),
            Some(difference) => {
                println!("{name} and {} come to different ends:", lane.name);
                difference.only_first.iter().for_each(|line| println!("  only in {name}: {line}"));
                for line in &difference.only_second {
                    println!("  only in {}: {line}", lane.name);
                }
                outcome = Outcome::Broken;
            }
        }
    }
    Ok(outcome)
}

/// Where the Plan parts in two processes; none where it does not.
pub(crate) fn processes(
    plan: &Path,
    lane: Lane,
    judging: Judging,
) -> Result<Option<Parting>, String> {
    let (first, second) = (told(plan, lane, judging)?, told(plan, lane, judging)?);
    let parting = first_parting(&first, &second);
    if parting.is_none() {
        println!("{} lines, all equal", first.lines().count());
    }
    Ok(parting)
}

/// What a process of its own says of the Plan.
fn told(plan: &Path, lane: Lane, judging: Judging) -> Result<String, String> {
    let own = std::env::current_exe().map_err(|error| format!("cannot find myself: {error}"))?;
    let mut command = Command::new(own);
    command.args(["replay", "--lines", "--lane", lane.name]).args(judging.flags()).arg(plan);
    let output = command.output().map_err(|error| format!("cannot start a second run: {error}"))?;
    if output.status.code().is_none_or(|code| code > 1) {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}

/// Where two texts part.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parting {
    number: usize,
    /// Lines just before it, which are equal.
    before: Vec<String>,
    first: String,
    second: String,
}

/// So many lines before the parting are shown.
const BEFORE: usize = 4;

fn first_parting(first: &str, second: &str) -> Option<Parting> {
    const END: &str = "(the end)";
    let (mut left, mut right) = (first.lines(), second.lines());
    for number in 1.. {
        match (left.next(), right.next()) {
            (None, None) => return None,
            (first, second) if first == second => {}
            (one, other) => {
                let skipped = number - 1 - BEFORE.min(number - 1);
                let before = first.lines().skip(skipped).take(number - 1 - skipped);
                return Some(Parting {
                    number,
                    before: before.map(str::to_owned).collect(),
                    first: one.unwrap_or(END).to_owned(),
                    second: other.unwrap_or(END).to_owned(),
                });
            }
        }
    }
    None
}

impl fmt::Display for Parting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the runs part at line {}:", self.number)?;
        self.before.iter().try_for_each(|line| writeln!(f, "  both:   {line}"))?;
        writeln!(f, "  first:  {}", self.first)?;
        write!(f, "  second: {}", self.second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_named_with_those_before_it() {
        let parts = |first, second| first_parting(first, second).map(|parting| parting.to_string());
        assert_eq!(parts("a\nb\n", "a\nb\n"), None);
        let expected = "the runs part at line 2:\n  both:   a\n  first:  b\n  second: c";
        assert_eq!(parts("a\nb\nd", "a\nc\nd").as_deref(), Some(expected));
        let ends = "the runs part at line 2:\n  both:   a\n  first:  (the end)\n  second: b";
        assert_eq!(parts("a", "a\nb").as_deref(), Some(ends));
        let long = parts("1\n2\n3\n4\n5\n6", "1\n2\n3\n4\n5\nx").unwrap_or_default();
        assert!(long.contains("both:   2") && !long.contains("both:   1"), "{long}");
    }
}
