//! Why a verb could not run, as people read it: `error: …` and, where they can act, `help: …`.
//!
//! Promise: a reader that has gone (a closed pipe) is no failure that anybody is told about.

use std::fmt;

/// Why a verb could not run.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something to tell the person.
    Said {
        /// What went wrong: a lowercase fragment that names its subject in backticks.
        message: String,
        /// What the person can do.
        help: Option<String>,
    },
    /// The program that was handed over to has said it.
    AlreadySaid,
    /// Whoever read standard output has had enough, as `head` does.
    ReaderGone,
}

impl Failure {
    /// A failure that says `message`.
    pub(crate) fn new(message: impl fmt::Display) -> Self {
        Self::Said { message: message.to_string(), help: None }
    }

    /// What went wrong, for who tells it in another way.
    pub(crate) fn into_words(self) -> String {
        match self {
            Self::Said { message, .. } => message,
            Self::AlreadySaid | Self::ReaderGone => String::new(),
        }
    }

    /// Adds what the person can do.
    pub(crate) fn help(self, text: impl fmt::Display) -> Self {
        match self {
            Self::Said { message, .. } => Self::Said { message, help: Some(text.to_string()) },
            Self::AlreadySaid | Self::ReaderGone => self,
        }
    }
}

impl From<homeostat_world::StoreError> for Failure {
    fn from(error: homeostat_world::StoreError) -> Self {
        Self::new(error)
    }
}
