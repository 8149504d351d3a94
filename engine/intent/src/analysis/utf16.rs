//! Places as editors count them: lines from 0, columns in units of UTF-16.
//!
//! In: a text, byte offsets or [`Point`]s. Out: the other.
//! Never: points into the middle of a character, or behind a line's end.
//! Promise: a place that exists comes back as it was; any other becomes the nearest before it.

/// A place as an editor counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point {
    /// The line, from 0.
    pub line: u32,
    /// The column, from 0, in units of UTF-16.
    pub column: u32,
}

/// A text with its lines found. A line ends with `\n`, `\r\n` or `\r`.
#[derive(Clone, Debug)]
pub struct Text<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Text<'a> {
    /// Finds the lines.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let mut starts = vec![0];
        let bytes = text.as_bytes();
        for (at, byte) in bytes.iter().enumerate() {
            let alone = *byte == b'\r' && bytes.get(at + 1) != Some(&b'\n');
            if *byte == b'\n' || alone {
                starts.push(at + 1);
            }
        }
        Self { text, starts }
    }

    /// The place of a byte.
    #[must_use]
    pub fn point(&self, offset: u32) -> Point {
        let mut offset = usize::try_from(offset).unwrap_or(usize::MAX).min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or_default();
        let before = self.text.get(start..offset).unwrap_or_default();
        Point { line: narrow(line), column: narrow(before.encode_utf16().count()) }
    }

    /// The byte at a place.
    #[must_use]
    pub fn offset(&self, point: Point) -> u32 {
        let line = usize::try_from(point.line).unwrap_or(usize::MAX);
        let Some(start) = self.starts.get(line).copied() else { return narrow(self.text.len()) };
        let end = self.starts.get(line.saturating_add(1)).copied().unwrap_or(self.text.len());
        let row = self.text.get(start..end).unwrap_or_default();
        let row = row.trim_end_matches(['\n', '\r']);
        let mut units = 0;
        for (at, c) in row.char_indices() {
            let wide = if c.len_utf16() == 2 { 2 } else { 1 };
            if units + wide > point.column {
                return narrow(start + at);
            }
            units += wide;
        }
        narrow(start + row.len())
    }
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back_as_they_were() {
        let text = Text::new("a\n→ 𝄞x\r\ncr\rlast");
        for (offset, line, column) in [
            (0, 0, 0),
            (2, 1, 0),
            (5, 1, 1),
            (6, 1, 2),
            (10, 1, 4),
            (13, 2, 0),
            (16, 3, 0),
            (20, 3, 4),
        ] {
            let point = Point { line, column };
            assert_eq!(text.point(offset), point);
            assert_eq!(text.offset(point), offset, "{point:?}");
        }
    }

    #[test]
    fn places_that_do_not_exist_become_the_nearest_before_them() {
        let text = Text::new("ab\n𝄞\n");
        assert_eq!(text.offset(Point { line: 0, column: 9 }), 2);
        assert_eq!(text.offset(Point { line: 1, column: 1 }), 3, "not into a pair");
        assert_eq!(text.offset(Point { line: 7, column: 0 }), 8);
        assert_eq!(text.point(4), Point { line: 1, column: 0 });
        assert_eq!(text.point(u32::MAX), Point { line: 2, column: 0 });
    }
}
