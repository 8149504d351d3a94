//! `homeostat diff`: what changes between two versions of a spec, and what that would do to a log.
//!
//! In: one or two versions, and a log or a running server. Out: the clauses that differ; the gaps that
//! open by what the new version asks of earlier events. Never: changes anything.

use std::path::PathBuf;

use homeostat_api::wire::{AdoptionRequest, Policy, Proposal, SpecText};
use homeostat_intent::Source;
use serde_json::json;

use super::Outcome;
use super::place::Where;
use crate::context::{Context, Place};
use crate::failure::Failure;
use crate::offline::Past;
use crate::remote::Remote;
use crate::screen::{paint, painted};
use crate::table::{Align, Table};
use crate::{sources, specs};

/// Show what changes between two versions of a spec, and what it asks of the past
///
/// Clauses are compared by what they say: comments, layout and order are no difference. With a log or a
/// server it also counts the gaps that would open since earlier events never had what the new version
/// asks for. Exits with 1 when something differs.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The version before, and the new one, each a file or a folder of files; of one alone, the version
    /// before is the one in force on the log or the server
    #[arg(value_name = "SPEC", num_args = 1..=2, required = true)]
    specs: Vec<PathBuf>,
    #[command(flatten)]
    at: Where,
}

const EXAMPLES: &str = "\
Examples:
  homeostat diff old.intent new.intent               Only the texts
  homeostat diff old.intent new.intent --log data    And what the new one would ask of the past
  homeostat diff specs/ --log data                   Compared with the version in force there
  homeostat diff specs/ --server http://127.0.0.1:7171";

/// Runs the verb.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<Outcome, Failure> {
    let (before, after) = match args.specs.as_slice() {
        [before, after] => (Some(before), after),
        [after] => (None, after),
        _ => return Err(Failure::new("one or two specs are compared")),
    };
    let named = args.at.is_given();
    match before {
        Some(before) if !named => texts(before, after, context),
        _ => consequences(args, before, after, context),
    }
}

fn texts(before: &PathBuf, after: &PathBuf, context: &mut Context) -> Result<Outcome, Failure> {
    let mut read = |path: &PathBuf| {
        let sources = sources::read_specs(std::slice::from_ref(path))?;
        specs::understood(context, &sources)
    };
    let (before, after) = (read(before)?, read(after)?);
    let diff = homeostat_intent::diff(&before, &after);
    if context.screen.is_json() {
        context.screen.json(&json!({ "diff": diff, "changes": diff.counts() }))?;
    } else if diff.is_empty() {
        context.screen.line("nothing differs")?;
    } else {
        context.screen.text(coloured(&diff.to_string(), context.screen.out_has_color()))?;
    }
    Ok(Outcome::found_if(!diff.is_empty()))
}

fn consequences(
    args: &Args,
    before: Option<&PathBuf>,
    after: &PathBuf,
    context: &mut Context,
) -> Result<Outcome, Failure> {
    let texts = sources::read_specs(std::slice::from_ref(after))?;
    let proposal = match args.at.place(context)? {
        Place::Log(folder) => {
            let before: Vec<PathBuf> = before.cloned().into_iter().collect();
            let past = Past::open_under(context, &folder, &before)?;
            let spec = specs::understood(context, &texts)?;
            Proposal::of(past.proposal(&spec)?, None)
        }
        Place::Server(_) if before.is_some() => {
            return Err(Failure::new("a server compares with the version that is in force there")
                .help(
                    "name only the new version, or give `--log DIR` for a log that nobody serves",
                ));
        }
        Place::Server(server) => {
            let request = AdoptionRequest { sources: sent(texts), by: None, expected: None };
            Remote::new(&server)?.ask(async |line| line.preview(&request).await)?
        }
    };
    if context.screen.is_json() {
        context.screen.json(&proposal)?;
    } else {
        show(&proposal, context)?;
    }
    Ok(Outcome::found_if(proposal.from != proposal.to))
}

/// Texts as the API takes them.
pub(super) fn sent(sources: Vec<Source>) -> Vec<SpecText> {
    sources.into_iter().map(|it| SpecText { name: it.name, text: it.text }).collect()
}

/// A proposal for people: the clauses that differ, then what that does to the past.
pub(super) fn show(proposal: &Proposal, context: &mut Context) -> Result<(), Failure> {
    if proposal.from == proposal.to {
        return context.screen.line("nothing differs");
    }
    context.screen.text(coloured(&proposal.text, context.screen.out_has_color()))?;
    context.screen.line("")?;
    let mut table = Table::new([
        ("clause", Align::Left),
        ("retroactive", Align::Right),
        ("withdrawn", Align::Right),
        ("effect", Align::Left),
    ]);
    let (added, removed) = (&proposal.added, &proposal.removed);
    let rows = added.iter().map(|it| (it, it.obligations, 0));
    for (clause, opens, ends) in rows.chain(removed.iter().map(|it| (it, 0, it.obligations))) {
        let number = |count: u64| if count == 0 { "-".to_owned() } else { count.to_string() };
        let effect = if clause.external { "external, waits for a person" } else { "" };
        let style = if opens > 0 { paint::CARE } else { paint::DIM };
        table.row([
            (clause.slug.clone(), anstyle::Style::new()),
            (number(opens), style),
            (number(ends), paint::DIM),
            (effect.to_owned(), paint::CARE),
        ]);
    }
    if !added.is_empty() || !removed.is_empty() {
        context.screen.text(table.show())?;
        context.screen.line("")?;
    }
    let numbers = format!(
        "{} retroactive, {} withdrawn, {} carried on",
        proposal.retroactive, proposal.withdrawn, proposal.carried
    );
    context.screen.line(format_args!("{}: {}", painted(paint::HEAD, numbers), policy(proposal)))
}

/// What becomes of the retroactive gaps, in words.
fn policy(proposal: &Proposal) -> &'static str {
    match (proposal.retroactive, proposal.policy) {
        (0, _) => "nothing is asked of earlier events",
        (_, Policy::Sequential) => {
            "they open in the order of the log, some at a time (`sequential`)"
        }
        (_, Policy::ProspectiveOnly) => "they are not opened (`prospective_only`)",
        (_, Policy::HumanDecision) => "they wait for a person's word (`human_decision`)",
    }
}

/// The signs at the beginnings of lines in the colours that version control has for them.
fn coloured(text: &str, color: bool) -> String {
    let style = |line: &str| match line.chars().next() {
        Some('+') => Some(paint::GOOD),
        Some('-') => Some(paint::BAD),
        Some('~') => Some(paint::CARE),
        _ => None,
    };
    let line = |line: &str| match style(line).filter(|_| color) {
        Some(style) => painted(style, line) + "\n",
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}
