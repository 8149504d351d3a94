//! The log itself: the one writer.
//!
//! In: groups of append requests and the time. Out: positions, and the events that were appended.
//! Never: gives a position twice, or acknowledges what is not as durable as was asked.
//! Promise: after `append` has returned, everything admitted is in the store, in order, chained,
//! indexed; after an error nothing of the group is. Start reading at [`Log::append`].

use std::sync::{Arc, Mutex, PoisonError};

use homeostat_world::{Batch, Durability, Pad, Position, Snapshot, Store, Timestamp, canary};

use crate::append::{Append, Appended, Group};
use crate::codec;
use crate::fault::{Damage, DamageReason, LogError};
use crate::index::{self, EVENTS};
use crate::reader::{self, Reader, Walk};
use crate::witness::{self, Head};

/// The only writer of a log. There must be one at a time for one store; the host's directory lock
/// sees to that.
#[derive(Debug)]
pub struct Log<S: Store> {
    store: S,
    head: Head,
    /// The head, for readers in other tasks.
    shared: Arc<Mutex<Head>>,
    /// Everything up to here survives loss of power.
    synced: Position,
    witness: Option<Keeper>,
}

/// Writes the witness, slot after slot. Boxed: it is called once for a whole group, and a type
/// parameter would go through every room that holds a log.
#[derive(Debug)]
struct Keeper {
    pad: Box<dyn Pad>,
    turn: usize,
}

impl<S: Store> Log<S> {
    /// Opens the log that `store` holds, an empty one included, and proves that it ends where
    /// `witness` says or later, every event since then chained to it. Brings stale indexes up to
    /// date, and makes everything that it found durable.
    ///
    /// # Errors
    /// When the log is short, damaged or another one, or the store fails.
    pub async fn open(store: S, witness: Option<Head>) -> Result<Self, LogError> {
        let mut head = {
            let snapshot = store.snapshot();
            let head = reader::head(&snapshot)?;
            if let Some(witness) = witness {
                prove(&snapshot, &head, &witness)?;
            }
            head
        };
        if canary::planted("clock_forgotten_by_a_restart") {
            head.recorded = Timestamp::MIN;
        }
        // What a killed process left may be in the operating system only; from here on it counts.
        store.commit(Batch::new(), Durability::Power).await?;
        index::catch_up(&store, head.position).await?;
        let shared = Arc::new(Mutex::new(head));
        Ok(Self { store, head, shared, synced: head.position, witness: None })
    }

    /// From now on keeps the witness on `pad`, starting with the present head.
    #[must_use]
    pub fn with_witness(mut self, pad: Box<dyn Pad>) -> Self {
        self.witness = Some(Keeper { pad, turn: 0 });
        self.bear_witness();
        if canary::planted("chain_begins_anew_with_each_start") {
            self.head.chain = codec::ChainHash::ZERO;
        }
        self
    }

    /// The end of the log.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.head
    }

    /// Reads what this log has committed, from any task.
    #[must_use]
    pub fn reader(&self) -> Reader<S> {
        Reader::new(self.store.clone(), Arc::clone(&self.shared))
    }

    /// The store below, for other spaces than the log's own.
    #[must_use]
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// Appends a group of requests with one commit and one sync. Each request is admitted whole or
    /// refused; a later one sees the earlier ones. `now` is the time of recording, unless the last
    /// event was recorded later.
    ///
    /// # Errors
    /// When the store fails or the log is damaged; then nothing of the group is appended. An error
    /// of the store leaves open whether the group is there after the next start, which is why
    /// writers send again: their ids make that safe.
    pub async fn append(
        &mut self,
        requests: Vec<Append>,
        now: Timestamp,
        durability: Durability,
    ) -> Result<Appended, LogError> {
        let mut receipts = Vec::with_capacity(requests.len());
        let mut group = Group::new(self.store.snapshot(), self.head, now);
        for request in requests {
            receipts.push(group.admit(request)?);
        }
        let (head, events, answered) = (group.head, group.events, group.oldest_answer);
        let mut batch = group.batch;
        // A store in memory shares with its snapshots and copies what it must not change under them.
        drop(group.snapshot);
        if !events.is_empty() {
            index::put_reach(&mut batch, head.position);
        }
        // An event stored before and answered again must be as durable as a new one.
        let sync = durability == Durability::Power && answered > self.synced;
        if !events.is_empty() || sync {
            self.store.commit(batch, durability).await?;
        }
        assert!(head.position >= self.head.position, "the log only grows");
        self.advance(head, durability);
        Ok(Appended { receipts, events })
    }

    /// Makes everything appended so far survive loss of power, and witnesses it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sync(&mut self) -> Result<(), LogError> {
        self.store.commit(Batch::new(), Durability::Power).await?;
        self.advance(self.head, Durability::Power);
        Ok(())
    }

    /// Builds the secondary keys anew from the log. For an index that `verify` found faulty.
    ///
    /// # Errors
    /// When the store fails or the log is damaged.
    pub async fn rebuild_indexes(&mut self) -> Result<(), LogError> {
        index::rebuild(&self.store, self.head.position).await
    }

    fn advance(&mut self, head: Head, durability: Durability) {
        self.head = head;
        *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = head;
        // Only what survives loss of power is witnessed: a witness ahead of the log would call a
        // lawful loss damage.
        if durability == Durability::Power {
            self.synced = head.position;
            self.bear_witness();
        }
    }

    fn bear_witness(&mut self) {
        let Some(keeper) = &mut self.witness else { return };
        let written = keeper.pad.write(keeper.turn, &witness::encode(&self.head));
        keeper.turn = keeper.turn.wrapping_add(1);
        if let Err(error) = written {
            // A witness that stays behind proves less and harms nothing, so the log goes on.
            tracing::warn!(%error, "the head witness was not written");
        }
    }
}

/// Proves that the log which ends at `head` continues what `witness` saw.
fn prove<P: Snapshot>(snapshot: &P, head: &Head, witness: &Head) -> Result<(), LogError> {
    if head.position < witness.position {
        return Err(LogError::Short { witnessed: witness.position, found: head.position });
    }
    if witness.position > Position::ZERO {
        let value = snapshot
            .get(EVENTS, &witness.position.to_key())
            .map_err(|error| Damage::while_reading(witness.position, error))?
            .ok_or_else(|| Damage::at(witness.position, DamageReason::Missing))?;
        if codec::chain(witness.position, &value) != witness.chain {
            return Err(LogError::Diverged(witness.position));
        }
    }
    // What came after the witness was written: little, since it is written after each group.
    let mut walk = Walk::start(snapshot, witness.position.next())?;
    while walk.position < head.position {
        let next = walk.position.next();
        let value = snapshot
            .get(EVENTS, &next.to_key())
            .map_err(|error| Damage::while_reading(next, error))?
            .ok_or_else(|| Damage::at(next, DamageReason::Missing))?;
        walk.step(&value)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
