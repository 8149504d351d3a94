//! Turns a lowered spec into a [`Program`]: names into numbers, and for every event type the list
//! of what an event of it touches.
//!
//! In: a [`Spec`]. Out: a [`Program`], or what the spec refers to and does not have.
//! Never: reads a value that no clause reads: a field, attribute or measure without a reader gets
//! no number, and costs nothing when events carry it.
//! Promise: the same spec compiles to the same program.
//! Start reading at [`Program::compile`].

use std::collections::BTreeMap;

use homeostat_intent::lowered::{
    Block, ClauseId, Condition, Duty, Expr, Item, Literal, Path, Requirement, Role, Spec,
    State as EntityState, Strength,
};

use crate::program::{
    ArgumentPlan, BlockPlan, Clause, ClauseIndex, ColumnPlan, Constant, EntityPlan, GuardPlan,
    ItemPlan, KeyPlan, PathRead, Program, Read, RequirementPlan, Shown, Test, TypePlan,
};

/// Why a spec cannot be compiled. The language's checks report these with their place in the text;
/// a spec that they passed compiles.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// One name for two event types.
    #[error(
        "event name `{name}` stands for both `{first}` and `{second}`; expected one meaning, so rename one of them"
    )]
    AmbiguousEvent {
        /// The name.
        name: String,
        /// Its first meaning.
        first: String,
        /// Its second.
        second: String,
    },
    /// A threshold that nothing declares.
    #[error("unknown threshold `{0}`; declare it, as in `threshold {0}: 45 falling`")]
    UnknownThreshold(String),
    /// A guard that awaits a duty of no block.
    #[error("guard `{guard}` awaits clause `{clause}`, which its block does not have")]
    UnknownAwaited {
        /// The guard's condition.
        guard: String,
        /// The clause.
        clause: ClauseId,
    },
    /// Two clauses of one name.
    #[error("two clauses are named `{0}`; expected unique names, so give one of them a label")]
    DuplicateSlug(String),
    /// More of something than can be numbered.
    #[error("the spec has more than four thousand million {0}")]
    TooMany(&'static str),
}

/// What an attribute or measure is told apart by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ColumnKey {
    Attribute(u32, String),
    Measure(String, String),
}

struct Compiler<'a> {
    spec: &'a Spec,
    program: Program,
    fields: BTreeMap<String, u32>,
    columns: BTreeMap<ColumnKey, u32>,
}

/// What one block's compilation gathers.
struct InBlock {
    index: u32,
    trigger_types: Vec<u32>,
    frame: Vec<u32>,
    watched: Vec<(Read, bool)>,
    awaited: Vec<ClauseId>,
}

impl Program {
    /// Compiles `spec`.
    ///
    /// # Errors
    /// When the spec refers to something that it does not have, see [`CompileError`].
    pub fn compile(spec: &Spec) -> Result<Self, CompileError> {
        let mut compiler = Compiler {
            spec,
            program: empty(spec),
            fields: BTreeMap::new(),
            columns: BTreeMap::new(),
        };
        for entity in &spec.entities {
            compiler.entity(&entity.name)?;
        }
        for event in &spec.events {
            let index = compiler.event_type(&event.name)?;
            if let Some(entity) = &event.entity {
                let entity = compiler.entity(entity)?;
                compiler.set_entity(index, Some(entity));
            }
            for alias in &event.aliases {
                compiler.alias(alias, index)?;
            }
        }
        for block in &spec.blocks {
            compiler.block(block)?;
        }
        compiler.spread_attributes();
        compiler.program.remembers = compiler.program.entities.iter().any(|e| e.field.is_some());
        Ok(compiler.program)
    }
}

fn empty(spec: &Spec) -> Program {
    Program {
        name: spec.name.clone(),
        hash: spec.hash,
        settle: spec.limits.settle,
        remembers: false,
        type_names: hashbrown::HashMap::default(),
        types: Vec::new(),
        fields: Vec::new(),
        entity_names: hashbrown::HashMap::default(),
        entities: Vec::new(),
        columns: Vec::new(),
        blocks: Vec::new(),
        guards: Vec::new(),
        clauses: Vec::new(),
        slugs: hashbrown::HashMap::default(),
        requirements: Vec::new(),
        constants: Vec::new(),
    }
}

impl<'a> Compiler<'a> {
    fn entity(&mut self, name: &str) -> Result<u32, CompileError> {
        if let Some(&index) = self.program.entity_names.get(name) {
            return Ok(index);
        }
        let index = number(self.program.entities.len(), "entities")?;
        self.program.entities.push(EntityPlan { name: name.into(), ..EntityPlan::default() });
        self.program.entity_names.insert(name.into(), index);
        Ok(index)
    }

    /// The type's number. A type that the spec only refers to gets its entity from its name.
    fn event_type(&mut self, name: &str) -> Result<u32, CompileError> {
        if let Some(&index) = self.program.type_names.get(name) {
            return Ok(index);
        }
        let index = number(self.program.types.len(), "event types")?;
        self.program.types.push(TypePlan { name: name.into(), ..TypePlan::default() });
        self.program.type_names.insert(name.into(), index);
        let entity = name
            .split_once('.')
            .and_then(|(entity, _)| self.program.entity_names.get(entity).copied());
        self.set_entity(index, entity);
        Ok(index)
    }

    fn set_entity(&mut self, index: u32, entity: Option<u32>) {
        let creates = entity
            .and_then(|entity| self.program.entities.get(entity as usize))
            .is_some_and(|entity| {
                self.program
                    .types
                    .get(index as usize)
                    .is_some_and(|plan| plan.name.strip_prefix(&*entity.name) == Some(".created"))
            });
        if let Some(plan) = self.program.types.get_mut(index as usize) {
            plan.entity = entity;
            plan.creates = creates;
        }
    }

    fn alias(&mut self, alias: &str, index: u32) -> Result<(), CompileError> {
        match self.program.type_names.insert(alias.into(), index) {
            Some(other) if other != index => Err(CompileError::AmbiguousEvent {
                name: alias.to_owned(),
                first: self.type_name(other),
                second: self.type_name(index),
            }),
            _ => Ok(()),
        }
    }

    fn type_name(&self, index: u32) -> String {
        self.program
            .types
            .get(index as usize)
            .map_or_else(String::new, |plan| plan.name.to_string())
    }

    fn field(&mut self, name: &str) -> Result<u32, CompileError> {
        if let Some(&index) = self.fields.get(name) {
            return Ok(index);
        }
        let index = number(self.program.fields.len(), "fields")?;
        self.program.fields.push(name.into());
        self.fields.insert(name.to_owned(), index);
        Ok(index)
    }

    fn want(&mut self, index: u32, name: &str) -> Result<u32, CompileError> {
        let field = self.field(name)?;
        if let Some(plan) = self.program.types.get_mut(index as usize)
            && !plan.wanted.iter().any(|(_, wanted)| *wanted == field)
        {
            plan.wanted.push((name.into(), field));
        }
        Ok(field)
    }

    fn block(&mut self, block: &Block) -> Result<(), CompileError> {
        let index = number(self.program.blocks.len(), "blocks")?;
        let mut trigger_types = Vec::new();
        for name in block.trigger.events() {
            let trigger = self.event_type(name)?;
            if !trigger_types.contains(&trigger) {
                trigger_types.push(trigger);
            }
        }
        for &trigger in &trigger_types {
            if let Some(plan) = self.program.types.get_mut(trigger as usize) {
                plan.triggers.push(index);
            }
        }
        let mut awaited = Vec::new();
        collect_awaited(&block.body, &mut awaited);
        let mut inside =
            InBlock { index, trigger_types, frame: Vec::new(), watched: Vec::new(), awaited };
        let first_clause = self.program.clauses.len();
        let body = self.items(&block.body, block, &mut inside)?;
        let mut clauses = Vec::new();
        for &id in &inside.awaited {
            let found = self.program.clauses.iter().skip(first_clause).position(|c| c.id == id);
            let Some(found) = found else { return Err(unknown_awaited(&block.body, id)) };
            clauses.push(number(first_clause + found, "clauses")?);
        }
        for (&clause, place) in clauses.iter().zip(0..) {
            if let Some(clause) = self.program.clauses.get_mut(clause as usize) {
                clause.awaited = Some(place);
            }
        }
        self.program.blocks.push(BlockPlan {
            triggers: block.trigger.events().to_vec(),
            frame: inside.frame,
            body,
            watched: inside.watched,
            awaited: clauses,
        });
        Ok(())
    }

    fn items(
        &mut self,
        items: &[Item],
        block: &Block,
        inside: &mut InBlock,
    ) -> Result<Vec<ItemPlan>, CompileError> {
        let mut plans = Vec::new();
        for item in items {
            plans.push(match item {
                Item::ForEach(_) => continue,
                Item::Duty(duty) => ItemPlan::Duty(self.duty(duty, None, block, inside)?),
                Item::Guard(guard) => {
                    let index = number(self.program.guards.len(), "guards")?;
                    let inferred = reads_inferred(&guard.body);
                    let test = self.test(&guard.condition, inferred, inside)?;
                    let mut awaits = Vec::new();
                    for id in &guard.awaits {
                        let place = inside.awaited.iter().position(|awaited| awaited == id);
                        awaits.push(number(place.unwrap_or(usize::MAX), "awaited clauses")?);
                    }
                    self.program.guards.push(GuardPlan {
                        block: inside.index,
                        text: guard.text.clone(),
                        test,
                        awaits,
                        body: Vec::new(),
                        inferred,
                    });
                    let body = self.items(&guard.body, block, inside)?;
                    if let Some(plan) = self.program.guards.get_mut(index as usize) {
                        plan.body = body;
                    }
                    ItemPlan::Guard(index)
                }
            });
        }
        Ok(plans)
    }

    fn duty(
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

    fn bare_clause(&self, duty: &Duty, block: &Block, inside: &InBlock) -> Clause {
        Clause {
            id: duty.id,
            slug: duty.slug.clone(),
            strength: duty.strength,
            performer: duty.by,
            action: duty.action.clone(),
            text: duty.text.clone(),
            within: duty.within,
            external: duty.external,
            satisfied_by: duty.satisfied_by.clone(),
            requires: duty.requires.iter().map(|requirement| requirement.name.clone()).collect(),
            fallback: None,
            fallback_of: None,
            triggers: block.trigger.events().to_vec(),
            each: duty.each,
            using_inferred: duty.using_inferred,
            arguments: Vec::new(),
            bound: Vec::new(),
            keys: Vec::new(),
            agrees: Vec::new(),
            requirements: Vec::new(),
            block: inside.index,
            awaited: None,
        }
    }

    /// Numbers what is evaluated at activation: the keys first, so that they lie together.
    fn arguments(
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
            let computed = matches!(argument.value, Expr::Path(_) | Expr::Measure { .. });
            let named = argument.name.clone();
            let (name, shown) = match (&argument.role, place) {
                (Role::Key { fields, .. }, Some(place)) => {
                    (named.or_else(|| fields.first().cloned()), Shown::Bound(place))
                }
                (Role::Agree { field }, _) => {
                    let place = number(clause.bound.len(), "arguments")?;
                    clause.bound.push(self.read(&argument.value, inside)?);
                    clause.agrees.push((place, self.field(field)?));
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
    fn want_for_match(&mut self, satisfier: u32, clause: &Clause) -> Result<(), CompileError> {
        let keys = clause.keys.iter().flat_map(|key| key.fields.iter().copied());
        let fields: Vec<u32> = keys.chain(clause.agrees.iter().map(|&(_, field)| field)).collect();
        self.want_numbers(satisfier, &fields)
    }

    fn want_numbers(&mut self, index: u32, fields: &[u32]) -> Result<(), CompileError> {
        for &field in fields {
            let name = self.program.fields.get(field as usize).cloned().unwrap_or_default();
            self.want(index, &name)?;
        }
        Ok(())
    }

    fn requirement(
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

    fn test(
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
            Condition::Exists { value, text } | Condition::Holds { value, text } => {
                Test::Holds { value: self.read(value, inside)?, text: text.clone() }
            }
        })
    }

    fn tests(
        &mut self,
        parts: &[Condition],
        inferred: bool,
        inside: &mut InBlock,
    ) -> Result<Vec<Test>, CompileError> {
        parts.iter().map(|part| self.test(part, inferred, inside)).collect()
    }

    fn read(&mut self, expr: &Expr, inside: &mut InBlock) -> Result<Read, CompileError> {
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
            Expr::Literal(Literal::Length(_))
            | Expr::Call(_)
            | Expr::Count { .. }
            | Expr::Instances { .. } => Read::Nowhere,
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

    fn constant(&mut self, constant: Constant) -> Result<Read, CompileError> {
        let index = number(self.program.constants.len(), "constants")?;
        self.program.constants.push(constant);
        Ok(Read::Constant(index))
    }

    fn path(&mut self, path: &Path, inside: &mut InBlock) -> Result<PathRead, CompileError> {
        let root = self.frame_place(&path.root, inside)?;
        let entity = path.entity.as_deref().map(|name| self.entity(name)).transpose()?;
        let mut own = None;
        let mut hops = Vec::new();
        let mut before = entity;
        for (place, hop) in path.hops.iter().enumerate() {
            // No event carries a state: events begin and end it.
            let state = before.is_some_and(|e| self.state(e, &hop.attribute).is_some());
            if place == 0 && entity.is_some() && !state {
                own = Some(self.frame_place(&hop.attribute, inside)?);
            }
            // What a creating trigger does not carry is not known: no memory of every instance.
            let needless =
                place == 0 && !state && entity.is_some_and(|e| self.all_create(e, inside));
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

    fn all_create(&self, entity: u32, inside: &InBlock) -> bool {
        inside.trigger_types.iter().all(|&index| {
            self.program
                .types
                .get(index as usize)
                .is_some_and(|plan| plan.creates && plan.entity == Some(entity))
        })
    }

    fn frame_place(&mut self, name: &str, inside: &mut InBlock) -> Result<u32, CompileError> {
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

    fn column(&mut self, key: ColumnKey) -> Result<u32, CompileError> {
        if let Some(&index) = self.columns.get(&key) {
            return Ok(index);
        }
        let index = number(self.program.columns.len(), "values")?;
        self.columns.insert(key.clone(), index);
        let name = match &key {
            ColumnKey::Attribute(entity, attribute) => {
                self.attribute_column(*entity, attribute, index)?
            }
            ColumnKey::Measure(measure, attribute) => {
                self.measure_column(measure, attribute, index)?
            }
        };
        self.program.columns.push(ColumnPlan { name });
        Ok(index)
    }

    fn attribute_column(
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
    fn state(&self, entity: u32, name: &str) -> Option<&'a EntityState> {
        let plan = self.program.entities.get(entity as usize)?;
        let spec = self.spec;
        let declared = spec.entities.iter().find(|declared| declared.name == *plan.name)?;
        declared.states.iter().find(|state| state.name == name)
    }

    /// A state is remembered as whether the newest event that begins or ends it begins it.
    fn state_column(
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

    fn measure_column(
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
    fn spread_attributes(&mut self) {
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

fn collect_awaited(items: &[Item], found: &mut Vec<ClauseId>) {
    for item in items {
        if let Item::Guard(guard) = item {
            for &id in &guard.awaits {
                if !found.contains(&id) {
                    found.push(id);
                }
            }
            collect_awaited(&guard.body, found);
        }
    }
}

fn unknown_awaited(items: &[Item], clause: ClauseId) -> CompileError {
    let mut guard = String::new();
    for item in items {
        if let Item::Guard(found) = item
            && found.awaits.contains(&clause)
        {
            guard.clone_from(&found.text);
        }
    }
    CompileError::UnknownAwaited { guard, clause }
}

/// A guard reads what enrichments say only if no `must` inside forbids it.
fn reads_inferred(items: &[Item]) -> bool {
    items.iter().all(|item| match item {
        Item::Duty(duty) => duty.using_inferred || duty.strength != Strength::Must,
        Item::Guard(guard) => reads_inferred(&guard.body),
        Item::ForEach(each) => reads_inferred(&each.body),
    })
}

fn number(index: usize, what: &'static str) -> Result<u32, CompileError> {
    u32::try_from(index).map_err(|_| CompileError::TooMany(what))
}
