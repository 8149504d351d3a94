//! `homeostat adopt`: puts another version of the spec in force on a running engine.
//!
//! In: a version, a person's name, a running server. Out: what it changes, and its place in the log.
//! Promise: what is adopted is compared with the version that was shown, or not adopted at all.

use std::io::IsTerminal;
use std::path::PathBuf;

use homeostat_api::wire::{AdoptionRequest, Policy, Proposal};

use super::{Outcome, diff};
use crate::context::Context;
use crate::failure::Failure;
use crate::remote::Remote;
use crate::screen::{paint, painted};
use crate::specs;

/// Put another version of the spec in force on a running engine
///
/// Shows what it changes and what it asks of earlier events, asks, and adopts it: the log then says who
/// did. Events of before are examined; nothing stops meanwhile.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The whole new version: spec files or folders of them
    #[arg(value_name = "SPEC", env = "HOMEOSTAT_SPEC", hide_env_values = true)]
    specs: Vec<PathBuf>,
    /// The engine that runs there
    #[arg(long, value_name = "URL", env = "HOMEOSTAT_SERVER", hide_env_values = true)]
    server: Option<String>,
    /// Who adopts it: a person, who stands in the log with it
    #[arg(long, value_name = "NAME", env = "HOMEOSTAT_BY", hide_env_values = true)]
    by: Option<String>,
    /// Only show what it would change
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

const EXAMPLES: &str = "\
Examples:
  homeostat adopt specs/ --server http://127.0.0.1:7171 --by maria
  homeostat adopt specs/ --server http://127.0.0.1:7171 --dry-run
  homeostat adopt specs/ --server http://127.0.0.1:7171 --by maria --yes --format json";

/// Runs the verb.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<Outcome, Failure> {
    let server = context.server(args.server.as_ref())?;
    let sources = context.specs(&args.specs)?;
    // Its mistakes are shown here, in the colours of the terminal.
    specs::understood(context, &sources)?;
    let mut request =
        AdoptionRequest { sources: diff::sent(sources), by: args.by.clone(), expected: None };
    let mut remote = Remote::new(&server)?;
    let proposal = remote.ask(async |line| line.preview(&request).await)?;
    if args.dry_run || proposal.from == proposal.to {
        told(&proposal, context)?;
        return Ok(Outcome::Fine);
    }
    if args.by.is_none() {
        return Err(Failure::new("adopting a version takes a person's name")
            .help("add `--by NAME`; it stands in the log for good"));
    }
    if !args.yes {
        told(&proposal, context)?;
        if !std::io::stdin().is_terminal() {
            return Err(Failure::new("nobody was there to say yes")
                .help("add `--yes` to adopt it without being asked, or `--dry-run` only to look"));
        }
        context.screen.flush()?;
        if !matches!(context.answer("adopt it? [y/N] ")?.as_str(), "y" | "yes") {
            context.screen.say("it was not adopted");
            return Ok(Outcome::Fine);
        }
    }
    request.expected = Some(proposal.from);
    let adopted = remote.ask(async |line| line.adopt(&request).await)?;
    if args.yes || context.screen.is_json() {
        told(&adopted, context)?;
    }
    if let (Some(position), false) = (adopted.position, context.screen.is_json()) {
        context.screen.line(format_args!(
            "{} version {}  written down as e{position}",
            painted(paint::GOOD, "adopted"),
            adopted.to
        ))?;
        next_step(&adopted, context);
    }
    Ok(Outcome::Fine)
}

fn told(proposal: &Proposal, context: &mut Context) -> Result<(), Failure> {
    if context.screen.is_json() {
        context.screen.json(proposal)
    } else {
        diff::show(proposal, context)
    }
}

fn next_step(adopted: &Proposal, context: &mut Context) {
    let Some(position) = adopted.position else { return };
    let waits = match adopted.policy {
        Policy::HumanDecision => adopted.retroactive,
        Policy::Sequential => adopted.external,
        Policy::ProspectiveOnly => 0,
    };
    if waits > 0 {
        context.screen.note(format_args!(
            "{waits} wait for a word: `homeostat review backfill@{position} --backfill` or `--waive`"
        ));
    }
    if adopted.retroactive > 0 {
        context.screen.note("`homeostat versions` shows how far that is");
    }
}
