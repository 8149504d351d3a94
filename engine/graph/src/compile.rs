//! Turns a lowered spec into a [`Program`]: names into numbers, and for every event type the list
//! of what an event of it touches.
//!
//! In: a [`Spec`]. Out: a [`Program`], or what the spec refers to and does not have.
//! Never: reads a value that no clause reads: a field, attribute or measure without a reader gets
//! no number, and costs nothing when events carry it.
//! Promise: the same spec compiles to the same program.
//! Start reading at [`Program::compile`].

mod blocks;
mod contract;
mod duties;
mod quantified;
mod reads;
mod watches;

use std::collections::BTreeMap;

use homeostat_intent::lowered::{ClauseId, Spec};
use homeostat_log::control::GapKind;

use crate::program::watched::{Readers, RulesPlan};
use crate::program::{BoundPlan, EntityPlan, Program, Read, TypePlan};
use crate::zones::Zone;

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
    /// A path from an instance that nothing around binds.
    #[error("`{0}` is read as a bound instance where nothing binds one")]
    NotBound(String),
    /// Two clauses of one name.
    #[error("two clauses are named `{0}`; expected unique names, so give one of them a label")]
    DuplicateSlug(String),
    /// A bound on a metric that nothing samples.
    #[error("unknown metric `{0}`; expected one that the spec samples")]
    UnknownMetric(String),
    /// More of something than can be numbered.
    #[error("the spec has more than four thousand million {0}")]
    TooMany(&'static str),
}

/// What an attribute or measure is told apart by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ColumnKey {
    Attribute(u32, String),
    Measure(String, String),
    /// What a rule or a checker finds out about instances of an entity.
    Found(u32, String),
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
    /// What its duties' gaps are while no deadline has passed.
    gap: GapKind,
    /// Its root block, if the calendar opens that.
    periodic: Option<u32>,
    bound: Vec<BoundPlan>,
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
        for assertion in &spec.assertions {
            compiler.always(assertion)?;
        }
        compiler.contract()?;
        compiler.track()?;
        compiler.spread_attributes();
        compiler.watches()?;
        let mut entities = compiler.program.entities.iter();
        compiler.program.has_rules = entities.any(|entity| entity.rules != RulesPlan::default());
        compiler.program.remembers = compiler.program.entities.iter().any(|e| e.field.is_some());
        Ok(compiler.program)
    }
}

fn empty(spec: &Spec) -> Program {
    Program {
        name: spec.name.clone(),
        hash: spec.hash,
        settle: spec.limits.settle,
        in_flight_max: usize::try_from(spec.limits.max_backfill_in_flight).unwrap_or(usize::MAX),
        remembers: false,
        type_names: hashbrown::HashMap::default(),
        types: Vec::new(),
        fields: Vec::new(),
        entity_names: hashbrown::HashMap::default(),
        entities: Vec::new(),
        tracked: Vec::new(),
        counts: Vec::new(),
        numbers: Vec::new(),
        watches: Vec::new(),
        whole: Vec::new(),
        readers: Readers::default(),
        inverses: 0,
        reported: Vec::new(),
        has_rules: false,
        metrics: Vec::new(),
        standards: Vec::new(),
        budgets: Vec::new(),
        told: Vec::new(),
        contract: Vec::new(),
        zone: spec.time_zone.as_deref().and_then(Zone::named).unwrap_or_else(Zone::utc),
        columns: Vec::new(),
        blocks: Vec::new(),
        periodic: Vec::new(),
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
}

fn number(index: usize, what: &'static str) -> Result<u32, CompileError> {
    u32::try_from(index).map_err(|_| CompileError::TooMany(what))
}
