//! Lines as a tree, in the form in which the consequence graph is printed.
//!
//! In: nodes with their texts. Out: text. Never: knows what the lines mean.
//! Promise: tails (`within: 5s`) stand in one column wherever the text before them leaves room.
//! Start reading at [`Branch::print`].

use std::fmt;

/// One line and what hangs from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Branch {
    text: String,
    tail: Option<String>,
    children: Vec<Branch>,
}

/// Where tails stand.
const TAIL_COLUMN: usize = 44;

impl Branch {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    pub(crate) fn tail(mut self, tail: Option<String>) -> Self {
        self.tail = tail;
        self
    }

    pub(crate) fn with(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    /// Prints `branches` one under the other, below `indent`.
    pub(crate) fn print(branches: &[Self], indent: &str, f: &mut dyn fmt::Write) -> fmt::Result {
        for (place, branch) in branches.iter().enumerate() {
            let last = place + 1 == branches.len();
            let head = format!("{indent}{}{}", if last { "└─ " } else { "├─ " }, branch.text);
            match &branch.tail {
                None => writeln!(f, "{head}")?,
                Some(tail) => {
                    let room = TAIL_COLUMN.saturating_sub(head.chars().count()).max(1);
                    writeln!(f, "{head}{}{tail}", " ".repeat(room))?;
                }
            }
            let below = format!("{indent}{}", if last { "    " } else { "│   " });
            Self::print(&branch.children, &below, f)?;
        }
        Ok(())
    }
}
