//! Mutants of what must always hold: assertions, bounds of the contract, and of the declarations
//! that they and the blocks rest on.
//!
//! In: assertions, invariants, targets, states, measures. Out: at most one change, by way of the
//! hand.
//! Never: changes what a checker outside the graph says.
//! Promise: an assertion is dropped, widened, turned round, and its time halved and doubled.

use homeostat_intent::lowered::{Aggregate, Assertion, Check, Condition, Goal, Proposition, Spec};

use super::conditions::{at_the_edge, sign};
use super::{Hand, Site};

impl Hand {
    pub(super) fn assertions(&mut self, assertions: &mut Vec<Assertion>) {
        for index in 0..assertions.len() {
            let Some(assertion) = assertions.get_mut(index) else { return };
            let site = Site { clause: assertion.slug.clone(), span: Some(assertion.span) };
            if self.takes() {
                assertions.remove(index);
                return self.make(&site, "dropped");
            }
            if let Some(filter) = &mut assertion.filter {
                self.condition(filter, &site, true);
                if !self.done() && self.takes() {
                    assertion.filter = None;
                    return self.make(&site, "widened to every instance");
                }
            }
            match &mut assertion.check {
                Check::Holds(condition) => self.asserted(condition, &site),
                Check::NoLonger { condition, longest } => {
                    self.length(longest, "time", &site);
                    self.asserted(condition, &site);
                }
                Check::Shredded { by } => self.alternatives(by, "event", &site),
                Check::Reported { .. } | Check::Immutable | Check::NeverInFuture => {}
            }
            if self.done() {
                return;
            }
        }
    }

    fn asserted(&mut self, condition: &mut Condition, site: &Site) {
        if self.done() {
            return;
        }
        if !matches!(condition, Condition::Compare { .. }) && self.takes() {
            let whole = std::mem::replace(condition, Condition::And(Vec::new()));
            *condition = Condition::Not(Box::new(whole));
            return self.make(site, "turned round");
        }
        self.condition(condition, site, true);
    }

    pub(super) fn contract(&mut self, spec: &mut Spec) {
        for index in 0..spec.invariants.len() {
            let Some(invariant) = spec.invariants.get_mut(index) else { return };
            let site = Site { clause: invariant.slug.clone(), span: Some(invariant.span) };
            let is_told = invariant.reported_as().is_some();
            let Proposition::Metric { aggregate, op, bound, .. } = &mut invariant.says else {
                if is_told && self.takes() {
                    spec.invariants.remove(index);
                    return self.make(&site, "dropped");
                }
                continue;
            };
            for now in [Some(op.negated()), at_the_edge(*op)].into_iter().flatten() {
                if self.takes() {
                    self.make(&site, format!("`{}` turned into `{}`", sign(*op), sign(now)));
                    *op = now;
                }
            }
            if let Some(moved) = self.shifted(*bound, "bound", &site) {
                *bound = moved;
            }
            if *aggregate != Aggregate::Each && self.takes() {
                *aggregate = Aggregate::Each;
                self.make(&site, "taken of each sample");
            }
            if self.takes() {
                spec.invariants.remove(index);
                self.make(&site, "dropped");
            }
        }
        for index in 0..spec.targets.len() {
            let Some(target) = spec.targets.get_mut(index) else { return };
            let site = Site { clause: target.slug.clone(), span: Some(target.span) };
            let Goal::Budget(budget) = &mut target.goal else { continue };
            if self.takes() {
                budget.micro_dollars /= 2;
                self.make(&site, "budget halved");
            } else if self.takes() {
                budget.micro_dollars = budget.micro_dollars.saturating_mul(2);
                self.make(&site, "budget doubled");
            } else if self.takes() {
                spec.targets.remove(index);
                self.make(&site, "dropped");
            }
        }
    }

    /// What begins and ends a state, and what carries a measure, where there are several.
    pub(super) fn declarations(&mut self, spec: &mut Spec) {
        for entity in &mut spec.entities {
            for state in &mut entity.states {
                let clause = format!("state {} of {}", state.name, entity.name);
                let site = Site { clause, span: None };
                self.alternatives(&mut state.from, "beginning", &site);
                self.alternatives(&mut state.until, "end", &site);
            }
        }
        for measure in &mut spec.measures {
            let site = Site { clause: format!("measure {}", measure.name), span: None };
            self.alternatives(&mut measure.from, "source", &site);
        }
    }
}
