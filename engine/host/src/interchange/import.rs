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

use std::io;
use std::path::{Path, PathBuf};

use homeostat_log::{Append, Log, LogError, NewEvent, cloudevents};
use homeostat_world::limits::{APPEND_EVENTS_MAX, COMMIT_BYTES_MAX};
use homeostat_world::{Durability, Position, Store, Timestamp};

use super::csv::{ColumnsError, Table};
use super::file::{self, Opened};
use super::jsonl::JsonLines;
use super::order::{OfCase, merged_by_time};
use super::refusal::Refusal;
use super::report::{Progress, Report, Stage, Tally};
use super::xes::Xes;
use super::{Format, Options, Record, RecordReader, source_of};

/// Commits between two syncs. What is not synced is only imported again after a crash.
const COMMITS_PER_SYNC: u32 = 16;
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
    let tally = Tally::new(path, options.rejects.clone(), (read, size), progress);
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

#[cfg(test)]
mod tests;
