//! Conditions that can never be true, alone or under the guards around them.
//!
//! In: lowered conditions, guard by guard. Out: findings S0401 to S0403.
//! Never: guesses; only comparisons of one text with written numbers, joined by `AND`, are judged.
//! Promise: a condition that some value makes true is never reported. Start reading at
//! [`Lowering::check_truth`].

use std::collections::BTreeMap;

use super::Lowering;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::lowered::{Comparison, Condition, Expr, Literal};
use crate::source::Span;

/// What is known of values, by their text, and which guard said so.
pub(super) type Known = BTreeMap<String, (Range, Span)>;

/// Numbers between two bounds, each with whether it is itself inside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    low: (f64, bool),
    high: (f64, bool),
}

pub(super) const ALL: Range = Range { low: (f64::NEG_INFINITY, true), high: (f64::INFINITY, true) };

impl Range {
    pub(super) fn empty(self) -> bool {
        self.low.0 > self.high.0 || (self.low.0 == self.high.0 && !(self.low.1 && self.high.1))
    }

    pub(super) fn narrowed(self, op: Comparison, value: f64) -> Self {
        let mut range = self;
        let above = |low: (f64, bool), new: (f64, bool)| {
            if new.0 > low.0 || (new.0 == low.0 && !new.1) { new } else { low }
        };
        let below = |high: (f64, bool), new: (f64, bool)| {
            if new.0 < high.0 || (new.0 == high.0 && !new.1) { new } else { high }
        };
        match op {
            Comparison::Less => range.high = below(range.high, (value, false)),
            Comparison::LessOrEqual => range.high = below(range.high, (value, true)),
            Comparison::Greater => range.low = above(range.low, (value, false)),
            Comparison::GreaterOrEqual => range.low = above(range.low, (value, true)),
            Comparison::Equal => {
                range.high = below(range.high, (value, true));
                range.low = above(range.low, (value, true));
            }
            Comparison::NotEqual => {}
        }
        range
    }
}

impl Lowering {
    /// Judges a guard's condition, and adds what it says to what is known inside it.
    pub(super) fn check_truth(&mut self, condition: &Condition, known: &mut Known, span: Span) {
        let mut edges = 0;
        count_edges(condition, &mut edges);
        if edges > 1 {
            self.push(
                Diagnostic::warning(
                    codes::TWO_EDGES,
                    span,
                    format!("{edges} crossings in one condition must fall on the same decision"),
                )
                .help("put one of them into a block of its own, or compare with `<` or `>`"),
            );
        }
        let mut facts = Vec::new();
        self.facts(condition, &mut facts);
        if let Some(text) = empty(&facts) {
            self.push(
                Diagnostic::error(codes::NEVER_TRUE, span, "this is never true")
                    .label(format!("no number satisfies all that is asked of `{text}`")),
            );
            return;
        }
        for (text, range) in narrowed(&facts) {
            let place = span;
            let (outer, by) = known.get(&text).copied().unwrap_or((ALL, place));
            let high = outer.narrowed_to(range);
            if high.empty() {
                self.push(
                    Diagnostic::error(
                        codes::UNREACHABLE,
                        span,
                        format!("this can never be reached: `{text}` is out of reach here"),
                    )
                    .also(by, "the guard around it leaves no such value"),
                );
                return;
            }
            known.insert(text, (high, place));
        }
    }

    /// Comparisons of a value with a number that must all hold.
    pub(super) fn facts(&self, condition: &Condition, facts: &mut Vec<(String, Comparison, f64)>) {
        match condition {
            Condition::And(parts) => {
                for part in parts {
                    self.facts(part, facts);
                }
            }
            Condition::Compare { left, op, right, .. } => {
                if let (Some(text), Some(value)) = (subject(left), self.level(right)) {
                    facts.push((text, *op, value));
                }
            }
            // Down to the level, or up to it: at the decision the value is on that side.
            Condition::Crosses { value, level, direction, .. } => {
                if let Some(text) = subject(value) {
                    let op = match direction {
                        crate::lowered::Direction::Falling => Comparison::LessOrEqual,
                        crate::lowered::Direction::Rising => Comparison::GreaterOrEqual,
                    };
                    facts.push((text, op, *level));
                }
            }
            _ => {}
        }
    }

    pub(super) fn level(&self, value: &Expr) -> Option<f64> {
        match value {
            Expr::Literal(Literal::Number(value)) => Some(*value),
            Expr::Threshold(name) => self.names.thresholds.get(name).map(|(level, _)| level.value),
            _ => None,
        }
    }
}

impl Range {
    pub(super) fn narrowed_to(self, other: Self) -> Self {
        let low = if other.low.0 > self.low.0 || (other.low.0 == self.low.0 && !other.low.1) {
            other.low
        } else {
            self.low
        };
        let high = if other.high.0 < self.high.0 || (other.high.0 == self.high.0 && !other.high.1) {
            other.high
        } else {
            self.high
        };
        Self { low, high }
    }
}

fn narrowed(facts: &[(String, Comparison, f64)]) -> BTreeMap<String, Range> {
    let mut ranges = BTreeMap::new();
    for (text, op, value) in facts {
        let range = ranges.entry(text.clone()).or_insert(ALL);
        *range = range.narrowed(*op, *value);
    }
    ranges
}

/// The value that cannot be all that is said of it.
pub(super) fn empty(facts: &[(String, Comparison, f64)]) -> Option<String> {
    narrowed(facts).into_iter().find(|(_, range)| range.empty()).map(|(text, _)| text)
}

/// A text that names the value: only what has one value at one decision.
fn subject(value: &Expr) -> Option<String> {
    match value {
        Expr::Path(path) => Some(dotted(&path.root, path)),
        Expr::Measure { measure, of, attribute } => {
            Some(format!("{measure}({}).{attribute}", dotted(&of.root, of)))
        }
        _ => None,
    }
}

fn dotted(root: &str, path: &crate::lowered::Path) -> String {
    let mut text = root.to_owned();
    for hop in &path.hops {
        text.push('.');
        text.push_str(&hop.attribute);
    }
    text
}

fn count_edges(condition: &Condition, edges: &mut usize) {
    match condition {
        Condition::And(parts) => parts.iter().for_each(|part| count_edges(part, edges)),
        Condition::Crosses { .. } => *edges += 1,
        _ => {}
    }
}
