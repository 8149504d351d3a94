//! `homeostat-sim diff`: the same Plan in two processes, which must give the same bytes.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, files};

/// Run one Plan in two processes and show the first line in which they differ
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The Plan
    plan: PathBuf,
}

/// Runs the verb.
pub(crate) fn run(args: &Args) -> Result<Outcome, String> {
    // Mistakes in the Plan are said once, here.
    files::plan(&args.plan)?;
    let (first, second) = (told(&args.plan)?, told(&args.plan)?);
    let Some(line) = first_divergence(&first, &second) else {
        println!("{} lines, all equal", first.lines().count());
        return Ok(Outcome::Fine);
    };
    println!("the runs part at line {}:", line.number);
    println!("  first:  {}", line.first);
    println!("  second: {}", line.second);
    Ok(Outcome::Broken)
}

/// What a process of its own says of the Plan.
fn told(plan: &Path) -> Result<String, String> {
    let own = std::env::current_exe().map_err(|error| format!("cannot find myself: {error}"))?;
    let output = Command::new(own).arg("replay").arg("--history").arg(plan).output();
    let output = output.map_err(|error| format!("cannot start a second run: {error}"))?;
    if output.status.code().is_none_or(|code| code > 1) {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}

/// Where two texts part.
#[derive(Debug, PartialEq, Eq)]
struct Divergence<'t> {
    number: usize,
    first: &'t str,
    second: &'t str,
}

fn first_divergence<'t>(first: &'t str, second: &'t str) -> Option<Divergence<'t>> {
    const END: &str = "(the end)";
    let (mut left, mut right) = (first.lines(), second.lines());
    for number in 1.. {
        match (left.next(), right.next()) {
            (None, None) => return None,
            (first, second) if first == second => {}
            (first, second) => {
                let (first, second) = (first.unwrap_or(END), second.unwrap_or(END));
                return Some(Divergence { number, first, second });
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_named() {
        assert_eq!(first_divergence("a\nb\n", "a\nb\n"), None);
        let parts = Divergence { number: 2, first: "b", second: "c" };
        assert_eq!(first_divergence("a\nb\nd", "a\nc\nd"), Some(parts));
        let ends = Divergence { number: 2, first: "(the end)", second: "b" };
        assert_eq!(first_divergence("a", "a\nb"), Some(ends));
    }
}
