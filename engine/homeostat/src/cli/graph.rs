//! `homeostat graph`: the consequence graph of a spec, before any event.

use std::path::PathBuf;

use homeostat_graph::{Program, draw};

use super::Outcome;
use crate::context::Context;
use crate::explained::coloured;
use crate::failure::Failure;
use crate::screen::Format;
use crate::specs;

/// Draw what a spec says should follow from what
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Spec files, folders of them, or `-` for standard input
    #[arg(value_name = "SPEC", env = "HOMEOSTAT_SPEC", hide_env_values = true)]
    specs: Vec<PathBuf>,
    /// What it is printed as [default: text]
    #[arg(long, value_name = "FORMAT")]
    #[arg(value_parser = Format::among(&["text", "mermaid", "dot", "svg", "json"]))]
    format: Option<Format>,
    // The name that it had before.
    #[arg(long = "as", hide = true, conflicts_with = "format")]
    #[arg(value_parser = Format::among(&["text", "mermaid", "dot", "svg"]))]
    drawing: Option<Format>,
}

const EXAMPLES: &str = "\
Examples:
  homeostat graph specs/crm
  homeostat graph specs/crm --format mermaid > graph.mmd
  homeostat graph specs/crm --format svg > graph.svg    A picture for any browser
  homeostat graph specs/crm --format dot                For Graphviz
  homeostat graph specs/crm --format json               The spec as the engine understands it";

/// Runs the verb.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<Outcome, Failure> {
    let sources = context.specs(&args.specs)?;
    let spec = specs::understood(context, &sources)?;
    let format = args.format.or(args.drawing).unwrap_or_else(|| context.screen.format());
    if format == Format::Json {
        context.screen.json(&spec)?;
        return Ok(Outcome::Fine);
    }
    let program = Program::compile(&spec).map_err(Failure::new)?;
    let text = match format {
        Format::Mermaid => draw::mermaid(&program),
        Format::Dot => draw::dot(&program),
        Format::Svg => draw::svg(&program),
        _ => coloured(&draw::text(&program)),
    };
    context.screen.text(text)?;
    Ok(Outcome::Fine)
}
