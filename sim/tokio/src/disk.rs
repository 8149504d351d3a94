//! The host's store and its witness as one disk, which is what a node's engine wants.
//!
//! In: a directory. Out: the Store door and the Pad door on it. Start reading at [`RealDisk::open`].

use std::path::Path;
use std::sync::Arc;

use homeostat_host::store::FjallSnapshot;
use homeostat_host::{FjallStore, LogDirOptions, WitnessFile, open_log_dir};
use homeostat_log::Head;
use homeostat_world::pad::SLOT_BYTES;
use homeostat_world::{Batch, Durability, Pad, Store, StoreError};

/// fjall in a directory. The directory is free again when the last clone is gone.
#[derive(Clone, Debug)]
pub(crate) struct RealDisk {
    store: FjallStore,
    witness: Arc<WitnessFile>,
}

impl RealDisk {
    /// Opens the log in `directory`, and the head that it must reach.
    pub(crate) fn open(directory: &Path) -> Result<(Self, Option<Head>), String> {
        // A run holds little, and many may be at work at once.
        let options = LogDirOptions { cache_bytes: 8 << 20, ..LogDirOptions::default() };
        let (store, witness, head) =
            open_log_dir(directory, &options).map_err(|error| error.to_string())?;
        Ok((Self { store, witness: Arc::new(witness) }, head))
    }
}

impl Store for RealDisk {
    type Snapshot = FjallSnapshot;

    fn snapshot(&self) -> FjallSnapshot {
        self.store.snapshot()
    }

    async fn commit(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        self.store.commit(batch, durability).await
    }
}

impl Pad for RealDisk {
    fn write(&self, slot: usize, bytes: &[u8; SLOT_BYTES]) -> Result<(), StoreError> {
        self.witness.write(slot, bytes)
    }
}
