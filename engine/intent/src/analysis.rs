//! What an editor asks of a spec: who is named here, where, and what could stand here.
//!
//! In: the sources of one spec, and a place in them. Out: symbols with their occurrences, hover
//! texts, completions, renames, an outline; all of them data, without a protocol.
//! Never: reads a file, judges (see [`crate::load`]).
//! Promise: any text and any place has an answer, if only an empty one. Start reading at
//! [`Analysis::of`].

mod complete;
mod declarations;
mod hover;
mod known;
mod outline;
mod place;
mod reads;
mod rename;
mod symbols;
#[cfg(test)]
mod tests;
mod utf16;

pub use complete::{Completion, CompletionKind};
pub use hover::Hover;
pub use outline::{Entry, EntryKind};
pub use rename::Refusal;
pub use symbols::{Kind, Occurrence, Symbol};
pub use utf16::{Point, Text};

use crate::diagnostic::{Diagnostic, Edit};
use crate::lower::Options;
use crate::source::{Source, Span};
use crate::tree::SyntaxNode;
use crate::{Loaded, SOURCE_BYTES_MAX, load_with, parser};

/// A spec as an editor sees it.
#[derive(Clone, Debug)]
pub struct Analysis {
    sources: Vec<Source>,
    trees: Vec<SyntaxNode>,
    loaded: Loaded,
    known: known::Known,
    occurrences: Vec<Occurrence>,
}

impl Analysis {
    /// Reads all sources of one spec.
    #[must_use]
    pub fn of(sources: Vec<Source>) -> Self {
        let loaded = load_with(&sources, Options::default());
        let trees: Vec<SyntaxNode> = (0_u32..)
            .zip(&sources)
            .map(|(index, source)| {
                // What is too large is refused by `load`, and has no names here either.
                let fits = source.text.len() <= SOURCE_BYTES_MAX;
                parser::parse_source(if fits { &source.text } else { "" }, index).tree()
            })
            .collect();
        let known = known::Known::of(&loaded.spec, &trees);
        let occurrences = declarations::occurrences(&known, &trees);
        Self { sources, trees, loaded, known, occurrences }
    }

    /// The sources, as given.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// What `homeostat check` says.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.loaded.diagnostics
    }

    /// The spec as meant.
    #[must_use]
    pub fn spec(&self) -> &crate::Spec {
        &self.loaded.spec
    }

    /// The narrowest name at a place.
    #[must_use]
    pub fn at(&self, source: u32, offset: u32) -> Option<&Occurrence> {
        let here = |found: &&Occurrence| {
            let span = found.span;
            found.is_written() && span.source == source && (span.start..=span.end).contains(&offset)
        };
        // Behind a dot stands the end of one name and the beginning of the next: what begins wins.
        self.occurrences.iter().filter(here).min_by_key(|found| {
            (found.span.end - found.span.start, std::cmp::Reverse(found.span.start))
        })
    }

    /// Every occurrence of a symbol, in the order of the text.
    pub fn all<'a>(&'a self, symbol: &'a Symbol) -> impl Iterator<Item = &'a Occurrence> {
        self.occurrences.iter().filter(move |found| found.symbol == *symbol)
    }

    /// Where the symbol at a place is declared.
    #[must_use]
    pub fn definitions(&self, source: u32, offset: u32) -> Vec<Span> {
        let Some(here) = self.at(source, offset) else { return Vec::new() };
        self.all(&here.symbol).filter(|found| found.definition).map(|found| found.span).collect()
    }

    /// Where the symbol at a place is named.
    #[must_use]
    pub fn references(&self, source: u32, offset: u32, declarations: bool) -> Vec<Span> {
        let Some(here) = self.at(source, offset) else { return Vec::new() };
        let mut places: Vec<Span> = self
            .all(&here.symbol)
            .filter(|found| found.is_written() && (declarations || !found.definition))
            .map(|found| found.span)
            .collect();
        places.dedup();
        places
    }

    /// The edit that puts a finding's declaration above the item that needs it, with a title.
    #[must_use]
    pub fn declaring(&self, found: &Diagnostic) -> Option<(String, Edit)> {
        let declaration = found.declaration.as_ref()?;
        let span = found.primary.span;
        let tree = self.tree(span.source)?;
        let item = outline::item_at(tree, span.start)?;
        let before = self.text(Span { source: span.source, start: 0, end: item });
        let indent = before.rsplit('\n').next().unwrap_or_default();
        let blank = indent.chars().all(char::is_whitespace);
        let replacement =
            if blank { format!("{declaration}\n{indent}") } else { format!("{declaration} ") };
        let place = Span { source: span.source, start: item, end: item };
        Some((format!("declare `{declaration}`"), Edit { span: place, replacement }))
    }

    fn tree(&self, source: u32) -> Option<&SyntaxNode> {
        self.trees.get(usize::try_from(source).ok()?)
    }

    fn text(&self, span: Span) -> &str {
        let source = usize::try_from(span.source).ok().and_then(|at| self.sources.get(at));
        source.and_then(|source| source.text.get(span.range())).unwrap_or_default()
    }
}
