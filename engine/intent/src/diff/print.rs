//! A diff as text: a line for each clause that differs, in the manner of version control.
//!
//! In: a [`Diff`]. Out: text. Never: colours. Promise: `+` is new, `-` is gone, `~` is changed;
//! what is unchanged is only counted.

use std::fmt;

use super::{ClauseDiff, ClauseKind, DeclarationDiff, Diff, Edit, Place};
use crate::lowered::{Backfill, Length};

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for clause in self.clauses.iter().filter(|clause| !clause.edits.is_empty()) {
            write!(f, "{clause}")?;
        }
        for declaration in &self.declarations {
            write!(f, "{declaration}")?;
        }
        match self.counts().unchanged {
            0 => Ok(()),
            1 => writeln!(f, "  1 clause is unchanged"),
            count => writeln!(f, "  {count} clauses are unchanged"),
        }
    }
}

impl fmt::Display for ClauseDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.sign(), self.heading())?;
        for edit in &self.edits {
            match edit {
                // Said by the sign.
                Edit::Added | Edit::Removed => {}
                edit => writeln!(f, "    {edit}")?,
            }
        }
        Ok(())
    }
}

impl ClauseDiff {
    /// `+` new, `-` gone, `~` changed, a blank for unchanged.
    #[must_use]
    pub fn sign(&self) -> char {
        match () {
            () if self.is_new() => '+',
            () if self.is_gone() => '-',
            () if self.edits.is_empty() => ' ',
            () => '~',
        }
    }

    /// `must: acknowledge(interaction) within 5s, when interaction.created if …`.
    #[must_use]
    pub fn heading(&self) -> String {
        let mut text = match self.kind {
            ClauseKind::Duty => format!("{}: {}", self.strength.word(), self.text),
            ClauseKind::Fallback => format!("fallback: {}", self.text),
            ClauseKind::Assertion if self.text.starts_with("assert") => self.text.clone(),
            ClauseKind::Assertion => format!("assert: {}", self.text),
            ClauseKind::Invariant | ClauseKind::Target => self.text.clone(),
        };
        if let (ClauseKind::Duty | ClauseKind::Fallback, Some(within)) = (self.kind, self.within) {
            text.push_str(&format!(" within {within}"));
        }
        let place = self.place.to_string();
        if !place.is_empty() {
            text.push_str(&format!(", {place}"));
        }
        text
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.trigger)?;
        for guard in &self.guards {
            let is_loop = guard.starts_with("for each");
            write!(f, "{}{guard}", if is_loop { " " } else { " if " })?;
        }
        match &self.fallback_of {
            Some(primary) => write!(f, " in place of {primary}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit =
            |within: &Option<Length>| within.map_or_else(|| "none".to_owned(), |it| it.to_string());
        let under = |guards: &[String]| match guards {
            [] => "no condition".to_owned(),
            guards => format!("`{}`", guards.join("` and `")),
        };
        match self {
            Self::Added => f.write_str("added"),
            Self::Removed => f.write_str("removed"),
            Self::Moved { from } => write!(f, "moved from {from}"),
            Self::Shortened { from, to } => {
                write!(f, "deadline shortened from {} to {}", limit(from), limit(to))
            }
            Self::Loosened { from, to } => {
                write!(f, "deadline loosened from {} to {}", limit(from), limit(to))
            }
            Self::GuardChanged { from, to } => {
                write!(f, "condition changed from {} to {}", under(from), under(to))
            }
            Self::Rewritten { from } => write!(f, "rewritten from `{from}`"),
            Self::Redefined { what } => write!(f, "changed elsewhere: {}", what.join(", ")),
        }
    }
}

impl fmt::Display for DeclarationDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, from, to } = self;
        match (from, to) {
            (None, Some(to)) => writeln!(f, "+ {what} {to}"),
            (Some(from), None) => writeln!(f, "- {what} {from}"),
            (Some(from), Some(to)) => writeln!(f, "~ {what} from {from} to {to}"),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Display for Backfill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sequential => "sequential",
            Self::ProspectiveOnly => "prospective_only",
            Self::HumanDecision => "human_decision",
        })
    }
}
