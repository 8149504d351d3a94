//! A disk whose faults are asked for: the store and the pad of a node, and what is left of them.
//!
//! Survives a crash of the process: every commit that returned; of those in flight a first part,
//! by chance. Survives loss of power: every commit that returned with `Durability::Power`, and all
//! before it; of the rest a first part, by chance. A batch is there whole or not at all, also one
//! that power tore: the real store writes a checksum behind each batch and cuts off what has none.
//! A commit that failed with an error (not: with a full disk) may be there after the next opening.
//! Of the pad, what was written a second ago or more; a later write of a slot may be there, missing
//! or torn. Nothing else is ever lost, and nothing comes back that was overwritten.
//! Does not survive, and must be reported by whoever opens it: synced commits that are gone
//! ([`SimDisk::lose_synced`]), a record that rots ([`SimDisk::rot`]). Who reads a rotten record is
//! told so, as by the real store, which checks every block that it reads; none is ever handed out.
//! Never: decides by itself that something fails. Like the real store, one that has failed takes
//! nothing more until it is opened anew.
//! Start reading at [`SimDisk`]; what runs on it is handed an [`OpenDisk`].

mod medium;
mod open;
mod reading;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use homeostat_world::pad::{SLOT_BYTES, SLOTS};
use homeostat_world::{Chance, Clock, Duration, MemoryStore};

use crate::plan::{Operation, Rotten};
use medium::Medium;
use reading::Reading;

pub use open::OpenDisk;
pub use reading::DiskSnapshot;

/// The device: it outlives the processes that open it. Cheap to clone; clones are the same disk.
#[derive(Clone)]
pub struct SimDisk {
    medium: Arc<Mutex<Medium>>,
    reading: Reading,
}

/// How long a sync takes unless told otherwise.
pub const SYNC_LATENCY: Duration = Duration::from_micros(800);

impl SimDisk {
    /// An empty disk. `chance` decides what a crash leaves of what was not safe.
    #[must_use]
    pub fn new(chance: &Chance) -> Self {
        let medium = Medium::new(Box::new(chance.stream("disk")), SYNC_LATENCY);
        Self { medium: Arc::new(Mutex::new(medium)), reading: Reading::default() }
    }

    /// Keeps in mind how to take back so many synced commits and writes of the pad. Costs a little
    /// for each commit, so it is only done for a Plan that needs it.
    pub fn remember(&self, count: usize) {
        self.lock().remember(count);
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

    /// From now on that operation fails: a read each time, another once. With none the disk is
    /// well again.
    pub fn set_failing(&self, operation: Option<Operation>) {
        self.lock().fail_next = operation.filter(|it| *it != Operation::Read);
        self.reading.set_failing(operation == Some(Operation::Read));
    }

    /// How long a sync takes from now on.
    pub fn set_sync_latency(&self, latency: Duration) {
        self.lock().sync_latency = latency;
    }

    /// After so many further commits have landed nothing returns to the process any more: neither
    /// the last of them nor anything later. With none all return.
    pub fn hold_after(&self, commits: Option<u32>) {
        self.lock().hold_after = commits;
    }

    /// Whether that many commits have landed.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.lock().is_held()
    }

    /// A record rots: the `nth` event modulo their number, or the checkpoint. False: there is none.
    #[must_use]
    pub fn rot(&self, of: Rotten, nth: u64) -> bool {
        let record = self.lock().record(of, nth);
        record.is_some_and(|(space, key)| self.reading.rot(space, key))
    }

    /// Nothing is rotten any more: the right bytes were put back.
    pub fn heal_rot(&self) {
        self.reading.heal();
    }

    /// Power is lost, and with it the newest commits that were synced since it was last lost, as many
    /// as that and as it remembers. The pad keeps all. False: there were none.
    #[must_use]
    pub fn lose_synced(&self, commits: u32) -> bool {
        self.lock().lose_synced(commits)
    }

    /// Puts back what [`SimDisk::lose_synced`] took, or forgets it.
    pub fn restore(&self, it: bool) {
        self.lock().restore(it);
    }

    /// Power is lost, and the pad is as it was so many writes ago, as far as it remembers.
    pub fn lose_pad(&self, writes: u32) {
        self.lock().lose_pad(writes);
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
