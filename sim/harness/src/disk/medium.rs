//! What stands on a disk: what is visible, how to take back what is not safe yet, what is in flight.
//!
//! In: batches, faults, crashes. Out: the state after them. Never: waits; [`super::OpenDisk`] does.
//! Start reading at [`Medium::begin`], then [`Medium::crash`]; the pad is in `slots`.

mod slots;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use bytes::Bytes;
use homeostat_log::index::EVENTS;
use homeostat_world::pad::SLOT_BYTES;
use homeostat_world::store::MemorySnapshot;
use homeostat_world::{
    Batch, Durability, Duration, MemoryStore, Snapshot, Space, Store, StoreError, Timestamp,
};
use rand_core::Rng;

use crate::plan::{Operation, Rotten};
use slots::Slots;

/// Tells the time by the clock of whoever has the disk open.
type Time = Box<dyn Fn() -> Timestamp + Send>;

pub(super) struct Medium {
    visible: MemoryStore,
    /// How to take back what power would take, oldest first; emptied by every sync.
    unsafe_batches: Vec<Undo>,
    flying: VecDeque<Flying>,
    /// When the last of those in flight lands; one is written after the other.
    free_at: Timestamp,
    /// A batch whose commit failed, and which may stand on the disk none the less.
    doubtful: Option<Batch>,
    /// Why the open store takes nothing more.
    pub(super) failed: Option<String>,
    opening: u64,
    last_ticket: u64,
    time: Option<Time>,
    chance: Box<dyn Rng + Send>,
    pub(super) full: bool,
    pub(super) fail_next: Option<Operation>,
    pub(super) sync_latency: Duration,
    /// Commits that still land before nothing returns any more.
    pub(super) hold_after: Option<u32>,
    /// How to take back the newest synced commits, oldest first, for a Plan that will ask for it.
    synced: VecDeque<Undo>,
    /// How many of them are kept.
    synced_max: usize,
    /// What was taken back of them: what the keys held, and how to take it back once more.
    lost: Option<(Undo, VecDeque<Undo>)>,
    pub(super) pad: Slots,
}

/// What the keys of one batch held before it.
type Undo = Vec<(Space, Bytes, Option<Bytes>)>;

/// A commit that has not returned.
struct Flying {
    ticket: u64,
    lands: Timestamp,
    batch: Batch,
    durability: Durability,
}

/// What a commit waits for.
pub(super) struct Ticket {
    number: u64,
    opening: u64,
    pub(super) lands: Timestamp,
    /// How it will end, if not well.
    fate: Option<StoreError>,
}

impl Medium {
    pub(super) fn new(chance: Box<dyn Rng + Send>, sync_latency: Duration) -> Self {
        Self {
            visible: MemoryStore::default(),
            unsafe_batches: Vec::new(),
            flying: VecDeque::new(),
            free_at: Timestamp::MIN,
            doubtful: None,
            failed: None,
            opening: 0,
            last_ticket: 0,
            time: None,
            chance,
            full: false,
            fail_next: None,
            sync_latency,
            hold_after: None,
            synced: VecDeque::new(),
            synced_max: 0,
            lost: None,
            pad: Slots::default(),
        }
    }

    /// A process opens the disk; the one before is taken to have ended.
    pub(super) fn open(&mut self, time: Time) -> u64 {
        self.end_process();
        self.opening += 1;
        self.time = Some(time);
        self.opening
    }

    pub(super) const fn is_current(&self, opening: u64) -> bool {
        self.opening == opening
    }

    fn now(&self) -> Timestamp {
        self.time.as_ref().map_or(Timestamp::MIN, |time| time())
    }

    /// A commit begins. It lands after all that began before it.
    ///
    /// # Errors
    /// When the store takes nothing more; then it has not begun.
    pub(super) fn begin(
        &mut self,
        opening: u64,
        batch: Batch,
        durability: Durability,
    ) -> Result<Ticket, StoreError> {
        self.allow(opening)?;
        let takes = match durability {
            Durability::Process => Duration::ZERO,
            Durability::Power => self.sync_latency,
        };
        let lands = self.now().max(self.free_at) + takes;
        self.free_at = lands;
        self.last_ticket += 1;
        let number = self.last_ticket;
        let fate = self.fate(&batch, durability);
        match &fate {
            None => self.flying.push_back(Flying { ticket: number, lands, batch, durability }),
            // What begins later than a failing one fails too: nobody knows what the disk holds.
            Some(error) => {
                self.failed = Some(error.to_string());
                self.doubtful = (!matches!(error, StoreError::Full)).then_some(batch);
            }
        }
        Ok(Ticket { number, opening, lands, fate })
    }

    fn fate(&mut self, batch: &Batch, durability: Durability) -> Option<StoreError> {
        let fails = match self.fail_next {
            Some(Operation::Write) => true,
            Some(Operation::Sync) => durability == Durability::Power,
            Some(Operation::Read) | None => false,
        };
        if fails {
            self.fail_next = None;
            return Some(StoreError::Io("input/output error (planned)".to_owned()));
        }
        // A sync alone needs no room.
        (self.full && !batch.is_empty()).then_some(StoreError::Full)
    }

    fn allow(&self, opening: u64) -> Result<(), StoreError> {
        if !self.is_current(opening) {
            return Err(StoreError::Poisoned("the disk was opened anew".to_owned()));
        }
        match &self.failed {
            Some(first) => Err(StoreError::Poisoned(first.clone())),
            None => Ok(()),
        }
    }

    /// A commit's time has come. None: it has landed, and nobody hears of it.
    pub(super) fn finish(&mut self, ticket: Ticket) -> Option<Result<(), StoreError>> {
        if !self.is_current(ticket.opening) {
            return Some(Err(StoreError::Poisoned("the disk was opened anew".to_owned())));
        }
        if self.is_held() {
            // What was in flight when it was held has not landed, as far as anybody knows.
            return None;
        }
        self.land(ticket.number);
        if let Some(left) = &mut self.hold_after {
            *left = left.saturating_sub(1);
        }
        if self.is_held() { None } else { Some(ticket.fate.map_or(Ok(()), Err)) }
    }

    pub(super) fn is_held(&self) -> bool {
        self.hold_after == Some(0)
    }

    /// Makes visible what has landed by now: also those commits that nobody waits for any more.
    pub(super) fn settle(&mut self) {
        if self.is_held() {
            return;
        }
        let now = self.now();
        // Those that land at this very moment become visible when their commits return.
        let landed = self.flying.iter().filter(|it| it.lands < now).map(|it| it.ticket).max();
        if let Some(ticket) = landed {
            self.land(ticket);
        }
    }

    /// Makes visible everything up to and with `ticket`, in order.
    fn land(&mut self, ticket: u64) {
        while let Some(next) = self.flying.pop_front_if(|it| it.ticket <= ticket) {
            self.apply(next.batch, next.durability);
        }
    }

    fn apply(&mut self, batch: Batch, durability: Durability) {
        match durability {
            Durability::Process if !batch.is_empty() => {
                let (batch, undo) = self.undoable(batch);
                self.unsafe_batches.push(undo);
                self.write(batch);
            }
            Durability::Process => {}
            Durability::Power => {
                let batch = if self.synced_max > 0 {
                    let (batch, undo) = self.undoable(batch);
                    self.unsafe_batches.push(undo);
                    batch
                } else {
                    batch
                };
                self.write(batch);
                self.all_safe();
            }
        }
    }

    /// What was not safe is so now.
    fn all_safe(&mut self) {
        if self.synced_max > 0 {
            self.synced.extend(self.unsafe_batches.drain(..).filter(|undo| !undo.is_empty()));
            let excess = self.synced.len().saturating_sub(self.synced_max);
            self.synced.drain(..excess);
        }
        self.unsafe_batches.clear();
    }

    /// The batch again, and what its keys hold now.
    fn undoable(&self, batch: Batch) -> (Batch, Undo) {
        let before = self.visible.snapshot();
        let mut again = Batch::new();
        let mut undo = Undo::new();
        for (space, key, value) in batch.into_changes() {
            // A store in memory reads without fail.
            undo.push((space, key.clone(), before.get(space, &key).ok().flatten()));
            match value {
                Some(value) => again.put(space, key, value),
                None => again.remove(space, key),
            }
        }
        (again, undo)
    }

    /// A commit of a store in memory is done at its first poll.
    fn write(&self, batch: Batch) {
        let commit = pin!(self.visible.commit(batch, Durability::Process));
        let done = commit.poll(&mut Context::from_waker(Waker::noop()));
        assert!(done.is_ready(), "a store in memory does not wait");
    }

    fn undo(&mut self, undo: Undo) {
        let mut batch = Batch::new();
        for (space, key, value) in undo {
            match value {
                Some(value) => batch.put(space, key, value),
                None => batch.remove(space, key),
            }
        }
        self.write(batch);
    }

    /// The process ends, and when `power` is lost the machine with it.
    pub(super) fn crash(&mut self, power: bool) {
        self.stop(power);
        if power {
            // The pad may have lost its last second with it, lawfully, and so no longer vouches for
            // these: losing them too would be two failures at once, which nobody can notice.
            self.synced.clear();
        }
    }

    fn stop(&mut self, power: bool) {
        if power {
            let now = self.now();
            self.pad.lose_power(now, self.chance.as_mut());
            let kept = self.up_to(self.unsafe_batches.len());
            if kept < self.unsafe_batches.len() {
                // What came later cannot have survived what came before it.
                self.flying.clear();
                self.doubtful = None;
            }
            while self.unsafe_batches.len() > kept {
                let last = self.unsafe_batches.pop().unwrap_or_default();
                self.undo(last);
            }
        }
        self.end_process();
        if power {
            // What survived is on the device.
            self.all_safe();
        }
        // Whoever still holds the store of the process that was holds nothing.
        self.opening += 1;
    }

    /// Decides about everything whose writer no longer waits for it.
    fn end_process(&mut self) {
        let all = self.flying.len();
        let kept = self.up_to(all);
        let lost = self.flying.split_off(kept);
        let kept = std::mem::take(&mut self.flying);
        for it in kept {
            // In flight means that nobody was promised anything: it may still be unsafe.
            self.apply(it.batch, Durability::Process);
        }
        if let Some(batch) = self.doubtful.take()
            && lost.is_empty()
            && self.up_to(1) == 1
        {
            self.apply(batch, Durability::Process);
        }
        self.failed = None;
        self.hold_after = None;
        self.free_at = Timestamp::MIN;
    }

    pub(super) fn remember(&mut self, count: usize) {
        self.synced_max = count;
        self.pad.remember(count);
    }

    /// Loses power and the newest synced commits. False: there were none.
    pub(super) fn lose_synced(&mut self, commits: u32) -> bool {
        // One thing at a time: what notices is whole.
        self.pad.settle_all();
        self.stop(true);
        let count = usize::try_from(commits).unwrap_or(usize::MAX).min(self.synced.len());
        let gone = self.synced.split_off(self.synced.len() - count);
        let now = self.visible.snapshot();
        let mut lost = Undo::new();
        for (space, key, _) in gone.iter().flatten() {
            // A store in memory reads without fail.
            lost.push((*space, key.clone(), now.get(*space, key).ok().flatten()));
        }
        for undo in gone.iter().rev() {
            self.undo(undo.clone());
        }
        let some = !lost.is_empty();
        self.lost = some.then_some((lost, gone));
        some
    }

    /// Puts back what was lost of what was synced, or forgets it.
    pub(super) fn restore(&mut self, it: bool) {
        if let Some((lost, gone)) = self.lost.take().filter(|_| it) {
            self.undo(lost);
            // They are the newest again: whoever loses synced commits once more loses them first,
            // and tears no hole into what stood before them.
            self.synced.extend(gone);
        }
    }

    /// Loses power, and the newest writes of the pad.
    pub(super) fn lose_pad(&mut self, writes: u32) {
        self.crash(true);
        self.pad.fall_back(usize::try_from(writes).unwrap_or(usize::MAX));
    }

    /// Where the `nth` event stands, modulo their number, or the checkpoint.
    pub(super) fn record(&self, of: Rotten, nth: u64) -> Option<(Space, Bytes)> {
        use homeostat_kernel::checkpoint;
        let now = self.visible.snapshot();
        let all = |space| {
            let pairs = now.range(space, std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);
            pairs.filter_map(Result::ok).map(|(key, _)| key)
        };
        match of {
            Rotten::Checkpoint => all(checkpoint::SPACE)
                .find(|key| key == checkpoint::KEY)
                .map(|key| (checkpoint::SPACE, key)),
            Rotten::Event => {
                let count = u64::try_from(all(EVENTS).count()).unwrap_or(0);
                let nth = usize::try_from(nth.checked_rem(count)?).ok()?;
                all(EVENTS).nth(nth).map(|key| (EVENTS, key))
            }
        }
    }

    /// A number from nothing to `most`, by chance.
    fn up_to(&mut self, most: usize) -> usize {
        if most == 0 {
            return 0;
        }
        let drawn = self.chance.next_u64() % (most as u64 + 1);
        usize::try_from(drawn).unwrap_or(0)
    }

    pub(super) fn snapshot(&self) -> MemorySnapshot {
        self.visible.snapshot()
    }

    pub(super) fn image(&self) -> MemoryStore {
        self.visible.fork()
    }

    pub(super) fn write_slot(
        &mut self,
        opening: u64,
        slot: usize,
        bytes: &[u8; SLOT_BYTES],
    ) -> Result<(), StoreError> {
        if !self.is_current(opening) {
            return Err(StoreError::Poisoned("the disk was opened anew".to_owned()));
        }
        // The pad is overwritten in place, which needs no room.
        let now = self.now();
        self.pad.write(slot, bytes, now);
        Ok(())
    }
}
