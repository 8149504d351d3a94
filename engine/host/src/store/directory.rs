//! The directory of a log: `store/` (the database), `witness` (where it must end), `lock`.
//!
//! In: a path. Out: the store, the witness, and the head that it must reach; or what is wrong and
//! what helps. Never: opens what it has not looked at; makes a database over an old one.
//! Promise: a crash at any moment of the first opening leaves a directory that opens.
//! Start reading at [`open_log_dir`].

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use homeostat_log::Head;
use homeostat_log::index::{EVENTS, IDS, SUBJECTS};
use homeostat_world::{Position, StoreError};

use super::{FjallStore, WitnessFile, failure, look, witness};

/// How to open the directory of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogDirOptions {
    /// Make the log when there is none.
    pub create: bool,
    /// Go on with what is left of a log that is shorter than its witness says, or has none. A
    /// person's word, given once.
    pub accept_loss: bool,
    /// Bytes of blocks kept in memory.
    pub cache_bytes: u64,
    /// Bytes of all journals; opening takes about 10 ms for each MB of them. At least 64 MiB.
    pub journal_bytes: u64,
}

impl Default for LogDirOptions {
    fn default() -> Self {
        Self { create: true, accept_loss: false, cache_bytes: 256 << 20, journal_bytes: 160 << 20 }
    }
}

/// Why the directory of a log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Somebody else has it.
    #[error(
        "`{}` is in use by {}; ask that one with `--server`, or stop it first", path.display(),
        pid.map_or_else(|| "another process".to_owned(), |pid| format!("process `{pid}`"))
    )]
    Locked {
        /// The directory.
        path: PathBuf,
        /// Who has it.
        pid: Option<u32>,
    },
    /// There is no log.
    #[error("`{}` holds no log; check the path", .0.display())]
    NoLog(PathBuf),
    /// A file that must be there is not.
    #[error("`{}` is missing; {help}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What helps.
        help: &'static str,
    },
    /// A file that must not be there is.
    #[error("`{}` does not belong to the database; move it away", path.display())]
    Stray {
        /// The file.
        path: PathBuf,
    },
    /// The database was written by another version, or its marker is damaged.
    #[error(
        "`{}` is not the marker of a database of this version; restore it from a backup, or use \
         the version of homeostat that wrote it", path.display()
    )]
    Version {
        /// The marker.
        path: PathBuf,
    },
    /// The journals end before the witnessed head.
    #[error(
        "journals in `{}` end at position `{found}`, but position `{witnessed}` was acknowledged: \
         up to `{}` events are missing; restore the directory from a backup, or go on with what is left by \
         opening it once with `--accept-loss`; the journals were copied to `{}`",
        path.display(), witnessed.get().saturating_sub(found.get()), copies.display()
    )]
    Short {
        /// The database.
        path: PathBuf,
        /// Where it must reach.
        witnessed: Position,
        /// Where its journals end.
        found: Position,
        /// Where copies of the journals are.
        copies: PathBuf,
    },
    /// A batch in a journal is not what was written.
    #[error(
        "log is damaged at position `{first}`: the batch of positions `{first}` to `{last}` in \
         `{}` (bytes {} to {}) does not match its checksum; everything before it is whole, \
         restore the directory from a backup", journal.display(), bytes.start, bytes.end
    )]
    Batch {
        /// The journal.
        journal: PathBuf,
        /// Where in it.
        bytes: std::ops::Range<u64>,
        /// The first position in it.
        first: Position,
        /// The last one.
        last: Position,
    },
    /// A journal ends in a batch that is not whole, and what is there cannot be kept aside.
    #[error(
        "`{}` ends in a batch that is not whole, and no copy of it can be kept in `{}`: {reason}; \
         nothing was changed, make room there and try again", journal.display(), directory.display()
    )]
    NoCopy {
        /// The journal.
        journal: PathBuf,
        /// Where copies go.
        directory: PathBuf,
        /// What the operating system says.
        reason: io::Error,
    },
    /// The device is full.
    #[error(
        "log in `{}` cannot be opened: no space left on the device; nothing is lost, make room \
         and try again", .0.display()
    )]
    Full(PathBuf),
    /// Nothing says where the log must end.
    #[error(
        "`{}` is missing or broken, so nothing proves where the log ends; restore it from a backup, \
         or accept the log as it is by opening it once with `--accept-loss`", path.display()
    )]
    NoWitness {
        /// The witness file.
        path: PathBuf,
    },
    /// The database cannot be opened.
    #[error("log in `{}` cannot be opened: {reason}; restore the directory from a backup", path.display())]
    Store {
        /// The database.
        path: PathBuf,
        /// What it says.
        reason: StoreError,
    },
    /// It is a file.
    #[error("`{}` is a file, and a log is a directory; name another place", .0.display())]
    NotADirectory(PathBuf),
    /// The operating system says no.
    #[error("`{}` cannot be used: {reason}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it says.
        reason: io::Error,
    },
}

impl OpenError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |reason| Self::Io { path, reason }
    }
}

/// Opens the log in `path`, or makes an empty one.
///
/// Hand the head to [`Log::open`](homeostat_log::Log::open), which proves that the log reaches it,
/// and the file to [`Log::with_witness`](homeostat_log::Log::with_witness).
///
/// # Errors
/// See [`OpenError`]; then no file has changed, except that doubtful journals were copied.
pub fn open_log_dir(
    path: &Path,
    options: &LogDirOptions,
) -> Result<(FjallStore, WitnessFile, Option<Head>), OpenError> {
    let (store_path, witness_path) = (path.join("store"), path.join("witness"));
    if path.is_file() {
        return Err(OpenError::NotADirectory(path.to_owned()));
    }
    if options.create {
        make(path).map_err(OpenError::io(path))?;
    } else if !store_path.exists() {
        return Err(OpenError::NoLog(path.to_owned()));
    }
    let lock = DirLock::acquire(path)?;
    let mut head = witness::read(&witness_path).map_err(OpenError::io(&witness_path))?;
    if store_path.exists() {
        if options.accept_loss {
            tracing::warn!(witnessed = ?head, "the log is accepted as it is");
            head = None;
        } else if head.is_none() {
            return Err(OpenError::NoWitness { path: witness_path });
        }
        look::look(&store_path, head.as_ref())?;
    } else {
        // A witness of an empty log is what a crash between its making and the store's leaves.
        if !options.accept_loss && head.is_some_and(|head| head.position > Position::ZERO) {
            let help = "the witness says that it held events; restore it from a backup";
            return Err(OpenError::Missing { path: store_path, help });
        }
        create(path, &store_path, options, &lock)?;
        head = Some(Head::default());
    }
    let store = FjallStore::open(&store_path, options, lock)
        .map_err(|error| unopened(&store_path, error))?;
    if head.is_none() {
        // An accepted loss starts a new witness: the old one would refuse the log for ever.
        witness::create(&witness_path).map_err(OpenError::io(&witness_path))?;
    }
    let file = WitnessFile::open(&witness_path).map_err(OpenError::io(&witness_path))?;
    Ok((store, file, head))
}

/// Why fjall does not open the database in `path`. A full device is no damage.
fn unopened(path: &Path, error: fjall::Error) -> OpenError {
    match failure::store_error(error) {
        StoreError::Full => OpenError::Full(path.to_owned()),
        reason => OpenError::Store { path: path.to_owned(), reason },
    }
}

/// Makes a directory and those above it that are missing, so that they survive loss of power: the
/// name of a new directory is safe only when the one above it was synced.
fn make(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = match path.parent() {
        Some(above) if above != Path::new("") => above,
        _ => Path::new("."),
    };
    make(above)?;
    match fs::create_dir(path) {
        // Somebody else was faster; what counts is that it is there.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    sync_folder(above)
}

/// Makes the names in a directory survive loss of power.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// The same for every directory below it as well. fjall syncs what it writes, but not the names of
/// its keyspaces.
fn sync_folders(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    sync_folder(path)
}

/// Makes the database aside and moves it into place when it is whole: a crash in fjall's very
/// first open can leave a directory that never opens.
fn create(
    path: &Path,
    store: &Path,
    options: &LogDirOptions,
    lock: &DirLock,
) -> Result<(), OpenError> {
    let aside = path.join("store.new");
    if aside.exists() {
        fs::remove_dir_all(&aside).map_err(OpenError::io(&aside))?;
    }
    let made = FjallStore::open(&aside, options, lock.clone()).and_then(|made| {
        // The log first: the reader of journals knows it by its number.
        for space in [EVENTS, SUBJECTS, IDS] {
            made.inner.shelf.keyspace(space)?;
        }
        made.inner.shelf.database.persist(fjall::PersistMode::SyncAll)
    });
    made.map_err(|error| unopened(&aside, error))?;
    sync_folders(&aside).map_err(OpenError::io(&aside))?;
    let witness_path = path.join("witness");
    witness::create(&witness_path).map_err(OpenError::io(&witness_path))?;
    fs::rename(&aside, store).map_err(OpenError::io(store))?;
    sync_folder(path).map_err(OpenError::io(path))
}

/// The right to a directory, held while any clone lives.
#[derive(Clone, Debug)]
pub struct DirLock(#[expect(dead_code, reason = "held, not read")] Arc<File>);

impl DirLock {
    /// Takes the lock of `path`, and writes down who has it.
    fn acquire(path: &Path) -> Result<Self, OpenError> {
        let file_path = path.join("lock");
        let io = || OpenError::io(&file_path);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&file_path)
            .map_err(io())?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let read = file.read_to_string(&mut pid);
                let pid = read.ok().and_then(|_| pid.trim().parse().ok());
                return Err(OpenError::Locked { path: path.to_owned(), pid });
            }
            Err(TryLockError::Error(error)) => return Err(io()(error)),
        }
        file.set_len(0).map_err(io())?;
        file.rewind().map_err(io())?;
        writeln!(file, "{}", std::process::id()).map_err(io())?;
        Ok(Self(Arc::new(file)))
    }
}
