//! Looks at a database before it is opened.
//!
//! In: its directory and the witnessed head. Out: nothing, or what is missing. Never: changes a
//! file, but for the end of a journal that was never acknowledged: that is copied and cut.
//! Promise: fjall is not let near a directory that it would empty, shorten or leave unopenable,
//! nor near half a batch, which it cuts off silently and of which it panics in some places.
//! Start reading at [`look`].

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use homeostat_log::Head;
use homeostat_world::{Position, StoreError};

use super::directory::OpenError;
use super::journal;

/// Where copies of doubtful journals go, beside the database.
pub(super) const DOUBTFUL: &str = "doubtful";
/// First bytes of fjall's version marker, as this version of fjall writes them.
const MARKER: &[u8] = b"FJL\x03";

/// Refuses a database in `store` that fjall would shorten or replace silently.
pub(super) fn look(store: &Path, witness: Option<&Head>) -> Result<(), OpenError> {
    marker(&store.join("version"))?;
    keyspaces(&store.join("keyspaces"))?;
    let journals = journals(store)?;
    let mut last = None;
    let mut torn = Vec::new();
    for path in &journals {
        let journal = journal::scan(path).map_err(OpenError::io(path))?;
        last = last.max(journal.last);
        if journal.torn {
            torn.push((path, journal.whole));
        }
    }
    // A log that never had a table has its events in the journals or nowhere.
    if last.is_none() && !has_tables(&store.join("keyspaces").join("1").join("tables"))? {
        last = Some(Position::ZERO);
    }
    // Newer events stand in the journals only, so when these hold any, the newest is there.
    match (last, witness) {
        (Some(found), Some(head)) if found < head.position => {
            for path in &journals {
                set_aside(store, path)?;
            }
            Err(OpenError::Short {
                path: store.to_owned(),
                witnessed: head.position,
                found,
                copies: beside(store, DOUBTFUL),
            })
        }
        // Nothing in the journals: everything must be in tables, which only fjall can read, and
        // the log itself then finds whether it reaches its witness.
        _ => {
            torn.into_iter().try_for_each(|(path, whole)| cut(store, path, whole))?;
            sound(store, &journals, witness)
        }
    }
}

/// Every batch matches its checksum, or is one that a loss of power left unwritten: that is cut off
/// with all that follows it. fjall would refuse the one, and cut off the other where it cannot
/// decompress it, acknowledged or not.
///
/// A device may write the pages of a batch in any order, so that it has a beginning and an end, and
/// zeros in between. Such a batch was never acknowledged, nor was any behind it: the sync of either
/// would have made it whole. What was damaged later looks otherwise, or the witness knows of it.
fn sound(store: &Path, journals: &[PathBuf], witness: Option<&Head>) -> Result<(), OpenError> {
    let witnessed = witness.map_or(Position::ZERO, |head| head.position);
    for journal in journals {
        let broken = journal::broken_batch(journal).map_err(OpenError::io(journal))?;
        let Some(batch) = broken else { continue };
        // An earlier journal was synced before the next one was made.
        let is_newest = journals.last() == Some(journal);
        let promised = batch.rest.is_some_and(|position| position <= witnessed);
        if is_newest && batch.unwritten && !promised {
            return cut(store, journal, batch.bytes.start);
        }
        let (journal, bytes) = (journal.clone(), batch.bytes);
        return Err(match batch.positions {
            Some((first, last)) => OpenError::Batch { journal, bytes, first, last },
            None => {
                let reason = StoreError::Damaged(format!(
                    "the batch in bytes `{}` to `{}` of `{}` does not match its checksum",
                    bytes.start,
                    bytes.end,
                    journal.display()
                ));
                OpenError::Store { path: store.to_owned(), reason }
            }
        });
    }
    Ok(())
}

/// Cuts the end of a journal off that is no whole batch, after a copy was kept.
fn cut(store: &Path, journal: &Path, whole: u64) -> Result<(), OpenError> {
    let copy = set_aside(store, journal)?;
    tracing::warn!(
        journal = %journal.display(), whole, copy = %copy.display(),
        "a journal ends in a batch that is not whole; a copy was kept"
    );
    OpenOptions::new()
        .write(true)
        .open(journal)
        .and_then(|file| file.set_len(whole).and_then(|()| file.sync_all()))
        .map_err(OpenError::io(journal))
}

fn has_tables(folder: &Path) -> Result<bool, OpenError> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(OpenError::io(folder)(error)),
    }
}

/// Without its marker fjall makes a new database over the old one.
fn marker(path: &Path) -> Result<(), OpenError> {
    match fs::read(path) {
        Ok(bytes) if bytes == MARKER => Ok(()),
        Ok(_) => Err(OpenError::Version { path: path.to_owned() }),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(OpenError::Missing {
            path: path.to_owned(),
            help: "restore it from a backup, or, when nothing else is missing, write it anew: \
                   `printf 'FJL\\003'`",
        }),
        Err(error) => Err(OpenError::io(path)(error)),
    }
}

/// A keyspace without its `current` file is deleted by fjall at open.
fn keyspaces(path: &Path) -> Result<(), OpenError> {
    let missing = |path: PathBuf| OpenError::Missing { path, help: "restore it from a backup" };
    if !path.join("1").join("current").exists() {
        return Err(missing(path.join("1").join("current")));
    }
    for entry in fs::read_dir(path).map_err(OpenError::io(path))? {
        let entry = entry.map_err(OpenError::io(path))?.path();
        let number = entry.file_name().and_then(|name| name.to_str()?.parse::<u64>().ok());
        if entry.is_dir() && number.is_none() {
            return Err(OpenError::Stray { path: entry });
        }
        tables(&entry.join("tables"))?;
    }
    let meta = path.join("0").join("current");
    if meta.exists() { Ok(()) } else { Err(missing(meta)) }
}

/// A folder among the tables makes fjall panic.
fn tables(folder: &Path) -> Result<(), OpenError> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(OpenError::io(folder))? {
        let path = entry.map_err(OpenError::io(folder))?.path();
        if path.is_dir() {
            return Err(OpenError::Stray { path });
        }
    }
    Ok(())
}

/// The journals in the order of their numbers.
fn journals(store: &Path) -> Result<Vec<PathBuf>, OpenError> {
    let mut journals = Vec::new();
    for entry in fs::read_dir(store).map_err(OpenError::io(store))? {
        let path = entry.map_err(OpenError::io(store))?.path();
        if path.extension().is_some_and(|extension| extension == "jnl") {
            let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
            let Some(number) = number else { return Err(OpenError::Stray { path }) };
            journals.push((number, path));
        }
    }
    journals.sort();
    if journals.is_empty() {
        return Err(OpenError::Missing {
            path: store.join("0.jnl"),
            help: "a database always has a journal; restore the directory from a backup",
        });
    }
    Ok(journals.into_iter().map(|(_, path)| path).collect())
}

/// Copies a journal to a name that is not taken, unless the same bytes are kept already.
fn set_aside(store: &Path, journal: &Path) -> Result<PathBuf, OpenError> {
    let directory = beside(store, DOUBTFUL);
    fs::create_dir_all(&directory).map_err(OpenError::io(&directory))?;
    let mut bytes = fs::read(journal).map_err(OpenError::io(journal))?;
    // A new journal is made 64 MiB long. Pages that were never written over say nothing.
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.truncate(used.next_multiple_of(4096));
    let name = journal.file_name().unwrap_or_default().to_string_lossy();
    let hash = blake3::hash(&bytes).to_hex();
    let copy = directory.join(format!("{}-{name}", hash.get(..8).unwrap_or_default()));
    if !copy.exists() {
        let part = copy.with_extension("part");
        keep(&part, &copy, &bytes).map_err(|reason| {
            // Half a copy is none, and takes room that somebody is about to look for. What cannot
            // be removed now is written over by the next try.
            drop(fs::remove_file(&part));
            OpenError::NoCopy { journal: journal.to_owned(), directory: directory.clone(), reason }
        })?;
    }
    Ok(copy)
}

/// Writes the copy aside first: under its own name it is whole or not there.
fn keep(part: &Path, copy: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(part, copy)
}

fn beside(store: &Path, name: &str) -> PathBuf {
    store.parent().unwrap_or(store).join(name)
}
