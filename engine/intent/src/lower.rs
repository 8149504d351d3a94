//! The tree as meant: names resolved, defaults filled in, what is wrong said.
//!
//! In: the parsed sources of one spec. Out: a [`Spec`] and findings.
//! Never: stops at the first error; what cannot be understood is left out and reported.
//! Promise: declarations of all sources are known before any block is read, so their order does
//! not matter. Start reading at [`lower`].

mod assertions;
mod awaits;
mod bindings;
mod collections;
mod conditions;
mod contract;
mod declarations;
mod duties;
mod duty_checks;
mod graph_checks;
mod identity;
mod inference;
mod literals;
mod names;
mod ranges;
mod reserved;
mod rules;
mod scenario;
mod schedules;
mod settings;
mod triggers;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use crate::ast;
use crate::codes;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::lowered::Spec;
use crate::source::Span;
use crate::tree::{SyntaxKind, SyntaxNode, SyntaxToken};
use bindings::Bindings;
use names::Names;

pub(crate) use declarations::singular;

/// How strictly to judge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether a name that had to be inferred is an error instead of a warning.
    pub strict: bool,
}

/// Lowers the trees of one spec, in the order of its sources.
///
/// Where not all of the text could be read (`sound` is false), nothing is said about what seems to
/// be missing: it may stand where the text is broken.
pub(crate) fn lower(
    trees: &[SyntaxNode],
    options: Options,
    sound: bool,
) -> (Spec, Vec<Diagnostic>) {
    let mut lowering = Lowering {
        options,
        sound,
        spec: Spec { hash: identity::spec_hash(trees), ..Spec::default() },
        names: Names::default(),
        bindings: Bindings::event(),
        found: Vec::new(),
        set: settings::Set::default(),
        slugs: identity::Slugs::default(),
        checkers: contract::Checkers::default(),
        named_rules: Vec::new(),
        personal: BTreeSet::new(),
        labels: BTreeMap::new(),
        source: 0,
    };
    let items: Vec<(u32, SyntaxNode)> = (0..).zip(trees).flat_map(|(s, t)| items(s, t)).collect();
    lowering.declare(&items);
    lowering.infer_entities(&items);
    for (source, item) in &items {
        lowering.source = *source;
        lowering.item(item);
    }
    lowering.contract(&items);
    lowering.scenarios(&items);
    lowering.finish()
}

/// The items of a tree, those inside `system { … }` included.
fn items(source: u32, tree: &SyntaxNode) -> Vec<(u32, SyntaxNode)> {
    let mut found = Vec::new();
    for child in tree.children() {
        if child.kind() == SyntaxKind::System {
            found.push((source, child.clone()));
            for body in child.children().filter(|c| c.kind() == SyntaxKind::Body) {
                found.extend(items(source, &body));
            }
        } else {
            found.push((source, child));
        }
    }
    found
}

struct Lowering {
    options: Options,
    /// Whether all of the text could be read.
    sound: bool,
    spec: Spec,
    names: Names,
    /// What the names of the block that is being read are bound to.
    bindings: Bindings,
    found: Vec<Diagnostic>,
    set: settings::Set,
    slugs: identity::Slugs,
    /// Who checks the propositions of the contract.
    checkers: contract::Checkers,
    /// Rules of entities that are propositions of the contract.
    named_rules: Vec<contract::NamedRule>,
    /// Entities whose rules say that what is kept of them is personal.
    personal: BTreeSet<String>,
    /// The labels of clauses that have one, by slug.
    labels: BTreeMap<String, String>,
    /// The source that is being read.
    source: u32,
}

impl Lowering {
    fn span(&self, node: &SyntaxNode) -> Span {
        ast::node_span(self.source, node)
    }

    fn at(&self, token: &SyntaxToken) -> Span {
        ast::token_span(self.source, token)
    }

    fn push(&mut self, found: Diagnostic) {
        self.found.push(found);
    }

    /// Says that a name had to be inferred: a warning, or an error when strict.
    fn inferred(&mut self, code: Code, span: Span, message: String, help: String) {
        if !self.sound {
            return;
        }
        let severity = if self.options.strict { Severity::Error } else { Severity::Warning };
        self.found.push(Diagnostic::new(code, severity, span, message).help(help));
    }

    /// The same for a name at `span`, with what may have been meant by it and how to declare it.
    fn inferred_name(
        &mut self,
        code: Code,
        span: Span,
        message: String,
        best: Option<&str>,
        declaration: String,
    ) {
        self.inferred(code, span, message, String::new());
        if self.sound
            && let Some(found) = self.found.pop()
        {
            self.found.push(found.did_you_mean_or_declare(span, best, declaration));
        }
    }

    fn item(&mut self, item: &SyntaxNode) {
        match item.kind() {
            SyntaxKind::When => self.when(item),
            SyntaxKind::Every | SyntaxKind::On => self.periodic(item),
            SyntaxKind::Always => self.always(item),
            SyntaxKind::Entity => self.rules(item),
            SyntaxKind::ForEach => self.push(
                Diagnostic::error(
                    codes::MISPLACED,
                    self.heading_span(item),
                    "`for each` must stand inside a block",
                )
                .help("put it into `every week { … }`, or another block that says when"),
            ),
            _ => {}
        }
    }

    /// The place of an item without its body.
    fn heading_span(&self, item: &SyntaxNode) -> Span {
        let whole = self.span(item);
        let last = ast::header(item).last();
        last.map_or(whole, |last| Span { end: last.text_range().end().into(), ..whole })
    }

    fn finish(mut self) -> (Spec, Vec<Diagnostic>) {
        self.spec.limits = self.set.limits.clone();
        if self.sound {
            self.check_duties();
        }
        self.check_reserved();
        std::mem::take(&mut self.names).fill(&mut self.spec);
        awaits::fill(&mut self.spec);
        if self.sound {
            self.check_graph();
        }
        (self.spec, self.found)
    }
}
