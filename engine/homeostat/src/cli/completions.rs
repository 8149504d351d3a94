//! `homeostat completions`: what a shell needs to complete verbs and flags.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, Outcome};
use crate::context::Context;
use crate::failure::Failure;

/// Print a script that completes verbs and flags in a shell
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  homeostat completions bash > ~/.local/share/bash-completion/completions/homeostat
  homeostat completions zsh > ~/.zfunc/_homeostat
  homeostat completions fish > ~/.config/fish/completions/homeostat.fish";

/// Runs the verb.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "homeostat", &mut script);
    context.screen.text(String::from_utf8_lossy(&script))?;
    Ok(Outcome::Fine)
}
