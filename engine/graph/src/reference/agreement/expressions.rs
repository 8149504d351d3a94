//! Expressions and conditions, drawn.
//!
//! In: the place where they stand. Out: what may stand there. Never: see `drawing`.
//! Start reading at [`Drawing::condition`].

use homeostat_intent::lowered::{Comparison, Condition, Direction, Expr, Hop, Literal, Path};

use super::drawing::Drawing;

const COMPARISONS: [Comparison; 6] = [
    Comparison::Equal,
    Comparison::NotEqual,
    Comparison::Less,
    Comparison::LessOrEqual,
    Comparison::Greater,
    Comparison::GreaterOrEqual,
];

/// A name and the entity that its value names.
type Name<'n> = (&'n str, Option<&'n str>);

impl Drawing<'_, '_> {
    /// What a guard may test: levels and edges.
    pub(super) fn condition(&mut self, depth: u64) -> Condition {
        if self.dice.below(3) == 0
            && let Some(value) = self.watched()
        {
            let direction = self.dice.one(&[Direction::Falling, Direction::Rising]);
            let (level, threshold, text) = (2.0, None, String::new());
            return Condition::Crosses { value, level, threshold, direction, text };
        }
        self.level(depth, Self::condition)
    }

    /// What may last: levels alone.
    pub(super) fn lasting(&mut self, depth: u64) -> Condition {
        self.level(depth, Self::lasting)
    }

    fn level(
        &mut self,
        depth: u64,
        mut part: impl FnMut(&mut Self, u64) -> Condition,
    ) -> Condition {
        let text = String::new();
        match self.dice.below(if depth < 2 { 8 } else { 5 }) {
            0 => Condition::Holds { value: self.expr(), text },
            1 => Condition::Exists { value: self.expr(), text },
            2..=4 => Condition::Compare {
                left: self.expr(),
                op: self.dice.one(&COMPARISONS),
                right: self.expr(),
                text,
            },
            5 => Condition::Not(Box::new(part(self, depth + 1))),
            6 => Condition::And(vec![part(self, depth + 1), part(self, depth + 1)]),
            _ => Condition::Or(vec![part(self, depth + 1), part(self, depth + 1)]),
        }
    }

    fn watched(&mut self) -> Option<Expr> {
        Some(match self.dice.below(4) {
            0 | 1 => self.score()?,
            2 => Expr::Path(self.order(&[("amount", None)])?),
            _ => Expr::Path(self.customer(&[("level", None)])?),
        })
    }

    fn score(&mut self) -> Option<Expr> {
        let of = self.customer(&[])?;
        Some(Expr::Measure { measure: "score".to_owned(), of, attribute: "value".to_owned() })
    }

    /// A value; a plain one where nothing can be read.
    pub(super) fn expr(&mut self) -> Expr {
        self.read().unwrap_or(Expr::Literal(Literal::Number(2.0)))
    }

    fn read(&mut self) -> Option<Expr> {
        if self.words.counts && self.dice.chance(20) {
            return self.count();
        }
        Some(match self.dice.below(13) {
            0 | 1 => self.score()?,
            2 => Expr::Literal(Literal::Number(2.0)),
            3 => Expr::Literal(Literal::Truth(true)),
            4 => Expr::Symbol("n1".to_owned()),
            5 => Expr::Path(self.field("note")?),
            6 => Expr::Path(self.field("value")?),
            7 => Expr::Path(self.order(&[("note", None)])?),
            8 | 9 => Expr::Path(self.order(&[("open", None)])?),
            10 => Expr::Path(self.customer(&[("vip", None)])?),
            11 => Expr::Path(self.customer(&[("level", None)])?),
            _ => Expr::Path(self.customer(&[])?),
        })
    }

    fn count(&mut self) -> Option<Expr> {
        let of = self.customer(&[])?;
        let (member, through) = ("order".to_owned(), "customer".to_owned());
        Some(Expr::Count { of, member, through })
    }

    /// What must agree with a field `note`.
    pub(super) fn note(&mut self) -> Expr {
        let note = match self.dice.below(3) {
            0 => self.field("note"),
            1 => self.order(&[("note", None)]),
            _ => None,
        };
        note.map_or_else(|| Expr::Symbol("n1".to_owned()), Expr::Path)
    }

    /// A field of the trigger.
    fn field(&self, name: &str) -> Option<Path> {
        self.by_event.then(|| path(name, None, &[]))
    }

    /// An order: the bound one, or the trigger's.
    pub(super) fn order(&mut self, hops: &[Name<'_>]) -> Option<Path> {
        self.rooted("order", hops)
    }

    /// A customer: the bound one, the trigger's, or that of an order.
    pub(super) fn customer(&mut self, hops: &[Name<'_>]) -> Option<Path> {
        let through: Vec<Name<'_>> =
            std::iter::once(&("customer", Some("customer"))).chain(hops).copied().collect();
        let itself = self.rooted("customer", hops);
        let of_order = self.rooted("order", &through);
        if self.dice.chance(50) { itself.or(of_order) } else { of_order.or(itself) }
    }

    fn rooted(&mut self, entity: &str, hops: &[Name<'_>]) -> Option<Path> {
        let is_bound = self.bound.iter().any(|bound| bound == entity);
        let bound = is_bound && (!self.by_event || self.dice.chance(75));
        (bound || self.by_event).then(|| Path { bound, ..path(entity, Some(entity), hops) })
    }
}

pub(super) fn path(root: &str, entity: Option<&str>, hops: &[Name<'_>]) -> Path {
    let hop = |(attribute, entity): &Name<'_>| Hop {
        attribute: (*attribute).to_owned(),
        entity: entity.map(str::to_owned),
    };
    Path {
        root: root.to_owned(),
        bound: false,
        entity: entity.map(str::to_owned),
        hops: hops.iter().map(hop).collect(),
    }
}
