//! Events in files of other formats: CloudEvents JSON Lines, CSV and XES, in and out.
//!
//! In: a file and how to read it. Out: events in a log, and a report of what was refused and why;
//! or a log, written as such a file.
//! Never: stops at a bad record; changes an event on the way.
//! Promise: the same file gives the same ids, so importing it again, or going on after a break,
//! stores nothing twice. What is exported as JSON Lines comes back as the same events.
//! Start reading at [`import`](fn@import) and [`export`](fn@export).

mod csv;
mod export;
mod fields;
mod file;
mod import;
mod jsonl;
mod order;
mod refusal;
mod report;
mod time_text;
mod xes;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use homeostat_log::NewEvent;
use homeostat_world::Timestamp;

pub use self::csv::{Columns, ColumnsError};
pub use self::export::{ExportError, ExportOptions, Exported, export, export_to};
pub use self::import::{ImportError, import};
pub use self::refusal::{Refusal, Rejected};
pub use self::report::{Progress, Report, Stage};
pub use self::time_text::{TimeFormat, ZoneError, zone};

use self::fields::{Cell, Fields};

/// What the entity of a case is called when nobody says.
pub const CASE: &str = "case";

/// What a file of events is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One CloudEvents JSON object a line.
    JsonLines,
    /// A table with a header.
    Csv,
    /// The XML of event logs.
    Xes,
}

/// How a file is to be read. What it leaves open is found in the file.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Its format, when its name does not say.
    pub format: Option<Format>,
    /// The `source` of its events (CSV and XES): `import:` and the file's name, unless said
    /// otherwise. Source and id together name an event, so the same file under another source is
    /// other events.
    pub source: Option<String>,
    /// What the cases of the file are (CSV and XES): `declaration`. Each event gets a field of this
    /// name with the id of its case, and the subject `declaration/<id>`.
    pub case: Option<String>,
    /// How it writes times (CSV and XES).
    pub time: TimeFormat,
    /// What its columns are (CSV).
    pub columns: Columns,
    /// Fields that get another name (CSV and XES), so that a spec can say it: `(case)_Amount` to
    /// `amount`.
    pub rename: BTreeMap<String, String>,
    /// Takes the engine's own events too (JSON Lines), to restore a log from its export. Their ids
    /// name positions, so the log must be empty. Otherwise they are left out and counted.
    pub engine_events: bool,
    /// Where refused records are written, as JSON Lines. Without it they are only counted.
    pub rejects: Option<PathBuf>,
}

impl Format {
    /// The format that the name of a file says, `.gz` apart.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        match unpacked_ending(path)?.as_str() {
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            "csv" | "tsv" => Some(Self::Csv),
            "xes" => Some(Self::Xes),
            _ => None,
        }
    }
}

/// The ending of a file's name, below `.gz` if it has that, in lower case.
fn unpacked_ending(path: &Path) -> Option<String> {
    let ending = |path: &Path| Some(path.extension()?.to_str()?.to_ascii_lowercase());
    match ending(path)?.as_str() {
        "gz" => ending(Path::new(path.file_stem()?)),
        other => Some(other.to_owned()),
    }
}

/// Why a text names no format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no format `{0}`; expected `jsonl`, `csv` or `xes`")]
pub struct FormatError(String);

impl FromStr for Format {
    type Err = FormatError;
    fn from_str(text: &str) -> Result<Self, FormatError> {
        match text.to_ascii_lowercase().as_str() {
            "jsonl" | "ndjson" => Ok(Self::JsonLines),
            "csv" => Ok(Self::Csv),
            "xes" => Ok(Self::Xes),
            _ => Err(FormatError(text.to_owned())),
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::JsonLines => "jsonl",
            Self::Csv => "csv",
            Self::Xes => "xes",
        })
    }
}

/// What a reader finds next.
enum Record {
    /// An event, and the number of its case in this file when the file has cases.
    Event { case: Option<usize>, event: NewEvent, line: u64 },
    /// Something that is no event.
    Rejected(Rejected),
    /// One of the engine's own events, which this import does not take.
    LeftOut,
}

/// Nothing after this line can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Broken {
    line: u64,
    what: String,
}

/// Turns the text of a file into records, one at a time.
trait RecordReader {
    /// The next record; none at the end of the file.
    fn next(&mut self) -> Result<Option<Record>, Broken>;
}

/// An event of a file of cases, its fields still under the file's own names.
struct Unmapped {
    case: Option<String>,
    id: String,
    r#type: String,
    time: Timestamp,
    subject: Option<String>,
    fields: Fields,
}

impl Unmapped {
    fn into_event(self, options: &Options) -> Result<NewEvent, Refusal> {
        let Self { case, id, r#type, time, subject, fields } = self;
        if r#type.is_empty() {
            return Err(Refusal::Missing("type".to_owned()));
        }
        let entity = options.case.as_deref().unwrap_or(CASE);
        let mut named = Fields::default();
        if let Some(case) = &case {
            named.add(entity.to_owned(), Cell::Text(case.clone()));
        }
        for (name, cell) in fields.into_iter() {
            named.add(options.rename.get(&name).cloned().unwrap_or(name), cell);
        }
        Ok(NewEvent {
            id,
            source: options.source.clone().unwrap_or_default(),
            r#type,
            time,
            subject: subject.or_else(|| case.map(|case| format!("{entity}/{case}"))),
            kind: homeostat_log::Kind::Primary,
            cause: None,
            actor: homeostat_log::Actor::World,
            depth: 0,
            enriches: None,
            data: named.into_data().map_err(|error| Refusal::NotAnEvent(error.to_string()))?,
        })
    }
}

/// The source of the events of a file: its name without `.gz`, so that packing changes nothing,
/// with what may not stand in a URI written as `%XX`.
fn source_of(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let mut source = String::from("import:");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            source.push(char::from(byte));
        } else {
            source.push_str(&format!("%{byte:02X}"));
        }
    }
    source
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_says_its_format_packed_or_not() {
        for (name, format) in [
            ("a.jsonl", Some(Format::JsonLines)),
            ("a.NDJSON.gz", Some(Format::JsonLines)),
            ("dir.xes/a.csv", Some(Format::Csv)),
            ("a.tsv.gz", Some(Format::Csv)),
            ("Domestic.xes.gz", Some(Format::Xes)),
            ("a.json", None),
            ("a.gz", None),
            ("a", None),
        ] {
            assert_eq!(Format::of(Path::new(name)), format, "{name}");
        }
        for format in [Format::JsonLines, Format::Csv, Format::Xes] {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
    }

    #[test]
    fn a_packed_file_and_the_same_unpacked_have_one_source() {
        assert_eq!(source_of(Path::new("/x/Log of May.xes.gz")), "import:Log%20of%20May.xes");
        assert_eq!(source_of(Path::new("Log of May.xes")), "import:Log%20of%20May.xes");
    }
}
