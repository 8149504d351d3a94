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
    let page = codes::page(code).ok_or_else(|| unknown(code))?;
    if context.screen.is_json() {
        context.screen.json(page)?;
    } else {
        context.screen.text(page)?;
    }
    Ok(Outcome::Fine)
}

/// That there is no such code, with those that may be meant: `S301` is `S0301`, `S03` begins several.
fn unknown(code: &str) -> Failure {
    let failure = Failure::new(format_args!("no finding has the code `{code}`"));
    let code = code.to_uppercase();
    let digits = code.trim_start_matches('S');
    let begun: Vec<&str> = codes::pages()
        .map(|page| page.code.as_str())
        .filter(|known| !digits.is_empty() && known.starts_with(&*code))
        .collect();
    if !begun.is_empty() {
        return failure.help(format_args!("those that begin so are `{}`", begun.join("`, `")));
    }
    let padded = format!("S{digits:0>4}");
    match codes::page(&padded) {
        Some(page) => failure.help(format_args!("did you mean `{padded}`, {}?", page.title)),
        None => failure.help("`homeostat explain` lists all codes"),
    }
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
