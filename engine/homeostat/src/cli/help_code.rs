//! `homeostat help-code`: the pages behind the codes of `homeostat check`.

use homeostat_intent::codes;

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::screen::{paint, painted};

/// List the codes of findings in specs, or show the page of one
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A code, as in `error[S0103]`; without one all are listed
    code: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  homeostat help-code          Every code with its title
  homeostat help-code S0103    What it means, a spec that has it, and the same spec without";

/// Runs the verb.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<Outcome, Failure> {
    match &args.code {
        Some(code) => page(code, context),
        None => list(context),
    }
}

/// Shows the page of one code.
pub(crate) fn page(code: &str, context: &mut Context) -> Result<Outcome, Failure> {
    let page = codes::page(code).ok_or_else(|| {
        Failure::new(format_args!("no finding has the code `{code}`"))
            .help("`homeostat help-code` lists all codes")
    })?;
    if context.screen.is_json() {
        context.screen.json(page)?;
    } else {
        context.screen.text(page)?;
    }
    Ok(Outcome::Fine)
}

/// Lists all codes with their titles.
pub(crate) fn list(context: &mut Context) -> Result<Outcome, Failure> {
    if context.screen.is_json() {
        let pages: Vec<_> = codes::pages().collect();
        context.screen.json(&pages)?;
        return Ok(Outcome::Fine);
    }
    for page in codes::pages() {
        context.screen.line(format_args!("{}  {}", painted(paint::NAME, page.code), page.title))?;
    }
    Ok(Outcome::Fine)
}
