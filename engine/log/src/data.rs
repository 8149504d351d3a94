//! Event payloads: a map of named values in CBOR (RFC 8949), read field by field without decoding
//! the rest.

use bytes::Bytes;

/// The payload of an event: a map from names to values, kept in its stored form.
///
/// Promise: always a valid CBOR map with text keys, definite lengths, nested no deeper than
/// [`DATA_DEPTH_MAX`](homeostat_world::limits::DATA_DEPTH_MAX).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data(Bytes);

/// One value of a payload, borrowed from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Nothing.
    Null,
    /// True or false.
    Truth(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A text.
    Text(&'a str),
    /// A list or map, in CBOR.
    Nested(&'a [u8]),
}

impl Default for Data {
    fn default() -> Self {
        Self(Bytes::from_static(&[0xa0]))
    }
}
