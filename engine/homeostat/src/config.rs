//! `homeostat.toml`: settings that would be tiresome to type. Flags win over the environment, the
//! environment over this file, this file over the defaults.
//!
//! In: a file. Out: [`Settings`]. Promise: an unknown key is an error that names its line.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use homeostat_world::Duration;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::logging::LogFormat;
use crate::screen::{Color, Format};

/// The file that is read from the current folder when `--config` names no other.
pub(crate) const FILE: &str = "homeostat.toml";

/// What the file may say. Paths in it are relative to the file itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Settings {
    /// The log directory.
    pub(crate) log: Option<PathBuf>,
    /// Spec files or folders.
    #[serde(default)]
    pub(crate) spec: Vec<PathBuf>,
    /// The agents file.
    pub(crate) agents: Option<PathBuf>,
    /// The address that `serve` listens on.
    pub(crate) listen: Option<String>,
    /// The server that `append`, `gaps` and `review` talk to.
    pub(crate) server: Option<String>,
    /// What an acknowledgement promises.
    pub(crate) durability: Option<Durability>,
    /// How often `serve` checks what it keeps against the log.
    pub(crate) check_every: Option<CheckEvery>,
    /// Whether `serve` runs the commands that the contract names.
    pub(crate) run_checks: Option<bool>,
    /// How long each may take.
    pub(crate) check_time: Option<Duration>,
    /// Colours.
    pub(crate) color: Option<Color>,
    /// What results are printed as.
    pub(crate) format: Option<Format>,
    /// Which messages of the engine are shown.
    pub(crate) log_level: Option<String>,
    /// What they look like.
    pub(crate) log_format: Option<LogFormat>,
}

/// `--durability`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Durability {
    #[default]
    Power,
    Process,
}

/// `--check-every`: a length of time, or `never`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct CheckEvery(pub(crate) Option<Duration>);

impl Default for CheckEvery {
    /// Once a day: a replay of the whole log in the background.
    fn default() -> Self {
        Self(Some(Duration::from_secs(86_400)))
    }
}

impl FromStr for CheckEvery {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "never" {
            return Ok(Self(None));
        }
        let every: Duration =
            text.parse().map_err(|error| format!("{error}, or the word `never`"))?;
        match every >= CHECK_EVERY_MIN {
            true => Ok(Self(Some(every))),
            false => Err(format!("`{text}` is too often, expected at least `{CHECK_EVERY_MIN}`")),
        }
    }
}

/// A check reads the whole log.
const CHECK_EVERY_MIN: Duration = Duration::from_secs(1);

impl TryFrom<String> for CheckEvery {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<CheckEvery> for String {
    fn from(every: CheckEvery) -> Self {
        every.0.map_or_else(|| "never".to_owned(), |every| every.to_string())
    }
}

impl From<Durability> for homeostat_world::Durability {
    fn from(durability: Durability) -> Self {
        match durability {
            Durability::Power => Self::Power,
            Durability::Process => Self::Process,
        }
    }
}

/// Reads the file that was asked for, or else `homeostat.toml` here if there is one.
pub(crate) fn read(asked: Option<&Path>) -> Result<Settings, Failure> {
    let path = asked.unwrap_or(Path::new(FILE));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if asked.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Settings::default());
        }
        Err(error) => {
            return Err(Failure::new(format_args!(
                "cannot read the configuration `{}`: {error}",
                path.display()
            )));
        }
    };
    let mut settings = parse(path, &text)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    for path in settings.log.iter_mut().chain(&mut settings.spec).chain(&mut settings.agents) {
        *path = folder.join(&*path);
    }
    Ok(settings)
}

fn parse(path: &Path, text: &str) -> Result<Settings, Failure> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| {
            text.bytes().take(span.start).filter(|byte| *byte == b'\n').count().saturating_add(1)
        });
        Failure::new(format_args!("{}:{line}: {}", path.display(), error.message()))
            .help("`homeostat serve --print-config` shows every setting with its key")
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test says what it expects")]

    use super::*;

    #[test]
    fn an_unknown_key_is_an_error_with_its_line() {
        let error = parse(Path::new("h.toml"), "log = \"l\"\n\nlgo = 1\n").unwrap_err();
        let Failure::Said { message, .. } = error else { unreachable!("it says something") };
        assert!(message.starts_with("h.toml:3: unknown field `lgo`"), "{message}");
    }

    #[test]
    fn every_setting_is_read() {
        let settings = parse(
            Path::new("h.toml"),
            "log = \"l\"\nspec = [\"s\"]\nagents = \"a\"\nlisten = \"0:1\"\nserver = \"u\"\n\
             durability = \"process\"\ncheck-every = \"12h\"\ncolor = \"never\"\nformat = \"json\"\n\
             log-level = \"debug\"\nlog-format = \"json\"\n",
        )
        .unwrap();
        assert_eq!(settings.durability, Some(Durability::Process));
        let half_a_day = Duration::from_secs(43_200);
        assert_eq!(settings.check_every, Some(CheckEvery(Some(half_a_day))));
        assert_eq!(settings.color, Some(Color::Never));
        assert_eq!(settings.spec, [PathBuf::from("s")]);
        assert_eq!(settings.log_format, Some(LogFormat::Json));
    }
}
