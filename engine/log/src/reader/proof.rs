//! Proves a log whole, a step at a time.
//!
//! In: a log as it was when the proof began. Out: its events, each proved, then what the whole of it came to.
//! Never: takes long over one step; looks beyond the head that it began with. Promise: [`Step::Whole`] is reached only
//! where every event up to the head is there, decodable, chained and in the order of its recording.
//! Start reading at [`Proof::step`].

use homeostat_world::{Position, Snapshot};

use super::{Records, Verified, Walk};
use crate::event::Event;
use crate::fault::{Damage, DamageReason, LogError};
use crate::index::{IndexWalk, Tally};
use crate::witness::Head;

/// A proof that is under way.
#[derive(Debug)]
pub struct Proof<P> {
    snapshot: P,
    records: Records<P>,
    walk: Walk,
    tally: Tally,
    indexes: IndexWalk,
    verified: Verified,
}

/// What one step came to.
#[derive(Debug)]
pub enum Step {
    /// The next event, which is whole.
    Event(Event),
    /// Some keys of the indexes were counted.
    Indexes,
    /// There is no more.
    Whole(Verified),
}

impl<P: Snapshot> Proof<P> {
    pub(super) fn new(snapshot: P, again: P, head: Head, from: Position) -> Result<Self, LogError> {
        let walk = Walk::start(&snapshot, from)?;
        Ok(Self {
            snapshot,
            records: Records::new(again, from),
            walk,
            tally: Tally::default(),
            indexes: IndexWalk::new(from, head.position),
            verified: Verified { events: 0, bytes: 0, head, index_faults: 0 },
        })
    }

    /// Goes on.
    ///
    /// # Errors
    /// [`LogError::Damaged`] with the first position that is not whole.
    pub fn step(&mut self) -> Result<Step, LogError> {
        let head = self.verified.head;
        if self.walk.position < head.position {
            return self.event().map(Step::Event);
        }
        if self.walk.position == head.position && self.walk.chain != head.chain {
            return Err(Damage::at(head.position, DamageReason::Chain).into());
        }
        let Some(indexed) = self.indexes.step(&self.snapshot)? else { return Ok(Step::Indexes) };
        self.verified.index_faults = self.tally.faults(indexed);
        Ok(Step::Whole(self.verified))
    }

    fn event(&mut self) -> Result<Event, LogError> {
        let position = self.walk.position.next();
        let Some(record) = self.records.next() else {
            return Err(Damage::at(position, DamageReason::Missing).into());
        };
        let (_, value) = record?;
        let event = self.walk.step(&value)?;
        self.verified.events += 1;
        self.verified.bytes += value.len() as u64;
        self.tally.count(&event.event, position);
        Ok(event)
    }
}
