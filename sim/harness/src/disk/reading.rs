//! Reading from a disk that may fail to be read, or hold a rotten record.
//!
//! In: what is visible, and what is wrong with the device. Out: the Snapshot door.
//! Never: hands out a byte that is not what was written. Promise: a fault of the device meets
//! snapshots that were taken before it too, since they read the same device.
//! Start reading at [`DiskSnapshot`].

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use homeostat_world::store::MemorySnapshot;
use homeostat_world::{Snapshot, Space, StoreError};

/// What is wrong with reading from the device. Cheap to clone; clones are of the same device.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Whether anything is wrong at all: mostly nothing is, and everybody reads.
    ails: AtomicBool,
    ailments: Mutex<Ailments>,
}

#[derive(Debug, Default)]
struct Ailments {
    fails: bool,
    rotten: BTreeSet<(Space, Bytes)>,
}

impl Reading {
    pub(super) fn set_failing(&self, fails: bool) {
        self.change(|ailments| ailments.fails = fails);
    }

    /// True, so that whoever asked for it knows that there was something to rot.
    pub(super) fn rot(&self, space: Space, key: Bytes) -> bool {
        self.change(|ailments| ailments.rotten.insert((space, key)));
        true
    }

    pub(super) fn heal(&self) {
        self.change(|ailments| ailments.rotten.clear());
    }

    fn change<R>(&self, change: impl FnOnce(&mut Ailments) -> R) {
        let mut ailments = self.lock();
        change(&mut ailments);
        let ails = ailments.fails || !ailments.rotten.is_empty();
        self.shared.ails.store(ails, Ordering::Relaxed);
    }

    /// Whether that record can be read.
    fn check(&self, space: Space, key: &[u8]) -> Result<(), StoreError> {
        if !self.shared.ails.load(Ordering::Relaxed) {
            return Ok(());
        }
        let ailments = self.lock();
        if ailments.fails {
            return Err(StoreError::Io("input/output error while reading (planned)".to_owned()));
        }
        let is_rotten = ailments.rotten.iter().any(|(its, it)| *its == space && it == key);
        if is_rotten {
            return Err(StoreError::Damaged("checksum mismatch (planned)".to_owned()));
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Ailments> {
        self.shared.ailments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was visible on a disk, read from the device as it is now.
#[derive(Clone, Debug)]
pub struct DiskSnapshot {
    pub(super) visible: MemorySnapshot,
    pub(super) reading: Reading,
}

impl Snapshot for DiskSnapshot {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.reading.check(space, key)?;
        self.visible.get(space, key)
    }

    fn range(
        &self,
        space: Space,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> impl DoubleEndedIterator<Item = Result<(Bytes, Bytes), StoreError>> {
        self.visible.range(space, from, to).map(move |pair| {
            let (key, value) = pair?;
            self.reading.check(space, &key)?;
            Ok((key, value))
        })
    }
}
