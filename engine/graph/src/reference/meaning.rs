//! What expressions, keys and conditions mean, read off the log by scanning it backwards.
//!
//! In: the events so far. Out: values, truths. Never: remembers a value.
//! Promise: "last" is always by position. Start reading at [`Log::value`].

use homeostat_intent::lowered::{
    Comparison, Condition, Direction, Duty, Expr, Item, Literal, Path, Requirement, Role, Spec,
    State, Strength,
};
use homeostat_log::{Event, Kind, Value};

use crate::datum::Truth;

/// A value that an event carries or the spec writes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Carried {
    Truth(bool),
    Number(f64),
    Text(String),
    Nested { empty: bool },
}

/// What a field of an event says.
enum Field {
    NotCarried,
    Null,
    Is(Carried),
}

pub(super) struct Log<'a> {
    pub(super) spec: &'a Spec,
    pub(super) events: Vec<&'a Event>,
}

impl Log<'_> {
    /// The spec's name for an event type.
    pub(super) fn canonical<'n>(&'n self, name: &'n str) -> &'n str {
        let known =
            self.spec.events.iter().find(|event| {
                event.name == name || event.aliases.iter().any(|alias| alias == name)
            });
        known.map_or(name, |event| &event.name)
    }

    /// The value of an expression for `trigger`, after the first `upto` events.
    pub(super) fn value(
        &self,
        expr: &Expr,
        trigger: &Event,
        upto: usize,
        inferred: bool,
    ) -> Option<Carried> {
        match expr {
            Expr::Literal(Literal::Number(number)) => Some(Carried::Number(*number)),
            Expr::Literal(Literal::Truth(truth)) => Some(Carried::Truth(*truth)),
            Expr::Literal(Literal::Text(text)) | Expr::Symbol(text) => {
                Some(Carried::Text(text.clone()))
            }
            Expr::Literal(Literal::Length(length)) => (length.months == 0).then(|| {
                #[expect(clippy::cast_precision_loss, reason = "the language says: in seconds")]
                Carried::Number(length.micros as f64 / 1e6)
            }),
            Expr::Call(_) | Expr::Count { .. } | Expr::Instances { .. } => None,
            Expr::Threshold(name) => {
                let known = self.spec.thresholds.iter().find(|threshold| threshold.name == *name);
                known.map(|threshold| Carried::Number(threshold.value))
            }
            Expr::Path(path) => self.path(path, path.hops.len(), trigger, upto, inferred),
            Expr::Measure { measure, of, attribute } => {
                let instance = self.path(of, of.hops.len(), trigger, upto, inferred)?;
                self.measure(measure, &instance, attribute, upto, inferred)
            }
        }
    }

    /// The value that a crossing watches, as it was just before the trigger.
    fn value_before(&self, expr: &Expr, trigger: &Event, inferred: bool) -> Option<Carried> {
        let before = self.events.iter().position(|event| event.position == trigger.position)?;
        match expr {
            Expr::Measure { measure, of, attribute } => {
                let instance = self.path(of, of.hops.len(), trigger, before + 1, inferred)?;
                self.measure(measure, &instance, attribute, before, inferred)
            }
            Expr::Path(path) => {
                let last = path.hops.last()?;
                let way = path.hops.len() - 1;
                let instance = self.path(path, way, trigger, before + 1, inferred)?;
                let entity = entity_before(path, way)?;
                let state = self.state(entity, &last.attribute).is_some();
                if way == 0 && !state && self.creates(trigger, entity) {
                    return None;
                }
                self.attribute(entity, &instance, &last.attribute, before, inferred)
            }
            _ => None,
        }
    }

    /// Follows the first `hops` hops of a path.
    fn path(
        &self,
        path: &Path,
        hops: usize,
        trigger: &Event,
        upto: usize,
        inferred: bool,
    ) -> Option<Carried> {
        let mut value = known(field(trigger, &path.root));
        for (place, hop) in path.hops.iter().take(hops).enumerate() {
            let entity = entity_before(path, place)?;
            // A trigger about the root's instance is asked itself before what was said earlier.
            let own = self.entity_of(trigger) == Some(entity);
            if place == 0 && own && self.state(entity, &hop.attribute).is_none() {
                match field(trigger, &hop.attribute) {
                    Field::NotCarried if !self.creates(trigger, entity) => {}
                    carried => {
                        value = known(carried);
                        continue;
                    }
                }
            }
            value = self.attribute(entity, &value?, &hop.attribute, upto, inferred);
        }
        value
    }

    /// The last value that an event about the instance carried.
    fn attribute(
        &self,
        entity: &str,
        instance: &Carried,
        attribute: &str,
        upto: usize,
        inferred: bool,
    ) -> Option<Carried> {
        if let Some(state) = self.state(entity, attribute) {
            return self.is_in(state, entity, instance, upto, inferred);
        }
        let of_instance = |event: &&&Event| {
            let about =
                self.entity_of(event) == Some(entity) || subject_entity(event) == Some(entity);
            about && names(event, entity, instance)
        };
        self.last(upto, inferred, of_instance, attribute)
    }

    fn state(&self, entity: &str, name: &str) -> Option<&State> {
        let declared = self.spec.entities.iter().find(|declared| declared.name == entity)?;
        declared.states.iter().find(|state| state.name == name)
    }

    /// A state is held from an event that begins it until one that ends it. Before either nothing
    /// is known of it.
    fn is_in(
        &self,
        state: &State,
        entity: &str,
        instance: &Carried,
        upto: usize,
        inferred: bool,
    ) -> Option<Carried> {
        let mut events = self.events.iter().take(upto).rev();
        let newest = events.find(|event| {
            let name = self.canonical(&event.event.r#type);
            (inferred || event.event.kind != Kind::Enrichment)
                && state.from.iter().chain(&state.until).any(|known| known == name)
                && names(event, entity, instance)
        })?;
        let name = self.canonical(&newest.event.r#type);
        Some(Carried::Truth(state.from.iter().any(|from| from == name)))
    }

    fn measure(
        &self,
        measure: &str,
        instance: &Carried,
        attribute: &str,
        upto: usize,
        inferred: bool,
    ) -> Option<Carried> {
        let declared = self.spec.measures.iter().find(|declared| declared.name == measure)?;
        let of_instance = |event: &&&Event| {
            let name = self.canonical(&event.event.r#type);
            declared.from.iter().any(|from| from == name)
                && names(event, &declared.entity, instance)
        };
        self.last(upto, inferred, of_instance, attribute)
    }

    fn last(
        &self,
        upto: usize,
        inferred: bool,
        of_instance: impl Fn(&&&Event) -> bool,
        attribute: &str,
    ) -> Option<Carried> {
        let events = self.events.iter().take(upto).rev();
        let fields = events
            .filter(|event| inferred || event.event.kind != Kind::Enrichment)
            .filter(of_instance)
            .map(|event| field(event, attribute));
        known(fields.into_iter().find(|field| !matches!(field, Field::NotCarried))?)
    }

    /// The entity that an event is about by its type.
    fn entity_of(&self, event: &Event) -> Option<&str> {
        let name = self.canonical(&event.event.r#type);
        let declared = self.spec.events.iter().find(|known| known.name == name);
        if let Some(entity) = declared.and_then(|event| event.entity.as_deref()) {
            return Some(entity);
        }
        let (entity, _) = name.split_once('.')?;
        let known = self.spec.entities.iter().find(|known| known.name == entity)?;
        Some(&known.name)
    }

    fn creates(&self, event: &Event, entity: &str) -> bool {
        self.entity_of(event) == Some(entity)
            && self.canonical(&event.event.r#type) == format!("{entity}.created")
    }

    /// Whether a requirement is held for these keys: the newest event that grants or ends it and
    /// agrees on them grants it.
    pub(super) fn is_held(
        &self,
        requirement: &Requirement,
        duty: &Duty,
        arguments: &[Option<Carried>],
    ) -> bool {
        let newest = self.events.iter().rev().find(|event| {
            let name = self.canonical(&event.event.r#type);
            let concerns = requirement.from.iter().chain(&requirement.until).any(|n| n == name);
            concerns
                && event.event.kind != Kind::Enrichment
                && agrees_on_keys(event, duty, arguments)
        });
        newest.is_some_and(|event| {
            let name = self.canonical(&event.event.r#type);
            requirement.from.iter().any(|from| from == name)
        })
    }

    /// What a condition comes to now.
    pub(super) fn truth(&self, condition: &Condition, trigger: &Event, inferred: bool) -> Truth {
        let value = |expr| self.value(expr, trigger, self.events.len(), inferred);
        match condition {
            Condition::And(parts) => {
                let truths: Vec<Truth> =
                    parts.iter().map(|part| self.truth(part, trigger, inferred)).collect();
                if truths.contains(&Truth::False) {
                    Truth::False
                } else if truths.contains(&Truth::Unknown) {
                    Truth::Unknown
                } else {
                    Truth::True
                }
            }
            Condition::Or(parts) => {
                let truths: Vec<Truth> =
                    parts.iter().map(|part| self.truth(part, trigger, inferred)).collect();
                if truths.contains(&Truth::True) {
                    Truth::True
                } else if truths.contains(&Truth::Unknown) {
                    Truth::Unknown
                } else {
                    Truth::False
                }
            }
            Condition::Not(part) => match self.truth(part, trigger, inferred) {
                Truth::True => Truth::False,
                Truth::False => Truth::True,
                Truth::Unknown => Truth::Unknown,
            },
            Condition::Compare { left, op, right, .. } => {
                compared(value(left).as_ref(), *op, value(right).as_ref())
            }
            Condition::Crosses { value: watched, level, direction, .. } => {
                let before = number(self.value_before(watched, trigger, inferred).as_ref());
                let Some(after) = number(value(watched).as_ref()) else { return Truth::Unknown };
                truth_of(match direction {
                    Direction::Falling => before.is_none_or(|b| b > *level) && after <= *level,
                    Direction::Rising => before.is_none_or(|b| b < *level) && after >= *level,
                })
            }
            Condition::Exists { value: tested, .. } => truth_of(value(tested).is_some()),
            Condition::Holds { value: tested, .. } => truth_of(match value(tested) {
                None | Some(Carried::Truth(false) | Carried::Nested { empty: true }) => false,
                Some(Carried::Number(number)) => number != 0.0,
                Some(Carried::Text(text)) => !text.is_empty(),
                Some(Carried::Truth(true) | Carried::Nested { empty: false }) => true,
            }),
        }
    }
}

/// The event carries, in the first field that it has, the instance that each key argument names.
pub(super) fn agrees_on_keys(event: &Event, duty: &Duty, arguments: &[Option<Carried>]) -> bool {
    duty.arguments.iter().zip(arguments).all(|(argument, owed)| {
        let Role::Key { fields, .. } = &argument.role else { return true };
        let carried = fields.iter().find_map(|name| known(field(event, name)));
        match (carried, owed) {
            (Some(Carried::Nested { .. }), _) | (_, Some(Carried::Nested { .. })) => false,
            (Some(carried), Some(owed)) => same_instance(&carried, owed),
            _ => false,
        }
    })
}

/// Whatever else it carries of the arguments is the same.
pub(super) fn agrees_on_the_rest(
    event: &Event,
    duty: &Duty,
    arguments: &[Option<Carried>],
) -> bool {
    duty.arguments.iter().zip(arguments).all(|(argument, owed)| {
        let Role::Agree { field: name } = &argument.role else { return true };
        match (known(field(event, name)), owed) {
            (None, _) | (_, None | Some(Carried::Nested { .. })) => true,
            (Some(carried), Some(owed)) => carried == *owed,
        }
    })
}

/// Guards of `must` do not read what enrichments say, unless every one inside says so.
pub(super) fn reads_inferred(items: &[Item]) -> bool {
    items.iter().all(|item| match item {
        Item::Duty(duty) => duty.strength != Strength::Must || duty.using_inferred,
        Item::Guard(guard) => reads_inferred(&guard.body),
        Item::ForEach(each) => reads_inferred(&each.body),
    })
}

fn compared(left: Option<&Carried>, op: Comparison, right: Option<&Carried>) -> Truth {
    let (Some(left), Some(right)) = (left, right) else { return Truth::Unknown };
    let order = match (left, right) {
        (Carried::Nested { .. }, _) | (_, Carried::Nested { .. }) => return Truth::Unknown,
        (Carried::Number(a), Carried::Number(b)) => a.partial_cmp(b),
        (Carried::Text(a), Carried::Text(b)) => Some(a.cmp(b)),
        _ => None,
    };
    match (op, order) {
        (Comparison::Equal, _) => truth_of(left == right),
        (Comparison::NotEqual, _) => truth_of(left != right),
        (_, None) => Truth::Unknown,
        (Comparison::Less, Some(order)) => truth_of(order.is_lt()),
        (Comparison::LessOrEqual, Some(order)) => truth_of(order.is_le()),
        (Comparison::Greater, Some(order)) => truth_of(order.is_gt()),
        (Comparison::GreaterOrEqual, Some(order)) => truth_of(order.is_ge()),
    }
}

fn truth_of(truth: bool) -> Truth {
    if truth { Truth::True } else { Truth::False }
}

fn number(value: Option<&Carried>) -> Option<f64> {
    if let Some(Carried::Number(number)) = value { Some(*number) } else { None }
}

/// The entity whose attribute the hop at `place` is.
fn entity_before(path: &Path, place: usize) -> Option<&str> {
    match place.checked_sub(1) {
        None => path.entity.as_deref(),
        Some(before) => path.hops.get(before)?.entity.as_deref(),
    }
}

fn names(event: &Event, entity: &str, instance: &Carried) -> bool {
    match known(field(event, entity)) {
        None | Some(Carried::Nested { .. }) => false,
        Some(carried) => same_instance(&carried, instance),
    }
}

/// A whole number and its text name the same instance.
fn same_instance(a: &Carried, b: &Carried) -> bool {
    match (a, b) {
        (Carried::Number(number), Carried::Text(text))
        | (Carried::Text(text), Carried::Number(number)) => {
            number.fract() == 0.0 && (number + 0.0).to_string() == *text
        }
        _ => a == b,
    }
}

fn subject_entity(event: &Event) -> Option<&str> {
    Some(event.event.subject.as_deref()?.split_once('/')?.0)
}

/// What an event says in a field: what its payload carries, else the id in its subject.
fn field(event: &Event, name: &str) -> Field {
    let carried = event.event.data.get(name);
    if let Some(value) = carried.filter(|value| *value != Value::Null) {
        #[expect(clippy::cast_precision_loss, reason = "see the opening of `reference`")]
        return Field::Is(match value {
            Value::Truth(truth) => Carried::Truth(truth),
            Value::Int(number) => Carried::Number(number as f64),
            Value::Float(number) => Carried::Number(number),
            Value::Text(text) => Carried::Text(text.to_owned()),
            Value::Nested(cbor) => Carried::Nested { empty: cbor.len() <= 1 },
            Value::Null => return Field::Null,
        });
    }
    match event.event.subject.as_deref().and_then(|subject| subject.split_once('/')) {
        Some((entity, id)) if entity == name => Field::Is(Carried::Text(id.to_owned())),
        _ if carried.is_some() => Field::Null,
        _ => Field::NotCarried,
    }
}

fn known(field: Field) -> Option<Carried> {
    if let Field::Is(carried) = field { Some(carried) } else { None }
}
