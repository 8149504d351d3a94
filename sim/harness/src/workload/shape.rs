//! What an event of each type carries, as far as the spec can tell.
//!
//! In: a [`Spec`]. Out: for every event type its entity, its fields, and values for them that lie
//! around the levels which the spec compares with. Never: a value that no comparison could see the
//! difference of, where there is a comparison.
//! Promise: every field that a clause looks for is in the shape. Start reading at [`Shapes::of`].

use std::collections::{BTreeMap, BTreeSet};

use homeostat_intent::Spec;
use homeostat_intent::lowered::{
    At, Block, Condition, Duty, Expr, Goal, Item, Literal, Path, Proposition, Role, Trigger,
};
use serde_json::Value as Json;

use super::standing;

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Sort {
    /// An instance of this entity.
    Id(String),
    /// One of these.
    Value(Vec<Json>),
}

/// What an event type carries.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    /// What it is about.
    pub(super) entity: Option<String>,
    /// Whether it brings an instance of that to life.
    pub(super) creates: bool,
    /// The other names that a log has for it.
    pub(super) aliases: Vec<String>,
    /// Its payload.
    pub(super) fields: BTreeMap<String, Sort>,
    /// The fields that it may go without, since no duty looks for them.
    pub(super) of_entity: BTreeSet<String>,
}

/// Where a value is kept: an attribute of an entity, of a measure, or a plain field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Entity(String),
    Measure(String),
    Field,
}

/// The shapes of all event types of a spec, by canonical name.
#[derive(Clone, Debug, Default)]
pub(super) struct Shapes {
    pub(super) types: BTreeMap<String, Shape>,
    values: BTreeMap<(Owner, String), Vec<Json>>,
    levels: BTreeMap<String, f64>,
}

impl Shapes {
    /// The shapes of `spec`; `times` are those of the day that lie in the run.
    pub(super) fn of(spec: &Spec, times: &[Json]) -> Self {
        let levels = spec.thresholds.iter().map(|it| (it.name.clone(), it.value)).collect();
        let mut shapes = Self { levels, ..Self::default() };
        for block in &spec.blocks {
            shapes.opening(&block.trigger, times);
            each_condition(&block.body, &mut |condition| shapes.compare(condition));
        }
        for assertion in &spec.assertions {
            standing::conditions(assertion).into_iter().for_each(|it| shapes.compare(it));
        }
        for event in &spec.events {
            let shape = shapes.types.entry(event.name.clone()).or_default();
            shape.entity.clone_from(&event.entity);
            shape.aliases.clone_from(&event.aliases);
            shape.creates =
                event.entity.as_ref().is_some_and(|it| event.name == format!("{it}.created"));
        }
        for entity in standing::watched(spec) {
            let name = format!("{entity}.changed");
            shapes.types.entry(name).or_default().entity = Some(entity);
        }
        shapes.attributes(spec);
        shapes.measures(spec);
        shapes.samples(spec);
        for block in &spec.blocks {
            shapes.block(block);
        }
        for duty in spec.duties() {
            shapes.duty(duty);
        }
        shapes
    }

    /// Numbers around what a measure is compared with, for agents that write it.
    pub(super) fn measured(&self, spec: &Spec, event: &str) -> BTreeMap<String, (f64, f64)> {
        let mut found = BTreeMap::new();
        for measure in spec.measures.iter().filter(|it| it.from.iter().any(|from| from == event)) {
            for attribute in &measure.attributes {
                let owner = Owner::Measure(measure.name.clone());
                let numbers: Vec<f64> =
                    self.values(&owner, attribute).iter().filter_map(Json::as_f64).collect();
                let least = numbers.iter().copied().reduce(f64::min).unwrap_or(0.0);
                let most = numbers.iter().copied().reduce(f64::max).unwrap_or(100.0);
                found.insert(attribute.clone(), (least, most));
            }
        }
        found
    }

    fn values(&self, owner: &Owner, attribute: &str) -> Vec<Json> {
        let found = self.values.get(&(owner.clone(), attribute.to_owned()));
        found.cloned().unwrap_or_else(|| match owner {
            Owner::Measure(_) => [0, 10, 50, 90].map(Json::from).to_vec(),
            _ => ["one", "two"].map(Json::from).to_vec(),
        })
    }

    /// Events about an entity carry its attributes.
    fn attributes(&mut self, spec: &Spec) {
        for entity in &spec.entities {
            let mut fields = BTreeMap::from([(entity.name.clone(), Sort::Id(entity.name.clone()))]);
            for attribute in entity.attributes.iter().filter(|attribute| !attribute.many) {
                let sort = attribute.entity.clone().map_or_else(
                    || {
                        Sort::Value(
                            self.values(&Owner::Entity(entity.name.clone()), &attribute.name),
                        )
                    },
                    Sort::Id,
                );
                fields.insert(attribute.name.clone(), sort);
            }
            let about = |shape: &Shape| shape.entity.as_ref() == Some(&entity.name);
            for (name, shape) in self.types.iter_mut().filter(|(_, shape)| about(shape)) {
                shape.fields.extend(fields.clone());
                if name.ends_with(".changed") {
                    shape.of_entity.extend(fields.keys().cloned());
                }
            }
        }
    }

    fn measures(&mut self, spec: &Spec) {
        for measure in &spec.measures {
            for from in &measure.from {
                for attribute in &measure.attributes {
                    let values = self.values(&Owner::Measure(measure.name.clone()), attribute);
                    self.field(from, attribute, Sort::Value(values));
                }
                self.field(from, &measure.entity, Sort::Id(measure.entity.clone()));
            }
        }
    }

    /// What a condition that has to last tells apart; at what times of the day a block may open.
    fn opening(&mut self, trigger: &Trigger, times: &[Json]) {
        match trigger {
            Trigger::Events(_) => {}
            Trigger::Held(held) => self.compare(&held.condition),
            Trigger::Every(schedule) => {
                if let At::Of(path) = &schedule.at {
                    self.note(&Expr::Path(path.clone()), times.to_vec());
                }
                let zones = ["UTC", "Europe/London", "Australia/Sydney"].map(Json::from);
                let entity = trigger.bound().map(str::to_owned);
                self.values
                    .insert((owner(entity.as_ref()), "time_zone".to_owned()), zones.to_vec());
            }
        }
    }

    /// Samples lie around the bounds of their metric.
    fn samples(&mut self, spec: &Spec) {
        for metric in &spec.metrics {
            let mut values = Vec::new();
            for invariant in &spec.invariants {
                match &invariant.says {
                    Proposition::Metric { metric: of, bound, .. } if *of == metric.name => {
                        values.extend(around(*bound));
                    }
                    _ => {}
                }
            }
            for target in spec.targets.iter().filter(|it| it.metric == metric.name) {
                if let Goal::Budget(budget) = &target.goal {
                    let micros = u32::try_from(budget.micro_dollars).unwrap_or(u32::MAX);
                    let whole = f64::from(micros) / 1e6;
                    values.extend([0.4, 0.6, 1.0, 1.01].map(|part| number(whole * part)));
                }
            }
            for name in &metric.samples {
                if let Some(field) = metric.fields.first() {
                    self.field(name, field, Sort::Value(values.clone()));
                }
            }
        }
    }

    /// The event types that say something about an instance of `entity`.
    pub(super) fn about(&self, entity: &str) -> Vec<String> {
        let about = |shape: &Shape| shape.entity.as_deref() == Some(entity);
        self.types.iter().filter(|(_, shape)| about(shape)).map(|(name, _)| name.clone()).collect()
    }

    /// Triggers carry what the block reads of them.
    fn block(&mut self, block: &Block) {
        let mut roots = BTreeMap::new();
        let mut root = |path: &Path| {
            if path.bound {
                return;
            }
            roots.entry(path.root.clone()).or_insert_with(|| path.entity.clone());
        };
        each_condition(&block.body, &mut |condition| {
            each_expr(condition, &mut |expr| each_path(expr, &mut root));
        });
        each_duty(&block.body, &mut |duty| {
            duty.arguments.iter().for_each(|argument| each_path(&argument.value, &mut root));
        });
        for trigger in block.trigger.events() {
            for (name, entity) in &roots {
                let sort = entity
                    .clone()
                    .map_or_else(|| Sort::Value(self.values(&Owner::Field, name)), Sort::Id);
                self.field(trigger, name, sort);
            }
        }
    }

    /// What satisfies a duty, grants what it requires or ends that, carries its keys.
    fn duty(&mut self, duty: &Duty) {
        let required = duty.requires.iter().flat_map(|it| it.from.iter().chain(&it.until));
        let types: BTreeSet<&String> = duty.satisfied_by.iter().chain(required).collect();
        for name in types {
            for argument in &duty.arguments {
                if let Role::Key { entity, fields } = &argument.role
                    && let Some(field) = fields.first()
                {
                    self.field(name, field, Sort::Id(entity.clone()));
                }
            }
        }
    }

    fn field(&mut self, event: &str, name: &str, sort: Sort) {
        let shape = self.types.entry(event.to_owned()).or_default();
        shape.fields.entry(name.to_owned()).or_insert(sort);
    }

    /// Notes what a condition tells apart.
    fn compare(&mut self, condition: &Condition) {
        match condition {
            Condition::And(parts) | Condition::Or(parts) => {
                parts.iter().for_each(|part| self.compare(part));
            }
            Condition::Not(inner) => self.compare(inner),
            Condition::Compare { left, right, .. } => {
                let (near_left, near_right) = (self.near(left), self.near(right));
                self.note(left, near_right);
                self.note(right, near_left);
            }
            Condition::Crosses { value, level, .. } => self.note(value, around(*level)),
            Condition::Exists { value, .. } | Condition::Holds { value, .. } => {
                self.note(value, vec![Json::from(true), Json::from(false)]);
            }
        }
    }

    /// Values that a comparison with `expr` tells apart.
    fn near(&self, expr: &Expr) -> Vec<Json> {
        let other = |text: &str| vec![Json::from(text), Json::from("other")];
        match expr {
            Expr::Literal(Literal::Number(number)) => around(*number),
            Expr::Literal(Literal::Text(text)) | Expr::Symbol(text) => other(text),
            Expr::Literal(Literal::Truth(_)) => vec![Json::from(true), Json::from(false)],
            Expr::Literal(Literal::Length(length)) => {
                [-1, 0, 1].map(|nudge| Json::from(length.micros.saturating_add(nudge))).to_vec()
            }
            Expr::Threshold(name) => {
                self.levels.get(name).map_or_else(Vec::new, |level| around(*level))
            }
            Expr::Path(_) | Expr::Measure { .. } => [1, 2, 3].map(Json::from).to_vec(),
            Expr::Call(_) | Expr::Count { .. } | Expr::Instances { .. } => Vec::new(),
        }
    }

    fn note(&mut self, expr: &Expr, values: Vec<Json>) {
        let key = match expr {
            Expr::Measure { measure, attribute, .. } => {
                (Owner::Measure(measure.clone()), attribute.clone())
            }
            Expr::Path(path) => match path.hops.as_slice() {
                [] => (Owner::Field, path.root.clone()),
                [first] => (owner(path.entity.as_ref()), first.attribute.clone()),
                [.., before, last] => (owner(before.entity.as_ref()), last.attribute.clone()),
            },
            _ => return,
        };
        let known = self.values.entry(key).or_default();
        for value in values {
            if !known.contains(&value) {
                known.push(value);
            }
        }
    }
}

fn owner(entity: Option<&String>) -> Owner {
    entity.map_or(Owner::Field, |entity| Owner::Entity(entity.clone()))
}

/// A level, just beside it, and far from it.
fn around(level: f64) -> Vec<Json> {
    [0.0, -1.0, 1.0, -0.001, 0.001, -25.0, 25.0].map(|by| number(level + by)).to_vec()
}

/// As people write it: `45`, not `45.0`.
pub(super) fn number(value: f64) -> Json {
    let text = value.to_string();
    text.parse::<i64>().map_or_else(|_| Json::from(value), Json::from)
}

/// Every condition of the guards in `items`.
fn each_condition(items: &[Item], visit: &mut dyn FnMut(&Condition)) {
    for item in items {
        match item {
            Item::Guard(guard) => {
                visit(&guard.condition);
                each_condition(&guard.body, visit);
            }
            Item::ForEach(each) => {
                each.condition.iter().for_each(&mut *visit);
                each_condition(&each.body, visit);
            }
            Item::Duty(_) => {}
        }
    }
}

/// Every duty in `items`, fallbacks too.
fn each_duty(items: &[Item], visit: &mut dyn FnMut(&Duty)) {
    for item in items {
        match item {
            Item::Guard(guard) => each_duty(&guard.body, visit),
            Item::ForEach(each) => each_duty(&each.body, visit),
            Item::Duty(duty) => {
                let mut next = Some(duty);
                while let Some(duty) = next {
                    visit(duty);
                    next = duty.fallback.as_deref();
                }
            }
        }
    }
}

pub(super) fn each_expr(condition: &Condition, visit: &mut dyn FnMut(&Expr)) {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => {
            parts.iter().for_each(|part| each_expr(part, visit));
        }
        Condition::Not(inner) => each_expr(inner, visit),
        Condition::Compare { left, right, .. } => {
            visit(left);
            visit(right);
        }
        Condition::Crosses { value, .. }
        | Condition::Holds { value, .. }
        | Condition::Exists { value, .. } => visit(value),
    }
}

pub(super) fn each_path(expr: &Expr, visit: &mut dyn FnMut(&Path)) {
    match expr {
        Expr::Path(path) | Expr::Measure { of: path, .. } => visit(path),
        _ => {}
    }
}
