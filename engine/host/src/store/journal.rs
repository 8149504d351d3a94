//! Reads fjall's journals without opening the database, since fjall cuts off what it cannot read
//! and says nothing.
//!
//! In: a journal file. Out: the last log position in it, and whether anything follows its last
//! whole batch; which batch does not match its checksum. Never: writes.
//! Promise: knows the layout of fjall 3 (`FJL` version 3). Start reading at [`scan`].

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use homeostat_world::Position;

/// fjall numbers keyspaces from 1 in the order of their making, and the log's is made first.
const EVENTS_KEYSPACE: u64 = 1;
/// What ends the trailer of a batch.
const TRAILER: [u8; 4] = *b"FJL\x03";
/// What marks a value that is stored as it is.
const UNCOMPRESSED: u8 = 0;
/// The least that a device writes at once.
const SECTOR_BYTES: u64 = 512;
/// Bytes before the changes of a batch: tag, count, sequence number.
const HEAD_BYTES: u64 = 13;
/// Bytes after them: tag, checksum, trailer.
const END_BYTES: u64 = 13;

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

/// A batch whose bytes are not those that were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BrokenBatch {
    /// Where it stands in the journal.
    pub(super) bytes: Range<u64>,
    /// The first and the last position of the log in it.
    pub(super) positions: Positions,
    /// The least position of the log in it and in the batches behind it.
    pub(super) rest: Option<Position>,
    /// Whether a whole sector of it is zeros: it was never written, as a journal is before it is.
    pub(super) unwritten: bool,
}

/// The first batch of the journal at `path` that does not match its checksum. Reads everything.
pub(super) fn broken_batch(path: &Path) -> io::Result<Option<BrokenBatch>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut start = 0;
    while let Some(positions) = read_batch(&mut reader, length)? {
        let end = reader.stream_position()?;
        reader.seek(SeekFrom::Start(start + HEAD_BYTES))?;
        let mut changes = Vec::new();
        reader.by_ref().take(end - start - HEAD_BYTES - END_BYTES).read_to_end(&mut changes)?;
        take::<1>(&mut reader)?;
        let sum = u64::from_le_bytes(take(&mut reader)?);
        reader.seek(SeekFrom::Start(end))?;
        if xxhash_rust::xxh3::xxh3_64(&changes) != sum {
            let mut rest = positions.map(|(first, _)| first);
            while let Some(later) = read_batch(&mut reader, length)? {
                rest = rest.into_iter().chain(later.map(|(first, _)| first)).min();
            }
            let unwritten = holds_a_sector_of_zeros(&changes, start + HEAD_BYTES);
            return Ok(Some(BrokenBatch { bytes: start..end, positions, rest, unwritten }));
        }
        start = end;
    }
    Ok(None)
}

/// Whether `bytes`, which begin at `at` in their file, fill a sector of the device with zeros.
fn holds_a_sector_of_zeros(bytes: &[u8], at: u64) -> bool {
    let before = usize::try_from(at.next_multiple_of(SECTOR_BYTES) - at).unwrap_or(usize::MAX);
    let sectors = bytes.get(before..).unwrap_or_default().chunks_exact(SECTOR_BYTES as usize);
    sectors.into_iter().any(|sector| sector.iter().all(|byte| *byte == 0))
}

/// Reads the journal at `path`.
pub(super) fn scan(path: &Path) -> io::Result<Journal> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut journal = Journal::default();
    while let Some(batch) = read_batch(&mut reader, length)? {
        journal.last = journal.last.max(batch.map(|(_, last)| last));
        journal.whole = reader.stream_position()?;
    }
    reader.seek(SeekFrom::Start(journal.whole))?;
    journal.torn = holds_other_than_zeros(reader)?;
    Ok(journal)
}

/// The least and the greatest position of the log in a batch, if it holds any.
type Positions = Option<(Position, Position)>;

/// A whole batch. None where no whole batch stands.
fn read_batch(reader: &mut BufReader<File>, length: u64) -> io::Result<Option<Positions>> {
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

fn batch(reader: &mut BufReader<File>, length: u64) -> io::Result<Positions> {
    let mut positions: Positions = None;
    let [tag] = take(reader)?;
    let count = u32::from_le_bytes(take(reader)?);
    // The sequence number of the batch.
    take::<8>(reader)?;
    if tag != 1 {
        return Err(io::ErrorKind::InvalidData.into());
    }
    for _ in 0..count {
        match take(reader)? {
            [2] => {
                if let Some(at) = item(reader, length)? {
                    let (first, last) = positions.unwrap_or((at, at));
                    positions = Some((first.min(at), last.max(at)));
                }
            }
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
        Ok(positions)
    } else {
        Err(io::ErrorKind::InvalidData.into())
    }
}

/// One change: its position, when it is one of the log.
fn item(reader: &mut BufReader<File>, length: u64) -> io::Result<Option<Position>> {
    // Whether it is put or removed, and how the value is compressed.
    let [_, compression] = take(reader)?;
    let keyspace = u64::from_le_bytes(take(reader)?);
    let key_length = u16::from_le_bytes(take(reader)?);
    let plain_length = u32::from_le_bytes(take(reader)?);
    let value_length = u32::from_le_bytes(take(reader)?);
    // fjall takes this for granted, and panics where its assertions are on.
    if compression == UNCOMPRESSED && plain_length != value_length {
        return Err(io::ErrorKind::InvalidData.into());
    }
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
    // A new journal is 64 MiB of zeros. Compared as a whole, they cost what reading them costs.
    let zeros = vec![0; 1 << 16];
    let mut chunk = zeros.clone();
    loop {
        let count = reader.read(&mut chunk)?;
        if count == 0 {
            return Ok(false);
        }
        if chunk.get(..count) != zeros.get(..count) {
            return Ok(true);
        }
    }
}
