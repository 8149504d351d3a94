//! Reads tables: one event a row, columns mapped to the parts of an event.
//!
//! In: CSV with a header. Out: one record per row, in file order.
//! Never: guesses that a text is a number; a column is one when the caller says so.
//! Promise: a bad row is refused alone; a mapping that names no column is an error before the
//! first row. Start reading at [`Table::new`], which resolves the mapping.

use std::collections::BTreeMap;

use homeostat_world::Timestamp;

use ::csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder, WriterBuilder};

use super::fields::{Cell, Fields};
use super::file::Lines;
use super::refusal::{Refusal, Rejected, shortened};
use super::{Broken, Options, Record, RecordReader, Unmapped};

/// Which column holds what. A part that is not named is looked for under the names that process
/// mining tools and CloudEvents give it; every other column becomes a field of the event's data.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    /// The case: the entity instance that the event is about. Usual: `case:concept:name`.
    pub case: Option<String>,
    /// The event's id, unique in the file. Usual: `id`.
    pub id: Option<String>,
    /// The event's type. Usual: `concept:name`, `type`.
    pub r#type: Option<String>,
    /// When it happened. Usual: `time:timestamp`, `time`.
    pub time: Option<String>,
    /// What it is about, as `entity/id`. Usual: `subject`.
    pub subject: Option<String>,
    /// Columns whose values are numbers.
    pub numbers: Vec<String>,
    /// Columns whose values are `true` or `false`.
    pub truths: Vec<String>,
    /// What stands between two values; a comma unless said otherwise.
    pub delimiter: Option<u8>,
}

/// What the columns are for, by their names in the header.
const USUAL_CASE: [&str; 2] = ["case:concept:name", "case_id"];
const USUAL_TYPE: [&str; 3] = ["concept:name", "type", "activity"];
const USUAL_TIME: [&str; 3] = ["time:timestamp", "time", "timestamp"];
const USUAL_ID: [&str; 1] = ["id"];
const USUAL_SUBJECT: [&str; 1] = ["subject"];

/// Why a mapping does not fit a table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ColumnsError {
    /// The mapping names a column that is not there.
    #[error("there is no column `{wanted}`; the header has {header}")]
    Unknown {
        /// The column.
        wanted: String,
        /// What there is.
        header: String,
    },
    /// No column of a usual name, and the mapping is silent.
    #[error(
        "no column holds the {part} of an event; the header has {header}; name one with `--column {part}=NAME`"
    )]
    NotFound {
        /// `type` or `time`.
        part: &'static str,
        /// What there is.
        header: String,
    },
    /// Nothing at all, or no text.
    #[error("it has no header line that can be read: {0}")]
    NoHeader(String),
}

pub(crate) struct Table {
    rows: Reader<Lines>,
    row: ByteRecord,
    roles: Vec<Role>,
    options: Options,
    /// The number of each case, and how many of its rows were seen.
    cases: BTreeMap<String, (usize, u64)>,
    read: u64,
}

enum Role {
    Case,
    Id,
    Type,
    Time,
    Subject,
    Field { name: String, kind: FieldKind },
}

#[derive(Clone, Copy)]
enum FieldKind {
    Text,
    Number,
    Truth,
}

impl Table {
    pub(crate) fn new(lines: Lines, options: &Options) -> Result<Self, ColumnsError> {
        let delimiter = options.columns.delimiter.unwrap_or(b',');
        let mut rows = ReaderBuilder::new().delimiter(delimiter).from_reader(lines);
        let header = rows.headers().map_err(|error| ColumnsError::NoHeader(error.to_string()))?;
        let header: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
        if header.iter().all(String::is_empty) {
            return Err(ColumnsError::NoHeader("it is empty".to_owned()));
        }
        let roles = resolve(&header, &options.columns)?;
        let row = ByteRecord::new();
        Ok(Self { rows, row, roles, options: options.clone(), cases: BTreeMap::new(), read: 0 })
    }

    /// Makes an event of the row at hand.
    fn event(&mut self) -> Result<(Option<usize>, homeostat_log::NewEvent), Refusal> {
        let mut made = Unmapped {
            case: None,
            id: String::new(),
            r#type: String::new(),
            time: Timestamp::MIN,
            subject: None,
            fields: Fields::default(),
        };
        let (case, nth) = match self.case()? {
            Some((number, name, nth)) => {
                made.case = Some(name);
                (Some(number), nth)
            }
            None => (None, self.read),
        };
        let mut time = None;
        for (role, value) in self.roles.iter().zip(&self.row) {
            let value = std::str::from_utf8(value).map_err(|_| Refusal::NotUtf8)?;
            match role {
                _ if value.is_empty() => {}
                Role::Case => {}
                Role::Id => made.id = value.to_owned(),
                Role::Type => made.r#type = value.to_owned(),
                Role::Time => time = Some(self.options.time.read(value)?),
                Role::Subject => made.subject = Some(value.to_owned()),
                Role::Field { name, kind } => {
                    made.fields.add(name.clone(), kind.read(name, value)?);
                }
            }
        }
        made.time = time.ok_or_else(|| Refusal::Missing("time".to_owned()))?;
        if made.id.is_empty() {
            made.id = match &made.case {
                Some(case) => format!("{case}/{nth}"),
                None => format!("row/{nth}"),
            };
        }
        Ok((case, made.into_event(&self.options)?))
    }

    /// The number and name of the row's case, and the how-manieth row of it this is.
    ///
    /// A row that is refused counts too, so that the ids of the rows after it stay what they are
    /// once it is put right.
    fn case(&mut self) -> Result<Option<(usize, String, u64)>, Refusal> {
        let Some(column) = self.roles.iter().position(|role| matches!(role, Role::Case)) else {
            return Ok(None);
        };
        let bytes = self.row.get(column).unwrap_or_default();
        let name = std::str::from_utf8(bytes).map_err(|_| Refusal::NotUtf8)?.trim();
        if name.is_empty() {
            return Err(Refusal::Missing("case".to_owned()));
        }
        let next = self.cases.len();
        let (number, seen) = self.cases.entry(name.to_owned()).or_insert((next, 0));
        *seen += 1;
        Ok(Some((*number, name.to_owned(), *seen)))
    }

    fn raw(&self) -> Vec<u8> {
        let delimiter = self.options.columns.delimiter.unwrap_or(b',');
        let mut writer =
            WriterBuilder::new().delimiter(delimiter).flexible(true).from_writer(vec![]);
        // Writing to memory does not fail; if it did, the reject would only lack its text.
        let written = writer.write_byte_record(&self.row).is_ok();
        let mut text = if written { writer.into_inner().unwrap_or_default() } else { Vec::new() };
        text.pop_if(|last| *last == b'\n');
        text
    }
}

impl RecordReader for Table {
    fn next(&mut self) -> Result<Option<Record>, Broken> {
        self.rows.get_mut().new_record();
        let read = self.rows.read_byte_record(&mut self.row);
        let line = self.row.position().map_or(0, ::csv::Position::line);
        self.read += 1;
        let made = match read {
            Ok(false) => return Ok(None),
            Ok(true) => self.event(),
            Err(error) => match error.into_kind() {
                ErrorKind::UnequalLengths { expected_len, len, .. } => {
                    // What is wrong with its case is not the first thing wrong with this row.
                    self.case().ok();
                    Err(Refusal::FieldCount { expected: expected_len, found: len })
                }
                ErrorKind::Io(error) => return Err(Broken { line, what: error.to_string() }),
                other => return Err(Broken { line, what: format!("{other:?}") }),
            },
        };
        Ok(Some(match made {
            Ok((case, event)) => Record::Event { case, event, line },
            Err(reason) => Record::Rejected(Rejected::new(line, reason, &self.raw())),
        }))
    }
}

fn resolve(header: &[String], columns: &Columns) -> Result<Vec<Role>, ColumnsError> {
    let shown = || {
        let names: Vec<String> = header.iter().map(|name| format!("`{name}`")).collect();
        shortened(&names.join(", "), 400)
    };
    let place = |name: &str| header.iter().position(|column| column == name);
    let named = |name: &str| {
        place(name)
            .ok_or_else(|| ColumnsError::Unknown { wanted: name.to_owned(), header: shown() })
    };
    let find = |wanted: &Option<String>, usual: &[&str]| match wanted {
        Some(name) => named(name).map(Some),
        None => Ok(usual.iter().find_map(|name| place(name))),
    };
    let needed = |part, found: Option<usize>| {
        found.ok_or_else(|| ColumnsError::NotFound { part, header: shown() })
    };
    let case = find(&columns.case, &USUAL_CASE)?;
    let r#type = needed("type", find(&columns.r#type, &USUAL_TYPE)?)?;
    let time = needed("time", find(&columns.time, &USUAL_TIME)?)?;
    let id = find(&columns.id, &USUAL_ID)?;
    let subject = find(&columns.subject, &USUAL_SUBJECT)?;
    for name in columns.numbers.iter().chain(&columns.truths) {
        named(name)?;
    }
    let role = |(column, name): (usize, &String)| match column {
        _ if Some(column) == case => Role::Case,
        _ if column == r#type => Role::Type,
        _ if column == time => Role::Time,
        _ if Some(column) == id => Role::Id,
        _ if Some(column) == subject => Role::Subject,
        _ => {
            let kind = if columns.numbers.contains(name) {
                FieldKind::Number
            } else if columns.truths.contains(name) {
                FieldKind::Truth
            } else {
                FieldKind::Text
            };
            let name =
                if name.is_empty() { format!("column {}", column + 1) } else { name.clone() };
            Role::Field { name, kind }
        }
    };
    Ok(header.iter().enumerate().map(role).collect())
}

impl FieldKind {
    fn read(self, name: &str, value: &str) -> Result<Cell, Refusal> {
        let trimmed = value.trim();
        let (cell, expected) = match self {
            Self::Text => return Ok(Cell::Text(value.to_owned())),
            Self::Number => {
                let whole = trimmed.parse().ok().map(Cell::Int);
                let finite = || trimmed.parse().ok().filter(|number: &f64| number.is_finite());
                (whole.or_else(|| finite().map(Cell::Float)), "a number")
            }
            Self::Truth => {
                let truth = match trimmed {
                    _ if trimmed.eq_ignore_ascii_case("true") || trimmed == "1" => Some(true),
                    _ if trimmed.eq_ignore_ascii_case("false") || trimmed == "0" => Some(false),
                    _ => None,
                };
                (truth.map(Cell::Truth), "`true` or `false`")
            }
        };
        cell.ok_or_else(|| Refusal::BadValue {
            name: name.to_owned(),
            found: shortened(value, 60),
            expected,
        })
    }
}

#[cfg(test)]
mod tests;
