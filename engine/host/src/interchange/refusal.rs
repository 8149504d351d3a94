//! What is wrong with a record of a file.
//!
//! A refusal concerns one record and never stops an import: it is counted by its kind, and the
//! record goes to the file of rejects with line, reason and text.

use serde::Serialize;

/// Bytes of a refused record that are kept to be shown.
const RAW_BYTES_MAX: usize = 64 << 10;

/// Why one record of a file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Bytes that are not text.
    #[error("it is not UTF-8 text; convert the file, for example with `iconv -f latin1 -t utf-8`")]
    NotUtf8,
    /// Longer than any event may be.
    #[error("it has {found} bytes; an event may have {limit}")]
    TooLong {
        /// Its size.
        found: usize,
        /// The bound.
        limit: usize,
    },
    /// A line that is no event, in the words of the reader of events.
    #[error("{0}")]
    NotAnEvent(String),
    /// Something that every event needs and this one lacks.
    #[error("it has no `{0}`")]
    Missing(String),
    /// A time that cannot be read.
    #[error("`{found}` is no time here; expected {expected}")]
    BadTime {
        /// As it stands.
        found: String,
        /// What would have been right.
        expected: String,
    },
    /// A value that is not of the kind that the file or the mapping says it is.
    #[error("`{name}` is `{found}`; expected {expected}")]
    BadValue {
        /// The field.
        name: String,
        /// As it stands.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A row with more or fewer fields than the header.
    #[error("it has {found} fields; the header has {expected}")]
    FieldCount {
        /// The header's.
        expected: u64,
        /// The row's.
        found: u64,
    },
    /// The log would not take it, in the log's words.
    #[error("{0}")]
    NotTaken(String),
}

impl Refusal {
    /// A short name for counting: the same for all refusals of one sort.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NotUtf8 => "not UTF-8 text",
            Self::TooLong { .. } => "too long",
            Self::NotAnEvent(_) => "not an event",
            Self::Missing(_) => "something missing",
            Self::BadTime { .. } => "unreadable time",
            Self::BadValue { .. } => "unreadable value",
            Self::FieldCount { .. } => "wrong number of fields",
            Self::NotTaken(_) => "not taken by the log",
        }
    }
}

/// One refused record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The line of the file where it begins, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: Refusal,
    /// As it stands in the file, as far as it is text; the end of a very long one is left out.
    pub raw: String,
}

impl Rejected {
    pub(crate) fn new(line: u64, reason: Refusal, raw: &[u8]) -> Self {
        let text = String::from_utf8_lossy(raw.get(..RAW_BYTES_MAX).unwrap_or(raw));
        Self { line, reason, raw: text.into_owned() }
    }
}

/// `line 7: it has no `time``.
impl std::fmt::Display for Rejected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

/// As a line of the file of rejects.
impl Serialize for Rejected {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut line = serializer.serialize_struct("Rejected", 4)?;
        line.serialize_field("line", &self.line)?;
        line.serialize_field("kind", self.reason.kind())?;
        line.serialize_field("reason", &self.reason.to_string())?;
        line.serialize_field("raw", &self.raw)?;
        line.end()
    }
}

/// At most `max` characters of a text, so that a message stays one line.
pub(crate) fn shortened(text: &str, max: usize) -> String {
    let mut short: String = text.chars().take(max).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
