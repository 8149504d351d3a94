//! The store door on fjall: the log's directory on a real disk.
//!
//! In: batches. Out: snapshots of what was committed. Never: reads past a snapshot, since fjall's
//! bare reads see half a batch; acknowledges before the sync that was asked for.
//! Promise: the contract of [`homeostat_world::store::Store`]. One thread does all writing, so an
//! async runtime never waits for a disk. Start reading at [`open_log_dir`].

mod directory;
mod failure;
mod journal;
mod look;
mod witness;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;

use bytes::Bytes;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable};
use homeostat_log::index::EVENTS;
use homeostat_world::store::is_empty_range;
use homeostat_world::{Batch, Durability, Snapshot, Space, Store, StoreError};
use tokio::sync::oneshot;

pub use directory::{DirLock, LogDirOptions, OpenError, open_log_dir};
pub use witness::WitnessFile;

use failure::Failure;

/// A store in a directory. Clones share it; when the last one and the last snapshot are gone, the
/// directory is free again.
#[derive(Clone)]
pub struct FjallStore {
    inner: Arc<Inner>,
}

/// Fields in the order in which they must end: the writer, the database, the lock.
struct Inner {
    writer: Writer,
    shelf: Arc<Shelf>,
    _lock: DirLock,
}

/// The database and its keyspaces by name.
struct Shelf {
    /// Where fjall keeps its keyspaces, a directory for each.
    folder: PathBuf,
    keyspaces: RwLock<Arc<Keyspaces>>,
    database: Database,
}

type Keyspaces = BTreeMap<String, Keyspace>;

/// The thread that writes, and the way to it. Its queue is bounded by its callers: each waits for
/// its answer.
struct Writer {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

struct Job {
    batch: Batch,
    durability: Durability,
    done: oneshot::Sender<Result<(), StoreError>>,
}

impl FjallStore {
    /// Opens the database in `path`, or makes one there. `lock` is held as long as the store is.
    fn open(path: &Path, options: &LogDirOptions, lock: DirLock) -> Result<Self, fjall::Error> {
        let database = database(path, options)?;
        let mut keyspaces = Keyspaces::new();
        for name in database.list_keyspace_names() {
            let keyspace = database.keyspace(&name, || keyspace_options(&name))?;
            keyspaces.insert(name.to_string(), keyspace);
        }
        let keyspaces = RwLock::new(Arc::new(keyspaces));
        let folder = path.join("keyspaces");
        let shelf = Arc::new(Shelf { folder, keyspaces, database });
        let (jobs, queue) = channel();
        let writing = Arc::clone(&shelf);
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || write_all(&writing, &queue))?;
        let writer = Writer { jobs: Some(jobs), thread: Some(thread) };
        Ok(Self { inner: Arc::new(Inner { writer, shelf, _lock: lock }) })
    }

    /// Moves everything out of memory and journals into tables, so that the next open has nothing
    /// to replay. Waits for the disk; for tools, backups and benches, not for an async task.
    ///
    /// # Errors
    /// When the device fails.
    pub fn settle(&self) -> Result<(), StoreError> {
        for keyspace in self.inner.shelf.keyspaces().values() {
            keyspace.rotate_memtable_and_wait().map_err(failure::store_error)?;
        }
        Ok(())
    }
}

fn database(path: &Path, options: &LogDirOptions) -> Result<Database, fjall::Error> {
    Database::builder(path)
        .cache_size(options.cache_bytes)
        .max_journaling_size(options.journal_bytes)
        // The writer asks for exactly the durability that a commit promises.
        .manual_journal_persist(true)
        .open()
}

/// Settings that measured well. The log is read at positions that exist; everything else is mostly
/// asked for what it does not have.
fn keyspace_options(name: &str) -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default().expect_point_read_hits(name == EVENTS.0)
}

impl Shelf {
    fn keyspaces(&self) -> Arc<Keyspaces> {
        Arc::clone(&self.keyspaces.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The keyspace of `space`, made when it is written to for the first time.
    fn keyspace(&self, space: Space) -> Result<Keyspace, fjall::Error> {
        if let Some(keyspace) = self.keyspaces().get(space.0) {
            return Ok(keyspace.clone());
        }
        let keyspace = self.database.keyspace(space.0, || keyspace_options(space.0))?;
        // fjall does not sync the name of its directory, without which what is written there is lost.
        directory::sync_folder(&self.folder)?;
        let mut keyspaces = self.keyspaces.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut keyspaces).insert(space.0.to_owned(), keyspace.clone());
        Ok(keyspace)
    }

    /// One batch, one write, one sync.
    fn write(&self, batch: Batch, durability: Durability) -> Result<(), fjall::Error> {
        let mode = match durability {
            Durability::Process => PersistMode::Buffer,
            Durability::Power => PersistMode::SyncData,
        };
        if batch.is_empty() {
            return self.database.persist(mode);
        }
        let mut writes = self.database.batch().durability(Some(mode));
        let mut keyspace: Option<(Space, Keyspace)> = None;
        for (space, key, value) in batch.into_changes() {
            let target = match &keyspace {
                Some((known, target)) if *known == space => target,
                _ => &keyspace.insert((space, self.keyspace(space)?)).1,
            };
            match value {
                Some(value) => writes.insert(target, key, value),
                None => writes.remove(target, key),
            }
        }
        writes.commit()
    }
}

/// The life of the writing thread.
fn write_all(shelf: &Shelf, queue: &Receiver<Job>) {
    let mut failure = Failure::default();
    while let Ok(job) = queue.recv() {
        let result = failure.guard(|| shelf.write(job.batch, job.durability));
        // A caller that has gone away has cancelled its wait, not the write.
        drop(job.done.send(result));
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes the store had panicked");
        }
    }
}

impl Store for FjallStore {
    type Snapshot = FjallSnapshot;

    fn snapshot(&self) -> FjallSnapshot {
        // The keyspaces first: one that is made in between holds nothing that this snapshot sees.
        let keyspaces = self.inner.shelf.keyspaces();
        let view = self.inner.shelf.database.snapshot();
        FjallSnapshot { keyspaces, view, _store: self.clone() }
    }

    async fn commit(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        let gone = || StoreError::Poisoned("the thread that writes it has ended".to_owned());
        let (done, answer) = oneshot::channel();
        let jobs = self.inner.writer.jobs.as_ref().ok_or_else(gone)?;
        jobs.send(Job { batch, durability, done }).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl fmt::Debug for FjallStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FjallStore")
    }
}

/// A [`FjallStore`] as it was. It keeps the directory open.
#[derive(Clone)]
pub struct FjallSnapshot {
    keyspaces: Arc<Keyspaces>,
    view: fjall::Snapshot,
    _store: FjallStore,
}

impl fmt::Debug for FjallSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FjallSnapshot")
    }
}

impl Snapshot for FjallSnapshot {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let Some(keyspace) = self.keyspaces.get(space.0) else { return Ok(None) };
        let value = self.view.get(keyspace, key).map_err(failure::store_error)?;
        Ok(value.map(Bytes::from))
    }

    fn range(
        &self,
        space: Space,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> impl DoubleEndedIterator<Item = Result<(Bytes, Bytes), StoreError>> {
        self.keyspaces
            .get(space.0)
            .filter(|_| !is_empty_range(from, to))
            .into_iter()
            .flat_map(move |keyspace| self.view.range::<&[u8], _>(keyspace, (from, to)))
            .map(|guard| {
                let (key, value) = guard.into_inner().map_err(failure::store_error)?;
                Ok((key.into(), value.into()))
            })
    }
}

#[cfg(test)]
mod tests;
