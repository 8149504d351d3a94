//! The pad's slots on the device: what is safe, what was written, what was there before.
//!
//! In: writes, loss of power. Out: what is read next. Never: mixes two slots.
//! Promise: what was written a second ago or more is safe. Start reading at [`Slots::lose_power`].

use std::collections::VecDeque;

use homeostat_world::pad::{SLOT_BYTES, SLOTS};
use homeostat_world::{Duration, Timestamp};
use rand_core::Rng;

/// The pad's slots.
#[derive(Default)]
pub(in crate::disk) struct Slots {
    slots: [Slot; SLOTS],
    /// The one that was written last, and may be torn: the other one's write had been made.
    last: usize,
    /// What was read after each of the newest writes, oldest first, for a Plan that will ask for it.
    past: VecDeque<[[u8; SLOT_BYTES]; SLOTS]>,
    /// How many of them are kept.
    past_max: usize,
}

struct Slot {
    /// What loss of power leaves for certain.
    safe: [u8; SLOT_BYTES],
    written: [u8; SLOT_BYTES],
    /// When `written` was, if it is not safe yet.
    at: Option<Timestamp>,
}

impl Default for Slot {
    fn default() -> Self {
        Self { safe: [0; SLOT_BYTES], written: [0; SLOT_BYTES], at: None }
    }
}

/// After this, what was written into the pad survives loss of power.
const PAD_SYNC_WITHIN: Duration = Duration::from_secs(1);

impl Slots {
    pub(in crate::disk) fn slots(&self) -> [[u8; SLOT_BYTES]; SLOTS] {
        self.slots.each_ref().map(|slot| slot.written)
    }

    pub(super) fn write(&mut self, slot: usize, bytes: &[u8; SLOT_BYTES], now: Timestamp) {
        self.last = slot % SLOTS;
        if let Some(slot) = self.slots.get_mut(self.last) {
            slot.settle(now);
            slot.written = *bytes;
            slot.at = Some(now);
        }
        if self.past_max > 0 {
            self.past.push_back(self.slots());
            let excess = self.past.len().saturating_sub(self.past_max);
            self.past.drain(..excess);
        }
    }

    pub(super) const fn remember(&mut self, count: usize) {
        // The present counts as one of them.
        self.past_max = count + 1;
    }

    /// Everything that was written is safe.
    pub(super) fn settle_all(&mut self) {
        for slot in &mut self.slots {
            (slot.safe, slot.at) = (slot.written, None);
        }
    }

    /// Everything is as it was so many writes ago: as in the beginning, if it was not written as
    /// often or does not remember.
    pub(super) fn fall_back(&mut self, writes: usize) {
        let kept = self.past.len().saturating_sub(writes);
        self.past.truncate(kept);
        let old = self.past.back().copied().unwrap_or([[0; SLOT_BYTES]; SLOTS]);
        for (slot, old) in self.slots.iter_mut().zip(old) {
            *slot = Slot { safe: old, written: old, at: None };
        }
    }

    pub(super) fn lose_power(&mut self, now: Timestamp, chance: &mut (dyn Rng + Send)) {
        for (nth, slot) in self.slots.iter_mut().enumerate() {
            slot.settle(now);
            if slot.at.take().is_none() {
                continue;
            }
            // So many of its bytes had reached the device: none, all, or some.
            let reached = match chance.next_u64() % 3 {
                0 => 0,
                2 if nth == self.last => {
                    usize::try_from(chance.next_u64() % SLOT_BYTES as u64).unwrap_or(0)
                }
                _ => SLOT_BYTES,
            };
            let (reached, safe) = (slot.written.iter().take(reached), &mut slot.safe);
            safe.iter_mut().zip(reached).for_each(|(old, new)| *old = *new);
            slot.written = slot.safe;
        }
    }
}

impl Slot {
    /// What was written long enough ago is safe.
    fn settle(&mut self, now: Timestamp) {
        if self.at.is_some_and(|at| now.since(at) >= PAD_SYNC_WITHIN) {
            self.safe = self.written;
            self.at = None;
        }
    }
}
