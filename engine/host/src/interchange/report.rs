//! What an import did, and how far it is.
//!
//! In: each record read, stored or refused. Out: a [`Report`], [`Progress`] now and then, and the
//! file of rejects. Never: keeps more than a few rejects in memory.
//! Promise: every record is counted once, and every refused one is in the file of rejects.
//! Start reading at [`Report`].

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use homeostat_log::{NewEvent, cloudevents};
use homeostat_world::Timestamp;
use serde::Serialize;

use super::file::BytesRead;
use super::import::ImportError;
use super::refusal::{Refusal, Rejected};

/// Rejects that the report itself shows; all of them stand in the file of rejects.
const SHOWN_MAX: usize = 10;
/// Event types that the report counts one by one. More are a mapping that took another column for
/// the type; the rest is counted together.
const TYPES_MAX: usize = 1_000;
/// What the types beyond [`TYPES_MAX`] are counted under.
const OTHER_TYPES: &str = "(other types)";
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

/// Keeps the report, the file of rejects and the progress.
pub(crate) struct Tally<'a> {
    pub(crate) file: &'a Path,
    pub(crate) report: Report,
    rejects: Rejects,
    read: BytesRead,
    size: u64,
    pub(crate) stored: u64,
    pub(crate) to_store: Option<u64>,
    progress: &'a mut (dyn FnMut(&Progress) + Send),
}

impl<'a> Tally<'a> {
    pub(crate) fn new(
        file: &'a Path,
        rejects: Option<PathBuf>,
        (read, size): (BytesRead, u64),
        progress: &'a mut (dyn FnMut(&Progress) + Send),
    ) -> Self {
        let rejects = Rejects { path: rejects, file: None };
        let report = Report::default();
        Self { file, report, rejects, read, size, stored: 0, to_store: None, progress }
    }

    pub(crate) fn show(&mut self, stage: Stage) {
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

    pub(crate) fn count_read(&mut self, stage: Stage) {
        self.report.read += 1;
        if self.report.read.is_multiple_of(RECORDS_PER_PROGRESS) {
            self.show(stage);
        }
    }

    pub(crate) fn count_stored(&mut self, event: NewEvent, known: bool) {
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
    pub(crate) fn reject(
        &mut self,
        line: u64,
        reason: Refusal,
        event: &NewEvent,
    ) -> Result<(), ImportError> {
        let raw = cloudevents::write_new(event);
        self.add_reject(Rejected::new(line, reason, raw.as_bytes()))
    }

    pub(crate) fn add_reject(&mut self, rejected: Rejected) -> Result<(), ImportError> {
        self.report.rejected += 1;
        *self.report.reasons.entry(rejected.reason.kind()).or_default() += 1;
        self.rejects.write(&rejected)?;
        if self.report.first_rejected.len() < SHOWN_MAX {
            self.report.first_rejected.push(rejected);
        }
        Ok(())
    }

    pub(crate) fn finish(&mut self) -> Result<Report, ImportError> {
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
