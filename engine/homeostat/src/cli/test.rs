//! `homeostat test`: runs the scenarios of a spec, and says how much of it they hold fast.
//!
//! In: specs. Out: a line for each scenario, what failed and what was found instead, coverage, and
//! with `--mutate` every change of the spec that no scenario notices.
//! Promise: it ends with 1 when a scenario fails or a minimum is missed, and never otherwise.

mod json;
mod junit;
mod show;

use std::path::PathBuf;

use homeostat_graph::scenario::{self, Mutation, Report};
use homeostat_intent::lowered::{Scenario, Spec};
use homeostat_intent::{Source, Span, render};

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::screen::Format;
use crate::specs;

/// Run the scenarios of a spec
///
/// The files together make one spec; scenarios may stand in files of their own. Exits with 1 when
/// a scenario fails, or a minimum is missed.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Spec files, folders of them, or `-` for standard input
    #[arg(value_name = "SPEC", env = "HOMEOSTAT_SPEC", hide_env_values = true)]
    specs: Vec<PathBuf>,
    /// Run the scenario of this name, or those whose names contain it
    #[arg(long = "scenario", value_name = "NAME")]
    scenarios: Vec<String>,
    /// Change the spec in one place at a time, and name the changes that no scenario notices
    #[arg(long)]
    mutate: bool,
    /// What results are printed as [default: text]
    #[arg(long, value_parser = Format::among(&["text", "json", "junit"]), value_name = "FORMAT")]
    format: Option<Format>,
    /// Exit with 1 when fewer percent of what the clauses can do is reached
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_coverage: Option<u8>,
    /// Exit with 1 when fewer percent of the changes are noticed
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    #[arg(requires = "mutate")]
    min_score: Option<u8>,
}

const EXAMPLES: &str = "\
Examples:
  homeostat test specs/crm                         Run every scenario
  homeostat test specs/crm --scenario \"churn\"      Run those whose names contain it
  homeostat test specs/crm --min-coverage 100      For CI: fail when a clause is not reached
  homeostat test specs/crm --mutate --min-score 90
  homeostat test specs/crm --format junit > scenarios.xml";

/// Everything that was found out, for those who print it.
#[derive(Debug)]
struct Tested<'a> {
    spec: &'a Spec,
    sources: &'a [Source],
    report: &'a Report,
    /// None without `--mutate`, and where scenarios fail on the spec itself.
    mutation: Option<&'a Mutation>,
    min_coverage: Option<u8>,
    min_score: Option<u8>,
}

/// Runs the verb.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<Outcome, Failure> {
    let sources = context.specs(&args.specs)?;
    let spec = specs::understood(context, &sources)?;
    let chosen = chosen(&spec, &args.scenarios)?;
    let among = |scenario: &Scenario| chosen.contains(&scenario.name);
    let report = scenario::run(&spec, among).map_err(Failure::new)?;
    let sound = report.failed() == 0;
    let mutation = (args.mutate && sound)
        .then(|| scenario::mutate(&spec, among))
        .transpose()
        .map_err(Failure::new)?;
    let tested = Tested {
        spec: &spec,
        sources: &sources,
        report: &report,
        mutation: mutation.as_ref(),
        min_coverage: args.min_coverage,
        min_score: args.min_score,
    };
    match args.format.unwrap_or_else(|| context.screen.format()) {
        Format::Json => context.screen.json(&json::document(&tested))?,
        Format::Junit => context.screen.text(junit::document(&tested))?,
        _ => show::show(&tested, args.mutate, &mut context.screen)?,
    }
    let found = !sound || tested.uncovered() || tested.unnoticed();
    Ok(Outcome::found_if(found))
}

/// The names of the scenarios to run.
fn chosen(spec: &Spec, named: &[String]) -> Result<Vec<String>, Failure> {
    let all: Vec<&str> = spec.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
    if all.is_empty() {
        return Err(Failure::new("the spec has no scenario").help(
            "write one, as in `scenario \"late\" { … }`; `engine/intent/reference.md` shows how",
        ));
    }
    if named.is_empty() {
        return Ok(all.into_iter().map(str::to_owned).collect());
    }
    let mut chosen = Vec::new();
    for name in named {
        let exact: Vec<&str> = all.iter().copied().filter(|one| one == name).collect();
        let part = || all.iter().copied().filter(|one| one.contains(name.as_str())).collect();
        let found: Vec<&str> = if exact.is_empty() { part() } else { exact };
        if found.is_empty() {
            let names = all.join("`, `");
            return Err(Failure::new(format_args!("no scenario's name contains `{name}`"))
                .help(format_args!("the scenarios are `{names}`")));
        }
        chosen.extend(found.into_iter().map(str::to_owned));
    }
    Ok(chosen)
}

impl Tested<'_> {
    /// Whether less is reached than was asked for.
    fn uncovered(&self) -> bool {
        let reached = self.report.coverage.percent();
        self.min_coverage.is_some_and(|least| reached < usize::from(least))
    }

    /// Whether less is noticed than was asked for.
    fn unnoticed(&self) -> bool {
        match (self.min_score, self.mutation) {
            (Some(least), Some(mutation)) => mutation.score() < usize::from(least),
            _ => false,
        }
    }

    /// `crm.intent:12:3`.
    fn place(&self, span: Span) -> String {
        let place = render::place(span, self.sources);
        format!("{}:{}:{}", place.file, place.line, place.column)
    }
}
