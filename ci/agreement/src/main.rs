//! Holds both evaluators equal on as many generated specs and logs as it is told.
//!
//! `homeostat-ci-agreement CASES FROM` takes the cases of the seeds from FROM on, on every core, and
//! prints how often each construct came up; or the smallest case that the two see differently.
//! Never: chooses a seed itself, so a run can be had again. `cargo ci agreement` runs it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its caller")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use homeostat_graph::reference::agreement::{Coverage, agree};

/// Seeds that one thread takes at a time.
const CHUNK: u64 = 500;

fn main() -> ExitCode {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|it| it.parse().ok()).collect();
    let &[cases, from] = numbers.as_slice() else {
        eprintln!("usage: homeostat-ci-agreement CASES FROM");
        return ExitCode::from(2);
    };
    match all(from, from.saturating_add(cases)) {
        Ok(seen) => {
            println!("{cases} cases from seed {from}: the evaluators agree\n{seen}");
            ExitCode::SUCCESS
        }
        Err(difference) => {
            eprintln!("{difference}");
            ExitCode::FAILURE
        }
    }
}

/// Every seed, or the first difference that a thread came upon.
fn all(from: u64, to: u64) -> Result<Coverage, String> {
    let (next, differs) = (AtomicU64::new(from), AtomicBool::new(false));
    let work = || {
        let mut seen = Coverage::default();
        loop {
            let start = next.fetch_add(CHUNK, Ordering::Relaxed);
            if start >= to || differs.load(Ordering::Relaxed) {
                return Ok(seen);
            }
            match agree(start..to.min(start + CHUNK)) {
                Ok(more) => seen.add(&more),
                Err(difference) => {
                    differs.store(true, Ordering::Relaxed);
                    return Err(difference);
                }
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut seen = Coverage::default();
        for thread in running {
            match thread.join() {
                Ok(found) => seen.add(&found?),
                Err(_) => return Err("an evaluator panicked; its words are above".to_owned()),
            }
        }
        Ok(seen)
    })
}
