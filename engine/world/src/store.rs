//! The store door: an ordered key–value store with atomic batches and snapshots.
//!
//! [`MemoryStore`] is the contract's model: what every other store must agree with.

pub mod contract;

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// A named, separately ordered part of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Space(pub &'static str);

/// What a commit promises once it has returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// Survives a crash of this process (the operating system holds it), not one of the machine.
    Process,
    /// Survives loss of power: synced to the device.
    Power,
}

/// Changes that become visible and durable together or not at all.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    changes: Vec<(Space, Bytes, Option<Bytes>)>,
}

impl Batch {
    /// No changes yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `key` to `value`.
    pub fn put(&mut self, space: Space, key: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.changes.push((space, key.into(), Some(value.into())));
    }

    /// Removes `key`.
    pub fn remove(&mut self, space: Space, key: impl Into<Bytes>) {
        self.changes.push((space, key.into(), None));
    }

    /// The changes in the order in which they were made; a later change of a key wins.
    pub fn into_changes(self) -> impl Iterator<Item = (Space, Bytes, Option<Bytes>)> {
        self.changes.into_iter()
    }

    /// Whether there is nothing to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// Why a store cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The device is full. Nothing of the batch is visible.
    #[error("no space left on the device")]
    Full,
    /// A write or sync failed. Nothing more can be written until the store is opened anew; what
    /// was acknowledged before can still be read.
    #[error("the store no longer accepts writes since an earlier one failed: {0}")]
    Poisoned(String),
    /// What is stored is not what was written.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
    /// Anything else that the device or its driver says.
    #[error("store failed: {0}")]
    Io(String),
}

/// An ordered key–value store.
///
/// Promise: a batch is atomic in visibility and in durability; batches become durable in the order
/// in which they were committed; after an error from `commit`, none of the batch is visible. Whether
/// a batch whose commit failed is there when the store is opened anew is open: all of it or nothing.
pub trait Store: Clone + Send + Sync + 'static {
    /// A consistent view that later commits do not change.
    type Snapshot: Snapshot;

    /// The present state: every batch whose commit has returned, and no part of any other.
    fn snapshot(&self) -> Self::Snapshot;

    /// Applies `batch`, and returns when it, and every batch before it, is as durable as was asked.
    /// An empty batch changes nothing and makes what came before durable.
    ///
    /// # Errors
    /// See [`StoreError`]; then nothing of the batch is visible.
    fn commit(
        &self,
        batch: Batch,
        durability: Durability,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// A consistent view of a store.
pub trait Snapshot: Send + Sync {
    /// The value of `key`.
    ///
    /// # Errors
    /// When the device cannot be read or what it holds is damaged.
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// The pairs in `from..to`, in ascending key order; from the end when reversed with `.rev()`.
    fn range(
        &self,
        space: Space,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> impl DoubleEndedIterator<Item = Result<(Bytes, Bytes), StoreError>>;
}

type Spaces = BTreeMap<Space, BTreeMap<Bytes, Bytes>>;

/// A store in memory: nothing survives the process, every commit is instant, a snapshot is O(1)
/// until the next commit. For tests, and the model that other stores are compared with.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    spaces: Arc<Mutex<Arc<Spaces>>>,
}

impl MemoryStore {
    /// Another store that begins with what this one holds now: what a killed process leaves.
    #[must_use]
    pub fn fork(&self) -> Self {
        let spaces = Arc::clone(&self.spaces.lock().unwrap_or_else(PoisonError::into_inner));
        Self { spaces: Arc::new(Mutex::new(spaces)) }
    }
}

impl Store for MemoryStore {
    type Snapshot = MemorySnapshot;

    fn snapshot(&self) -> MemorySnapshot {
        MemorySnapshot(Arc::clone(&self.spaces.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    async fn commit(&self, batch: Batch, _: Durability) -> Result<(), StoreError> {
        let mut spaces = self.spaces.lock().unwrap_or_else(PoisonError::into_inner);
        let spaces = Arc::make_mut(&mut spaces);
        for (space, key, value) in batch.into_changes() {
            let space = spaces.entry(space).or_default();
            match value {
                Some(value) => space.insert(key, value),
                None => space.remove(&key),
            };
        }
        Ok(())
    }
}

/// A [`MemoryStore`] as it was.
#[derive(Clone, Debug)]
pub struct MemorySnapshot(Arc<Spaces>);

impl Snapshot for MemorySnapshot {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.0.get(&space).and_then(|pairs| pairs.get(key)).cloned())
    }

    fn range(
        &self,
        space: Space,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> impl DoubleEndedIterator<Item = Result<(Bytes, Bytes), StoreError>> {
        let empty = is_empty_range(from, to);
        self.0
            .get(&space)
            .filter(|_| !empty)
            .into_iter()
            .flat_map(move |pairs| pairs.range::<[u8], _>((from, to)))
            .map(|(key, value)| Ok((key.clone(), value.clone())))
    }
}

/// Whether no key can lie in `from..to`. Ordered maps panic or misbehave on a range that ends before
/// it starts; for a store such a range is empty.
#[must_use]
pub fn is_empty_range(from: Bound<&[u8]>, to: Bound<&[u8]>) -> bool {
    match (from, to) {
        (Bound::Included(a), Bound::Included(b)) => a > b,
        (Bound::Included(a) | Bound::Excluded(a), Bound::Excluded(b) | Bound::Included(b)) => {
            a >= b
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn the_store_in_memory_keeps_the_contract() {
        let store = MemoryStore::default();
        let work = contract::keeps_the_contract(&store, 2_000);
        let done = pin!(work).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(done, Poll::Ready(Ok(()))));
    }
}
