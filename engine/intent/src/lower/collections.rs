//! Collections: what belongs to an instance, counted; instances counted over the whole system.
//!
//! In: paths that end in a collection, `count(…)`. Out: [`Expr::Count`], [`Expr::Instances`].
//! Never: gives a collection any other value than its number.
//! Promise: each member names its owner in one attribute, found or inferred here. Start reading at
//! [`Lowering::counted`].

use super::Lowering;
use super::bindings::Bindings;
use super::declarations::singular;
use super::values::{Place, entity_of};
use crate::ast::{self, Arg, Call, Node};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::lowered::{Attribute, Expr, Path};
use crate::source::Span;
use crate::tree::{SyntaxKind, SyntaxNode};

/// A collection as it is counted.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    of: Path,
    member: String,
    through: String,
}

impl From<Counted> for Expr {
    fn from(counted: Counted) -> Self {
        let Counted { of, member, through } = counted;
        Self::Count { of, member, through }
    }
}

impl Lowering {
    /// Whether a path leads to or through a collection.
    pub(super) fn is_collection(&self, path: &Path) -> bool {
        self.collector(path).is_some()
    }

    /// The entity whose collection a path leads to or through.
    pub(super) fn collector<'a>(&self, path: &'a Path) -> Option<&'a str> {
        let mut current = path.entity.as_deref();
        for hop in &path.hops {
            let found = current.and_then(|entity| self.names.attribute(entity, &hop.attribute));
            if found.is_some_and(|attribute| attribute.many) {
                return current;
            }
            current = hop.entity.as_deref();
        }
        None
    }

    /// `customer.visits.count`, where nothing says what `visits` are: a collection of `visit`.
    pub(super) fn infer_collection(&mut self, owner: &str, name: &str, span: Span) {
        let member = singular(name);
        self.entity_used(&member, span);
        let attribute = Attribute { name: name.to_owned(), entity: Some(member), many: true };
        self.names.add_attribute(owner, attribute);
    }

    /// The collection at the end of a path. What goes on behind a collection has no one value.
    pub(super) fn counted(&mut self, mut path: Path, span: Span) -> Option<Counted> {
        let last = path.hops.pop();
        if self.is_collection(&path) {
            self.many(&path, span);
            return None;
        }
        let (last, owner) = (last?, entity_of(&path)?);
        let member = match self.names.attribute(&owner, &last.attribute)?.entity.clone() {
            Some(member) => member,
            None => {
                let member = singular(&last.attribute);
                self.entity_used(&member, span);
                self.names.retype(&owner, &last.attribute, &member);
                member
            }
        };
        let through = self.names.entities.get(&member).and_then(|known| {
            let mut attributes = known.entity.attributes.iter();
            let back = attributes.find(|a| !a.many && a.entity.as_ref() == Some(&owner));
            back.map(|attribute| attribute.name.clone())
        });
        let through = through.unwrap_or_else(|| {
            self.attribute_used(&member, &owner, span);
            owner.clone()
        });
        Some(Counted { of: path, member, through })
    }

    /// A value is asked for, and a collection has none.
    fn many(&mut self, path: &Path, span: Span) {
        let name = super::values::last_name(path).to_owned();
        self.push(
            Diagnostic::error(
                codes::WRONG_KIND,
                span,
                format!("expected one value, found an attribute of all of `{name}`"),
            )
            .help(format!("a collection can be counted: `{name}.count`")),
        );
    }

    /// `count(customer.interactions)` of an instance, or `count(alert.critical)` over all of them.
    pub(super) fn count(&mut self, call: &Call) -> Option<Expr> {
        let arguments = call.arguments();
        let [argument] = arguments.as_slice() else { return None };
        let value = argument.value()?;
        if self.counts_collection(&value) {
            return match self.value(&value, Place::Condition)? {
                Expr::Path(path) => Some(self.counted(path, self.span(&value))?.into()),
                _ => None,
            };
        }
        if !self.bindings.global {
            return None;
        }
        let root = first_root(&value)?;
        self.entity_used(root.text(), self.at(&root));
        let entity = root.text().to_owned();
        let condition = match (value.kind(), value.words().count()) {
            (SyntaxKind::Path, 1) => None,
            _ => {
                let inner = Bindings::instance(Some(&entity));
                let outer = std::mem::replace(&mut self.bindings, inner);
                let condition = self.condition(&value);
                self.bindings = outer;
                Some(Box::new(condition?))
            }
        };
        Some(Expr::Instances { entity, condition })
    }

    /// Whether the path ends in a collection of one instance.
    pub(super) fn counts_collection(&self, node: &SyntaxNode) -> bool {
        let words = ast::segments(node);
        let [.., owner, last] = words.as_slice() else { return false };
        node.kind() == SyntaxKind::Path
            && self.names.attribute(owner.text(), last.text()).is_some_and(|found| found.many)
    }
}

/// The first name in an expression whose instance it is about: not a call's own name, not a
/// threshold.
pub(super) fn first_root(node: &SyntaxNode) -> Option<crate::tree::SyntaxToken> {
    let mut paths = node.descendants().filter(|inner| inner.kind() == SyntaxKind::Path);
    let path = paths.find(|path| {
        let called = path.parent().is_some_and(|parent| parent.kind() == SyntaxKind::Call);
        let first = path.word(0);
        !called && first.is_some_and(|word| !matches!(word.text(), "threshold" | "true" | "false"))
    })?;
    path.word(0)
}

/// The only argument of a call, when it is a path without a name.
pub(super) fn only_path(call: &Call) -> Option<SyntaxNode> {
    let arguments = call.arguments();
    let [argument] = arguments.as_slice() else { return None };
    let value = Some(argument).filter(|it| it.name().is_none()).and_then(Arg::value)?;
    Some(value).filter(|value| value.kind() == SyntaxKind::Path)
}
