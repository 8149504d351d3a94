//! Looks at a database before it is opened.
//!
//! In: its directory and the witnessed head. Out: nothing, or what is missing. Never: changes a
//! file; a doubtful journal is copied, since opening truncates it.
//! Promise: fjall is not let near a directory that it would empty, shorten or leave unopenable.
//! Start reading at [`look`].

use std::fs;
use std::path::{Path, PathBuf};

use homeostat_log::Head;
use homeostat_world::Position;

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
    for path in &journals {
        let journal = journal::scan(path).map_err(OpenError::io(path))?;
        last = last.max(journal.last);
        if journal.torn {
            let copy = set_aside(store, path)?;
            tracing::warn!(
                journal = %path.display(), whole = journal.whole, copy = %copy.display(),
                "a journal ends in a batch that is not whole; a copy was kept"
            );
        }
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
        // Nothing in the journals: everything must be in tables, which only fjall can read. A
        // journal that lost all of its events looks the same, so it is kept.
        (None, Some(head)) if head.position > Position::ZERO => {
            tracing::debug!("the journals hold no event, everything should be in tables");
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Without its marker fjall makes a new database over the old one.
fn marker(path: &Path) -> Result<(), OpenError> {
    match fs::read(path) {
        Ok(bytes) if bytes == MARKER => Ok(()),
        Ok(_) => Err(OpenError::Version { path: path.to_owned() }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(OpenError::Missing {
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
    }
    let meta = path.join("0").join("current");
    if meta.exists() { Ok(()) } else { Err(missing(meta)) }
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
    let bytes = fs::read(journal).map_err(OpenError::io(journal))?;
    let name = journal.file_name().unwrap_or_default().to_string_lossy();
    let hash = blake3::hash(&bytes).to_hex();
    let copy = directory.join(format!("{}-{name}", hash.get(..8).unwrap_or_default()));
    if !copy.exists() {
        fs::write(&copy, bytes).map_err(OpenError::io(&copy))?;
    }
    Ok(copy)
}

fn beside(store: &Path, name: &str) -> PathBuf {
    store.parent().unwrap_or(store).join(name)
}
