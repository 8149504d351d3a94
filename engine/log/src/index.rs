//! The keys of the log and of its secondary indexes.
//!
//! * `events`: position → record. The log itself; everything else follows from it.
//! * `subjects`: subject, NUL, position → nothing. A subject's stream in order.
//! * `ids`: hash of source and id → position. Finds what was sent before.
//!
//! The two indexes also hold the position that they reach, so that a stale one is seen.
//! Promise: an index can be thrown away and rebuilt from the log. Start reading at [`put`].

use std::hash::BuildHasher;
use std::ops::Bound;

use bytes::Bytes;
use homeostat_world::{Batch, Durability, Position, Snapshot, Space, Store, StoreError};

use crate::event::NewEvent;
use crate::fault::LogError;
use crate::reader;

/// Position → record.
pub const EVENTS: Space = Space("events");
/// Subject and position → nothing.
pub const SUBJECTS: Space = Space("subjects");
/// Source and id → position.
pub const IDS: Space = Space("ids");

/// Where an index says how far it reaches. No subject starts with NUL, and no id key is this short.
const REACH: &[u8] = &[0];
/// Events whose keys are rebuilt in one commit.
const REBUILD_STEP: usize = 8_192;

/// The key of a source and id: 128 bits of BLAKE3 over both, the length of the source first, so
/// that no two pairs look alike.
pub(crate) type IdKey = [u8; 16];

pub(crate) fn id_key(source: &str, id: &str) -> IdKey {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(source.len() as u64).to_be_bytes());
    hasher.update(source.as_bytes());
    hasher.update(id.as_bytes());
    hasher.finalize().as_bytes().first_chunk().copied().unwrap_or_default()
}

pub(crate) fn subject_key(subject: &str, position: Position) -> Vec<u8> {
    let mut key = Vec::with_capacity(subject.len() + 9);
    key.extend_from_slice(subject.as_bytes());
    key.push(0);
    key.extend_from_slice(&position.to_key());
    key
}

/// Adds the keys of one event to the batch that adds the event.
pub(crate) fn put(batch: &mut Batch, event: &NewEvent, key: IdKey, position: Position) {
    if let Some(subject) = &event.subject {
        batch.put(SUBJECTS, subject_key(subject, position), Bytes::new());
    }
    batch.put(IDS, Bytes::copy_from_slice(&key), Bytes::copy_from_slice(&position.to_key()));
}

/// Marks both indexes as reaching `position`.
pub(crate) fn put_reach(batch: &mut Batch, position: Position) {
    for space in [SUBJECTS, IDS] {
        let reach = Bytes::copy_from_slice(&position.to_key());
        batch.put(space, Bytes::from_static(REACH), reach);
    }
}

/// Where the event of `key` stands, as far as the index knows.
pub(crate) fn find<P: Snapshot>(snapshot: &P, key: &IdKey) -> Result<Option<Position>, StoreError> {
    Ok(snapshot.get(IDS, key)?.as_deref().and_then(read_position))
}

/// The positions of `subject` from `from` on, at most `count`.
pub(crate) fn stream<P: Snapshot>(
    snapshot: &P,
    subject: &str,
    from: Position,
    count: usize,
) -> Result<Vec<Position>, StoreError> {
    let (first, last) = (subject_key(subject, from), subject_key(subject, Position::new(u64::MAX)));
    snapshot
        .range(SUBJECTS, Bound::Included(&first), Bound::Included(&last))
        .take(count)
        .map(|pair| pair.map(|(key, _)| position_among(&key, &first)))
        .filter_map(Result::transpose)
        .collect()
}

/// The last position of `subject`.
pub(crate) fn last_of<P: Snapshot>(
    snapshot: &P,
    subject: &str,
) -> Result<Option<Position>, StoreError> {
    let (first, last) =
        (subject_key(subject, Position::ZERO), subject_key(subject, Position::new(u64::MAX)));
    snapshot
        .range(SUBJECTS, Bound::Included(&first), Bound::Included(&last))
        .rev()
        .find_map(|pair| pair.map(|(key, _)| position_among(&key, &first)).transpose())
        .transpose()
}

fn position_of_subject_key(key: &[u8]) -> Option<Position> {
    key.last_chunk().map(|tail| Position::new(u64::from_be_bytes(*tail)))
}

/// The position in a key that stands among those of one subject, which are as long as `like`. A
/// longer or shorter one is damage and reads as absence: its last bytes could name a position that
/// the reader has passed, and it would never come to an end.
fn position_among(key: &[u8], like: &[u8]) -> Option<Position> {
    position_of_subject_key(key).filter(|_| key.len() == like.len())
}

/// A position as an index stores it; damage in an index reads as absence and is found by `verify`.
fn read_position(bytes: &[u8]) -> Option<Position> {
    bytes.try_into().ok().map(|bytes| Position::new(u64::from_be_bytes(bytes)))
}

/// A set of index keys as one number, whatever their order: the sum of their hashes. Two sets that
/// differ have the same sum by chance only, one time in 2^64, which is enough to notice damage; it
/// lets `verify` compare an index with the log in two walks instead of a search for each event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    subjects: u64,
    ids: u64,
}

impl Tally {
    /// Counts the keys of one event.
    pub(crate) fn count(&mut self, event: &NewEvent, position: Position) {
        if let Some(subject) = &event.subject {
            self.subjects = self.subjects.wrapping_add(hash(&subject_key(subject, position), &[]));
        }
        let key = id_key(&event.source, &event.id);
        self.ids = self.ids.wrapping_add(hash(&key, &position.to_key()));
    }

    /// How many of the two indexes differ.
    pub(crate) fn faults(self, other: Self) -> u64 {
        u64::from(self.subjects != other.subjects) + u64::from(self.ids != other.ids)
    }
}

/// Counts the keys that the indexes hold for some positions, a step at a time.
#[derive(Debug)]
pub(crate) struct IndexWalk {
    from: Position,
    to: Position,
    tally: Tally,
    /// The index that is walked, and the last key of it that was counted. None at the end.
    at: Option<(Space, Vec<u8>)>,
}

impl IndexWalk {
    /// Before the first key. The positions are `from..=to`.
    pub(crate) fn new(from: Position, to: Position) -> Self {
        Self { from, to, tally: Tally::default(), at: Some((SUBJECTS, Vec::new())) }
    }

    /// Counts the next keys. What both indexes hold, once there are no more.
    pub(crate) fn step<P: Snapshot>(&mut self, snapshot: &P) -> Result<Option<Tally>, StoreError> {
        let Some((space, after)) = self.at.take() else { return Ok(Some(self.tally)) };
        let mut last = None;
        let rest = snapshot.range(space, Bound::Excluded(&after), Bound::Unbounded);
        for pair in rest.take(REBUILD_STEP) {
            let (key, value) = pair?;
            if key != REACH {
                self.count(space, &key, &value);
            }
            last = Some(key);
        }
        self.at = match last {
            Some(key) => Some((space, key.to_vec())),
            None if space == SUBJECTS => Some((IDS, Vec::new())),
            None => None,
        };
        Ok(None)
    }

    fn count(&mut self, space: Space, key: &[u8], value: &[u8]) {
        let inside = |it: Position| self.from <= it && it <= self.to;
        if space == SUBJECTS && position_of_subject_key(key).is_some_and(inside) {
            self.tally.subjects = self.tally.subjects.wrapping_add(hash(key, &[]));
        }
        if space == IDS && read_position(value).is_some_and(inside) {
            self.tally.ids = self.tally.ids.wrapping_add(hash(key, value));
        }
    }
}

fn hash(key: &[u8], value: &[u8]) -> u64 {
    foldhash::fast::FixedState::default().hash_one((key, value))
}

/// Brings both indexes up to `head`: adds what is missing when they are behind, and builds them
/// anew when they are ahead, which happens when the log came back shorter.
///
/// # Errors
/// When the store cannot be read or written, or the log is damaged on the way.
pub(crate) async fn catch_up<S: Store>(store: &S, head: Position) -> Result<(), LogError> {
    let snapshot = store.snapshot();
    let mut reach = Position::new(u64::MAX);
    for space in [SUBJECTS, IDS] {
        let reached = snapshot.get(space, REACH)?.as_deref().and_then(read_position);
        reach = reach.min(reached.unwrap_or(Position::ZERO));
        if reached.is_some_and(|reached| reached > head) {
            drop(snapshot);
            return rebuild(store, head).await;
        }
    }
    drop(snapshot);
    fill(store, reach, head).await
}

/// Builds both indexes anew from the log.
///
/// # Errors
/// When the store cannot be read or written, or the log is damaged on the way.
pub(crate) async fn rebuild<S: Store>(store: &S, head: Position) -> Result<(), LogError> {
    tracing::warn!(%head, "rebuilding the indexes of the log");
    for space in [SUBJECTS, IDS] {
        loop {
            let mut batch = Batch::new();
            for pair in
                store.snapshot().range(space, Bound::Unbounded, Bound::Unbounded).take(REBUILD_STEP)
            {
                batch.remove(space, pair?.0);
            }
            if batch.is_empty() {
                break;
            }
            store.commit(batch, Durability::Process).await?;
        }
    }
    fill(store, Position::ZERO, head).await
}

async fn fill<S: Store>(store: &S, reach: Position, head: Position) -> Result<(), LogError> {
    let mut reach = reach;
    let mut events = reader::Read::new(store.snapshot(), reach.next());
    while reach < head {
        let mut batch = Batch::new();
        for event in events.by_ref().take(REBUILD_STEP) {
            let event = event?;
            reach = event.position;
            put(&mut batch, &event.event, id_key(&event.event.source, &event.event.id), reach);
        }
        if batch.is_empty() {
            break;
        }
        put_reach(&mut batch, reach);
        store.commit(batch, Durability::Process).await?;
    }
    Ok(())
}
