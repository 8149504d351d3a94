//! Texts and places in them.

use serde::Serialize;

/// One file of a spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What messages call it: usually its path.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A place in one of the sources of a spec, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Span {
    /// Which source, from 0.
    pub source: u32,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}
