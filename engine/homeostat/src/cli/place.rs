//! `--log DIR` or `--server URL`: what every verb takes that works on a log or asks an engine.
//!
//! In: the flags, or else what the settings say. Out: exactly one place. Start reading at [`Where`].

use std::path::PathBuf;

use crate::context::{Context, Place};
use crate::failure::Failure;

/// Where a verb finds what it works on.
#[derive(Debug, clap::Args)]
pub(crate) struct Where {
    /// The directory of a log that nobody serves
    #[arg(long, value_name = "DIR", env = "HOMEOSTAT_LOG", hide_env_values = true)]
    log: Option<PathBuf>,
    /// The engine that runs there
    #[arg(long, value_name = "URL", env = "HOMEOSTAT_SERVER", hide_env_values = true)]
    server: Option<String>,
}

impl Where {
    /// Exactly one, or why not.
    pub(crate) fn place(&self, context: &Context) -> Result<Place, Failure> {
        context.place(self.log.as_ref(), self.server.as_ref())
    }

    /// Whether a flag names one.
    pub(crate) fn is_given(&self) -> bool {
        self.log.is_some() || self.server.is_some()
    }
}
