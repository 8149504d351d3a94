//! The pad door: a few fixed slots of a few bytes, overwritten in place.
//!
//! It holds what must stand outside a store so that the store can be checked against it. No real
//! store writes through it; see `witness` in the log.

use crate::store::StoreError;

/// How many slots there are. Two, written in turn: a torn write leaves the other one whole.
pub const SLOTS: usize = 2;
/// Bytes of one slot.
pub const SLOT_BYTES: usize = 64;

/// A small place outside the store.
///
/// Promise: writing one slot leaves the other one untouched, even when the power fails in between;
/// what was written survives a crash of the process at once and loss of power within a second.
pub trait Pad: Send + Sync + std::fmt::Debug + 'static {
    /// Overwrites slot `slot % SLOTS`. Does not wait for the device.
    ///
    /// # Errors
    /// When the device refuses the write.
    fn write(&self, slot: usize, bytes: &[u8; SLOT_BYTES]) -> Result<(), StoreError>;
}
