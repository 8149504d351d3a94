//! `homeostat check`: finds the mistakes in specs, all of them in one pass, and mends what it can.

mod bindings;
mod mend;

use std::path::PathBuf;

use homeostat_intent::{Loaded, Options, Source, Spec, render};
use serde_json::json;

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::screen::{paint, painted};
use crate::specs::Counts;

/// Find the mistakes in intent specs, all in one pass
///
/// The files together make one spec. Exits with 1 when there is an error.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Spec files, folders of them, or `-` for standard input
    #[arg(value_name = "SPEC", env = "HOMEOSTAT_SPEC", hide_env_values = true)]
    specs: Vec<PathBuf>,
    /// Treat names that nothing declares as errors
    #[arg(long)]
    strict: bool,
    /// Exit with 1 on warnings too
    #[arg(long)]
    deny_warnings: bool,
    /// Apply the fixes about which the text leaves no choice, and say what is left
    #[arg(long)]
    fix: bool,
    /// Only show what `--fix` would change; exit with 1 if it would change anything
    #[arg(long, requires = "fix")]
    diff: bool,
    /// Apply also what is guessed: the name that was probably meant
    #[arg(long, requires = "fix")]
    guess: bool,
}

const EXAMPLES: &str = "\
Examples:
  homeostat check specs/                  Check every *.intent file below specs/ as one spec
  homeostat check --strict a.intent       Every event and action must be declared
  homeostat check --fix specs/            Mend what can be mended without a guess
  homeostat check --fix --diff specs/     Show that, and change nothing
  homeostat check --format json a.intent  Findings with codes, lines, columns and fixes
  homeostat explain S0103                 What a code means, with an example and its remedy";

/// Runs the verb.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<Outcome, Failure> {
    let sources = context.specs(&args.specs)?;
    if args.fix {
        return mend::run(args, context, &sources);
    }
    let loaded = homeostat_intent::load_with(&sources, args.options());
    told(args, context, &sources, &loaded)
}

impl Args {
    const fn options(&self) -> Options {
        Options { strict: self.strict }
    }

    const fn finds_fault_with(&self, counts: Counts) -> bool {
        counts.errors > 0 || (self.deny_warnings && counts.warnings > 0)
    }
}

/// Says what was found.
fn told(
    args: &Args,
    context: &mut Context,
    sources: &[Source],
    loaded: &Loaded,
) -> Result<Outcome, Failure> {
    let counts = Counts::of(loaded);
    let found = args.finds_fault_with(counts);
    if context.screen.is_json() {
        context.screen.json(&json!({
            "errors": counts.errors,
            "warnings": counts.warnings,
            "notes": counts.notes,
            "diagnostics": render::findings(&loaded.diagnostics, sources),
            "spec": facts(&loaded.spec),
            "contract": bindings::bindings(&loaded.spec),
        }))?;
        return Ok(Outcome::found_if(found));
    }
    let color = context.screen.out_has_color();
    context.screen.text(render::text(&loaded.diagnostics, sources, color))?;
    if !loaded.diagnostics.is_empty() {
        context.screen.line("")?;
    }
    summary(context, sources, loaded, counts)?;
    Ok(Outcome::found_if(found))
}

fn summary(
    context: &mut Context,
    sources: &[Source],
    loaded: &Loaded,
    counts: Counts,
) -> Result<(), Failure> {
    let files = match sources.len() {
        1 => "1 file".to_owned(),
        count => format!("{count} files"),
    };
    if counts.errors > 0 {
        let words = painted(paint::BAD, counts.words());
        return context.screen.line(format_args!("{words} in {files}"));
    }
    let spec = &loaded.spec;
    let findings = match counts.words() {
        words if words.is_empty() => String::new(),
        words => format!("; {words}"),
    };
    context.screen.line(format_args!(
        "{} {}: {} duties in {} blocks, {} events, {} entities, {files}{findings}",
        painted(paint::GOOD, "ok"),
        spec.name.as_deref().unwrap_or("(unnamed)"),
        spec.duties().count(),
        spec.blocks.len(),
        spec.events.len(),
        spec.entities.len(),
    ))?;
    let bindings = bindings::bindings(spec);
    if !bindings.is_empty() {
        context.screen.line("")?;
        context.screen.text(bindings::table(&bindings).show())?;
    }
    context.screen.detail(format_args!("version {}", spec.hash));
    Ok(())
}

fn facts(spec: &Spec) -> serde_json::Value {
    json!({
        "name": spec.name,
        "hash": spec.hash,
        "duties": spec.duties().count(),
        "blocks": spec.blocks.len(),
        "events": spec.events.len(),
        "entities": spec.entities.len(),
        "unevaluated": spec.unevaluated.iter().map(|it| &it.what).collect::<Vec<_>>(),
    })
}
