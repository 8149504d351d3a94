//! What expressions, keys and conditions mean.
//!
//! In: the log, and a scene: the trigger and what is bound. Out: values, truths.
//! Never: remembers a value.
//! Promise: what cannot be known is unknown, never guessed.
//! Start reading at [`Log::truth`], then [`Log::value`].

use homeostat_intent::lowered::{
    Comparison, Condition, Direction, Duty, Expr, Item, Literal, Path, Role, Strength,
};
use homeostat_log::Event;

use super::carried::{Carried, Field, carried, field, instance, known, same_instance, value_of};
use super::log::{AsOf, Log, Reading};
use crate::datum::Truth;

/// What an expression may refer to.
#[derive(Clone, Copy)]
pub(super) struct Scene<'s> {
    /// The event that triggered the block.
    pub(super) trigger: Option<&'s Event>,
    /// Entities and their bound instances, the innermost last.
    pub(super) bound: &'s [(String, String)],
    /// The log just before the trigger and with it, for crossings; none where nothing crosses.
    pub(super) edge: Option<(AsOf, AsOf)>,
    /// Whether what enrichments say is read.
    pub(super) inferred: bool,
}

impl Log<'_> {
    /// What a condition comes to now.
    pub(super) fn truth(&self, condition: &Condition, scene: Scene<'_>) -> Truth {
        let value = |expr| self.value(expr, scene, self.now());
        match condition {
            Condition::And(parts) => {
                let truths: Vec<Truth> = parts.iter().map(|part| self.truth(part, scene)).collect();
                if truths.contains(&Truth::False) {
                    Truth::False
                } else if truths.contains(&Truth::Unknown) {
                    Truth::Unknown
                } else {
                    Truth::True
                }
            }
            Condition::Or(parts) => {
                let truths: Vec<Truth> = parts.iter().map(|part| self.truth(part, scene)).collect();
                if truths.contains(&Truth::True) {
                    Truth::True
                } else if truths.contains(&Truth::Unknown) {
                    Truth::Unknown
                } else {
                    Truth::False
                }
            }
            Condition::Not(part) => match self.truth(part, scene) {
                Truth::True => Truth::False,
                Truth::False => Truth::True,
                Truth::Unknown => Truth::Unknown,
            },
            Condition::Compare { left, op, right, .. } => {
                compared(value(left).as_ref(), *op, value(right).as_ref())
            }
            Condition::Crosses { value: watched, level, direction, .. } => {
                let Some(edge) = scene.edge else { return Truth::Unknown };
                let before = number(self.value_before(watched, scene, edge).as_ref());
                let Some(after) = number(value(watched).as_ref()) else { return Truth::Unknown };
                truth_of(match direction {
                    Direction::Falling => before.is_none_or(|b| b > *level) && after <= *level,
                    Direction::Rising => before.is_none_or(|b| b < *level) && after >= *level,
                })
            }
            // A collection exists when it has a member.
            Condition::Exists { value: tested, .. } => truth_of(match (tested, value(tested)) {
                (Expr::Count { .. } | Expr::Instances { .. }, count) => counts_as_true(count),
                (_, value) => !matches!(value, None | Some(Carried::Nested { empty: true })),
            }),
            Condition::Holds { value: tested, .. } => truth_of(counts_as_true(value(tested))),
        }
    }

    /// The value of an expression in a scene, as of a point of the log.
    pub(super) fn value(&self, expr: &Expr, scene: Scene<'_>, as_of: AsOf) -> Option<Carried> {
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
            Expr::Call(_) => None,
            Expr::Threshold(name) => {
                let known = self.spec.thresholds.iter().find(|threshold| threshold.name == *name);
                known.map(|threshold| Carried::Number(threshold.value))
            }
            Expr::Path(path) => self.path(path, path.hops.len(), scene, as_of),
            Expr::Measure { measure, of, attribute } => {
                let instance = self.path(of, of.hops.len(), scene, as_of)?;
                let reading = Reading { as_of, inferred: scene.inferred };
                self.measure(measure, &instance, attribute, reading)
            }
            Expr::Count { of, member, through } => {
                let owner = instance(&self.path(of, of.hops.len(), scene, as_of)?)?;
                let reading = Reading { as_of, inferred: scene.inferred };
                Some(self.count(&owner, member, through, reading))
            }
            Expr::Instances { entity, condition } => {
                let counted = self.alive(entity, as_of).into_iter().filter(|instance| {
                    let bound = [(entity.clone(), instance.clone())];
                    let scene = Scene { bound: &bound, ..scene };
                    condition.as_ref().is_none_or(|it| self.truth(it, scene) == Truth::True)
                });
                Some(number_of(counted.count()))
            }
        }
    }

    /// How many live instances of `member` name the owner in their attribute.
    fn count(&self, owner: &str, member: &str, through: &str, reading: Reading) -> Carried {
        let belongs = |name: &&String| {
            let value = self.attribute(member, &value_of(name), through, reading);
            value.and_then(|value| instance(&value)).as_deref() == Some(owner)
        };
        number_of(self.alive(member, reading.as_of).iter().filter(belongs).count())
    }

    /// The value that a crossing watches, as it was just before the trigger.
    fn value_before(
        &self,
        expr: &Expr,
        scene: Scene<'_>,
        (before, with): (AsOf, AsOf),
    ) -> Option<Carried> {
        let reading = Reading { as_of: before, inferred: scene.inferred };
        match expr {
            Expr::Measure { measure, of, attribute } => {
                let instance = self.path(of, of.hops.len(), scene, with)?;
                self.measure(measure, &instance, attribute, reading)
            }
            Expr::Path(path) => {
                let last = path.hops.last()?;
                let way = path.hops.len() - 1;
                let instance = self.path(path, way, scene, with)?;
                let entity = entity_before(path, way)?;
                let own = scene.trigger.filter(|_| way == 0 && !path.bound);
                let is_state = self.state(entity, &last.attribute).is_some();
                if !is_state && own.is_some_and(|trigger| self.creates(trigger, entity)) {
                    return None;
                }
                self.attribute(entity, &instance, &last.attribute, reading)
            }
            _ => None,
        }
    }

    /// Follows the first `hops` hops of a path.
    pub(super) fn path(
        &self,
        path: &Path,
        hops: usize,
        scene: Scene<'_>,
        as_of: AsOf,
    ) -> Option<Carried> {
        let trigger = scene.trigger.filter(|_| !path.bound);
        let mut value = if path.bound {
            let bound = scene.bound.iter().rev().find(|(of, _)| Some(of) == path.entity.as_ref());
            bound.map(|(_, instance)| value_of(instance))
        } else {
            trigger.and_then(|trigger| carried(trigger, &path.root))
        };
        for (place, hop) in path.hops.iter().take(hops).enumerate() {
            let entity = entity_before(path, place)?;
            // A trigger about the root's instance is asked itself before what was said earlier.
            let own =
                trigger.filter(|trigger| place == 0 && self.entity_of(trigger) == Some(entity));
            if let Some(trigger) = own
                && self.state(entity, &hop.attribute).is_none()
            {
                match field(trigger, &hop.attribute) {
                    Field::NotCarried if !self.creates(trigger, entity) => {}
                    carried => {
                        value = known(carried);
                        continue;
                    }
                }
            }
            let reading = Reading { as_of, inferred: scene.inferred };
            value = self.attribute(entity, &value?, &hop.attribute, reading);
        }
        value
    }
}

/// The event carries, in the first field that it has, the instance that each key argument names.
pub(super) fn agrees_on_keys(event: &Event, duty: &Duty, arguments: &[Option<Carried>]) -> bool {
    duty.arguments.iter().zip(arguments).all(|(argument, owed)| {
        let Role::Key { fields, .. } = &argument.role else { return true };
        let carried = fields.iter().find_map(|name| carried(event, name));
        match (carried, owed) {
            (Some(Carried::Nested { .. }), _) | (_, Some(Carried::Nested { .. })) => false,
            (Some(carried), Some(owed)) => same_instance(&carried, owed),
            _ => false,
        }
    })
}

/// Whatever else it carries of the arguments is the same. A bound instance is compared by name.
pub(super) fn agrees_on_the_rest(
    event: &Event,
    duty: &Duty,
    arguments: &[Option<Carried>],
) -> bool {
    duty.arguments.iter().zip(arguments).all(|(argument, owed)| {
        let Role::Agree { field: name } = &argument.role else { return true };
        match (carried(event, name), owed) {
            (None, _) | (_, None | Some(Carried::Nested { .. })) => true,
            (Some(carried), Some(owed)) => match &argument.value {
                Expr::Path(path) if path.bound && path.hops.is_empty() => {
                    same_instance(&carried, owed)
                }
                _ => carried == *owed,
            },
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

/// Whether a bare value counts as true: it is there and neither false, zero nor empty.
fn counts_as_true(value: Option<Carried>) -> bool {
    match value {
        None | Some(Carried::Truth(false) | Carried::Nested { empty: true }) => false,
        Some(Carried::Number(number)) => number != 0.0,
        Some(Carried::Text(text)) => !text.is_empty(),
        Some(Carried::Truth(true) | Carried::Nested { empty: false }) => true,
    }
}

fn truth_of(truth: bool) -> Truth {
    if truth { Truth::True } else { Truth::False }
}

fn number(value: Option<&Carried>) -> Option<f64> {
    if let Some(Carried::Number(number)) = value { Some(*number) } else { None }
}

fn number_of(count: usize) -> Carried {
    #[expect(clippy::cast_precision_loss, reason = "a log is shorter than 2^53")]
    Carried::Number(count as f64)
}

/// The entity whose attribute the hop at `place` is.
fn entity_before(path: &Path, place: usize) -> Option<&str> {
    match place.checked_sub(1) {
        None => path.entity.as_deref(),
        Some(before) => path.hops.get(before)?.entity.as_deref(),
    }
}
