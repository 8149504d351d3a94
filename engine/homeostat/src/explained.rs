//! Colours in the printed consequence graph.
//!
//! In: the graph's plain text. Out: the same with colours. Promise: without its colours it is the
//! same text, byte for byte.

use anstyle::Style;

use crate::screen::{paint, painted};

/// Words of the graph that catch the eye, and how.
const MARKS: [(&str, Style); 6] = [
    ("✓", paint::GOOD),
    ("✗ GAP", paint::BAD),
    ("✗", paint::BAD),
    ("MUST", paint::HEAD),
    ("SHOULD", paint::HEAD),
    ("COULD", paint::HEAD),
];

/// `text` with its marks coloured.
pub(crate) fn coloured(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, mark, style)) = MARKS
        .iter()
        .filter_map(|(mark, style)| Some((rest.find(mark)?, *mark, *style)))
        .min_by_key(|(at, mark, _)| (*at, std::cmp::Reverse(mark.len())))
    {
        let Some((before, after)) = rest.split_at_checked(at) else { break };
        result.push_str(before);
        result.push_str(&painted(style, mark));
        rest = after.strip_prefix(mark).unwrap_or_default();
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_change_no_text() {
        let text = "├─ MUST acknowledged(i1)\n│   └─ status: ✗ GAP — none\n└─ ✓ ✗\n";
        let shown = coloured(text);
        assert_ne!(shown, text);
        assert_eq!(anstream::adapter::strip_str(&shown).to_string(), text);
    }
}
