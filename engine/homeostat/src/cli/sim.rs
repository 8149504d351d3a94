//! `homeostat sim`: hands over to `homeostat-sim`, as cargo does with its subcommands.
//!
//! In: everything behind `sim`, untouched. Out: what `homeostat-sim` says, and its exit code.
//! Never: knows what can be typed there; links the simulators. Start reading at [`run`].

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Command;

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;

/// Run the engine in simulated worlds where everything that can go wrong does
///
/// Hands over to the program `homeostat-sim`; `homeostat sim --help` is its help.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// What `homeostat-sim` is to do
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
    rest: Vec<OsString>,
}

/// The program's name.
const PROGRAM: &str = "homeostat-sim";

/// Runs the verb.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<Outcome, Failure> {
    context.screen.flush()?;
    let status = Command::new(program()).args(&args.rest).status().map_err(not_started)?;
    match status.code() {
        Some(0) => Ok(Outcome::Fine),
        Some(1) => Ok(Outcome::Found),
        Some(_) => Err(Failure::AlreadySaid),
        None => Err(Failure::new(format_args!("`{PROGRAM}` was killed: {status}"))),
    }
}

/// The program beside this one, or else whatever the PATH has under its name.
fn program() -> PathBuf {
    let name = format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX);
    let beside = std::env::current_exe().ok().map(|own| own.with_file_name(&name));
    beside.filter(|path| path.is_file()).unwrap_or_else(|| PathBuf::from(name))
}

fn not_started(error: std::io::Error) -> Failure {
    if error.kind() == ErrorKind::NotFound {
        return Failure::new(format_args!(
            "`{PROGRAM}` was found neither beside `homeostat` nor on the PATH"
        ))
        .help("it is a program of its own: `cargo build --release -p homeostat-sim` builds it");
    }
    Failure::new(format_args!("`{PROGRAM}` does not start: {error}"))
}
