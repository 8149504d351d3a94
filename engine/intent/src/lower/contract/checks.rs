//! What can be proven of invariants and assertions: that two contradict, or that one says nothing.
//!
//! In: the lowered contract. Out: findings S0702 and S0703.
//! Never: weighs what is likely; only written numbers and truth values are judged.
//! Promise: what is reported holds whatever the log says. Start reading at
//! [`Lowering::check_contract`].

use std::collections::BTreeMap;

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::lower::Lowering;
use crate::lower::ranges::{ALL, Known, Range, empty};
use crate::lowered::{
    Aggregate, Assertion, Check, Comparison, Condition, Expr, Literal, Proposition,
};
use crate::source::Span;

impl Lowering {
    pub(super) fn check_contract(&mut self) {
        self.check_metrics();
        let assertions = std::mem::take(&mut self.spec.assertions);
        let mut known: BTreeMap<Option<&str>, Known> = BTreeMap::new();
        for assertion in &assertions {
            self.check_vacuous(assertion);
            self.check_together(assertion, known.entry(assertion.over.as_deref()).or_default());
        }
        drop(known);
        self.spec.assertions = assertions;
    }

    /// Bounds of one metric that no sample can keep together. Aggregates lie among the samples.
    fn check_metrics(&mut self) {
        let mut known: BTreeMap<&str, Vec<(Aggregate, Range, Span)>> = BTreeMap::new();
        let mut found = Vec::new();
        for invariant in &self.spec.invariants {
            let Proposition::Metric { metric, aggregate, op, bound } = &invariant.says else {
                continue;
            };
            let own = ALL.narrowed(*op, *bound);
            let others = known.entry(metric).or_default();
            let clash = others.iter().find(|(of, range, _)| {
                let comparable = of == aggregate || [*of, *aggregate].contains(&Aggregate::Each);
                comparable && range.narrowed_to(own).empty()
            });
            if let Some((_, _, place)) = clash {
                found.push(contradiction(invariant.span, *place, metric));
            } else if let Some(same) = others.iter_mut().find(|(of, ..)| of == aggregate) {
                *same = (*aggregate, same.1.narrowed_to(own), invariant.span);
            } else {
                others.push((*aggregate, own, invariant.span));
            }
        }
        self.found.extend(found);
    }

    /// Assertions over the same entity that no value can keep together.
    fn check_together(&mut self, assertion: &Assertion, known: &mut Known) {
        let (Check::Holds(condition), None) = (&assertion.check, &assertion.filter) else { return };
        let mut facts = Vec::new();
        match condition {
            Condition::Not(inner) => self.denied(inner, &mut facts),
            _ => self.facts(condition, &mut facts),
        }
        for (text, op, value) in facts {
            let own = ALL.narrowed(op, value);
            let (before, place) = known.get(&text).copied().unwrap_or((ALL, assertion.span));
            let together = before.narrowed_to(own);
            if together.empty() && place != assertion.span {
                return self.push(contradiction(assertion.span, place, &text));
            }
            known.insert(text, (together, assertion.span));
        }
    }

    /// `no(order.total) < 0` says of the total that it is 0 or more.
    fn denied(&self, condition: &Condition, facts: &mut Vec<(String, Comparison, f64)>) {
        let mut inner = Vec::new();
        if matches!(condition, Condition::Compare { .. }) {
            self.facts(condition, &mut inner);
        }
        facts.extend(inner.into_iter().map(|(text, op, value)| (text, op.negated(), value)));
    }

    fn check_vacuous(&mut self, assertion: &Assertion) {
        let vacuous = match &assertion.check {
            Check::Holds(condition) => self.is_always(condition),
            Check::NoLonger { condition, .. } => self.is_never(condition),
            _ => false,
        };
        let nothing = assertion.filter.as_ref().is_some_and(|filter| self.is_never(filter));
        if vacuous || nothing {
            self.push(
                Diagnostic::error(
                    codes::VACUOUS,
                    assertion.span,
                    "nothing can violate this: it is true whatever happens",
                )
                .help("remove it, or say what was meant"),
            );
        }
    }

    fn is_always(&self, condition: &Condition) -> bool {
        match condition {
            Condition::And(parts) => parts.iter().all(|part| self.is_always(part)),
            Condition::Or(parts) => parts.iter().any(|part| self.is_always(part)),
            Condition::Not(inner) => self.is_never(inner),
            Condition::Compare { left, op, right, .. } => {
                // No number of members lies below nought.
                is_count(left)
                    && self.level(right).is_some_and(|level| {
                        at_least_nought().narrowed(op.negated(), level).empty()
                    })
            }
            Condition::Holds { value, .. } => *value == Expr::Literal(Literal::Truth(true)),
            // The instance that is spoken of.
            Condition::Exists { value: Expr::Path(path), .. } => path.bound && path.hops.is_empty(),
            _ => false,
        }
    }

    fn is_never(&self, condition: &Condition) -> bool {
        match condition {
            Condition::And(parts) => {
                parts.iter().any(|part| self.is_never(part)) || self.contradicts_itself(condition)
            }
            Condition::Or(parts) => parts.iter().all(|part| self.is_never(part)),
            Condition::Not(inner) => self.is_always(inner),
            Condition::Compare { left, op, right, .. } => {
                is_count(left)
                    && self
                        .level(right)
                        .is_some_and(|level| at_least_nought().narrowed(*op, level).empty())
            }
            Condition::Holds { value, .. } => *value == Expr::Literal(Literal::Truth(false)),
            _ => false,
        }
    }

    /// Whether the parts of a condition leave no number.
    pub(in crate::lower) fn contradicts_itself(&self, condition: &Condition) -> bool {
        let mut facts = Vec::new();
        self.facts(condition, &mut facts);
        empty(&facts).is_some()
    }
}

fn at_least_nought() -> Range {
    ALL.narrowed(Comparison::GreaterOrEqual, 0.0)
}

fn is_count(value: &Expr) -> bool {
    matches!(value, Expr::Count { .. } | Expr::Instances { .. })
}

fn contradiction(span: Span, before: Span, of: &str) -> Diagnostic {
    Diagnostic::error(
        codes::CONTRADICTION,
        span,
        format!(
            "this cannot be kept together with another bound: no value of `{of}` satisfies both"
        ),
    )
    .also(before, "the other bound")
    .help("keep one of the two, or widen it")
}
