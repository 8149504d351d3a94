//! The agents file: which agent does which action, and on what terms.
//!
//! In: the text of a TOML file. Out: an [`AgentsFile`], or every mistake in it with its line and a remedy.
//! Never: opens a file, starts anything. Promise: what is accepted can be run; each action has at most one agent.
//! The format is described in `agents-file.md`. Start reading at [`AgentsFile::parse`].

mod read;

use std::collections::BTreeMap;
use std::fmt;

use homeostat_log::Confidence;
use homeostat_world::Duration;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// Who can be spawned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentsFile {
    members: Vec<Member>,
}

/// One agent of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// The actions that it does. None: any that no other agent does.
    pub actions: Option<Vec<String>>,
    /// How it works.
    pub kind: Kind,
    /// How long it may take.
    pub time: Duration,
    /// What one run may cost at most, in millionths of a dollar.
    pub cost_max: u64,
    /// What every run costs, in millionths of a dollar, besides what it claims.
    pub cost_per_run: u64,
    /// Event types that it may append besides those that close its gap.
    pub may_append: Vec<String>,
}

/// How an agent works.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// By a script, in every world.
    Mock(Script),
    /// As a program.
    Command(CommandLine),
}

/// What a mock does.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// How long it takes, at least and at most.
    pub takes: (Duration, Duration),
    /// How it does, run by run.
    pub plan: Plan,
    /// What it appends. Empty: the first event type that closes the gap.
    pub append: Vec<Template>,
}

/// Which deed a run of a mock is.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// By attempt, from the start again after the last.
    Cycle(Vec<Deed>),
    /// By chance, weighted.
    Weighted(BTreeMap<Deed, u32>),
}

/// What a run of a mock does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Appends what closes the gap.
    Resolve,
    /// Says that it gives up.
    Fail,
    /// Never ends by itself.
    Stall,
    /// Asks for a person.
    NeedsHuman,
    /// Appends an event about another instance.
    WrongKey,
    /// Appends an event of a type that it may not.
    ForbiddenType,
    /// Prints what is no claim.
    Garbage,
    /// Ends without a word.
    Silent,
    /// Claims to have cost more than it may.
    Overspend,
    /// Ends as a program does that crashes.
    Crash,
    /// Says that all is done, and appends nothing.
    Lie,
    /// Claims what is the engine's to say: who acted, because of what, where it stands.
    Forge,
    /// Appends what closes the gap, and among it an event that it may not.
    Smuggle,
    /// Says everything twice.
    Echo,
    /// Appends what closes the gap, at nine tenths of all that it may cost.
    Hoard,
    /// Appends the least or the most that its ranges allow, never what lies between, so that two
    /// agents say the opposite.
    Contradict,
    /// Appends all that it was told with its event.
    Leak,
    /// Is deaf to its end, and answers after it.
    Late,
    /// Appends what closes the gap, as an enrichment of an event that it was not shown.
    Presume,
}

/// An event that a mock appends. Texts may hold names in braces, as `{customer}`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Its type. None: the first that closes the gap.
    #[serde(default)]
    pub r#type: Option<String>,
    /// Its payload, besides the keys of the gap. `{ from = 1, to = 6 }` draws a number.
    #[serde(default)]
    pub data: Map<String, Json>,
    /// As an enrichment of the trigger, and how sure of it.
    #[serde(default)]
    pub inferred: Option<Confidence>,
}

/// A program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    /// The program and its arguments. No shell reads them.
    pub argv: Vec<String>,
    /// Variables of its environment.
    pub env: BTreeMap<String, String>,
    /// Variables that it gets from the engine's environment. All others are kept from it.
    pub pass_env: Vec<String>,
    /// Where it runs. None: where the engine does.
    pub cwd: Option<String>,
}

/// One mistake in an agents file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// Every mistake in an agents file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FileErrors(pub Vec<FileError>);

impl AgentsFile {
    /// Reads the text of an agents file.
    ///
    /// # Errors
    /// Every mistake, with its line.
    pub fn parse(text: &str) -> Result<Self, FileErrors> {
        read::read(text).map(|members| Self { members }).map_err(FileErrors)
    }

    /// Every agent, in the order of the file.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The agent of that name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }

    /// The agent that does `action`: the one that names it, or else the one for any.
    #[must_use]
    pub fn member_for(&self, action: &str) -> Option<&Member> {
        let names_it = |member: &&Member| {
            member.actions.as_ref().is_some_and(|actions| actions.iter().any(|it| it == action))
        };
        let named = self.members.iter().find(names_it);
        named.or_else(|| self.members.iter().find(|member| member.actions.is_none()))
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, "\n  help: {help}"))
    }
}

impl fmt::Display for FileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        self.0.iter().try_for_each(|error| {
            write!(f, "{separator}{error}")?;
            separator = "\n";
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
