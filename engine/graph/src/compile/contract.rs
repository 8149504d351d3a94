//! The contract: metrics and what bounds them become clauses, propositions get their judges.
//!
//! In: metrics, invariants, capabilities and targets. Out: clauses behind those of assertions, and
//! the list of everything that the contract says.
//! Never: takes a proposition that nobody judges for one that holds.
//! Promise: clauses are numbered invariants first, then targets, in the order of the text.
//! Start reading at [`Compiler::contract`].

use homeostat_intent::lowered::{
    Aggregate, Checker, ClauseId, Goal, Invariant, Performer, Proposition, Strength,
};
use homeostat_log::control::GapKind;

use super::{CompileError, Compiler, number};
use crate::program::bounds::{
    BudgetPlan, Judge, MetricPlan, Sort, StandPlan, StandardPlan, ToldPlan,
};
use crate::program::{Clause, NO_BLOCK};

impl Compiler<'_> {
    pub(super) fn contract(&mut self) -> Result<(), CompileError> {
        self.metrics()?;
        let spec = self.spec;
        for invariant in &spec.invariants {
            let judge = match &invariant.says {
                Proposition::Metric { metric, aggregate, op, bound } => {
                    let metric = self.metric(metric)?;
                    let said = (invariant.id, &*invariant.slug, &*invariant.text);
                    let clause = self.bound_clause(said, Strength::Invariant, metric)?;
                    let index = number(self.program.standards.len(), "invariants")?;
                    let (aggregate, op, bound) = (*aggregate, *op, *bound);
                    self.keep_samples(metric, aggregate);
                    let plan = StandardPlan { clause, metric, aggregate, op, bound };
                    self.program.standards.push(plan);
                    Judge::Standard(index)
                }
                Proposition::Named(checker) => {
                    let clause = match invariant.reported_as() {
                        Some(_) => Some(self.told_clause(invariant)?),
                        None => None,
                    };
                    self.judge(&invariant.slug, checker, clause)?
                }
            };
            let (name, text) = (invariant.slug.clone(), invariant.text.clone());
            self.stand(name, text, Sort::Invariant, judge, None);
        }
        for capability in &spec.capabilities {
            for property in &capability.properties {
                let judge = self.judge(&property.name, &property.checker, None)?;
                let unless = match &property.unless {
                    Some((name, checker)) => Some((name.clone(), self.judge(name, checker, None)?)),
                    None => None,
                };
                let text = format!("property of {}", capability.name);
                self.stand(property.name.clone(), text, Sort::Property, judge, unless);
            }
        }
        for target in &spec.targets {
            let judge = match &target.goal {
                Goal::Budget(budget) => {
                    let metric = self.metric(&target.metric)?;
                    let said = (target.id, &*target.slug, &*target.text);
                    let clause = self.bound_clause(said, Strength::Could, metric)?;
                    let index = number(self.program.budgets.len(), "targets")?;
                    let most = i64::try_from(budget.micro_dollars).unwrap_or(i64::MAX);
                    let plan = BudgetPlan { clause, metric, most, per: budget.per };
                    self.program.budgets.push(plan);
                    Judge::Budget(index)
                }
                Goal::Minimise | Goal::Maximise | Goal::Level(_) => Judge::Promotion,
            };
            self.stand(target.slug.clone(), target.text.clone(), Sort::Target, judge, None);
        }
        Ok(())
    }

    fn metrics(&mut self) -> Result<(), CompileError> {
        let spec = self.spec;
        for metric in &spec.metrics {
            let index = number(self.program.metrics.len(), "metrics")?;
            let mut fields = Vec::new();
            for name in &metric.fields {
                fields.push(self.field(name)?);
            }
            for name in &metric.samples {
                let sample = self.event_type(name)?;
                for field in &metric.fields {
                    self.want(sample, field)?;
                }
                if let Some(plan) = self.program.types.get_mut(sample as usize) {
                    plan.samples.push(index);
                }
            }
            self.program.metrics.push(MetricPlan { fields, kept: false, sorted: false });
        }
        Ok(())
    }

    fn metric(&self, name: &str) -> Result<u32, CompileError> {
        let place = self.spec.metrics.iter().position(|metric| metric.name == name);
        let unknown = || CompileError::UnknownMetric(name.to_owned());
        number(place.ok_or_else(unknown)?, "metrics")
    }

    fn keep_samples(&mut self, metric: u32, aggregate: Aggregate) {
        if let Some(plan) = self.program.metrics.get_mut(metric as usize) {
            plan.kept |= aggregate != Aggregate::Each;
            plan.sorted |= matches!(aggregate, Aggregate::Percentile(_));
        }
    }

    /// Who judges the proposition of this name. One that is both an invariant and a property is
    /// told once.
    fn judge(
        &mut self,
        name: &str,
        checker: &Checker,
        clause: Option<u32>,
    ) -> Result<Judge, CompileError> {
        if let Checker::Assertion(slug) = checker {
            let assertion = self.program.clause_named(slug);
            return Ok(assertion.map_or(Judge::Nobody, |it| Judge::Assertion(it.0)));
        }
        let Some(check) = checker.reported_as(name) else { return Ok(Judge::Nobody) };
        let known = self.program.told.iter().position(|it| it.check == check);
        let place = match known.filter(|_| clause.is_none()) {
            Some(place) => place,
            None => {
                let check = check.to_owned();
                self.program.told.push(ToldPlan { check, clause });
                self.program.told.len() - 1
            }
        };
        Ok(Judge::Outside(number(place, "propositions")?, checker.clone()))
    }

    /// The clause of an invariant that somebody outside judges. What the engine finds of itself, and
    /// what a person finds, waits for a person; what a command looks at may be an agent's to mend.
    fn told_clause(&mut self, invariant: &Invariant) -> Result<u32, CompileError> {
        let mut clause = Clause::bare(invariant.id, &invariant.slug, &invariant.text);
        clause.strength = Strength::Invariant;
        clause.performer = match &invariant.says {
            Proposition::Named(Checker::Command(_)) => Performer::Agent,
            _ => Performer::Human,
        };
        clause.gap = GapKind::Consistency;
        clause.block = NO_BLOCK;
        clause.watched = true;
        self.add_clause(clause)
    }

    fn stand(
        &mut self,
        name: String,
        text: String,
        sort: Sort,
        judge: Judge,
        unless: Option<(String, Judge)>,
    ) {
        self.program.contract.push(StandPlan { name, text, sort, judge, unless });
    }

    fn bound_clause(
        &mut self,
        (id, slug, text): (ClauseId, &str, &str),
        strength: Strength,
        metric: u32,
    ) -> Result<u32, CompileError> {
        let mut clause = Clause::bare(id, slug, text);
        clause.strength = strength;
        clause.performer = Performer::Agent;
        clause.gap = GapKind::Quality;
        clause.block = NO_BLOCK;
        clause.watched = true;
        // What a period has cost it has cost: only time ends that.
        if strength == Strength::Invariant {
            let samples = self.spec.metrics.get(metric as usize).map(|metric| &metric.samples);
            clause.satisfied_by = samples.cloned().unwrap_or_default();
        }
        self.add_clause(clause)
    }

    /// Numbers a clause that is no duty.
    pub(super) fn add_clause(&mut self, clause: Clause) -> Result<u32, CompileError> {
        let index = number(self.program.clauses.len(), "clauses")?;
        if self.program.slugs.insert(clause.slug.as_str().into(), index).is_some() {
            return Err(CompileError::DuplicateSlug(clause.slug));
        }
        self.program.clauses.push(clause);
        Ok(index)
    }
}
