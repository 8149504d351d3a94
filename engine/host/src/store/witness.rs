//! The file of the head witness: two slots in sectors of their own.
//!
//! In: slots to write. Out: the slots as they stand. Never: makes a writer wait for the device.
//! Promise: what was written is with the operating system when `write` returns, and on the device
//! within a second or when the file is closed. Start reading at [`WitnessFile::open`].

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use homeostat_log::{Head, witness};
use homeostat_world::pad::{SLOT_BYTES, SLOTS};
use homeostat_world::{Pad, StoreError};

use super::directory::sync_folder;

/// Distance of the slots: a torn sector hurts one of them only.
const SLOT_DISTANCE: u64 = 512;
/// How long a written slot may wait for its sync.
const SYNC_WITHIN: Duration = Duration::from_secs(1);

/// The witness on a real disk.
#[derive(Debug)]
pub struct WitnessFile {
    file: Arc<File>,
    dirty: Arc<AtomicBool>,
    stop: Option<Sender<()>>,
    syncing: Option<JoinHandle<()>>,
}

/// The head that the file at `path` witnesses; none when the file is missing or not one slot is
/// whole.
pub(super) fn read(path: &Path) -> io::Result<Option<Head>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    // The distance of the slots is 512, so they are the starts of the file's sectors.
    let slots = bytes.chunks(512).filter_map(|sector| sector.get(..SLOT_BYTES));
    Ok(witness::decode(slots.take(SLOTS)))
}

/// Makes the file at `path` anew, both slots witnessing an empty log. It is made aside and moved
/// into place: a crash leaves the old file or the new one, never half of one, which would keep the
/// log from opening.
pub(super) fn create(path: &Path) -> io::Result<()> {
    let aside = path.with_extension("new");
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(&aside)?;
    file.set_len(SLOT_DISTANCE * SLOTS as u64)?;
    let empty = witness::encode(&Head::default());
    for at in [0, SLOT_DISTANCE] {
        file.write_all_at(&empty, at)?;
    }
    file.sync_all()?;
    fs::rename(&aside, path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Writes the newest slot that is whole over those that are not. A loss of power tears one slot at
/// most; without this the next one could tear the other, and nothing would be left to believe.
fn mend(file: &File) -> io::Result<()> {
    let mut slots = [(0, [0; SLOT_BYTES]), (SLOT_DISTANCE, [0; SLOT_BYTES])];
    for (at, slot) in &mut slots {
        // What is missing at the end of a file that was cut stays zeros, and is no slot.
        file.read_at(slot, *at)?;
    }
    let Some(head) = witness::decode(slots.iter().map(|(_, slot)| slot.as_slice())) else {
        return Ok(());
    };
    let whole = |slot: &[u8]| witness::decode([slot]).is_some();
    for (at, _) in slots.iter().filter(|(_, slot)| !whole(slot)) {
        file.write_all_at(&witness::encode(&head), *at)?;
        file.sync_data()?;
    }
    Ok(())
}

impl WitnessFile {
    /// Opens the file for writing, and starts the thread that syncs it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = Arc::new(OpenOptions::new().read(true).write(true).open(path)?);
        mend(&file)?;
        let dirty = Arc::new(AtomicBool::new(false));
        let (stop, stopped) = channel();
        let (its_file, its_dirty) = (Arc::clone(&file), Arc::clone(&dirty));
        let syncing = std::thread::Builder::new().name("witness".to_owned()).spawn(move || {
            loop {
                let end = stopped.recv_timeout(SYNC_WITHIN) != Err(RecvTimeoutError::Timeout);
                if its_dirty.swap(false, Ordering::AcqRel)
                    && let Err(error) = its_file.sync_data()
                {
                    tracing::warn!(%error, "the head witness was not synced");
                }
                if end {
                    return;
                }
            }
        })?;
        Ok(Self { file, dirty, stop: Some(stop), syncing: Some(syncing) })
    }
}

impl Pad for WitnessFile {
    fn write(&self, slot: usize, bytes: &[u8; SLOT_BYTES]) -> Result<(), StoreError> {
        let at = if slot.is_multiple_of(SLOTS) { 0 } else { SLOT_DISTANCE };
        self.file.write_all_at(bytes, at).map_err(|error| StoreError::Io(error.to_string()))?;
        self.dirty.store(true, Ordering::Release);
        Ok(())
    }
}

impl Drop for WitnessFile {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(syncing) = self.syncing.take()
            && syncing.join().is_err()
        {
            tracing::error!("the thread that syncs the head witness had panicked");
        }
    }
}
