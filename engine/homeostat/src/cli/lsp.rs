//! `homeostat lsp`: the language server, for an editor to start.

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;
use crate::lsp::{self, Ended};

/// Serve an editor: findings, hover, completion, definitions, renaming, fixes as you type
///
/// Speaks the Language Server Protocol on standard input and output. An editor starts it; see
/// `engine/homeostat/editors/vscode` for Visual Studio Code.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What editors add by habit; standard input and output are used in any case
    #[arg(long, hide = true)]
    stdio: bool,
}

const EXAMPLES: &str = "\
Examples:
  homeostat lsp    What an editor starts for *.intent files";

/// Runs the verb.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<Outcome, Failure> {
    let Args { stdio: _ } = args;
    context.screen.flush()?;
    let ended = lsp::serve()?;
    Ok(Outcome::found_if(ended == Ended::Abruptly))
}
