//! Conditions of guards.
//!
//! In: expression nodes after `if`. Out: [`Condition`].
//! Never: approximates; a form that is not evaluated yet makes the whole guard so.
//! Promise: every leaf keeps its text for explanations. Start reading at [`Lowering::condition`].

use super::Lowering;
use super::values::{Place, entity_of};
use crate::ast::Node;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::lowered::{Comparison, Condition, Direction, Expr, Hop, Literal};
use crate::tree::{SyntaxKind, SyntaxNode, SyntaxToken};

/// Why there is no condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Without {
    /// A finding says what is wrong.
    Reported,
    /// It is sound, and this version does not evaluate it.
    Later,
}

impl Lowering {
    pub(super) fn condition(&mut self, node: &SyntaxNode) -> Result<Condition, Without> {
        match node.kind() {
            SyntaxKind::And => Ok(Condition::And(self.parts(node)?)),
            SyntaxKind::Or => Ok(Condition::Or(self.parts(node)?)),
            SyntaxKind::Not => {
                let inner = node.first_child().ok_or(Without::Reported)?;
                Ok(Condition::Not(Box::new(self.condition(&inner)?)))
            }
            SyntaxKind::Paren => {
                let inner = node.first_child().ok_or(Without::Reported)?;
                self.condition(&inner)
            }
            SyntaxKind::Compare => self.comparison(node),
            SyntaxKind::Crosses => self.crossing(node),
            SyntaxKind::Path | SyntaxKind::Call | SyntaxKind::Literal => self.holds(node),
            _ => Err(Without::Later),
        }
    }

    /// All parts are lowered before any is missed, so that each says what is wrong with it.
    fn parts(&mut self, node: &SyntaxNode) -> Result<Vec<Condition>, Without> {
        let parts: Vec<_> = node.children().map(|child| self.condition(&child)).collect();
        parts.into_iter().collect()
    }

    fn read(&mut self, node: &SyntaxNode, place: Place) -> Result<Expr, Without> {
        let value = self.value(node, place).ok_or(Without::Reported)?;
        match &value {
            // What nothing computes cannot be tested.
            Expr::Call(_) => {
                if self.found.last().is_some_and(|last| {
                    last.severity == crate::diagnostic::Severity::Error
                        && last.primary.span.source == self.source
                        && self.span(node).range().contains(&last.primary.span.range().start)
                }) {
                    return Err(Without::Reported);
                }
                Err(Without::Later)
            }
            Expr::Path(path) if self.is_collection(path) => Err(Without::Later),
            Expr::Measure { measure, .. } => {
                self.check_measure_source(measure, self.span(node));
                Ok(value)
            }
            _ => Ok(value),
        }
    }

    fn holds(&mut self, node: &SyntaxNode) -> Result<Condition, Without> {
        let value = self.read(node, Place::Condition)?;
        if let Expr::Literal(Literal::Truth(false)) = value {
            self.push(
                Diagnostic::error(codes::NEVER_TRUE, self.span(node), "this is never true")
                    .help("remove the guard and what is in it"),
            );
        }
        Ok(Condition::Holds { value, text: node.flat() })
    }

    fn comparison(&mut self, node: &SyntaxNode) -> Result<Condition, Without> {
        let mut sides = node.children();
        let (Some(left), Some(right)) = (sides.next(), sides.next()) else {
            return Err(Without::Reported);
        };
        let op = node.tokens().next();
        let negated = node.words().any(|word| word.text().eq_ignore_ascii_case("not"));
        let is = op.as_ref().is_some_and(|op| op.kind() == SyntaxKind::Word);
        let op = op.as_ref().map_or(Comparison::Equal, comparison);
        let first = self.read(&left, Place::Condition);
        if is
            && let Ok(Expr::Path(path)) = &first
            && let Some(entity) = entity_of(path)
            && let Some(state) = self.state_named(&right, &entity)
        {
            let mut path = path.clone();
            path.hops.push(Hop { attribute: state, entity: None });
            let holds = Condition::Holds { value: Expr::Path(path), text: node.flat() };
            return Ok(if negated { Condition::Not(Box::new(holds)) } else { holds });
        }
        let second = self.read(&right, Place::Named);
        let (left_value, right_value) = (first?, second?);
        let op = if negated { Comparison::NotEqual } else { op };
        self.comparable(node, op, &[&left_value, &right_value])?;
        Ok(Condition::Compare { left: left_value, op, right: right_value, text: node.flat() })
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
    fn comparable(
        &mut self,
        node: &SyntaxNode,
        op: Comparison,
        sides: &[&Expr; 2],
    ) -> Result<(), Without> {
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
            None => Ok(()),
            Some(message) => {
                let fault = Diagnostic::error(codes::INCOMPARABLE, self.span(node), message);
                self.push(
                    fault.help(
                        "compare numbers with numbers, texts with texts, lengths with lengths",
                    ),
                );
                Err(Without::Reported)
            }
        }
    }

    fn crossing(&mut self, node: &SyntaxNode) -> Result<Condition, Without> {
        let mut sides = node.children();
        let (Some(left), Some(right)) = (sides.next(), sides.next()) else {
            return Err(Without::Reported);
        };
        let value = self.read(&left, Place::Condition);
        let level = self.read(&right, Place::Named);
        let (value, level) = (value?, level?);
        let span = self.span(&right);
        let (threshold, level, direction) = match level {
            Expr::Threshold(name) => {
                let Some((threshold, _)) = self.names.thresholds.get(&name) else {
                    return Err(Without::Reported);
                };
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
                return Err(Without::Reported);
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
            return Err(Without::Reported);
        };
        Ok(Condition::Crosses { value, level, threshold, direction, text: node.flat() })
    }
}

fn comparison(op: &SyntaxToken) -> Comparison {
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
        Expr::Literal(Literal::Number(_)) | Expr::Threshold(_) => Some("a number"),
        Expr::Literal(Literal::Text(_)) => Some("a text"),
        Expr::Literal(Literal::Truth(_)) => Some("a truth value"),
        Expr::Literal(Literal::Length(_)) => Some("a length of time"),
        Expr::Symbol(_) => Some("a name"),
        _ => None,
    }
}
