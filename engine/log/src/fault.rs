//! What can go wrong with a log as a whole.
//!
//! A request that cannot be granted is no fault but a [`Refusal`](crate::append::Refusal).
//! Promise: each text says where, what was expected and found, and what helps.

use homeostat_world::{Position, StoreError};

use crate::codec::CodecError;

/// Why the log cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The store under it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record is not what was written.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// It ends before the head that was witnessed.
    #[error(
        "log ends at position `{found}`, but position `{witnessed}` was acknowledged: \
         `{}` events are missing; restore the log from a backup",
        witnessed.get().saturating_sub(found.get())
    )]
    Short {
        /// Where it must reach.
        witnessed: Position,
        /// Where it ends.
        found: Position,
    },
    /// It is another log than the one that was witnessed.
    #[error(
        "log differs from what was acknowledged up to position `{0}`; \
         it was changed or replaced, restore the log from a backup"
    )]
    Diverged(Position),
}

/// One place of the log is not what was written there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "log is damaged at position `{position}`: {reason}; \
     everything before it is whole, restore the log from a backup"
)]
pub struct Damage {
    /// Where: the first position that is not whole.
    pub position: Position,
    /// What is wrong there.
    pub reason: DamageReason,
}

/// What is wrong at a position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DamageReason {
    /// Nothing is stored there.
    #[error("the event is missing")]
    Missing,
    /// The bytes are no event.
    #[error(transparent)]
    Record(#[from] CodecError),
    /// The store cannot read it.
    #[error("{0}")]
    Unreadable(String),
    /// The next event names another hash than this one has.
    #[error("its bytes are not those that the chain of hashes was built on")]
    Chain,
    /// Time ran backwards.
    #[error("it was recorded before the event that it follows")]
    Time,
}

impl Damage {
    pub(crate) fn at(position: Position, reason: impl Into<DamageReason>) -> Self {
        Self { position, reason: reason.into() }
    }

    /// A store's error while `position` was read: damage has a place, anything else has none.
    pub(crate) fn while_reading(position: Position, error: StoreError) -> LogError {
        match error {
            StoreError::Damaged(reason) => {
                Self::at(position, DamageReason::Unreadable(reason)).into()
            }
            error => error.into(),
        }
    }
}
