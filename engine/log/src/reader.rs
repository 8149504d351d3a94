//! Reading the log: by position, in order, by subject, by id; and proving that it is whole.
//!
//! In: a store. Out: events. Never: writes; reads past a snapshot, so a reader sees whole commits.
//! Promise: events come gapless and in order, or the first position that is not whole is named.
//! Start reading at [`Reader::read`].

mod proof;

use std::collections::VecDeque;
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use homeostat_world::{Position, Snapshot, Store, StoreError};

use crate::codec::{self, ChainHash};
use crate::event::Event;
use crate::fault::{Damage, DamageReason, LogError};
use crate::index::{self, EVENTS};
use crate::witness::Head;
pub use proof::{Proof, Step};

/// Records fetched at once; an iterator holds at most this many.
const READ_STEP: usize = 1_024;
/// Events between two reports of progress.
const PROGRESS_STEP: u64 = 8_192;

/// Reads a log that a [`Log`](crate::Log) writes. Cheap to clone; each call sees the log as it is then.
#[derive(Clone, Debug)]
pub struct Reader<S: Store> {
    store: S,
    head: Arc<Mutex<Head>>,
}

/// What [`Reader::verify`] has proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Events read, each whole and chained to the one before.
    pub events: u64,
    /// Bytes of their records.
    pub bytes: u64,
    /// Where the log ends.
    pub head: Head,
    /// Of the two indexes, how many do not agree with the log. No harm to it: rebuild them.
    pub index_faults: u64,
}

impl<S: Store> Reader<S> {
    pub(crate) fn new(store: S, head: Arc<Mutex<Head>>) -> Self {
        Self { store, head }
    }

    /// The end of the log: everything up to there is committed.
    #[must_use]
    pub fn head(&self) -> Head {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The event at `position`; none beyond the head.
    ///
    /// # Errors
    /// When the store cannot be read or the record is damaged.
    pub fn get(&self, position: Position) -> Result<Option<Event>, LogError> {
        get(&self.store.snapshot(), position)
    }

    /// The chain hash after the event at `position`, which names the log up to there; none beyond
    /// the head.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn chain_at(&self, position: Position) -> Result<Option<ChainHash>, LogError> {
        if position == Position::ZERO {
            return Ok(Some(ChainHash::ZERO));
        }
        let value = self.store.snapshot().get(EVENTS, &position.to_key());
        let value = value.map_err(|error| Damage::while_reading(position, error))?;
        Ok(value.map(|value| codec::chain(position, &value)))
    }

    /// The events from `from` on, up to the head at the moment of the call.
    #[must_use]
    pub fn read(&self, from: Position) -> Read<S::Snapshot> {
        Read::new(self.store.snapshot(), from)
    }

    /// The events about `subject` from position `from` on.
    #[must_use]
    pub fn by_subject(&self, subject: &str, from: Position) -> Stream<S::Snapshot> {
        Stream {
            snapshot: self.store.snapshot(),
            subject: subject.to_owned(),
            next: from.max(Position::new(1)),
            positions: VecDeque::new(),
            ended: false,
        }
    }

    /// The event that `source` sent as `id`.
    ///
    /// # Errors
    /// When the store cannot be read or the record is damaged.
    pub fn find(&self, source: &str, id: &str) -> Result<Option<Event>, LogError> {
        let snapshot = self.store.snapshot();
        let Some(position) = index::find(&snapshot, &index::id_key(source, id))? else {
            return Ok(None);
        };
        let event = get(&snapshot, position)?;
        Ok(event.filter(|event| event.event.source == source && event.event.id == id))
    }

    /// Reads everything from `from` to the head and proves it whole: gapless, decodable, chained,
    /// in the order of its recording, and the same as the indexes say. `progress` is told the position
    /// now and then.
    ///
    /// # Errors
    /// [`LogError::Damaged`] with the first position that is not whole.
    pub fn verify(
        &self,
        from: Position,
        mut progress: impl FnMut(Position),
    ) -> Result<Verified, LogError> {
        let mut proof = self.prove(from)?;
        loop {
            match proof.step()? {
                Step::Event(event) if event.position.get().is_multiple_of(PROGRESS_STEP) => {
                    progress(event.position);
                }
                Step::Event(_) | Step::Indexes => {}
                Step::Whole(verified) => {
                    progress(verified.head.position);
                    return Ok(verified);
                }
            }
        }
    }

    /// The same, a step at a time, for whoever has to let others run in between or wants the events.
    ///
    /// # Errors
    /// When the event before `from` cannot be read.
    pub fn prove(&self, from: Position) -> Result<Proof<S::Snapshot>, LogError> {
        // The head first: in this order the snapshots reach it, whatever is appended meanwhile.
        let head = self.head();
        let snapshot = self.store.snapshot();
        Proof::new(snapshot, self.store.snapshot(), head, from.max(Position::new(1)))
    }
}

pub(crate) fn get<P: Snapshot>(
    snapshot: &P,
    position: Position,
) -> Result<Option<Event>, LogError> {
    let value = snapshot
        .get(EVENTS, &position.to_key())
        .map_err(|error| Damage::while_reading(position, error))?;
    let decoded = value.map(|value| codec::decode(position, &value)).transpose();
    Ok(decoded.map_err(|error| Damage::at(position, error))?.map(|(event, _)| event))
}

/// The last record: where the log ends by itself.
pub(crate) fn head<P: Snapshot>(snapshot: &P) -> Result<Head, LogError> {
    let last = snapshot.range(EVENTS, Bound::Unbounded, Bound::Unbounded).next_back();
    let (key, value) = match last {
        None => return Ok(Head::default()),
        Some(Ok(pair)) => pair,
        Some(Err(error)) => return Err(first_damage(snapshot, error)),
    };
    let position = position_of(&key, Position::ZERO)?;
    let header = codec::decode_header(&value).map_err(|error| Damage::at(position, error))?;
    Ok(Head { position, chain: codec::chain(position, &value), recorded: header.recorded })
}

/// Where damage lies that was met at the end, which does not say where: the first position from the
/// beginning that cannot be read.
fn first_damage<P: Snapshot>(snapshot: &P, met: StoreError) -> LogError {
    let mut position = Position::ZERO;
    for pair in snapshot.range(EVENTS, Bound::Unbounded, Bound::Unbounded) {
        position = position.next();
        if let Err(error) = pair {
            return Damage::while_reading(position, error);
        }
    }
    met.into()
}

fn position_of(key: &[u8], after: Position) -> Result<Position, LogError> {
    let bytes = key.try_into().map_err(|_| {
        let reason = format!("a key of `{}` bytes stands where positions are expected", key.len());
        Damage::at(after.next(), DamageReason::Unreadable(reason))
    })?;
    Ok(Position::new(u64::from_be_bytes(bytes)))
}

/// Walks the chain of hashes.
#[derive(Debug)]
pub(crate) struct Walk {
    /// The last position that was proved.
    pub(crate) position: Position,
    /// The chain hash after it.
    pub(crate) chain: ChainHash,
    recorded: homeostat_world::Timestamp,
}

impl Walk {
    /// Before `from`: the record there is taken as it is.
    pub(crate) fn start<P: Snapshot>(snapshot: &P, from: Position) -> Result<Self, LogError> {
        let before = Position::new(from.get().saturating_sub(1));
        if before == Position::ZERO {
            let recorded = homeostat_world::Timestamp::MIN;
            return Ok(Self { position: before, chain: ChainHash::ZERO, recorded });
        }
        let value = snapshot
            .get(EVENTS, &before.to_key())
            .map_err(|error| Damage::while_reading(before, error))?
            .ok_or_else(|| Damage::at(before, DamageReason::Missing))?;
        let header = codec::decode_header(&value).map_err(|error| Damage::at(before, error))?;
        let chain = codec::chain(before, &value);
        Ok(Self { position: before, chain, recorded: header.recorded })
    }

    /// Proves the record that follows.
    pub(crate) fn step(&mut self, value: &Bytes) -> Result<Event, LogError> {
        let position = self.position.next();
        // The record names the hash of the one before, so the blame is that one's.
        let (event, header) =
            codec::decode(position, value).map_err(|error| Damage::at(position, error))?;
        if header.previous != self.chain {
            let blamed = self.position.max(Position::new(1));
            return Err(Damage::at(blamed, DamageReason::Chain).into());
        }
        if header.recorded < self.recorded {
            return Err(Damage::at(position, DamageReason::Time).into());
        }
        self.position = position;
        self.chain = codec::chain(position, value);
        self.recorded = header.recorded;
        Ok(event)
    }
}

/// Records in order, fetched in steps so that no borrow of the snapshot is held between them.
#[derive(Debug)]
struct Records<P> {
    snapshot: P,
    next: Position,
    fetched: VecDeque<(Position, Bytes)>,
    ended: bool,
}

impl<P: Snapshot> Records<P> {
    fn new(snapshot: P, from: Position) -> Self {
        let next = from.max(Position::new(1));
        Self { snapshot, next, fetched: VecDeque::new(), ended: false }
    }

    fn fetch(&mut self) -> Result<(), LogError> {
        let first = self.next.to_key();
        let pairs =
            self.snapshot.range(EVENTS, Bound::Included(&first), Bound::Unbounded).take(READ_STEP);
        let mut expected = self.next;
        for pair in pairs {
            let (key, value) = match pair {
                Ok(pair) => pair,
                Err(error) => {
                    // What was read before the damage is good and is handed out first.
                    if self.fetched.is_empty() {
                        return Err(Damage::while_reading(expected, error));
                    }
                    return Ok(());
                }
            };
            let position = position_of(&key, expected)?;
            if position != expected {
                if self.fetched.is_empty() {
                    return Err(Damage::at(expected, DamageReason::Missing).into());
                }
                return Ok(());
            }
            self.fetched.push_back((position, value));
            expected = expected.next();
        }
        Ok(())
    }
}

impl<P: Snapshot> Iterator for Records<P> {
    type Item = Result<(Position, Bytes), LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        if self.fetched.is_empty()
            && let Err(error) = self.fetch()
        {
            self.ended = true;
            return Some(Err(error));
        }
        let record = self.fetched.pop_front();
        match &record {
            Some((position, _)) => self.next = position.next(),
            None => self.ended = true,
        }
        record.map(Ok)
    }
}

/// The events of a log in order. After an error it ends.
pub struct Read<P> {
    records: Records<P>,
}

impl<P: Snapshot> Read<P> {
    pub(crate) fn new(snapshot: P, from: Position) -> Self {
        Self { records: Records::new(snapshot, from) }
    }
}

impl<P> std::fmt::Debug for Read<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Read(next: {})", self.records.next)
    }
}

impl<P: Snapshot> Iterator for Read<P> {
    type Item = Result<Event, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.records.next()?;
        let event = record.and_then(|(position, value)| {
            let decoded = codec::decode(position, &value);
            decoded.map(|(event, _)| event).map_err(|error| Damage::at(position, error).into())
        });
        self.records.ended |= event.is_err();
        Some(event)
    }
}

/// The events about one subject, in order. After an error it ends.
pub struct Stream<P> {
    snapshot: P,
    subject: String,
    next: Position,
    positions: VecDeque<Position>,
    ended: bool,
}

impl<P> std::fmt::Debug for Stream<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stream({}, next: {})", self.subject, self.next)
    }
}

impl<P: Snapshot> Stream<P> {
    fn step(&mut self) -> Result<Option<Event>, LogError> {
        if self.positions.is_empty() {
            self.positions =
                index::stream(&self.snapshot, &self.subject, self.next, READ_STEP)?.into();
        }
        let Some(position) = self.positions.pop_front() else { return Ok(None) };
        self.next = position.next();
        get(&self.snapshot, position)?
            .map(Some)
            .ok_or_else(|| Damage::at(position, DamageReason::Missing).into())
    }
}

impl<P: Snapshot> Iterator for Stream<P> {
    type Item = Result<Event, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let event = self.step().transpose();
        self.ended = !matches!(event, Some(Ok(_)));
        event
    }
}
