//! Conditions and expressions, and the columns that remember what they read.
//!
//! In: lowered conditions, expressions and paths. Out: tests and reads in numbers; columns, and for
//! every event type which of them it fills.
//! Never: makes a column twice. Promise: what no clause reads gets none.
//! Start reading at [`Compiler::test`], then [`Compiler::read`].

use homeostat_intent::lowered::{Condition, Expr, Literal, Path, State as EntityState};
use homeostat_log::control::GapKind;

use super::{ColumnKey, CompileError, Compiler, InBlock, number};
use crate::program::watched::NumberPlan;
use crate::program::{ColumnPlan, Constant, CountPlan, PathRead, Read, Test};

impl<'a> Compiler<'a> {
    pub(super) fn test(
        &mut self,
        condition: &Condition,
        inferred: bool,
        inside: &mut InBlock,
    ) -> Result<Test, CompileError> {
        Ok(match condition {
            Condition::And(parts) => Test::All(self.tests(parts, inferred, inside)?),
            Condition::Or(parts) => Test::Any(self.tests(parts, inferred, inside)?),
            Condition::Not(part) => Test::Not(Box::new(self.test(part, inferred, inside)?)),
            Condition::Compare { left, op, right, text } => Test::Compare {
                left: self.read(left, inside)?,
                op: *op,
                right: self.read(right, inside)?,
                text: text.clone(),
            },
            Condition::Crosses { value, level, threshold, direction, text } => {
                let watched = number(inside.watched.len(), "crossings")?;
                let read = self.read(value, inside)?;
                inside.watched.push((read.clone(), inferred));
                Test::Crosses {
                    value: read,
                    watched,
                    level: *level,
                    named: threshold.clone(),
                    direction: *direction,
                    text: text.clone(),
                }
            }
            Condition::Holds { value, text } => {
                Test::Holds { value: self.read(value, inside)?, text: text.clone() }
            }
            Condition::Exists { value, text } => {
                Test::Exists { value: self.read(value, inside)?, text: text.clone() }
            }
        })
    }

    pub(super) fn tests(
        &mut self,
        parts: &[Condition],
        inferred: bool,
        inside: &mut InBlock,
    ) -> Result<Vec<Test>, CompileError> {
        parts.iter().map(|part| self.test(part, inferred, inside)).collect()
    }

    pub(super) fn read(&mut self, expr: &Expr, inside: &mut InBlock) -> Result<Read, CompileError> {
        Ok(match expr {
            Expr::Literal(Literal::Number(number)) => self.constant(Constant::Number(*number))?,
            Expr::Literal(Literal::Truth(truth)) => self.constant(Constant::Truth(*truth))?,
            Expr::Literal(Literal::Text(text)) | Expr::Symbol(text) => {
                self.constant(Constant::Text(text.clone()))?
            }
            // A length compares with a field as a number of seconds. Months have no such number.
            Expr::Literal(Literal::Length(length)) if length.months == 0 => {
                #[expect(clippy::cast_precision_loss, reason = "lengths are far below 2^53 µs")]
                let seconds = length.micros as f64 / 1e6;
                self.constant(Constant::Number(seconds))?
            }
            Expr::Literal(Literal::Length(_)) | Expr::Call(_) => Read::Nowhere,
            Expr::Instances { entity, condition } => {
                Read::Number(self.instances(entity, condition.as_deref())?)
            }
            Expr::Count { of, member, through } => {
                let of = self.path(of, inside)?;
                Read::Count { of, count: self.count(member, through)? }
            }
            Expr::Threshold(name) => {
                let found = self.spec.thresholds.iter().find(|threshold| threshold.name == *name);
                let found = found.ok_or_else(|| CompileError::UnknownThreshold(name.clone()))?;
                self.constant(Constant::Number(found.value))?
            }
            Expr::Path(path) => Read::Path(self.path(path, inside)?),
            Expr::Measure { measure, of, attribute } => {
                let mut path = self.path(of, inside)?;
                let key = ColumnKey::Measure(measure.clone(), attribute.clone());
                path.hops.push(Some(self.column(key)?));
                Read::Path(path)
            }
        })
    }

    /// A number of instances is watched on its own, whoever reads it.
    fn instances(
        &mut self,
        entity: &str,
        condition: Option<&Condition>,
    ) -> Result<u32, CompileError> {
        let mut inside = self.outside(u32::MAX, GapKind::Intent);
        self.bind(entity, &mut inside)?;
        let test =
            condition.map(|condition| self.test(condition, true, &mut inside)).transpose()?;
        let (entity, frame) = (self.entity(entity)?, number(inside.frame.len(), "fields")?);
        self.program.numbers.push(NumberPlan { entity, test, frame });
        number(self.program.numbers.len() - 1, "numbers")
    }

    fn count(&mut self, member: &str, through: &str) -> Result<u32, CompileError> {
        let member = self.entity(member)?;
        let column = self.column(ColumnKey::Attribute(member, through.to_owned()))?;
        let index = number(self.program.counts.len(), "counts")?;
        let Some(plan) = self.program.columns.get_mut(column as usize) else { return Ok(index) };
        if let Some(known) = plan.counted {
            return Ok(known);
        }
        plan.counted = Some(index);
        // Its members' entity gets its number when all that is tracked is known.
        self.program.counts.push(CountPlan { member, tracked: u32::MAX, column });
        Ok(index)
    }

    pub(super) fn constant(&mut self, constant: Constant) -> Result<Read, CompileError> {
        let index = number(self.program.constants.len(), "constants")?;
        self.program.constants.push(constant);
        Ok(Read::Constant(index))
    }

    pub(super) fn path(
        &mut self,
        path: &Path,
        inside: &mut InBlock,
    ) -> Result<PathRead, CompileError> {
        let entity = path.entity.as_deref().map(|name| self.entity(name)).transpose()?;
        let root = match path.bound {
            true => bound_place(path, entity, inside)?,
            false => self.frame_place(&path.root, inside)?,
        };
        let mut own = None;
        let mut hops = Vec::new();
        let mut before = entity;
        for (place, hop) in path.hops.iter().enumerate() {
            // No event carries a state: events begin and end it.
            let state = before.is_some_and(|e| self.state(e, &hop.attribute).is_some());
            // A bound root is not the trigger's: what the trigger carries says nothing of it.
            if place == 0 && entity.is_some() && !state && !path.bound {
                own = Some(self.frame_place(&hop.attribute, inside)?);
            }
            // What a creating trigger does not carry is not known: no memory of every instance.
            let needless = place == 0
                && !state
                && !path.bound
                && entity.is_some_and(|e| self.all_create(e, inside));
            hops.push(match before {
                Some(entity) if !needless => {
                    Some(self.column(ColumnKey::Attribute(entity, hop.attribute.clone()))?)
                }
                _ => None,
            });
            before = hop.entity.as_deref().map(|name| self.entity(name)).transpose()?;
        }
        Ok(PathRead { root, entity, own, hops })
    }

    pub(super) fn all_create(&self, entity: u32, inside: &InBlock) -> bool {
        inside.trigger_types.iter().all(|&index| {
            self.program
                .types
                .get(index as usize)
                .is_some_and(|plan| plan.creates && plan.entity == Some(entity))
        })
    }

    pub(super) fn frame_place(
        &mut self,
        name: &str,
        inside: &mut InBlock,
    ) -> Result<u32, CompileError> {
        let field = self.field(name)?;
        for &trigger in &inside.trigger_types {
            self.want(trigger, name)?;
        }
        let place = inside.frame.iter().position(|&known| known == field).unwrap_or_else(|| {
            inside.frame.push(field);
            inside.frame.len() - 1
        });
        number(place, "fields")
    }

    pub(super) fn column(&mut self, key: ColumnKey) -> Result<u32, CompileError> {
        if let Some(&index) = self.columns.get(&key) {
            return Ok(index);
        }
        let index = number(self.program.columns.len(), "values")?;
        self.columns.insert(key.clone(), index);
        let (name, of) = match &key {
            ColumnKey::Attribute(entity, attribute) => {
                (self.attribute_column(*entity, attribute, index)?, Some(*entity))
            }
            ColumnKey::Measure(measure, attribute) => {
                let of = self.spec.measures.iter().find(|declared| declared.name == *measure);
                let of = of.map(|declared| self.entity(&declared.entity)).transpose()?;
                (self.measure_column(measure, attribute, index)?, of)
            }
            ColumnKey::Found(entity, found) => {
                let name = self.program.entities.get(*entity as usize).map(|plan| &*plan.name);
                (format!("{}: {found}", name.unwrap_or_default()), Some(*entity))
            }
        };
        let of = of.and_then(|entity| self.program.entities.get_mut(entity as usize));
        of.into_iter().for_each(|entity| entity.columns.push(index));
        self.program.columns.push(ColumnPlan { name, counted: None, inverses: [None; 2] });
        Ok(index)
    }

    pub(super) fn attribute_column(
        &mut self,
        entity: u32,
        attribute: &str,
        column: u32,
    ) -> Result<String, CompileError> {
        let name = self
            .program
            .entities
            .get(entity as usize)
            .map_or_else(String::new, |plan| plan.name.to_string());
        if let Some(state) = self.state(entity, attribute) {
            self.state_column(&name, state, column)?;
            return Ok(format!("{name}.{attribute}"));
        }
        let (instance, value) = (self.field(&name)?, self.field(attribute)?);
        if let Some(plan) = self.program.entities.get_mut(entity as usize) {
            plan.field = Some(instance);
            plan.attributes.push((attribute.into(), value, column));
        }
        Ok(format!("{name}.{attribute}"))
    }

    /// The state of an entity that has this name.
    pub(super) fn state(&self, entity: u32, name: &str) -> Option<&'a EntityState> {
        let plan = self.program.entities.get(entity as usize)?;
        let spec = self.spec;
        let declared = spec.entities.iter().find(|declared| declared.name == *plan.name)?;
        declared.states.iter().find(|state| state.name == name)
    }

    /// A state is remembered as whether the newest event that begins or ends it begins it.
    pub(super) fn state_column(
        &mut self,
        entity: &str,
        state: &EntityState,
        column: u32,
    ) -> Result<(), CompileError> {
        for (names, begins) in [(&state.from, true), (&state.until, false)] {
            for name in names {
                // What both begins and ends it begins it, as with what is required.
                if !begins && state.from.contains(name) {
                    continue;
                }
                let index = self.event_type(name)?;
                let instance = self.want(index, entity)?;
                if let Some(plan) = self.program.types.get_mut(index as usize) {
                    plan.states.push((column, instance, begins));
                }
            }
        }
        Ok(())
    }

    pub(super) fn measure_column(
        &mut self,
        measure: &str,
        attribute: &str,
        column: u32,
    ) -> Result<String, CompileError> {
        let Some(declared) = self.spec.measures.iter().find(|found| found.name == measure) else {
            return Ok(format!("{measure}(?).{attribute}"));
        };
        let (entity, from) = (declared.entity.clone(), declared.from.clone());
        for name in &from {
            let carrier = self.event_type(name)?;
            let instance = self.want(carrier, &entity)?;
            let value = self.want(carrier, attribute)?;
            if let Some(plan) = self.program.types.get_mut(carrier as usize) {
                plan.measures.push((column, instance, value));
            }
        }
        Ok(format!("{measure}({entity}).{attribute}"))
    }

    /// A type about an entity is read for every attribute of it that some clause reads.
    pub(super) fn spread_attributes(&mut self) {
        for plan in &mut self.program.types {
            let entity = plan.entity.and_then(|entity| self.program.entities.get(entity as usize));
            let Some(entity) = entity else { continue };
            let Some(field) = entity.field else { continue };
            let instance = (entity.name.clone(), field);
            let attributes =
                entity.attributes.iter().map(|(name, field, _)| (name.clone(), *field));
            for (name, field) in std::iter::once(instance).chain(attributes) {
                if !plan.wanted.iter().any(|(_, wanted)| *wanted == field) {
                    plan.wanted.push((name, field));
                }
            }
        }
    }
}

/// The place of the innermost instance that is bound and of the path's entity.
fn bound_place(path: &Path, entity: Option<u32>, inside: &InBlock) -> Result<u32, CompileError> {
    let found = inside.bound.iter().rev().find(|bound| Some(bound.entity) == entity);
    found.map(|bound| bound.place).ok_or_else(|| CompileError::NotBound(path.root.clone()))
}
