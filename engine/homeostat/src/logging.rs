//! Structured messages of the engine (tracing), on standard error.
//!
//! Never: writes to standard output, which belongs to results.

use std::io;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use crate::failure::Failure;

/// `--log-format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Starts writing messages of `level` (`info`, or a filter such as `homeostat_kernel=debug`).
pub(crate) fn start(level: &str, format: LogFormat, color: bool) -> Result<(), Failure> {
    let filter = of_ours(level).parse::<EnvFilter>().map_err(|error| {
        Failure::new(format_args!("`{level}` is no log level: {error}"))
            .help("use one of error, warn, info, debug, trace, or `target=level,…`")
    })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = match format {
        LogFormat::Text => lines.with_ansi(color).with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| Failure::new(format_args!("cannot start logging: {error}")))
}

/// A bare level speaks of this program; what its storage has to say about every opening is of no
/// interest to people who run it, unless they ask by name.
fn of_ours(level: &str) -> String {
    match level {
        "off" => level.to_owned(),
        // What makes a verb fail comes back as its error; twice would be confusing.
        "error" => "error,fjall=off,lsm_tree=off".to_owned(),
        "warn" | "info" | "debug" | "trace" => format!("{level},fjall=warn,lsm_tree=warn"),
        filter => filter.to_owned(),
    }
}
