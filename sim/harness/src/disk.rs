//! A disk whose faults are asked for: the store and the pad of a node, and what is left of them.
//!
//! Survives a crash of the process: every commit that returned; of those in flight a first part,
//! by chance. Survives loss of power: every commit that returned with `Durability::Power`, and all
//! before it; of the rest a first part, by chance. A batch is there whole or not at all. A commit
//! that failed with an error (not: with a full disk) may be there after the next opening. Of the
//! pad, what was written a second ago or more; a later write of a slot may be there, missing or
//! torn. Nothing else is ever lost, and nothing comes back that was overwritten.
//! Never: decides by itself that something fails. Like the real store, one that has failed takes
//! nothing more until it is opened anew.
//! Start reading at [`SimDisk`]; what runs on it is handed an [`OpenDisk`].

mod medium;
mod open;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use homeostat_world::pad::{SLOT_BYTES, SLOTS};
use homeostat_world::{Chance, Clock, Duration, MemoryStore};

use medium::Medium;

pub use open::OpenDisk;

/// The device: it outlives the processes that open it. Cheap to clone; clones are the same disk.
#[derive(Clone)]
pub struct SimDisk {
    medium: Arc<Mutex<Medium>>,
}

/// How long a sync takes unless told otherwise.
pub const SYNC_LATENCY: Duration = Duration::from_micros(800);

impl SimDisk {
    /// An empty disk. `chance` decides what a crash leaves of what was not safe.
    #[must_use]
    pub fn new(chance: &Chance) -> Self {
        let medium = Medium::new(Box::new(chance.stream("disk")), SYNC_LATENCY);
        Self { medium: Arc::new(Mutex::new(medium)) }
    }

    /// Opens the disk for a process: commits take their time on `clock`, which should be true time
    /// and not a node's own. Whoever had it open before has it no longer.
    pub fn open<C: Clock>(&self, clock: C) -> OpenDisk<C> {
        let time = clock.clone();
        let opening = self.lock().open(Box::new(move || time.now()));
        OpenDisk::new(self.clone(), clock, opening)
    }

    /// The process that has it open stops now, and when `power` is lost the machine too. What
    /// stands on the disk afterwards is what the next [`SimDisk::open`] sees.
    pub fn crash(&self, power: bool) {
        self.lock().crash(power);
    }

    /// From now on there is no room, or there is again. A store that met the full disk must still
    /// be opened anew.
    pub fn set_full(&self, full: bool) {
        self.lock().full = full;
    }

    /// The next commit fails.
    pub fn fail_next_commit(&self) {
        self.lock().fail_next = true;
    }

    /// A failure that met no commit until now is off.
    pub fn fail_no_commit(&self) {
        self.lock().fail_next = false;
    }

    /// How long a sync takes from now on.
    pub fn set_sync_latency(&self, latency: Duration) {
        self.lock().sync_latency = latency;
    }

    /// The pad's slots, as whoever opens a log reads them. Zeros where nothing was written.
    #[must_use]
    pub fn slots(&self) -> [[u8; SLOT_BYTES]; SLOTS] {
        self.lock().pad.slots()
    }

    /// Whether the open store has met a fault and takes nothing more until it is opened anew.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.lock().failed.is_some()
    }

    /// A copy of what is visible on it now, to look at without touching it.
    #[must_use]
    pub fn image(&self) -> MemoryStore {
        self.lock().image()
    }

    fn lock(&self) -> MutexGuard<'_, Medium> {
        self.medium.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimDisk")
    }
}
