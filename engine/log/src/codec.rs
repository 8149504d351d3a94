//! The stored form of one event: a fixed clear header, then a body that can grow fields.
//!
//! In: an event and its place. Out: bytes, and back. Never: reads a byte it has not checked.
//! Promise: the layout of `format.md`, frozen by the golden `snapshots/log/record.snap`.
//! Start reading at [`Draft::new`] for writing and at [`decode`] for reading.

use std::fmt;

use bytes::Bytes;
use homeostat_world::{Position, Timestamp};
use minicbor::Decoder;

use crate::cbor;
use crate::data::Data;
use crate::event::{Actor, Event, Kind, NewEvent, UNTIMED};
use crate::link::{Confidence, EventName, Link};

/// The version of the stored form that this engine writes.
pub const FORMAT: u8 = 1;
/// Bytes of the clear header.
pub const HEADER_BYTES: usize = 58;

/// Names the whole log up to one event: BLAKE3 over its position and its stored form, which holds
/// the hash of the event before.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ChainHash(pub [u8; 32]);

impl ChainHash {
    /// Before the first event.
    pub const ZERO: Self = Self([0; 32]);
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChainHash({self})")
    }
}

/// Why stored bytes are no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Cut.
    #[error("record has `{found}` bytes; expected at least `{HEADER_BYTES}`")]
    Cut {
        /// How many there are.
        found: usize,
    },
    /// From another version.
    #[error(
        "record has format `{0}`; this version of homeostat reads format `{FORMAT}`, use a newer one"
    )]
    Format(u8),
    /// Sealed, which this version cannot open.
    #[error("record is sealed with key `{0}`; this version of homeostat opens only clear records")]
    Sealed(u64),
    /// Damaged.
    #[error("record is malformed: {0}")]
    Malformed(String),
}

/// The clear part of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What sort of event.
    pub kind: Kind,
    /// When it happened.
    pub time: Timestamp,
    /// When it was appended.
    pub recorded: Timestamp,
    /// The chain hash of the event before.
    pub previous: ChainHash,
}

/// A record whose place in the log is not known yet.
#[derive(Debug)]
pub struct Draft {
    bytes: Vec<u8>,
}

mod field {
    //! Names of the body's fields. A number is never given a second meaning.
    pub(super) const ID: u64 = 1;
    pub(super) const SOURCE: u64 = 2;
    pub(super) const TYPE: u64 = 3;
    pub(super) const SUBJECT: u64 = 4;
    pub(super) const CAUSE: u64 = 5;
    pub(super) const ACTOR: u64 = 6;
    pub(super) const ACTOR_NAME: u64 = 7;
    pub(super) const DEPTH: u64 = 8;
    pub(super) const DATA: u64 = 9;
    pub(super) const ENRICHES: u64 = 10;
    pub(super) const CONFIDENCE: u64 = 11;
    pub(super) const ENRICHES_ID: u64 = 12;
    pub(super) const ENRICHES_SOURCE: u64 = 13;
}

impl Draft {
    /// Encodes the body of `event`.
    #[must_use]
    pub fn new(event: &NewEvent) -> Self {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + 96 + event.data.as_bytes().len());
        bytes.resize(HEADER_BYTES, 0);
        let (actor, actor_name) = actor_fields(&event.actor);
        let optional = [event.subject.is_some(), event.cause.is_some(), actor != 0];
        let optional = optional.into_iter().filter(|there| *there).count()
            + usize::from(actor_name.is_some())
            + usize::from(event.depth != 0)
            + usize::from(!event.data.is_empty())
            + event.enriches.as_deref().map_or(0, link_fields);
        cbor::write_map_head(&mut bytes, 3 + optional);
        text(&mut bytes, field::ID, Some(&event.id));
        text(&mut bytes, field::SOURCE, Some(&event.source));
        text(&mut bytes, field::TYPE, Some(&event.r#type));
        text(&mut bytes, field::SUBJECT, event.subject.as_deref());
        text(&mut bytes, field::CAUSE, event.cause.as_deref());
        number(&mut bytes, field::ACTOR, actor);
        text(&mut bytes, field::ACTOR_NAME, actor_name);
        number(&mut bytes, field::DEPTH, event.depth.into());
        if !event.data.is_empty() {
            cbor::write_head(&mut bytes, 0, field::DATA);
            bytes.extend_from_slice(event.data.as_bytes());
        }
        if let Some(link) = &event.enriches {
            write_link(&mut bytes, link);
        }
        Self { bytes }
    }

    /// Bytes of the record.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The record, once its place is known, and the chain hash after it.
    #[must_use]
    pub fn place(self, position: Position, header: &Header) -> (Bytes, ChainHash) {
        let mut bytes = self.bytes;
        let mut clear = Vec::with_capacity(HEADER_BYTES);
        clear.extend_from_slice(&[FORMAT, kind_byte(header.kind)]);
        // No key: the body is clear. Sealing writes the key's id here.
        clear.extend_from_slice(&0_u64.to_be_bytes());
        clear.extend_from_slice(&header.time.as_micros().to_be_bytes());
        clear.extend_from_slice(&header.recorded.as_micros().to_be_bytes());
        clear.extend_from_slice(&header.previous.0);
        assert!(clear.len() == HEADER_BYTES, "the header has its fixed size");
        if let Some(room) = bytes.get_mut(..HEADER_BYTES) {
            room.copy_from_slice(&clear);
        }
        let chain = chain(position, &bytes);
        (Bytes::from(bytes), chain)
    }
}

/// The chain hash after the record `value` at `position`.
#[must_use]
pub fn chain(position: Position, value: &[u8]) -> ChainHash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&position.to_key());
    hasher.update(value);
    ChainHash(*hasher.finalize().as_bytes())
}

/// Reads the clear header of a record.
///
/// # Errors
/// When it is cut, or of a format that this version does not read.
pub fn decode_header(value: &[u8]) -> Result<Header, CodecError> {
    let cut = || CodecError::Cut { found: value.len() };
    let (clear, _) = value.split_first_chunk::<HEADER_BYTES>().ok_or_else(cut)?;
    let ([format, kind], rest) = clear.split_first_chunk::<2>().ok_or_else(cut)?;
    if *format != FORMAT {
        return Err(CodecError::Format(*format));
    }
    let (key, rest) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
    let (time, rest) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
    let (recorded, rest) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
    let previous = rest.first_chunk::<32>().ok_or_else(cut)?;
    match u64::from_be_bytes(*key) {
        0 => Ok(Header {
            kind: kind_of(*kind)?,
            time: Timestamp::from_micros(i64::from_be_bytes(*time)),
            recorded: Timestamp::from_micros(i64::from_be_bytes(*recorded)),
            previous: ChainHash(*previous),
        }),
        sealed => Err(CodecError::Sealed(sealed)),
    }
}

/// Reads a whole record. The payload stays where it is, in `value`.
///
/// # Errors
/// When the bytes are not what [`Draft`] writes.
pub fn decode(position: Position, value: &Bytes) -> Result<(Event, Header), CodecError> {
    let header = decode_header(value)?;
    let body = value.get(HEADER_BYTES..).unwrap_or_default();
    let mut decoder = Decoder::new(body);
    let mut event = NewEvent {
        id: String::new(),
        source: String::new(),
        kind: header.kind,
        r#type: String::new(),
        time: header.time,
        subject: None,
        cause: None,
        actor: Actor::World,
        depth: 0,
        enriches: None,
        data: Data::default(),
    };
    let (mut actor, mut actor_name) = (0_u8, None);
    let mut link = LinkParts::default();
    let fields = decoder.map().map_err(malformed)?.ok_or_else(|| wrong("its length is open"))?;
    for _ in 0..fields {
        match decoder.u64().map_err(malformed)? {
            field::ID => event.id = owned(&mut decoder)?,
            field::SOURCE => event.source = owned(&mut decoder)?,
            field::TYPE => event.r#type = owned(&mut decoder)?,
            field::SUBJECT => event.subject = Some(owned(&mut decoder)?),
            field::CAUSE => event.cause = Some(owned(&mut decoder)?),
            field::ACTOR => actor = decoder.u8().map_err(malformed)?,
            field::ACTOR_NAME => actor_name = Some(owned(&mut decoder)?),
            field::DEPTH => event.depth = decoder.u16().map_err(malformed)?,
            field::DATA => {
                event.data = Data::read_from(&mut decoder, value, HEADER_BYTES)
                    .map_err(|error| CodecError::Malformed(error.to_string()))?;
            }
            field::ENRICHES => link.position = Some(decoder.u64().map_err(malformed)?),
            field::CONFIDENCE => link.confidence = Some(decoder.u32().map_err(malformed)?),
            field::ENRICHES_ID => link.id = Some(owned(&mut decoder)?),
            field::ENRICHES_SOURCE => link.source = Some(owned(&mut decoder)?),
            // A field of a later version, which may be left out by whoever does not know it.
            _ => decoder.skip().map_err(malformed)?,
        }
    }
    event.actor = actor_of(actor, actor_name)?;
    event.enriches = link.whole()?.map(Box::new);
    if event.id.is_empty() || event.source.is_empty() || event.r#type.is_empty() {
        return Err(wrong("`id`, `source` or `type` is missing"));
    }
    if decoder.position() != body.len() {
        return Err(wrong("bytes follow the body"));
    }
    Ok((Event { position, recorded: header.recorded, event }, header))
}

/// The time that a new event is stored with.
#[must_use]
pub fn settled_time(event: &NewEvent, recorded: Timestamp) -> Timestamp {
    if event.time == UNTIMED { recorded } else { event.time }
}

/// The fields of a link as they are read.
#[derive(Default)]
struct LinkParts {
    position: Option<u64>,
    confidence: Option<u32>,
    id: Option<String>,
    source: Option<String>,
}

impl LinkParts {
    /// All of them, or none when it has none, as every event of before there were links.
    fn whole(self) -> Result<Option<Link>, CodecError> {
        match (self.position, self.confidence, self.id, self.source) {
            (None, None, None, None) => Ok(None),
            (Some(position), Some(confidence), Some(id), Some(source)) => Ok(Some(Link {
                position: Some(Position::new(position)),
                name: Some(EventName { source, id }),
                confidence: Confidence::from_millionths(confidence)
                    .ok_or_else(|| wrong("a confidence is more than a million"))?,
            })),
            _ => Err(wrong("a link is not whole")),
        }
    }
}

/// How many fields [`write_link`] writes.
fn link_fields(link: &Link) -> usize {
    1 + usize::from(link.position.is_some()) + 2 * usize::from(link.name.is_some())
}

fn write_link(bytes: &mut Vec<u8>, link: &Link) {
    if let Some(position) = link.position {
        cbor::write_head(bytes, 0, field::ENRICHES);
        cbor::write_head(bytes, 0, position.get());
    }
    cbor::write_head(bytes, 0, field::CONFIDENCE);
    cbor::write_head(bytes, 0, link.confidence.millionths().into());
    text(bytes, field::ENRICHES_ID, link.name.as_ref().map(|name| name.id.as_str()));
    text(bytes, field::ENRICHES_SOURCE, link.name.as_ref().map(|name| name.source.as_str()));
}

fn owned(decoder: &mut Decoder<'_>) -> Result<String, CodecError> {
    cbor::read_text(decoder).map(str::to_owned).map_err(malformed)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
fn malformed(error: minicbor::decode::Error) -> CodecError {
    CodecError::Malformed(error.to_string())
}

fn wrong(reason: &str) -> CodecError {
    CodecError::Malformed(reason.to_owned())
}

fn text(bytes: &mut Vec<u8>, name: u64, value: Option<&str>) {
    if let Some(value) = value {
        cbor::write_head(bytes, 0, name);
        cbor::write_text(bytes, value);
    }
}

fn number(bytes: &mut Vec<u8>, name: u64, value: u64) {
    if value != 0 {
        cbor::write_head(bytes, 0, name);
        cbor::write_head(bytes, 0, value);
    }
}

const fn kind_byte(kind: Kind) -> u8 {
    match kind {
        Kind::Primary => 0,
        Kind::Enrichment => 1,
        Kind::Tombstone => 2,
        Kind::Control => 3,
    }
}

fn kind_of(byte: u8) -> Result<Kind, CodecError> {
    match byte {
        0 => Ok(Kind::Primary),
        1 => Ok(Kind::Enrichment),
        2 => Ok(Kind::Tombstone),
        3 => Ok(Kind::Control),
        _ => Err(wrong(&format!("kind `{byte}` is unknown"))),
    }
}

fn actor_fields(actor: &Actor) -> (u64, Option<&str>) {
    match actor {
        Actor::World => (0, None),
        Actor::Engine => (1, None),
        Actor::Agent(id) => (2, Some(id)),
        Actor::Human(name) => (3, Some(name)),
    }
}

fn actor_of(number: u8, name: Option<String>) -> Result<Actor, CodecError> {
    match (number, name) {
        (0, None) => Ok(Actor::World),
        (1, None) => Ok(Actor::Engine),
        (2, Some(id)) => Ok(Actor::Agent(id)),
        (3, Some(name)) => Ok(Actor::Human(name)),
        (number, _) => Err(wrong(&format!("actor `{number}` is unknown or has no name"))),
    }
}

#[cfg(test)]
mod tests;
