//! Tables in plain text: columns as wide as their widest cell, a heading above them.
//!
//! In: cells and how to align them. Out: a text whose lines end with a newline.
//! Promise: colours do not count as width.

use anstyle::Style;

use crate::screen::{paint, painted};

/// Where a column's cells stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    /// Texts.
    Left,
    /// Numbers.
    Right,
}

/// Rows under headings.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<(String, Style)>>,
}

impl Table {
    /// A table with these headings and no rows.
    pub(crate) fn new<const N: usize>(columns: [(&str, Align); N]) -> Self {
        let columns = columns.map(|(name, align)| (name.to_owned(), align)).to_vec();
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row, one cell for each column. Control characters are spelled out: what a cell says
    /// comes from producers and agents, and must neither break the row nor drive the terminal.
    pub(crate) fn row<const N: usize>(&mut self, cells: [(String, Style); N]) {
        assert!(cells.len() == self.columns.len(), "a row has one cell for each column");
        let cells = cells.into_iter().map(|(text, style)| {
            let clean = !text.contains(char::is_control);
            (if clean { text } else { text.escape_debug().to_string() }, style)
        });
        self.rows.push(cells.collect());
    }

    /// The table as text.
    pub(crate) fn show(&self) -> String {
        let widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(column, (name, _))| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                cells.map(|(text, _)| columns_of(text)).chain([columns_of(name)]).max().unwrap_or(0)
            })
            .collect();
        let heading: Vec<(String, Style)> =
            self.columns.iter().map(|(name, _)| (name.clone(), paint::DIM)).collect();
        let mut text = String::new();
        for row in std::iter::once(&heading).chain(&self.rows) {
            let mut line = String::new();
            for (((cell, style), (_, align)), width) in row.iter().zip(&self.columns).zip(&widths) {
                let room = " ".repeat(width.saturating_sub(columns_of(cell)));
                // Colours around nothing would hide that the line ends here.
                let cell = if cell.is_empty() { String::new() } else { painted(*style, cell) };
                line.push_str(&match align {
                    Align::Left => format!("{cell}{room}  "),
                    Align::Right => format!("{room}{cell}  "),
                });
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

fn columns_of(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_neither_breaks_its_row_nor_drives_the_terminal() {
        let mut table = Table::new([("about", Align::Left)]);
        table.row([("o\u{1b}[2J\r\nx\u{9b}é".to_owned(), Style::new())]);
        let shown = anstream::adapter::strip_str(&table.show()).to_string();
        assert_eq!(shown, "about\no\\u{1b}[2J\\r\\nx\\u{9b}é\n");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new([("duty", Align::Left), ("met", Align::Right)]);
        table.row([("a".into(), Style::new()), ("10992".into(), Style::new())]);
        table.row([("decide".into(), Style::new()), ("7".into(), Style::new())]);
        let shown = anstream::adapter::strip_str(&table.show()).to_string();
        assert_eq!(shown, "duty      met\na       10992\ndecide      7\n");
    }
}
