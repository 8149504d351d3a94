//! The outline of one file: what it declares, block by block.
//!
//! In: a tree. Out: nested [`Entry`]s in the order of the text.
//! Promise: an entry's name lies inside its place, and children inside their parent.

use super::Analysis;
use super::known::label;
use crate::ast::{self, Node};
use crate::source::Span;
use crate::tree::{SyntaxKind, SyntaxNode};

/// One line of the outline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is called.
    pub name: String,
    /// What sort of thing it is.
    pub kind: EntryKind,
    /// The whole of it.
    pub span: Span,
    /// Where its name stands.
    pub place: Span,
    /// What is in it.
    pub children: Vec<Entry>,
}

/// What sort of thing an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// `system`
    System,
    /// `entity`
    Entity,
    /// An attribute.
    Attribute,
    /// `state`
    State,
    /// `event`
    Event,
    /// `measure`
    Measure,
    /// `threshold`, or another setting
    Setting,
    /// `action`
    Action,
    /// `when`, `every`, `on`, `for each`, `always`, `if`
    Block,
    /// `must`, `should`, `could`, a fallback
    Duty,
    /// `assert`, `invariant`
    Assertion,
    /// `capability`, `optimise`
    Contract,
    /// `scenario`
    Scenario,
}

impl Analysis {
    /// The outline of one source.
    #[must_use]
    pub fn outline(&self, source: u32) -> Vec<Entry> {
        self.tree(source).map(|tree| entries(source, tree)).unwrap_or_default()
    }
}

/// Where the declaration or block begins that a place is in, those inside `system` counted singly.
pub(super) fn item_at(tree: &SyntaxNode, offset: u32) -> Option<u32> {
    let around = |node: &SyntaxNode| {
        let range = node.text_range();
        u32::from(range.start()) <= offset && offset < u32::from(range.end())
    };
    let item = tree.children().find(around)?;
    let body = item.children().find(|child| child.kind() == SyntaxKind::Body && around(child));
    let inner = body.filter(|_| item.kind() == SyntaxKind::System);
    let item = inner.and_then(|body| body.children().find(around)).unwrap_or(item);
    ast::meaning(&item).next().map(|token| token.text_range().start().into())
}

fn entries(source: u32, parent: &SyntaxNode) -> Vec<Entry> {
    parent.children().filter_map(|node| entry(source, &node)).collect()
}

fn entry(source: u32, node: &SyntaxNode) -> Option<Entry> {
    use EntryKind as E;
    let kind = match node.kind() {
        SyntaxKind::System => E::System,
        SyntaxKind::Entity => E::Entity,
        SyntaxKind::State => E::State,
        SyntaxKind::Event => E::Event,
        SyntaxKind::Measure | SyntaxKind::Metric => E::Measure,
        SyntaxKind::Threshold | SyntaxKind::LimitsItem => E::Setting,
        SyntaxKind::Setting if is_attribute(node) => E::Attribute,
        SyntaxKind::Setting => E::Setting,
        SyntaxKind::Action => E::Action,
        SyntaxKind::When
        | SyntaxKind::Every
        | SyntaxKind::On
        | SyntaxKind::ForEach
        | SyntaxKind::Always
        | SyntaxKind::If
        | SyntaxKind::Group => E::Block,
        SyntaxKind::Duty | SyntaxKind::Fallback => E::Duty,
        SyntaxKind::Assert | SyntaxKind::Invariant => E::Assertion,
        SyntaxKind::Capability | SyntaxKind::Optimise => E::Contract,
        SyntaxKind::Scenario => E::Scenario,
        _ => return None,
    };
    let place = place(source, node);
    let children = match kind {
        E::Setting | E::Attribute if node.kind() == SyntaxKind::Setting => Vec::new(),
        E::Duty => entries(source, node),
        _ => {
            let bodies = node.children().filter(|child| child.kind() == SyntaxKind::Body);
            bodies.flat_map(|body| entries(source, &body)).collect()
        }
    };
    Some(Entry { name: name(node), kind, span: meant(source, node), place, children })
}

fn is_attribute(node: &SyntaxNode) -> bool {
    node.word(0).is_some_and(|key| matches!(key.text(), "has" | "belongs_to"))
}

/// An entry's text: its head, without the body.
fn name(node: &SyntaxNode) -> String {
    let text = match node.kind() {
        SyntaxKind::Duty => {
            let call = ast::called(node).map(|call| call.flat()).unwrap_or_default();
            let strength = node.word(0).map(|word| word.text().to_owned()).unwrap_or_default();
            match label(node) {
                Some(label) => format!("{strength} {}: {call}", label.text()),
                None => format!("{strength}: {call}"),
            }
        }
        SyntaxKind::Entity
        | SyntaxKind::Action
        | SyntaxKind::Measure
        | SyntaxKind::Metric
        | SyntaxKind::Threshold => {
            node.word(1).map(|word| word.text().to_owned()).unwrap_or_default()
        }
        _ => head(node),
    };
    if text.is_empty() { "?".to_owned() } else { text }
}

fn head(node: &SyntaxNode) -> String {
    let flat = node.flat();
    let head = flat.split('{').next().unwrap_or_default().trim();
    head.chars().take(80).collect()
}

/// The name's place: the first word behind the keyword, or the keyword.
fn place(source: u32, node: &SyntaxNode) -> Span {
    let named = match node.kind() {
        SyntaxKind::Entity
        | SyntaxKind::Action
        | SyntaxKind::Measure
        | SyntaxKind::Metric
        | SyntaxKind::Threshold
        | SyntaxKind::State
        | SyntaxKind::Capability
        | SyntaxKind::Optimise => node.word(1),
        _ => None,
    };
    let first = || ast::meaning(node).next();
    let token = named.or_else(first);
    token.map_or_else(|| ast::node_span(source, node), |token| ast::token_span(source, &token))
}

/// A node's place without the blanks and comments at its ends.
fn meant(source: u32, node: &SyntaxNode) -> Span {
    let whole = ast::node_span(source, node);
    let mut tokens = ast::meaning(node);
    let Some(first) = tokens.next() else { return whole };
    let last = tokens.last().unwrap_or_else(|| first.clone());
    Span { source, start: first.text_range().start().into(), end: last.text_range().end().into() }
}
