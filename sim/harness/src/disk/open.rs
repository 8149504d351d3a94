//! A disk as the process that has opened it sees it: the Store and the Pad door.

use std::fmt;

use homeostat_world::pad::SLOT_BYTES;
use homeostat_world::{Batch, Clock, Durability, Pad, Store, StoreError};

use super::{DiskSnapshot, SimDisk};

/// One opening of a [`SimDisk`]. Clones are the same opening. After the next one, and after a
/// crash, it takes nothing more.
#[derive(Clone)]
pub struct OpenDisk<C> {
    disk: SimDisk,
    pub(super) clock: C,
    opening: u64,
}

impl<C> OpenDisk<C> {
    pub(super) const fn new(disk: SimDisk, clock: C, opening: u64) -> Self {
        Self { disk, clock, opening }
    }
}

impl<C: Clock> Store for OpenDisk<C> {
    type Snapshot = DiskSnapshot;

    fn snapshot(&self) -> DiskSnapshot {
        let mut medium = self.disk.lock();
        if medium.is_current(self.opening) {
            medium.settle();
        }
        DiskSnapshot { visible: medium.snapshot(), reading: self.disk.reading.clone() }
    }

    async fn commit(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        // Dropping this future cancels the wait, not the write, as with the real store.
        let ticket = self.disk.lock().begin(self.opening, batch, durability)?;
        self.clock.sleep_until(ticket.lands).await;
        let finished = self.disk.lock().finish(ticket);
        match finished {
            Some(result) => result,
            // The process is about to be stopped, and must not learn of it.
            None => std::future::pending().await,
        }
    }
}

impl<C: Clock> Pad for OpenDisk<C>
where
    Self: fmt::Debug,
{
    fn write(&self, slot: usize, bytes: &[u8; SLOT_BYTES]) -> Result<(), StoreError> {
        self.disk.lock().write_slot(self.opening, slot, bytes)
    }
}

impl<C> fmt::Debug for OpenDisk<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenDisk").field("opening", &self.opening).finish_non_exhaustive()
    }
}
