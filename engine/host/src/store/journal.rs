//! Reads fjall's journals without opening the database, since fjall cuts off what it cannot read
//! and says nothing.
//!
//! In: a journal file. Out: the last log position in it, and whether anything follows its last
//! whole batch. Never: writes; checks sums, which fjall does itself and reports.
//! Promise: knows the layout of fjall 3 (`FJL` version 3). Start reading at [`scan`].

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use homeostat_world::Position;

/// fjall numbers keyspaces from 1 in the order of their making, and the log's is made first.
const EVENTS_KEYSPACE: u64 = 1;
/// What ends the trailer of a batch.
const TRAILER: [u8; 4] = *b"FJL\x03";

/// What a journal holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Journal {
    /// The greatest position of the log in it.
    pub(super) last: Option<Position>,
    /// Bytes up to the end of the last whole batch.
    pub(super) whole: u64,
    /// Whether other bytes than zeros follow: a torn batch, or damage.
    pub(super) torn: bool,
}

/// Reads the journal at `path`.
pub(super) fn scan(path: &Path) -> io::Result<Journal> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut journal = Journal::default();
    while let Some(batch) = read_batch(&mut reader, length)? {
        journal.last = journal.last.max(batch);
        journal.whole = reader.stream_position()?;
    }
    reader.seek(SeekFrom::Start(journal.whole))?;
    journal.torn = holds_other_than_zeros(reader)?;
    Ok(journal)
}

/// A whole batch: the greatest position in it. None where no whole batch stands.
fn read_batch(reader: &mut BufReader<File>, length: u64) -> io::Result<Option<Option<Position>>> {
    match batch(reader, length) {
        Ok(batch) => Ok(Some(batch)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn batch(reader: &mut BufReader<File>, length: u64) -> io::Result<Option<Position>> {
    let mut last = None;
    let [tag] = take(reader)?;
    let count = u32::from_le_bytes(take(reader)?);
    // The sequence number of the batch.
    take::<8>(reader)?;
    if tag != 1 {
        return Err(io::ErrorKind::InvalidData.into());
    }
    for _ in 0..count {
        match take(reader)? {
            [2] => last = last.max(item(reader, length)?),
            [4] => {
                take::<8>(reader)?;
            }
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
    let [tag] = take(reader)?;
    // The checksum.
    take::<8>(reader)?;
    if tag == 3 && take::<4>(reader)? == TRAILER {
        Ok(last)
    } else {
        Err(io::ErrorKind::InvalidData.into())
    }
}

/// One change: its position, when it is one of the log.
fn item(reader: &mut BufReader<File>, length: u64) -> io::Result<Option<Position>> {
    // Whether it is put or removed, and how the value is compressed.
    take::<2>(reader)?;
    let keyspace = u64::from_le_bytes(take(reader)?);
    let key_length = u16::from_le_bytes(take(reader)?);
    // The length before compression.
    take::<4>(reader)?;
    let value_length = u32::from_le_bytes(take(reader)?);
    // A damaged length must not send the reader past the end, where seeking succeeds.
    if reader.stream_position()? + u64::from(key_length) + u64::from(value_length) > length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut position = None;
    if keyspace == EVENTS_KEYSPACE && key_length == 8 {
        position = Some(Position::new(u64::from_be_bytes(take(reader)?)));
    } else {
        reader.seek_relative(key_length.into())?;
    }
    reader.seek_relative(value_length.into())?;
    Ok(position)
}

fn take<const N: usize>(reader: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn holds_other_than_zeros(mut reader: impl Read) -> io::Result<bool> {
    let mut chunk = vec![0; 1 << 16];
    loop {
        let count = reader.read(&mut chunk)?;
        if count == 0 {
            return Ok(false);
        }
        if chunk.iter().take(count).any(|byte| *byte != 0) {
            return Ok(true);
        }
    }
}
