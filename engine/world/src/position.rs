//! A place in the log.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The place of one event in the log: gapless, from 1, given at append. The only order that
/// matters for state.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Position(u64);

impl Position {
    /// The position before the first event: the head of an empty log.
    pub const ZERO: Self = Self(0);

    /// The `n`-th position.
    #[must_use]
    pub const fn new(n: u64) -> Self {
        Self(n)
    }

    /// As a number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The next position.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// As an ordered key: big-endian bytes.
    #[must_use]
    pub const fn to_key(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Position {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}
