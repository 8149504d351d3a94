//! `homeostat fmt`: lays specs out in the one usual way.
//!
//! Promise: a file is replaced as a whole or not at all, and its meaning does not change.

use std::path::{Path, PathBuf};

use homeostat_intent::Source;
use serde_json::json;

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::replace::{self, Replacement};
use crate::sources;

/// Lay intent specs out in the usual way
///
/// Comments and notes survive, and the meaning stays the same. With `-`, reads standard input and
/// prints the result.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Spec files, folders of them, or `-` for standard input
    #[arg(value_name = "SPEC", env = "HOMEOSTAT_SPEC", hide_env_values = true)]
    specs: Vec<PathBuf>,
    /// Change nothing; name the files that are not laid out so, and exit with 1 if there are any
    #[arg(long)]
    check: bool,
}

const EXAMPLES: &str = "\
Examples:
  homeostat fmt specs/            Lay out every *.intent file below specs/
  homeostat fmt --check specs/    Only say which are not laid out so
  homeostat fmt - < a.intent      Print the result";

/// Runs the verb.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<Outcome, Failure> {
    let sources = context.specs(&args.specs)?;
    all_can_be_read(&sources)?;
    let mut changed = Vec::new();
    let mut printed = None;
    for source in &sources {
        let formatted = homeostat_intent::format(&source.text);
        if source.name == sources::STDIN && !args.check {
            printed = Some(formatted);
        } else if formatted != source.text {
            changed.push(&source.name);
            if !args.check {
                let path = Path::new(&source.name);
                replace::all(&[Replacement { path, before: &source.text, after: &formatted }])?;
            }
        }
    }
    if context.screen.is_json() {
        let files = sources.len();
        context
            .screen
            .json(&json!({ "files": files, "changed": changed, "formatted": printed }))?;
    } else if args.check {
        for name in &changed {
            context.screen.line(name)?;
        }
        context.screen.note(match changed.len() {
            0 => "all are laid out in the usual way".to_owned(),
            count => format!("{count} of {} are not; `homeostat fmt` changes them", sources.len()),
        });
    } else {
        for name in &changed {
            context.screen.note(format_args!("laid out {name}"));
        }
        context.screen.text(printed.unwrap_or_default())?;
    }
    Ok(Outcome::found_if(args.check && !changed.is_empty()))
}

/// Looked at before anything is written, so that all are laid out or none.
fn all_can_be_read(sources: &[Source]) -> Result<(), Failure> {
    let broken: Vec<&str> = sources
        .iter()
        .filter(|source| !homeostat_intent::parse(&source.text).faults.is_empty())
        .map(|source| source.name.as_str())
        .collect();
    match broken.as_slice() {
        [] => Ok(()),
        [name] if sources.len() == 1 => {
            Err(Failure::new(format_args!("`{name}` has syntax errors, so it is left as it is"))
                .help(format_args!("`homeostat check {name}` shows them")))
        }
        names => Err(Failure::new(format_args!(
            "`{}` {} syntax errors, so every file is left as it is",
            names.join("`, `"),
            if names.len() == 1 { "has" } else { "have" },
        ))
        .help(format_args!("`homeostat check {}` shows them", names.join(" ")))),
    }
}
