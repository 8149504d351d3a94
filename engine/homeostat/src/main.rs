//! The homeostat command: keeps a running system converged on what people declared that it should do.
//!
//! In: arguments, environment, `homeostat.toml`. Out: results on standard output, progress and
//! messages on standard error, and an exit code: 0 fine, 1 found something, 2 could not run.
//! Never: decides what an intent means or what a log may hold; the rooms below do.
//! Start reading at [`cli::Verb`], then the verb's own file in `cli/`.

mod cli;
mod commands;
mod config;
mod context;
mod decisions;
mod explained;
mod failure;
mod logging;
mod lsp;
mod offline;
mod remote;
mod replace;
mod running;
mod screen;
mod sources;
mod specs;
mod table;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
