//! `homeostat versions`: which versions of the spec were in force on a log, and what they asked of the past.
//!
//! In: a log that nobody serves, or a running server. Out: the versions, each with its backfill.

use anstyle::Style;
use homeostat_api::wire::{Backfill, Policy, Version, Versions};

use super::Outcome;
use super::place::Where;
use crate::context::{Context, Place};
use crate::failure::Failure;
use crate::offline;
use crate::remote::Remote;
use crate::screen::paint;
use crate::table::{Align, Table};

/// List the versions of the spec that were in force, and how far each is with the past
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    at: Where,
}

const EXAMPLES: &str = "\
Examples:
  homeostat versions --server http://127.0.0.1:7171
  homeostat versions --log data --format json";

/// How much of a hash a table shows; JSON has all of it.
const HASH_SHOWN: usize = 12;

/// Runs the verb.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<Outcome, Failure> {
    let versions = match args.at.place(context)? {
        Place::Server(server) => Remote::new(&server)?.ask(async |line| line.versions().await)?,
        Place::Log(folder) => Versions { versions: offline::versions(&folder)? },
    };
    if context.screen.is_json() {
        context.screen.json(&versions)?;
        return Ok(Outcome::Fine);
    }
    let mut table = Table::new([
        ("version", Align::Left),
        ("event", Align::Left),
        ("adopted", Align::Left),
        ("by", Align::Left),
        ("changes", Align::Left),
        ("asked of the past", Align::Left),
    ]);
    for version in &versions.versions {
        table.row([
            (version.hash.chars().take(HASH_SHOWN).collect(), paint::NAME),
            (format!("e{}", version.position), Style::new()),
            (version.adopted.to_string(), Style::new()),
            (version.by.clone(), Style::new()),
            (changes(version), paint::DIM),
            (version.backfill.as_ref().map_or_else(String::new, progress), Style::new()),
        ]);
    }
    context.screen.text(table.show())?;
    for left in versions.versions.iter().filter_map(|it| it.backfill.as_ref()) {
        if left.held > 0 {
            context.screen.note(backfill_note(left));
        }
    }
    Ok(Outcome::Fine)
}

/// `+2 -1 ~1`: new, gone, changed.
fn changes(version: &Version) -> String {
    let Some(changes) = &version.changes else { return "the first".to_owned() };
    let count = |name: &str| changes.get(name).copied().unwrap_or(0);
    let all: u64 = changes.iter().filter(|(name, _)| *name != "unchanged").map(|(_, it)| it).sum();
    let changed = all.saturating_sub(count("added")).saturating_sub(count("removed"));
    let parts = [('+', count("added")), ('-', count("removed")), ('~', changed)];
    let parts = parts.into_iter().filter(|(_, count)| *count > 0);
    parts.map(|(sign, count)| format!("{sign}{count}")).collect::<Vec<_>>().join(" ")
}

/// `40 of 5000 done, 10 in flight, 4950 waiting`.
fn progress(backfill: &Backfill) -> String {
    if backfill.total == 0 {
        return String::new();
    }
    let parts = [
        (backfill.in_flight, "in flight"),
        (backfill.waiting, "waiting"),
        (backfill.held, "waiting for a word"),
        (backfill.dropped, "dropped"),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let rest: String = parts.map(|(count, what)| format!(", {count} {what}")).collect();
    format!("{} of {} done{rest}", backfill.done, backfill.total)
}

/// What is not owed yet, and who can change that.
pub(super) fn backfill_note(left: &Backfill) -> String {
    let (waiting, held, adopted) = (left.waiting, left.held, left.adopted);
    match (left.policy, held) {
        (Policy::Sequential, 0) => {
            format!(
                "{waiting} more are asked of events of before e{adopted}, and wait for their turn"
            )
        }
        _ => format!(
            "{held} more are asked of events of before e{adopted}; \
             `homeostat review backfill@{adopted} --backfill` lets them be owed, `--waive` lets them go"
        ),
    }
}
