//! Brings a file into a log.
//!
//! In: a log, a file, how to read it. Out: events appended, and a [`Report`].
//! Never: stops at a bad record; stores an event twice.
//! Promise: what the report counts as appended survives loss of power. After a break, importing
//! the same file again goes on where it stopped.
//!
//! A file of cases (XES, CSV with a case column) is read whole before its first event is appended,
//! since its cases are merged by time (see [`super::order`]); such a file that turns out to be cut
//! short leaves no trace in the log. JSON Lines are appended as they are read, in any amount.
//! Start reading at [`import`].

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use homeostat_log::{Append, Log, LogError, NewEvent, cloudevents};
use homeostat_world::limits::{APPEND_EVENTS_MAX, COMMIT_BYTES_MAX};
use homeostat_world::{Durability, Position, Store, Timestamp};
use serde::Serialize;

use super::csv::{ColumnsError, Table};
use super::file::{self, BytesRead, Opened};
use super::jsonl::JsonLines;
use super::order::{OfCase, merged_by_time};
use super::refusal::{Refusal, Rejected};
use super::xes::Xes;
use super::{Format, Options, Record, RecordReader, source_of};

/// Rejects that the report itself shows; all of them stand in the file of rejects.
const SHOWN_MAX: usize = 10;
/// Event types that the report counts one by one. More are a mapping that took another column for
/// the type; the rest is counted together.
const TYPES_MAX: usize = 1_000;
/// What the types beyond [`TYPES_MAX`] are counted under.
const OTHER_TYPES: &str = "(other types)";
/// Commits between two syncs. What is not synced is only imported again after a crash.
const COMMITS_PER_SYNC: u32 = 16;
/// Records between two calls of the progress callback.
const RECORDS_PER_PROGRESS: u64 = 1_000;

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Records read: events and what is none.
    pub read: u64,
    /// Events that are new in the log.
    pub appended: u64,
    /// Events that the log had already.
    pub already_there: u64,
    /// Records refused.
    pub rejected: u64,
    /// The engine's own events that were left out.
    pub left_out: u64,
    /// How many records were refused for each kind of reason.
    pub reasons: BTreeMap<&'static str, u64>,
    /// The first of the refused records.
    pub first_rejected: Vec<Rejected>,
    /// Where the refused records were written, if there were any.
    pub rejects: Option<PathBuf>,
    /// The oldest time among the events taken, new or known.
    pub first_time: Option<Timestamp>,
    /// The newest.
    pub last_time: Option<Timestamp>,
    /// Events taken by type, new or known.
    pub types: BTreeMap<String, u64>,
    /// Bytes of the file read, as it lies on the disk.
    pub bytes: u64,
}

/// How far an import is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What it is doing.
    pub stage: Stage,
    /// Bytes of the file read so far.
    pub bytes: u64,
    /// Bytes of the file.
    pub bytes_total: u64,
    /// Records read so far.
    pub read: u64,
    /// Records refused so far.
    pub rejected: u64,
    /// Events handed to the log so far, new or known.
    pub stored: u64,
    /// Events that will be handed to the log, once that is known.
    pub to_store: Option<u64>,
}

/// The parts of an import. A file that needs no ordering is read and stored in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading the file; the bytes say how far.
    Reading,
    /// Storing what was read; the events say how far.
    Storing,
    /// Done and durable.
    Done,
}

/// Why an import could not be done, or not to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file cannot be opened.
    #[error("`{}` cannot be read: {error}", .file.display())]
    Open {
        /// The file.
        file: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Nothing says what the file is written in.
    #[error("nothing says what `{}` is; name it `.jsonl`, `.csv` or `.xes` (or with `.gz` after it), or give its format (`--as`)", .0.display())]
    UnknownFormat(PathBuf),
    /// The columns of a table are not what was asked for.
    #[error("`{}`: {error}", .file.display())]
    Columns {
        /// The file.
        file: PathBuf,
        /// What does not fit.
        error: ColumnsError,
    },
    /// A restore into a log that holds events.
    #[error(
        "the engine's own events can only be restored into an empty log, since their ids name positions; this one ends at position `{0}`"
    )]
    NotEmpty(Position),
    /// Nothing can be read beyond some place in the file.
    #[error("`{}` cannot be read beyond line {line}: {what}; {}, put the file right and import it again", .file.display(), until_then(.report))]
    Broken {
        /// The file.
        file: PathBuf,
        /// The line.
        line: u64,
        /// What is wrong there.
        what: String,
        /// What was done until then.
        report: Box<Report>,
    },
    /// The file of rejects cannot be written.
    #[error("the file of rejects `{}` cannot be written: {error}", .file.display())]
    Rejects {
        /// That file.
        file: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The log failed.
    #[error("{error}; {}, import the file again to go on", until_then(.report))]
    Log {
        /// How.
        error: LogError,
        /// What was done until then.
        report: Box<Report>,
    },
}

/// What was done before an import had to stop.
fn until_then(report: &Report) -> String {
    match report.appended + report.already_there {
        0 => "nothing was imported".to_owned(),
        done => format!("the {done} events before that are in the log"),
    }
}

/// Imports the file at `path` into `log`. `now` is asked once per commit.
///
/// # Errors
/// When the file cannot be read (to its end), the mapping does not fit it, or the log fails. Bad
/// records are no error: see the report.
pub async fn import<S: Store>(
    log: &mut Log<S>,
    path: &Path,
    options: &Options,
    now: &mut (dyn FnMut() -> Timestamp + Send),
    progress: &mut (dyn FnMut(&Progress) + Send),
) -> Result<Report, ImportError> {
    let head = log.head().position;
    if options.engine_events && head != Position::ZERO {
        return Err(ImportError::NotEmpty(head));
    }
    let format = options.format.or_else(|| Format::of(path));
    let format = format.ok_or_else(|| ImportError::UnknownFormat(path.to_owned()))?;
    let opened =
        file::open(path).map_err(|error| ImportError::Open { file: path.to_owned(), error })?;
    let Opened { lines, read, size } = opened;
    let mut options = options.clone();
    options.source.get_or_insert_with(|| source_of(path));
    if super::unpacked_ending(path).as_deref() == Some("tsv") {
        options.columns.delimiter.get_or_insert(b'\t');
    }
    let mut reader: Box<dyn RecordReader + Send> = match format {
        Format::JsonLines => Box::new(JsonLines::new(lines, &options)),
        Format::Xes => Box::new(Xes::new(lines, &options)),
        Format::Csv => Box::new(
            Table::new(lines, &options)
                .map_err(|error| ImportError::Columns { file: path.to_owned(), error })?,
        ),
    };
    let tally = Tally {
        file: path,
        report: Report::default(),
        rejects: Rejects { path: options.rejects.clone(), file: None },
        read,
        size,
        stored: 0,
        to_store: None,
        progress,
    };
    Import { log, now, tally, batch: Vec::new(), batch_bytes: 0, commits: 0 }
        .run(reader.as_mut())
        .await
}

struct Import<'a, S: Store> {
    log: &'a mut Log<S>,
    now: &'a mut (dyn FnMut() -> Timestamp + Send),
    tally: Tally<'a>,
    batch: Vec<(u64, NewEvent)>,
    batch_bytes: usize,
    commits: u32,
}

impl<S: Store> Import<'_, S> {
    async fn run(mut self, reader: &mut (dyn RecordReader + Send)) -> Result<Report, ImportError> {
        let mut cases: Vec<OfCase> = Vec::new();
        loop {
            match reader.next() {
                Ok(Some(Record::Event { case, event, line })) => {
                    self.tally.count_read(Stage::Reading);
                    if let Err(error) = cloudevents::check_bounds(&event) {
                        self.tally.reject(line, Refusal::NotTaken(error.to_string()), &event)?;
                    } else if let Some(case) = case {
                        cases.push((case, line, event));
                    } else {
                        self.take(line, event).await?;
                    }
                }
                Ok(Some(Record::Rejected(rejected))) => {
                    self.tally.count_read(Stage::Reading);
                    self.tally.add_reject(rejected)?;
                }
                Ok(Some(Record::LeftOut)) => {
                    self.tally.count_read(Stage::Reading);
                    self.tally.report.left_out += 1;
                }
                Ok(None) => break,
                Err(broken) => {
                    let report = Box::new(self.finish().await?);
                    let file = self.tally.file.to_owned();
                    let super::Broken { line, what } = broken;
                    return Err(ImportError::Broken { file, line, what, report });
                }
            }
        }
        self.tally.to_store = Some(self.tally.stored + (cases.len() + self.batch.len()) as u64);
        for (line, event) in merged_by_time(cases) {
            self.take(line, event).await?;
        }
        let report = self.finish().await?;
        self.tally.show(Stage::Done);
        Ok(report)
    }

    /// Hands an event to the log, as soon as there are enough of them for a commit.
    async fn take(&mut self, line: u64, event: NewEvent) -> Result<(), ImportError> {
        let names = [&event.id, &event.source, &event.r#type].map(String::len);
        let subject = event.subject.as_ref().map_or(0, String::len);
        self.batch_bytes += names.iter().sum::<usize>() + subject + event.data.as_bytes().len();
        self.batch.push((line, event));
        if self.batch.len() < APPEND_EVENTS_MAX && self.batch_bytes < COMMIT_BYTES_MAX / 4 {
            return Ok(());
        }
        self.commits += 1;
        let sync = self.commits.is_multiple_of(COMMITS_PER_SYNC);
        self.commit(if sync { Durability::Power } else { Durability::Process }).await
    }

    async fn commit(&mut self, durability: Durability) -> Result<(), ImportError> {
        self.batch_bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        // Each event is a request of its own, so that one which the log refuses stops no other.
        let requests = batch.iter().map(|(_, event)| Append::one(event.clone())).collect();
        let appended = match self.log.append(requests, (self.now)(), durability).await {
            Ok(appended) => appended,
            Err(error) => return Err(self.failed(error)),
        };
        for ((line, event), receipt) in batch.into_iter().zip(appended.receipts) {
            match receipt {
                Ok(receipt) => {
                    let known = receipt.entries.iter().all(|entry| entry.duplicate);
                    self.tally.count_stored(event, known);
                }
                Err(refusal) => {
                    self.tally.reject(line, Refusal::NotTaken(refusal.to_string()), &event)?;
                }
            }
        }
        self.tally.show(Stage::Storing);
        Ok(())
    }

    /// Stores what is left and makes all of it durable.
    async fn finish(&mut self) -> Result<Report, ImportError> {
        self.commit(Durability::Process).await?;
        match self.log.sync().await {
            Ok(()) => self.tally.finish(),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn failed(&mut self, error: LogError) -> ImportError {
        // The log's failure is the one to tell, even if the rejects cannot be written either.
        self.tally.finish().ok();
        ImportError::Log { error, report: Box::new(self.tally.report.clone()) }
    }
}

/// Keeps the report, the file of rejects and the progress.
struct Tally<'a> {
    file: &'a Path,
    report: Report,
    rejects: Rejects,
    read: BytesRead,
    size: u64,
    stored: u64,
    to_store: Option<u64>,
    progress: &'a mut (dyn FnMut(&Progress) + Send),
}

impl Tally<'_> {
    fn show(&mut self, stage: Stage) {
        (self.progress)(&Progress {
            stage,
            bytes: self.read.get(),
            bytes_total: self.size,
            read: self.report.read,
            rejected: self.report.rejected,
            stored: self.stored,
            to_store: self.to_store,
        });
    }

    fn count_read(&mut self, stage: Stage) {
        self.report.read += 1;
        if self.report.read.is_multiple_of(RECORDS_PER_PROGRESS) {
            self.show(stage);
        }
    }

    fn count_stored(&mut self, event: NewEvent, known: bool) {
        self.stored += 1;
        let report = &mut self.report;
        *(if known { &mut report.already_there } else { &mut report.appended }) += 1;
        report.first_time = Some(report.first_time.map_or(event.time, |t| t.min(event.time)));
        report.last_time = Some(report.last_time.map_or(event.time, |t| t.max(event.time)));
        if let Some(count) = report.types.get_mut(&event.r#type) {
            *count += 1;
        } else {
            let room = report.types.len() < TYPES_MAX;
            let name = if room { event.r#type } else { OTHER_TYPES.to_owned() };
            *report.types.entry(name).or_default() += 1;
        }
    }

    /// Refuses an event that could be read; its text is what an export would write.
    fn reject(&mut self, line: u64, reason: Refusal, event: &NewEvent) -> Result<(), ImportError> {
        let raw = cloudevents::write_new(event);
        self.add_reject(Rejected::new(line, reason, raw.as_bytes()))
    }

    fn add_reject(&mut self, rejected: Rejected) -> Result<(), ImportError> {
        self.report.rejected += 1;
        *self.report.reasons.entry(rejected.reason.kind()).or_default() += 1;
        self.rejects.write(&rejected)?;
        if self.report.first_rejected.len() < SHOWN_MAX {
            self.report.first_rejected.push(rejected);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Report, ImportError> {
        self.report.bytes = self.read.get();
        self.report.rejects = self.rejects.finish()?;
        Ok(self.report.clone())
    }
}

/// The file of rejects: made with the first of them, gone when an import has none.
struct Rejects {
    path: Option<PathBuf>,
    file: Option<BufWriter<File>>,
}

impl Rejects {
    fn write(&mut self, rejected: &Rejected) -> Result<(), ImportError> {
        let Some(path) = &self.path else { return Ok(()) };
        let failed = |error| ImportError::Rejects { file: path.clone(), error };
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(BufWriter::new(File::create(path).map_err(failed)?)),
        };
        serde_json::to_writer(&mut *file, rejected).map_err(|error| failed(error.into()))?;
        file.write_all(b"\n").map_err(failed)
    }

    /// Says where the rejects are. One left over from an earlier try would be taken for this one's.
    fn finish(&mut self) -> Result<Option<PathBuf>, ImportError> {
        let Some(path) = &self.path else { return Ok(None) };
        let failed = |error| ImportError::Rejects { file: path.clone(), error };
        match &mut self.file {
            Some(file) => file.flush().map(|()| Some(path.clone())).map_err(failed),
            None => match std::fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
                _ => Ok(None),
            },
        }
    }
}

#[cfg(test)]
mod tests;
