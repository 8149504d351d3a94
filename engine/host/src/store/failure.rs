//! fjall's errors in the words of the store door.
//!
//! Promise: a full device is told from a broken one, and a broken one from damaged data; after a
//! failed write every later one says what the first one said. Start reading at [`Failure::guard`].

use std::io::ErrorKind;

use fjall::{Error, LsmError};
use homeostat_world::StoreError;

/// What an error of fjall means.
pub(super) fn store_error(error: Error) -> StoreError {
    match error {
        Error::Io(error) | Error::Storage(LsmError::Io(error)) => io_error(&error),
        Error::Poisoned => StoreError::Poisoned("an earlier write or sync failed".to_owned()),
        damage @ (Error::JournalRecovery(_)
        | Error::InvalidTrailer
        | Error::InvalidTag(_)
        | Error::Decompress(_)
        | Error::Unrecoverable
        | Error::Storage(
            LsmError::ChecksumMismatch { .. }
            | LsmError::Unrecoverable
            | LsmError::InvalidTag(_)
            | LsmError::InvalidTrailer
            | LsmError::InvalidHeader(_)
            | LsmError::Decompress(_)
            | LsmError::Utf8(_),
        )) => StoreError::Damaged(words(&damage)),
        other => StoreError::Io(words(&other)),
    }
}

fn io_error(error: &std::io::Error) -> StoreError {
    match error.kind() {
        // A file-size limit and a quota are a full device to whoever meets them.
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            StoreError::Full
        }
        // A file that ends where a block should stand was cut.
        ErrorKind::UnexpectedEof | ErrorKind::InvalidData => StoreError::Damaged(error.to_string()),
        _ => StoreError::Io(error.to_string()),
    }
}

/// The kind of damage without fjall's own types around it.
fn words(error: &Error) -> String {
    match error {
        Error::Storage(LsmError::ChecksumMismatch { .. }) => {
            "a block does not match its checksum".to_owned()
        }
        Error::JournalRecovery(reason) => format!("a batch in a journal is broken: {reason:?}"),
        Error::Unrecoverable | Error::Storage(LsmError::Unrecoverable) => {
            "files of the database are missing or broken".to_owned()
        }
        Error::Storage(inner) => format!("{inner:?}"),
        other => format!("{other:?}"),
    }
}

/// The first failed write, which no later one outlives: fjall accepts nothing until it is opened
/// anew, because after a failed sync nobody knows what the device holds.
#[derive(Debug, Default)]
pub(super) struct Failure {
    first: Option<String>,
}

impl Failure {
    /// Runs one write, unless an earlier one has failed.
    pub(super) fn guard(
        &mut self,
        write: impl FnOnce() -> Result<(), Error>,
    ) -> Result<(), StoreError> {
        if let Some(first) = &self.first {
            return Err(StoreError::Poisoned(first.clone()));
        }
        write().map_err(|error| {
            let error = store_error(error);
            let help = match &error {
                StoreError::Full => "; make room and start again",
                _ => "; check the device and start again",
            };
            tracing::error!(%error, "a write to the store failed, nothing more is accepted");
            self.first = Some(format!("{error}{help}"));
            error
        })
    }
}
