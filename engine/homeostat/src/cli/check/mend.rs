//! `homeostat check --fix`: mends what the findings know how to mend.
//!
//! In: the sources as read. Out: the files with the fixes applied, or with `--diff` the difference;
//! then what is left, as `check` says it.
//! Never: applies a guess unasked, writes a file that holds something else than what was read.
//! Promise: files are replaced as a whole, all or none. Start reading at [`run`].

use std::path::Path;

use homeostat_intent::fixes::{self, Applied, Mended};
use homeostat_intent::{Source, render};
use serde_json::{Value, json};
use similar::TextDiff;

use super::Args;
use crate::cli::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::replace::{self, Replacement};
use crate::screen::{paint, painted};
use crate::sources::STDIN;
use crate::specs::Counts;

/// Runs the verb with `--fix`.
pub(super) fn run(
    args: &Args,
    context: &mut Context,
    sources: &[Source],
) -> Result<Outcome, Failure> {
    if !args.diff && sources.iter().any(|source| source.name == STDIN) {
        return Err(Failure::new("standard input cannot be mended where it stands")
            .help("with `--diff` the change is printed, for `patch` to apply"));
    }
    let mended = fixes::mend(sources, args.options(), args.guess);
    let changed: Vec<(&Source, &Source)> = sources
        .iter()
        .zip(&mended.sources)
        .filter(|(before, after)| before.text != after.text)
        .collect();
    if !args.diff {
        let files = changed.iter().map(|(before, after)| Replacement {
            path: Path::new(&before.name),
            before: &before.text,
            after: &after.text,
        });
        replace::all(&files.collect::<Vec<_>>())?;
    }
    let counts = Counts::of(&mended.loaded);
    let found = args.finds_fault_with(counts) || (args.diff && !changed.is_empty());
    if context.screen.is_json() {
        context.screen.json(&as_json(args, &mended, &changed, counts))?;
        return Ok(Outcome::found_if(found));
    }
    if args.diff {
        for (before, after) in &changed {
            context.screen.text(diff(before, after))?;
        }
        context.screen.note(amount(args, &mended));
        return Ok(Outcome::found_if(found));
    }
    for applied in &mended.applied {
        context.screen.line(said(applied, &mended))?;
    }
    context.screen.note(amount(args, &mended));
    super::told(args, context, &mended.sources, &mended.loaded)?;
    Ok(Outcome::found_if(found))
}

/// `mended specs/a.intent:12: S0103: write `settle``.
fn said(applied: &Applied, mended: &Mended) -> String {
    let place = format!("{}:{}", name_of(applied, mended), applied.line);
    let word = painted(paint::GOOD, "mended");
    format!("{word} {place}: {}: {}", painted(paint::NAME, applied.code), applied.title)
}

fn name_of<'a>(applied: &Applied, mended: &'a Mended) -> &'a str {
    let source = usize::try_from(applied.source).ok().and_then(|at| mended.sources.get(at));
    source.map_or("", |source| source.name.as_str())
}

fn amount(args: &Args, mended: &Mended) -> String {
    let fixes = match mended.applied.len() {
        0 => "nothing to mend".to_owned(),
        1 => "1 fix".to_owned(),
        count => format!("{count} fixes"),
    };
    match mended.guesses_left() {
        0 => fixes,
        _ if args.guess => fixes,
        1 => format!("{fixes}; 1 more would be a guess, which `--guess` applies"),
        more => format!("{fixes}; {more} more would be guesses, which `--guess` applies"),
    }
}

fn diff(before: &Source, after: &Source) -> String {
    let name = before.name.as_str();
    let diff = TextDiff::from_lines(&before.text, &after.text);
    diff.unified_diff().context_radius(3).header(name, name).to_string()
}

fn as_json(args: &Args, mended: &Mended, changed: &[(&Source, &Source)], counts: Counts) -> Value {
    let applied: Vec<Value> = (mended.applied.iter())
        .map(|applied| {
            json!({
                "code": applied.code,
                "title": applied.title,
                "file": name_of(applied, mended),
                "line": applied.line,
            })
        })
        .collect();
    let files: Vec<Value> = (changed.iter())
        .map(|(before, after)| json!({ "file": before.name, "text": after.text }))
        .collect();
    json!({
        "written": !args.diff,
        "mended": applied,
        "files": files,
        "guesses_left": mended.guesses_left(),
        "errors": counts.errors,
        "warnings": counts.warnings,
        "notes": counts.notes,
        "diagnostics": render::findings(&mended.loaded.diagnostics, &mended.sources),
    })
}
