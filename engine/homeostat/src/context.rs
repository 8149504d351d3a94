//! What every verb is run with: the screen, the settings, and where each of them came from.
//!
//! Promise: flags win over the environment, the environment over `homeostat.toml`.

use std::io::BufRead;
use std::path::PathBuf;

use clap::ArgMatches;
use clap::parser::ValueSource;
use homeostat_intent::Source;

use crate::config::Settings;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::sources;

/// What a verb is run with.
#[derive(Debug)]
pub(crate) struct Context {
    /// Where results and messages go.
    pub(crate) screen: Screen,
    /// What `homeostat.toml` says.
    pub(crate) settings: Settings,
    /// What was typed after the verb.
    pub(crate) matches: ArgMatches,
}

/// Where a setting came from; the later wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// Nobody said anything.
    Default,
    /// `homeostat.toml`.
    File,
    /// A `HOMEOSTAT_…` variable.
    Environment,
    /// The command line.
    Flag,
}

/// Where a verb finds what it works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A log directory that nobody else has open.
    Log(PathBuf),
    /// A running engine.
    Server(String),
}

impl Context {
    /// Where the value of the argument `id` came from; `in_file` says whether the file has one.
    pub(crate) fn origin(&self, id: &str, in_file: bool) -> Origin {
        // An argument that this verb does not have came from nowhere.
        let source =
            self.matches.try_contains_id(id).ok().and_then(|_| self.matches.value_source(id));
        match source {
            Some(ValueSource::CommandLine) => Origin::Flag,
            Some(ValueSource::EnvVariable) => Origin::Environment,
            _ if in_file => Origin::File,
            _ => Origin::Default,
        }
    }

    /// The value of a global argument.
    pub(crate) fn global<T: Clone + Send + Sync + 'static>(&self, id: &str) -> Option<T> {
        self.matches.try_get_one::<T>(id).ok().flatten().cloned()
    }

    /// Refuses flags that mean nothing to a running server: silently left out, they would mislead.
    pub(crate) fn no_flags_for_server(&self, flags: &[&str]) -> Result<(), Failure> {
        let given = flags.iter().find(|flag| self.origin(flag, false) == Origin::Flag);
        given.map_or(Ok(()), |flag| {
            Err(Failure::new(format_args!(
                "`--{}` means nothing to a running server, which has its own spec and clock",
                flag.replace('_', "-")
            ))
            .help("leave it out, or look at a log that nobody serves with `--log DIR`"))
        })
    }

    /// The specs that were named, or else those of the settings.
    pub(crate) fn specs(&self, named: &[PathBuf]) -> Result<Vec<Source>, Failure> {
        sources::read_specs(self.spec_paths(named))
    }

    /// Where the specs that were named lie, or else those of the settings.
    pub(crate) fn spec_paths<'a>(&'a self, named: &'a [PathBuf]) -> &'a [PathBuf] {
        if named.is_empty() { &self.settings.spec } else { named }
    }

    /// The log directory that was named, or else that of the settings.
    pub(crate) fn log_dir(&self, named: Option<&PathBuf>) -> Result<PathBuf, Failure> {
        named.or(self.settings.log.as_ref()).cloned().ok_or_else(|| {
            Failure::new("no log was named")
                .help("name its folder with `--log DIR`, or set `log = \"…\"` in homeostat.toml")
        })
    }

    /// The log or the server, whichever was said with more weight.
    pub(crate) fn place(
        &self,
        log: Option<&PathBuf>,
        server: Option<&String>,
    ) -> Result<Place, Failure> {
        let log_origin = self.origin("log", self.settings.log.is_some());
        let server_origin = self.origin("server", self.settings.server.is_some());
        let log = log.or(self.settings.log.as_ref());
        let server = server.or(self.settings.server.as_ref());
        match (log, server) {
            (Some(_), Some(_)) if log_origin == server_origin => Err(Failure::new(
                "both a log and a server were named",
            )
            .help("give `--log DIR` for a log that nobody serves, or `--server URL` for one that runs")),
            (Some(log), Some(_)) if log_origin > server_origin => Ok(Place::Log(log.clone())),
            (_, Some(server)) => Ok(Place::Server(server.clone())),
            (Some(log), None) => Ok(Place::Log(log.clone())),
            (None, None) => Err(Failure::new("neither a log nor a server was named")
                .help("give `--log DIR` for a log that nobody serves, or `--server URL` for one that runs")),
        }
    }

    /// The running engine that is named, for what only one that runs can do.
    pub(crate) fn server(&self, server: Option<&String>) -> Result<String, Failure> {
        server.or(self.settings.server.as_ref()).cloned().ok_or_else(|| {
            Failure::new("no server was named").help(
                "this goes to a running engine: give `--server URL`, or set `server = \"…\"` in \
                 homeostat.toml",
            )
        })
    }

    /// Asks whoever sits at the terminal.
    pub(crate) fn answer(&mut self, question: &str) -> Result<String, Failure> {
        self.screen.ask(question);
        let mut line = String::new();
        std::io::stdin()
            .lock()
            .read_line(&mut line)
            .map_err(|error| Failure::new(format_args!("cannot read your answer: {error}")))?;
        Ok(line.trim().to_owned())
    }
}
