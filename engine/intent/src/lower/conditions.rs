//! Conditions of guards, of what has to last, of `for each` and of assertions.
//!
//! In: expression nodes. Out: [`Condition`].
//! Never: approximates; what nothing computes cannot be tested.
//! Promise: every leaf keeps its text for explanations. Start reading at [`Lowering::condition`].

use super::Lowering;
use super::values::{Place, entity_of};
use crate::ast::{self, Call, Node, view};
use crate::codes;
use crate::diagnostic::{Diagnostic, Severity};
use crate::lowered::{Comparison, Condition, Direction, Expr, Hop, Literal, Path};
use crate::tree::{SyntaxKind, SyntaxNode, SyntaxToken};

impl Lowering {
    /// Lowers a condition; nothing where a finding says why not.
    pub(super) fn condition(&mut self, node: &SyntaxNode) -> Option<Condition> {
        match node.kind() {
            SyntaxKind::And => Some(Condition::And(self.parts(node)?)),
            SyntaxKind::Or => Some(Condition::Or(self.parts(node)?)),
            SyntaxKind::Not => {
                let inner = node.first_child()?;
                Some(Condition::Not(Box::new(self.condition(&inner)?)))
            }
            SyntaxKind::Paren => self.condition(&node.first_child()?),
            SyntaxKind::Compare => self.comparison(node),
            SyntaxKind::Crosses => self.crossing(node),
            SyntaxKind::Exists => {
                let value = self.read(&node.first_child()?, Place::Condition)?;
                Some(Condition::Exists { value, text: node.flat() })
            }
            SyntaxKind::Has => self.has_attribute(node),
            SyntaxKind::Path | SyntaxKind::Call | SyntaxKind::Literal => self.holds(node),
            SyntaxKind::Held => {
                self.push(
                    Diagnostic::error(
                        codes::MISPLACED,
                        self.span(node),
                        "`for` cannot stand here: a condition is tested at one moment",
                    )
                    .help("a block waits for what lasts: `when … for …`; so does `assert: no(…) is … for > …`"),
                );
                None
            }
            SyntaxKind::Error => None,
            _ => {
                self.push(Diagnostic::error(
                    codes::WRONG_KIND,
                    self.span(node),
                    format!("expected a condition, found `{}`", node.flat()),
                ));
                None
            }
        }
    }

    /// All parts are lowered before any is missed, so that each says what is wrong with it.
    fn parts(&mut self, node: &SyntaxNode) -> Option<Vec<Condition>> {
        let parts: Vec<_> = node.children().map(|child| self.condition(&child)).collect();
        parts.into_iter().collect()
    }

    /// A value that is tested. A collection is read as the number of its members.
    pub(super) fn read(&mut self, node: &SyntaxNode, place: Place) -> Option<Expr> {
        let found = self.found.len();
        let value = self.value(node, place)?;
        self.tested(node, value, found)
    }

    /// What `value` is when it is tested; `found` findings were there before it was read.
    pub(super) fn tested(&mut self, node: &SyntaxNode, value: Expr, found: usize) -> Option<Expr> {
        match value {
            Expr::Call(_) => {
                let wrong = |found: &Diagnostic| found.severity == Severity::Error;
                if !self.found.iter().skip(found).any(wrong) {
                    self.not_computed(node);
                }
                None
            }
            Expr::Path(path) if self.is_collection(&path) => {
                self.counted(path, self.span(node)).map(Expr::from)
            }
            Expr::Measure { ref measure, .. } => {
                self.check_measure_source(measure, self.span(node));
                Some(value)
            }
            _ => Some(value),
        }
    }

    fn not_computed(&mut self, node: &SyntaxNode) {
        let name = view::<Call>(node).and_then(|call| call.name()).and_then(|path| path.word(0));
        let help = match name.as_ref().map(SyntaxToken::text) {
            Some("every" | "no") => "`every(…)` and `no(…)` stand in assertions only",
            Some("count") => {
                "instances of an entity are counted in assertions over the system; here a collection can be: `customer.visits.count`"
            }
            _ => "a measure can be tested, as in `engagement(customer).trend < 45`: declare one",
        };
        let message = format!("nothing computes `{}`, so this is never known", node.flat());
        self.push(Diagnostic::error(codes::NOT_COMPUTED, self.span(node), message).help(help));
    }

    /// `x has y`.
    fn has_attribute(&mut self, node: &SyntaxNode) -> Option<Condition> {
        let mut sides = node.children();
        let (owner, attribute) = (sides.next()?, sides.next()?);
        let Expr::Path(path) = self.read(&owner, Place::Condition)? else {
            self.push(Diagnostic::error(
                codes::WRONG_KIND,
                self.span(&owner),
                format!("expected something that has attributes, found `{}`", owner.flat()),
            ));
            return None;
        };
        let value = self.attribute_of(path, &attribute)?;
        Some(Condition::Exists { value, text: node.flat() })
    }

    /// The value at the end of further names behind a path.
    pub(super) fn attribute_of(&mut self, path: Path, attribute: &SyntaxNode) -> Option<Expr> {
        if attribute.kind() != SyntaxKind::Path {
            self.push(Diagnostic::error(
                codes::WRONG_KIND,
                self.span(attribute),
                format!("expected the name of an attribute, found `{}`", attribute.flat()),
            ));
            return None;
        }
        let found = self.found.len();
        let words = ast::segments(attribute);
        let value = self.follow_from(path, &words)?;
        self.tested(attribute, value, found)
    }

    fn holds(&mut self, node: &SyntaxNode) -> Option<Condition> {
        let value = self.read(node, Place::Condition)?;
        if let Expr::Literal(Literal::Truth(false)) = value {
            self.push(
                Diagnostic::error(codes::NEVER_TRUE, self.span(node), "this is never true")
                    .help("remove the guard and what is in it"),
            );
        }
        Some(Condition::Holds { value, text: node.flat() })
    }

    fn comparison(&mut self, node: &SyntaxNode) -> Option<Condition> {
        let left = node.first_child()?;
        let found = self.found.len();
        let left_value = self.value(&left, Place::Condition);
        self.compared(node, left_value, found)
    }

    /// A comparison whose left side has been read already.
    pub(super) fn compared(
        &mut self,
        node: &SyntaxNode,
        left_value: Option<Expr>,
        found: usize,
    ) -> Option<Condition> {
        let mut sides = node.children();
        let (left, right) = (sides.next()?, sides.next()?);
        let negated = node.words().any(|word| word.text().eq_ignore_ascii_case("not"));
        let op = node.tokens().next();
        let is = op.as_ref().is_some_and(|op| op.kind() == SyntaxKind::Word);
        let op = op.as_ref().map_or(Comparison::Equal, comparison);
        if is
            && let Some(Expr::Path(path)) = &left_value
            && let Some(entity) = entity_of(path)
            && let Some(state) = self.state_named(&right, &entity)
        {
            let mut path = path.clone();
            path.hops.push(Hop { attribute: state, entity: None });
            let holds = Condition::Holds { value: Expr::Path(path), text: node.flat() };
            return Some(if negated { Condition::Not(Box::new(holds)) } else { holds });
        }
        let left_value = left_value.and_then(|value| self.tested(&left, value, found));
        let right_value = self.read(&right, Place::Named);
        let (left, right) = (left_value?, right_value?);
        let op = if negated { Comparison::NotEqual } else { op };
        self.comparable(node, op, &[&left, &right])?;
        Some(Condition::Compare { left, op, right, text: node.flat() })
    }

    /// The state of `entity` that a bare word names; `un…` is one even if nothing declares it.
    fn state_named(&mut self, node: &SyntaxNode, entity: &str) -> Option<String> {
        if node.kind() != SyntaxKind::Path || node.words().count() != 1 {
            return None;
        }
        let word = node.word(0)?;
        let name = word.text();
        if self.names.state(entity, name).is_none() {
            name.strip_prefix("un").filter(|rest| rest.len() > 2)?;
            self.attribute_used(entity, name, self.at(&word));
        }
        Some(name.to_owned())
    }

    /// Refuses what can be shown to have no order or no equality.
    fn comparable(&mut self, node: &SyntaxNode, op: Comparison, sides: &[&Expr; 2]) -> Option<()> {
        let kinds: Vec<&str> = sides.iter().filter_map(|side| kind_of(side)).collect();
        let ordered = !matches!(op, Comparison::Equal | Comparison::NotEqual);
        let wrong = match kinds.as_slice() {
            [one] if ordered && matches!(*one, "a truth value" | "a name") => {
                Some(format!("{one} has no order"))
            }
            [one, other] if one != other => Some(format!("{one} is compared with {other}")),
            [one, _] if ordered && matches!(*one, "a truth value" | "a name") => {
                Some(format!("{one} has no order"))
            }
            _ => None,
        };
        match wrong {
            None => Some(()),
            Some(message) => {
                let fault = Diagnostic::error(codes::INCOMPARABLE, self.span(node), message);
                self.push(
                    fault.help(
                        "compare numbers with numbers, texts with texts, lengths with lengths",
                    ),
                );
                None
            }
        }
    }

    fn crossing(&mut self, node: &SyntaxNode) -> Option<Condition> {
        let mut sides = node.children();
        let (left, right) = (sides.next()?, sides.next()?);
        let value = self.read(&left, Place::Condition);
        let level = self.read(&right, Place::Named);
        let (value, level) = (value?, level?);
        let span = self.span(&right);
        let (threshold, level, direction) = match level {
            Expr::Threshold(name) => {
                let (threshold, _) = self.names.thresholds.get(&name)?;
                (Some(name), threshold.value, threshold.direction)
            }
            Expr::Literal(Literal::Number(level)) => (None, level, None),
            _ => {
                self.push(
                    Diagnostic::error(
                        codes::WRONG_KIND,
                        span,
                        format!(
                            "expected a threshold or a number to cross, found `{}`",
                            right.flat()
                        ),
                    )
                    .help("write for example `crosses threshold.churn_warning`"),
                );
                return None;
            }
        };
        let written = node.words().find_map(|word| match word.text() {
            "above" => Some(Direction::Rising),
            "below" => Some(Direction::Falling),
            _ => None,
        });
        let Some(direction) = written.or(direction) else {
            let declared = threshold.and_then(|name| self.names.thresholds.get(&name)).map(|t| t.1);
            let mut fault = Diagnostic::error(
                codes::NO_DIRECTION,
                span,
                "nothing says which way this is crossed",
            )
            .help("write `crosses above` or `crosses below`, or declare the threshold `falling` or `rising`");
            if let Some(declared) = declared {
                fault = fault.also(declared, "declared without a direction");
            }
            self.push(fault);
            return None;
        };
        Some(Condition::Crosses { value, level, threshold, direction, text: node.flat() })
    }
}

pub(super) fn comparison(op: &SyntaxToken) -> Comparison {
    match op.kind() {
        SyntaxKind::Less => Comparison::Less,
        SyntaxKind::LessEqual => Comparison::LessOrEqual,
        SyntaxKind::Greater => Comparison::Greater,
        SyntaxKind::GreaterEqual => Comparison::GreaterOrEqual,
        SyntaxKind::NotEqual => Comparison::NotEqual,
        _ => Comparison::Equal,
    }
}

/// What kind of value stands here, as far as the text alone tells.
fn kind_of(value: &Expr) -> Option<&'static str> {
    match value {
        Expr::Literal(Literal::Number(_))
        | Expr::Threshold(_)
        | Expr::Count { .. }
        | Expr::Instances { .. } => Some("a number"),
        Expr::Literal(Literal::Text(_)) => Some("a text"),
        Expr::Literal(Literal::Truth(_)) => Some("a truth value"),
        Expr::Literal(Literal::Length(_)) => Some("a length of time"),
        Expr::Symbol(_) => Some("a name"),
        _ => None,
    }
}
