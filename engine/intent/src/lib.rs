//! The intent language: text to checked, lowered spec; formatter; diagnostics.
//!
//! In: the texts of a spec's files. Out: a [`lowered::Spec`] and a list of diagnostics.
//! Never: reads a file, knows an event log.
//! Promise: no input makes it panic, and every byte of the input is kept in the tree.
//! Start reading at [`load`].
pub mod analysis;
mod ast;
pub mod codes;
pub mod diagnostic;
pub mod diff;
pub mod fixes;
mod format;
mod lexer;
mod lower;
pub mod lowered;
pub mod parser;
pub mod render;
pub mod source;
pub mod tree;
mod units;
pub mod words;

pub use diagnostic::{Diagnostic, Severity};
pub use diff::{Diff, diff};
pub use format::format;
pub use lower::Options;
pub use lowered::Spec;
pub use parser::{Parse, parse};
pub use source::{Source, Span};

use source::Lines;

/// The longest text that is read. More than any person writes, and small enough for 32-bit places.
pub const SOURCE_BYTES_MAX: usize = 16 << 20;

/// A loaded spec: what it means, and what is to be said about it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The spec as meant, as far as it could be understood.
    pub spec: Spec,
    /// Errors, warnings and notes in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// What is provably wrong.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|found| found.severity == Severity::Error)
    }

    /// Whether the spec must not be put in force.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|found| found.severity == Severity::Error)
    }
}

/// Loads a spec from its sources: several make one spec.
#[must_use]
pub fn load(sources: &[Source]) -> Loaded {
    load_with(sources, Options::default())
}

/// Loads a spec, strictly or not.
#[must_use]
pub fn load_with(sources: &[Source], options: Options) -> Loaded {
    let mut found = Vec::new();
    let mut trees = Vec::new();
    for (index, source) in (0_u32..).zip(sources) {
        let too_large = source.text.len() > SOURCE_BYTES_MAX;
        if too_large {
            let message = format!("expected at most {SOURCE_BYTES_MAX} bytes of text");
            found.push(Diagnostic::error(codes::TOO_LARGE, Span::new(index, 0, 0), message));
        }
        let text = if too_large { "" } else { source.text.as_str() };
        let parsed = parser::parse_source(text, index);
        trees.push(parsed.tree());
        found.extend(parsed.faults);
    }
    let (spec, more) = lower::lower(&trees, options, found.is_empty());
    found.extend(more);
    let lines: Vec<Lines> = sources.iter().map(|source| Lines::new(&source.text)).collect();
    diagnostic::tidy(&mut found, |span| {
        let source = usize::try_from(span.source).unwrap_or(usize::MAX);
        lines.get(source).map_or(0, |lines| lines.line(span.start))
    });
    Loaded { spec, diagnostics: found }
}
