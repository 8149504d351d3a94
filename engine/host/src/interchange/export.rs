//! Writes a log as a file.
//!
//! In: a log's reader. Out: CloudEvents JSON Lines, CSV or XES, packed if the name ends in `.gz`.
//! Never: holds the events; of a log with cases it holds a position for each event (XES), of a
//! table the names of its columns (CSV). Leaves half a file: it is written aside and renamed.
//! Promise: JSON Lines keep everything, and read back as the same events; XES and CSV keep what
//! the tools that read them know. Start reading at [`export`].

mod table;
mod xes;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use homeostat_log::{Event, Kind, LogError, Reader, cloudevents};
use homeostat_world::{Position, Store};

use super::Format;

/// Events between two calls of the progress callback.
const EVENTS_PER_PROGRESS: u64 = 1_000;

/// What to export.
#[derive(Clone, Debug, Default)]
pub struct ExportOptions {
    /// The format, when the name of the file does not say.
    pub format: Option<Format>,
    /// The entity whose instances are the cases (CSV and XES): `declaration`. Without one, the
    /// subject is the case.
    pub case: Option<String>,
    /// Leaves out the engine's own events. XES never has them: they are of no case.
    pub without_engine_events: bool,
}

/// What an export did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Exported {
    /// Events written.
    pub events: u64,
    /// Cases written (XES).
    pub cases: u64,
    /// Events left out: the engine's own where they are not wanted, and those of no case (XES).
    pub left_out: u64,
}

/// Why an export could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The file cannot be written. Nothing stands under its name that did not stand there before.
    #[error("`{}` cannot be written: {error}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The output ended.
    #[error("the output cannot be written: {0}")]
    Output(#[from] io::Error),
    /// Nothing says what to write.
    #[error("nothing says what to write to `{}`; name it `.jsonl`, `.csv` or `.xes` (or with `.gz` after it), or give the format (`--as`)", .0.display())]
    UnknownFormat(PathBuf),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Writes the log behind `reader` to the file at `path`. `progress` hears of events done and of how
/// many there are.
///
/// # Errors
/// When the log cannot be read or the file cannot be written.
pub fn export<S: Store>(
    reader: &Reader<S>,
    path: &Path,
    options: &ExportOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Exported, ExportError> {
    let format = options.format.or_else(|| Format::of(path));
    let format = format.ok_or_else(|| ExportError::UnknownFormat(path.to_owned()))?;
    let failed = |error| ExportError::File { file: path.to_owned(), error };
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    // Beside its place, so that the renaming stays within one file system.
    let aside = tempfile::Builder::new()
        // As any file that a person makes: what the umask leaves. Temporary files are private.
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(failed)?;
    let file = aside.as_file().try_clone().map_err(failed)?;
    let packed = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz"));
    let named = |error| match error {
        ExportError::Output(error) => failed(error),
        other => other,
    };
    let done = if packed {
        let mut out = GzEncoder::new(BufWriter::new(file), Compression::default());
        let done = export_to(reader, format, options, &mut out, progress).map_err(named)?;
        out.finish().and_then(into_file).and_then(|file| file.sync_all()).map_err(failed)?;
        done
    } else {
        let mut out = BufWriter::new(file);
        let done = export_to(reader, format, options, &mut out, progress).map_err(named)?;
        into_file(out).and_then(|file| file.sync_all()).map_err(failed)?;
        done
    };
    aside.persist(path).map_err(|error| failed(error.error))?;
    Ok(done)
}

fn into_file(out: BufWriter<File>) -> io::Result<File> {
    out.into_inner().map_err(io::IntoInnerError::into_error)
}

/// Writes the log behind `reader` to `out`.
///
/// # Errors
/// When the log cannot be read or the output cannot be written.
pub fn export_to<S: Store>(
    reader: &Reader<S>,
    format: Format,
    options: &ExportOptions,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Exported, ExportError> {
    let mut walk = Walk { reader, head: reader.head().position, options, progress };
    let done = match format {
        Format::JsonLines => json_lines(&mut walk, out),
        Format::Csv => table::write(&mut walk, out),
        Format::Xes => xes::write(&mut walk, out),
    }?;
    out.flush()?;
    Ok(done)
}

/// One or several passes over the log as it was when the export began.
struct Walk<'a, S: Store> {
    reader: &'a Reader<S>,
    head: Position,
    options: &'a ExportOptions,
    progress: &'a mut dyn FnMut(u64, u64),
}

impl<S: Store> Walk<'_, S> {
    /// Gives every wanted event to `each`, and counts the others.
    fn events(
        &mut self,
        mut each: impl FnMut(Event) -> Result<(), ExportError>,
    ) -> Result<Exported, ExportError> {
        let mut done = Exported::default();
        for event in self.reader.read(Position::ZERO.next()) {
            let event = event?;
            if event.position > self.head {
                break;
            }
            self.show(event.position.get());
            if event.event.kind == Kind::Control && self.options.without_engine_events {
                done.left_out += 1;
            } else {
                done.events += 1;
                each(event)?;
            }
        }
        self.show_now(self.head.get());
        Ok(done)
    }

    fn show(&mut self, done: u64) {
        if done.is_multiple_of(EVENTS_PER_PROGRESS) {
            self.show_now(done);
        }
    }

    fn show_now(&mut self, done: u64) {
        (self.progress)(done, self.head.get());
    }
}

fn json_lines<S: Store>(
    walk: &mut Walk<'_, S>,
    out: &mut dyn Write,
) -> Result<Exported, ExportError> {
    walk.events(|event| {
        out.write_all(cloudevents::write(&event).as_bytes())?;
        Ok(out.write_all(b"\n")?)
    })
}

/// The case that an event belongs to: the entity's id in the event's data, or else in its subject.
/// Without an entity, the subject.
fn case_of(event: &Event, entity: Option<&str>) -> Option<String> {
    use homeostat_log::Value;
    let Some(entity) = entity else { return event.event.subject.clone() };
    match event.event.data.get(entity) {
        Some(Value::Text(id)) => Some(id.to_owned()),
        Some(Value::Int(id)) => Some(id.to_string()),
        _ => {
            let subject = event.event.subject.as_deref()?;
            let (of, id) = subject.split_once('/')?;
            (of == entity).then(|| id.to_owned())
        }
    }
}

#[cfg(test)]
mod tests;
