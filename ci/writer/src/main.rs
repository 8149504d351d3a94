//! Writes a log on the real store and says what is durable; says what an image of it holds.
//!
//! `write DIR …` appends and reports on standard output, one line each: `request FIRST LAST` before
//! events are appended together, `durable POSITION` once everything up to there was acknowledged.
//! `fill DIR` makes a log whose journal is about to be replaced by a new one.
//! `chain DIR` prints the chain hash of every position, `look` takes directories from standard input
//! and prints for each, as JSON, what opening it gave. `cargo ci images` runs all of them.
//! Never: touches a file but through the host's store; that is what is tested.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its caller")]

mod look;
mod write;

use std::path::Path;
use std::process::ExitCode;

use homeostat_host::{FjallStore, LogDirOptions, open_log_dir};
use homeostat_log::Log;
use homeostat_world::Position;

const USAGE: &str = "\
usage: homeostat-ci-writer write DIR SEED BATCHES power|process
       homeostat-ci-writer fill DIR SEED
       homeostat-ci-writer chain DIR
       homeostat-ci-writer look < DIRS
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["write", directory, seed, batches, promise] => {
            write::run(Path::new(directory), seed, batches, promise)
        }
        ["fill", directory, seed] => write::fill(Path::new(directory), seed),
        ["chain", directory] => chain(Path::new(directory)),
        ["look"] => look::run(),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Opens the log in `directory` as `serve` does.
fn open(directory: &Path) -> Result<Log<FjallStore>, String> {
    let options = LogDirOptions { cache_bytes: 8 << 20, ..LogDirOptions::default() };
    let (store, witness, head) =
        open_log_dir(directory, &options).map_err(|error| error.to_string())?;
    let log = block_on(Log::open(store, head)).map_err(|error| error.to_string())?;
    Ok(log.with_witness(Box::new(witness)))
}

/// Prints the chain hash of each position, from the first.
fn chain(directory: &Path) -> Result<(), String> {
    let log = open(directory)?;
    let reader = log.reader();
    for position in 1..=log.head().position.get() {
        let chain = reader.chain_at(Position::new(position)).map_err(|error| error.to_string())?;
        println!("{}", chain.ok_or_else(|| format!("position `{position}` is missing"))?);
    }
    Ok(())
}

/// Waits for work that needs no runtime: the store answers from a thread of its own.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    // Without I/O and timers there is nothing that could fail to be made.
    #[expect(clippy::expect_used, reason = "a runtime of nothing but the caller's thread")]
    runtime.expect("a runtime").block_on(work)
}
