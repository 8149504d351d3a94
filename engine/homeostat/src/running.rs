//! Opens log directories and starts engines on them: what `serve` and `demo` share with the verbs
//! that look at a log.
//!
//! Start reading at [`open_log`].

use std::path::Path;

use homeostat_host::store::{FjallStore, LogDirOptions, OpenError, open_log_dir};
use homeostat_log::{Log, LogError};
use tokio::runtime::Runtime;

use crate::failure::Failure;

/// What a verb wants of a log directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To look at it: it must be there.
    Look,
    /// To write to it: it is made when it is not there.
    Write,
    /// To take it as it is, although it is shorter than what was acknowledged.
    AcceptLoss,
}

/// A log that this process alone has open.
#[derive(Debug)]
pub(crate) struct OpenLog {
    /// The log.
    pub(crate) log: Log<FjallStore>,
    /// The store that it lies in.
    pub(crate) store: FjallStore,
}

/// What stands in the folder of a log.
const PARTS: [&str; 4] = ["store", "store.new", "witness", "lock"];

/// A runtime for everything that waits.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format_args!("cannot start threads: {error}")))
}

/// Opens the log in `folder`, and proves that it ends where it was last acknowledged.
pub(crate) async fn open_log(folder: &Path, purpose: Purpose) -> Result<OpenLog, Failure> {
    if purpose == Purpose::Write && is_something_else(folder) {
        return Err(Failure::new(format_args!(
            "the folder `{}` holds other files and no log",
            folder.display()
        ))
        .help("name a folder that is empty or not there yet"));
    }
    open_proven(folder, purpose).await.map_err(Failure::from)
}

/// Why a log cannot be opened.
#[derive(Debug)]
pub(crate) enum Unopened {
    /// Its directory says so.
    Dir(OpenError),
    /// Its events do.
    Log(LogError),
}

/// Opens the log in `folder`, for whoever tells damage from other failures.
pub(crate) async fn open_proven(folder: &Path, purpose: Purpose) -> Result<OpenLog, Unopened> {
    let options = LogDirOptions {
        create: purpose == Purpose::Write,
        accept_loss: purpose == Purpose::AcceptLoss,
        ..LogDirOptions::default()
    };
    let (store, witness, head) = open_log_dir(folder, &options).map_err(Unopened::Dir)?;
    let log = Log::open(store.clone(), head).await.map_err(Unopened::Log)?;
    Ok(OpenLog { log: log.with_witness(Box::new(witness)), store })
}

/// Whether there are files in `folder` and none of them is of a log.
fn is_something_else(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    let names: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
    let of_a_log = |name: &std::ffi::OsString| PARTS.iter().any(|part| name == part);
    !names.is_empty() && !names.iter().any(of_a_log)
}

impl From<Unopened> for Failure {
    fn from(error: Unopened) -> Self {
        match error {
            Unopened::Dir(error) => with_remedy(&error.to_string()),
            Unopened::Log(error) => error.into(),
        }
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        with_remedy(&error.to_string())
    }
}

/// Errors of the log say `what; remedy` in one line. Here they have two.
pub(crate) fn with_remedy(text: &str) -> Failure {
    match text.split_once("; ") {
        Some((what, remedy)) => Failure::new(what).help(remedy),
        None => Failure::new(text),
    }
}
