//! `homeostat graph`: the consequence graph of a spec, before any event.

use std::path::PathBuf;

use homeostat_graph::{Program, draw};

use super::Outcome;
use crate::context::Context;
use crate::explained::coloured;
use crate::failure::Failure;
use crate::specs;

/// Draw what a spec says should follow from what
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Spec files, folders of them, or `-` for standard input
    #[arg(value_name = "SPEC", env = "HOMEOSTAT_SPEC", hide_env_values = true)]
    specs: Vec<PathBuf>,
    /// How to draw it
    #[arg(long = "as", value_enum, value_name = "DRAWING", default_value_t)]
    drawing: Drawing,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Drawing {
    #[default]
    Text,
    Mermaid,
    Dot,
    Svg,
}

const EXAMPLES: &str = "\
Examples:
  homeostat graph specs/crm
  homeostat graph specs/crm --as mermaid > graph.mmd
  homeostat graph specs/crm --as svg > graph.svg    A picture for any browser
  homeostat graph specs/crm --as dot                For Graphviz
  homeostat graph specs/crm --format json    The spec as the engine understands it";

/// Runs the verb.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<Outcome, Failure> {
    let sources = context.specs(&args.specs)?;
    let spec = specs::understood(context, &sources)?;
    if context.screen.is_json() {
        context.screen.json(&spec)?;
        return Ok(Outcome::Fine);
    }
    let program = Program::compile(&spec).map_err(Failure::new)?;
    let text = match args.drawing {
        Drawing::Text => coloured(&draw::text(&program)),
        Drawing::Mermaid => draw::mermaid(&program),
        Drawing::Dot => draw::dot(&program),
        Drawing::Svg => draw::svg(&program),
    };
    context.screen.text(text)?;
    Ok(Outcome::Fine)
}
