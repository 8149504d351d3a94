//! An evaluator's state as bytes, and back.
//!
//! In: a state, or bytes. Out: bytes, or a state.
//! Never: writes what the log and the spec do not determine: places, symbol numbers, dead timers.
//! Promise: equal states give equal bytes, and a restored evaluator goes on as the first would have.
//! Start reading at [`Evaluator::checkpoint`], then [`Evaluator::restore`].

pub(crate) mod read;
pub(crate) mod write;

use std::sync::Arc;

use crate::evaluator::Evaluator;
use crate::program::Program;

/// The form of the bytes. Another form is another number.
const VERSION: u64 = 8;

/// Why bytes are no state of a program.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Written by another version of the engine.
    #[error(
        "checkpoint has version `{found}`; expected `{VERSION}`; delete it, the log has everything"
    )]
    Version {
        /// The version that the bytes name.
        found: u64,
    },
    /// Written under another spec.
    #[error(
        "checkpoint is of spec `{found}`; expected `{expected}`; delete it, the log has everything"
    )]
    Spec {
        /// The hash that the bytes name.
        found: String,
        /// The program's hash.
        expected: String,
    },
    /// Damaged.
    #[error("checkpoint is malformed: {0}; delete it, the log has everything")]
    Malformed(String),
}

impl From<minicbor::decode::Error> for RestoreError {
    fn from(error: minicbor::decode::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

impl Evaluator {
    /// Everything it knows, as canonical bytes.
    #[must_use]
    pub fn checkpoint(&self) -> Vec<u8> {
        let mut bytes = write::state(self.program(), &self.state);
        let sum = blake3::hash(&bytes);
        bytes.extend_from_slice(sum.as_bytes());
        bytes
    }

    /// The evaluator that [`Self::checkpoint`] wrote, for the same spec.
    ///
    /// # Errors
    /// When the bytes are of another version or spec, or damaged. The log replayed from its start
    /// gives the same state.
    pub fn restore(program: Arc<Program>, bytes: &[u8]) -> Result<Self, RestoreError> {
        let Some((body, sum)) = bytes.split_last_chunk::<32>() else {
            return Err(RestoreError::Malformed("shorter than its checksum".to_owned()));
        };
        if blake3::hash(body).as_bytes() != sum {
            return Err(RestoreError::Malformed("its checksum does not fit".to_owned()));
        }
        let state = read::state(&program, body)?;
        Ok(Self::with_state(program, state))
    }

    /// Names its state: equal states have equal hashes.
    #[must_use]
    pub fn state_hash(&self) -> [u8; 32] {
        *blake3::hash(&write::state(self.program(), &self.state)).as_bytes()
    }
}
