//! Duties: their arguments, what satisfies them, what they require.
//!
//! In: a lowered duty. Out: a [`Clause`], and entries in the plans of the types that answer it.
//! Never: numbers a fallback apart from its duty: it comes right behind.
//! Promise: what is evaluated at activation lies keys first. Start reading at [`Compiler::duty`].

use homeostat_intent::lowered::{Block, Duty, Expr, Requirement, Role};

use super::{CompileError, Compiler, InBlock, number};
use crate::program::{
    AgreePlan, ArgumentPlan, Clause, ClauseIndex, KeyPlan, Read, RequirementPlan, Shown,
};

impl Compiler<'_> {
    pub(super) fn duty(
        &mut self,
        duty: &Duty,
        fallback_of: Option<u32>,
        block: &Block,
        inside: &mut InBlock,
    ) -> Result<u32, CompileError> {
        let index = number(self.program.clauses.len(), "clauses")?;
        if self.program.slugs.insert(duty.slug.as_str().into(), index).is_some() {
            return Err(CompileError::DuplicateSlug(duty.slug.clone()));
        }
        let mut clause = self.bare_clause(duty, block, inside);
        clause.fallback_of = fallback_of.map(ClauseIndex);
        if clause.fallback_of.is_some() && clause.within.is_none() {
            clause.within = Some(self.spec.limits.default_within);
            clause.due_by_tick = None;
        }
        self.arguments(duty, &mut clause, inside)?;
        for requirement in &duty.requires {
            let requirement = self.requirement(requirement, &clause.keys)?;
            clause.requirements.push(requirement);
        }
        for name in &duty.satisfied_by {
            let satisfier = self.event_type(name)?;
            self.want_for_match(satisfier, &clause)?;
            if let Some(plan) = self.program.types.get_mut(satisfier as usize)
                && !plan.satisfies.contains(&index)
            {
                plan.satisfies.push(index);
            }
        }
        self.program.clauses.push(clause);
        if let Some(fallback) = &duty.fallback {
            let fallback = self.duty(fallback, Some(index), block, inside)?;
            if let Some(clause) = self.program.clauses.get_mut(index as usize) {
                clause.fallback = Some(ClauseIndex(fallback));
            }
        }
        Ok(index)
    }

    pub(super) fn bare_clause(&self, duty: &Duty, block: &Block, inside: &InBlock) -> Clause {
        let mut clause = Clause::bare(duty.id, &duty.slug, &duty.text);
        clause.strength = duty.strength;
        clause.performer = duty.by;
        clause.action.clone_from(&duty.action);
        clause.within = duty.within;
        clause.external = duty.external;
        clause.satisfied_by.clone_from(&duty.satisfied_by);
        clause.requires = duty.requires.iter().map(|required| required.name.clone()).collect();
        clause.triggers = block.trigger.events().to_vec();
        clause.each = duty.each;
        clause.using_inferred = duty.using_inferred;
        clause.block = inside.index;
        clause.gap = inside.gap;
        clause.due_by_tick = inside.periodic.filter(|_| duty.within.is_none());
        clause
    }

    /// Numbers what is evaluated at activation: the keys first, so that they lie together.
    pub(super) fn arguments(
        &mut self,
        duty: &Duty,
        clause: &mut Clause,
        inside: &mut InBlock,
    ) -> Result<(), CompileError> {
        let mut places = Vec::new();
        for argument in &duty.arguments {
            let Role::Key { entity, fields } = &argument.role else {
                places.push(None);
                continue;
            };
            places.push(Some(number(clause.bound.len(), "arguments")?));
            clause.bound.push(self.read(&argument.value, inside)?);
            let mut numbers = Vec::new();
            for field in fields {
                numbers.push(self.field(field)?);
            }
            let name = argument.name.clone().or_else(|| fields.first().cloned());
            let argument = name.unwrap_or_else(|| entity.clone());
            clause.keys.push(KeyPlan { argument, entity: entity.clone(), fields: numbers });
        }
        for (argument, place) in duty.arguments.iter().zip(places) {
            let computed =
                matches!(argument.value, Expr::Path(_) | Expr::Measure { .. } | Expr::Count { .. });
            let named = argument.name.clone();
            let (name, shown) = match (&argument.role, place) {
                (Role::Key { fields, .. }, Some(place)) => {
                    (named.or_else(|| fields.first().cloned()), Shown::Bound(place))
                }
                (Role::Agree { field }, _) => {
                    let place = number(clause.bound.len(), "arguments")?;
                    clause.bound.push(self.read(&argument.value, inside)?);
                    let by_name = matches!(&argument.value, Expr::Path(path) if path.bound && path.hops.is_empty());
                    clause.agrees.push(AgreePlan { place, field: self.field(field)?, by_name });
                    (named.or_else(|| Some(field.clone())), Shown::Bound(place))
                }
                _ if computed => {
                    let place = number(clause.bound.len(), "arguments")?;
                    clause.bound.push(self.read(&argument.value, inside)?);
                    (named, Shown::Bound(place))
                }
                _ => match self.read(&argument.value, inside)? {
                    Read::Constant(constant) => (named, Shown::Constant(constant)),
                    _ => (named, Shown::Text(argument.text.clone())),
                },
            };
            let name = name.unwrap_or_else(|| argument.text.clone());
            clause.arguments.push(ArgumentPlan { name, shown });
        }
        Ok(())
    }

    /// A satisfying event is read for its keys and for what must agree if carried.
    pub(super) fn want_for_match(
        &mut self,
        satisfier: u32,
        clause: &Clause,
    ) -> Result<(), CompileError> {
        let keys = clause.keys.iter().flat_map(|key| key.fields.iter().copied());
        let fields: Vec<u32> = keys.chain(clause.agrees.iter().map(|agree| agree.field)).collect();
        self.want_numbers(satisfier, &fields)
    }

    pub(super) fn want_numbers(&mut self, index: u32, fields: &[u32]) -> Result<(), CompileError> {
        for &field in fields {
            let name = self.program.fields.get(field as usize).cloned().unwrap_or_default();
            self.want(index, &name)?;
        }
        Ok(())
    }

    pub(super) fn requirement(
        &mut self,
        requirement: &Requirement,
        keys: &[KeyPlan],
    ) -> Result<u32, CompileError> {
        let index = number(self.program.requirements.len(), "requirements")?;
        let keys: Vec<Vec<u32>> = keys.iter().map(|key| key.fields.clone()).collect();
        let fields: Vec<u32> = keys.iter().flatten().copied().collect();
        for (names, grants) in [(&requirement.from, true), (&requirement.until, false)] {
            for name in names {
                // What both grants and ends it grants it: the newest event is one of `from`.
                if !grants && requirement.from.contains(name) {
                    continue;
                }
                let granting = self.event_type(name)?;
                self.want_numbers(granting, &fields)?;
                if let Some(plan) = self.program.types.get_mut(granting as usize) {
                    plan.grants.push((index, grants));
                }
            }
        }
        self.program.requirements.push(RequirementPlan { name: requirement.name.clone(), keys });
        Ok(index)
    }
}
