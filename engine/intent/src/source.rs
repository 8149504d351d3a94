//! Texts and places in them.
//!
//! In: the files of a spec. Out: [`Source`], [`Span`], and line numbers for byte offsets.
//! Never: reads a file.
//! Promise: places are bytes, lines and columns count from 1 when shown.

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

impl Span {
    pub(crate) fn new(source: u32, start: usize, end: usize) -> Self {
        let small = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Self { source, start: small(start), end: small(end) }
    }

    /// The bytes as a range.
    #[must_use]
    pub fn range(self) -> std::ops::Range<usize> {
        let wide = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX);
        wide(self.start)..wide(self.end)
    }
}

/// Where the lines of a text begin.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    starts: Vec<u32>,
}

impl Lines {
    pub(crate) fn new(text: &str) -> Self {
        let after = |at: usize| u32::try_from(at + 1).unwrap_or(u32::MAX);
        let starts = std::iter::once(0)
            .chain(
                text.bytes()
                    .enumerate()
                    .filter(|(_, byte)| *byte == b'\n')
                    .map(|(at, _)| after(at)),
            )
            .collect();
        Self { starts }
    }

    /// The line of a byte offset, from 1.
    pub(crate) fn line(&self, offset: u32) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    /// The first byte of a line that is counted from 1.
    pub(crate) fn start(&self, line: usize) -> u32 {
        line.checked_sub(1).and_then(|index| self.starts.get(index)).copied().unwrap_or_default()
    }
}
