//! Marks of the language: each construct that is evaluated had a part in some run.
//!
//! In: duties that were owed, guards that were decided. Out: the words in them.
//! Start reading at [`MARKS`], then [`of_duty`] and [`of_guard`].

use std::collections::BTreeSet;

use homeostat_graph::Clause;
use homeostat_intent::Spec;
use homeostat_intent::lowered::{
    Comparison, Condition, Direction, Duty, Expr, Guard, Item, Length, Literal, Path, Performer,
    Role,
};

use super::{Mark, Sign};

macro_rules! words {
    ($($word:literal: $sentence:literal,)*) => {
        &[$(Mark {
            name: concat!("word-", $word),
            sentence: $sentence,
            sign: Sign::Word($word),
        },)*]
    };
}

pub(super) const MARKS: &[Mark] = words![
    "must": "a `must` was owed",
    "should": "a `should` was owed",
    "could": "a `could` was owed",
    "each": "an `each must` was owed",
    "within": "a duty with a deadline was owed",
    "within-months": "a duty whose deadline is counted in calendar months was owed",
    "fallback": "a fallback was owed",
    "default_within": "a fallback that has no deadline of its own was owed",
    "by-agent": "an agent's duty was owed",
    "by-system": "a duty of the world was owed",
    "by-human": "a person's duty was owed",
    "external": "a duty that works on the outside was owed",
    "requires": "a duty that requires something was owed",
    "using-inferred": "a duty that may read enrichments was owed",
    "or-of-events": "a duty that any of several events satisfies was owed",
    "or-of-triggers": "a block with several triggers was entered",
    "settle": "a duty was owed that the world had time to settle first",
    "key": "a duty with a key was owed",
    "agree": "a duty with an argument that must agree was owed",
    "guidance": "a duty with an argument for whoever acts was owed",
    "guard-true": "a guard held",
    "guard-false": "a guard did not hold",
    "guard-unknown": "a guard read what is not there",
    "awaits": "a guard that waits for a duty was decided",
    "nested": "a guard inside a guard was decided",
    "and": "an AND was evaluated",
    "or": "an OR was evaluated",
    "not": "a NOT was evaluated",
    "equal": "a comparison with = was evaluated",
    "not-equal": "a comparison with != was evaluated",
    "less": "a comparison with < was evaluated",
    "less-or-equal": "a comparison with <= was evaluated",
    "greater": "a comparison with > was evaluated",
    "greater-or-equal": "a comparison with >= was evaluated",
    "falling": "a crossing from above was evaluated",
    "rising": "a crossing from below was evaluated",
    "holds": "a bare value was evaluated",
    "number": "a number was compared",
    "text": "a text was compared",
    "truth": "a truth value was compared",
    "length": "a length of time was compared",
    "symbol": "a bare word was compared",
    "threshold": "a named level was read",
    "measure": "a measure was read",
    "field": "a field of the trigger was read",
    "attribute": "an attribute of an entity was read",
    "state": "a state of an entity was read",
];

/// The words of a duty that was owed.
pub(super) fn of_duty(
    spec: &Spec,
    clause: &Clause,
    duty: &Duty,
    words: &mut BTreeSet<&'static str>,
) {
    words.insert(duty.strength.word());
    words.insert(match duty.by {
        Performer::Agent => "by-agent",
        Performer::System => "by-system",
        Performer::Human => "by-human",
    });
    let (fallback, triggers) = (clause.fallback_of.is_some(), clause.triggers.len());
    let own = [
        ("each", duty.each),
        ("within", duty.within.is_some()),
        ("within-months", duty.within.is_some_and(|within| within.months > 0)),
        ("fallback", fallback),
        ("default_within", fallback && duty.within == Some(spec.limits.default_within)),
        ("external", duty.external),
        ("requires", !duty.requires.is_empty()),
        ("using-inferred", duty.using_inferred),
        ("or-of-events", duty.satisfied_by.len() > 1),
        ("or-of-triggers", triggers > 1),
        ("settle", spec.limits.settle != Length::default() && duty.by == Performer::Agent),
    ];
    words.extend(own.iter().filter(|(_, is_so)| *is_so).map(|(word, _)| word));
    words.extend(duty.arguments.iter().map(|argument| match argument.role {
        Role::Key { .. } => "key",
        Role::Agree { .. } => "agree",
        Role::Guidance => "guidance",
    }));
}

/// The words of a guard that was decided.
pub(super) fn of_guard(spec: &Spec, guard: &Guard, words: &mut BTreeSet<&'static str>) {
    if !guard.awaits.is_empty() {
        words.insert("awaits");
    }
    let is_inside = |outer: &Guard| {
        outer.body.iter().any(|item| matches!(item, Item::Guard(inner) if inner == guard))
    };
    if guards(spec).any(is_inside) {
        words.insert("nested");
    }
    of_condition(spec, &guard.condition, words);
}

fn guards(spec: &Spec) -> impl Iterator<Item = &Guard> {
    super::seen::guards(spec.blocks.iter().flat_map(|block| &block.body)).into_iter()
}

fn of_condition(spec: &Spec, condition: &Condition, words: &mut BTreeSet<&'static str>) {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => {
            words.insert(if matches!(condition, Condition::And(_)) { "and" } else { "or" });
            parts.iter().for_each(|part| of_condition(spec, part, words));
        }
        Condition::Not(inner) => {
            words.insert("not");
            of_condition(spec, inner, words);
        }
        Condition::Compare { left, op, right, .. } => {
            words.insert(match op {
                Comparison::Equal => "equal",
                Comparison::NotEqual => "not-equal",
                Comparison::Less => "less",
                Comparison::LessOrEqual => "less-or-equal",
                Comparison::Greater => "greater",
                Comparison::GreaterOrEqual => "greater-or-equal",
            });
            of_value(spec, left, words);
            of_value(spec, right, words);
        }
        Condition::Crosses { value, threshold, direction, .. } => {
            words.insert(match direction {
                Direction::Falling => "falling",
                Direction::Rising => "rising",
            });
            words.extend(threshold.as_ref().map(|_| "threshold"));
            of_value(spec, value, words);
        }
        Condition::Exists { value, .. } | Condition::Holds { value, .. } => {
            words.insert("holds");
            of_value(spec, value, words);
        }
    }
}

fn of_value(spec: &Spec, value: &Expr, words: &mut BTreeSet<&'static str>) {
    words.insert(match value {
        Expr::Literal(Literal::Number(_)) => "number",
        Expr::Literal(Literal::Text(_)) => "text",
        Expr::Literal(Literal::Truth(_)) => "truth",
        Expr::Literal(Literal::Length(_)) => "length",
        Expr::Symbol(_) => "symbol",
        Expr::Threshold(_) => "threshold",
        Expr::Measure { .. } => "measure",
        Expr::Path(path) => of_path(spec, path),
        // Nothing is computed for it, so there is nothing to reach.
        Expr::Call(_) | Expr::Count { .. } | Expr::Instances { .. } => return,
    });
}

fn of_path(spec: &Spec, path: &Path) -> &'static str {
    let Some(last) = path.hops.last() else { return "field" };
    let before = match path.hops.iter().rev().nth(1) {
        Some(hop) => hop.entity.as_ref(),
        None => path.entity.as_ref(),
    };
    let entity = spec.entities.iter().find(|entity| Some(&entity.name) == before);
    let is_state =
        entity.is_some_and(|entity| entity.states.iter().any(|it| it.name == last.attribute));
    if is_state { "state" } else { "attribute" }
}
