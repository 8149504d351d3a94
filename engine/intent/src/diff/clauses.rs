//! The clauses of two versions side by side.
//!
//! In: two specs. Out: [`ClauseDiff`]s. Never: compares texts where a meaning can be compared.
//! Promise: a clause that both versions have stands there once. Start reading at [`diff`].

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;

use super::{ClauseDiff, ClauseKind, Edit, Place};
use crate::lowered::{
    Check, ClauseId, Condition, Duty, ForEach, Goal, Item, Length, Proposition, Spec, Strength,
    Trigger,
};

/// One clause of one version, with what there is to compare.
struct Clause<'a> {
    id: ClauseId,
    slug: &'a str,
    kind: ClauseKind,
    strength: Strength,
    text: &'a str,
    within: Option<Length>,
    place: Place,
    means: Meaning<'a>,
}

/// What a clause means apart from its text, its place and its deadline.
enum Meaning<'a> {
    Duty(&'a Duty, Vec<Json>),
    Other(Json),
}

pub(super) fn diff(old: &Spec, new: &Spec) -> Vec<ClauseDiff> {
    let (old, new) = (clauses(old), clauses(new));
    let before: BTreeMap<ClauseId, &Clause<'_>> = old.iter().map(|c| (c.id, c)).collect();
    let after: BTreeMap<ClauseId, &Clause<'_>> = new.iter().map(|c| (c.id, c)).collect();
    let kept = new.iter().map(|clause| {
        let edits = match before.get(&clause.id) {
            Some(before) => edits(before, clause),
            None => vec![Edit::Added],
        };
        shown(clause, edits)
    });
    let gone = old.iter().filter(|clause| !after.contains_key(&clause.id));
    let mut found: Vec<ClauseDiff> =
        kept.chain(gone.map(|clause| shown(clause, vec![Edit::Removed]))).collect();
    name_changed_guards(&mut found);
    found
}

fn shown(clause: &Clause<'_>, edits: Vec<Edit>) -> ClauseDiff {
    ClauseDiff {
        id: clause.id,
        slug: clause.slug.to_owned(),
        kind: clause.kind,
        strength: clause.strength,
        text: clause.text.to_owned(),
        place: clause.place.clone(),
        within: clause.within,
        external: matches!(clause.means, Meaning::Duty(duty, _) if duty.external),
        edits,
    }
}

/// A call that is gone and stands anew under other conditions of the same trigger.
fn name_changed_guards(clauses: &mut [ClauseDiff]) {
    let mut pairs = Vec::new();
    for (gone, removed) in clauses.iter().enumerate().filter(|(_, c)| c.is_gone()) {
        let matching = clauses.iter().enumerate().find(|(place, added)| {
            added.is_new()
                && (added.kind, added.strength) == (removed.kind, removed.strength)
                && normal(&added.text) == normal(&removed.text)
                && added.place.trigger == removed.place.trigger
                && added.place.fallback_of.is_none()
                && added.place.guards != removed.place.guards
                && !pairs.iter().any(|(_, taken)| taken == place)
        });
        pairs.extend(matching.map(|(place, _)| (gone, place)));
    }
    for (gone, added) in pairs {
        let guards = |place: usize| clauses.get(place).map(|c| c.place.guards.clone());
        let (Some(from), Some(to)) = (guards(gone), guards(added)) else { continue };
        for place in [gone, added] {
            if let Some(clause) = clauses.get_mut(place) {
                let edit = Edit::GuardChanged { from: from.clone(), to: to.clone() };
                clause.edits.push(edit);
            }
        }
    }
}

fn edits(before: &Clause<'_>, after: &Clause<'_>) -> Vec<Edit> {
    let mut edits = Vec::new();
    if !same_place(&before.place, &after.place) {
        edits.push(Edit::Moved { from: before.place.clone() });
    }
    let (from, to) = (before.within, after.within);
    match (from.map(weight), to.map(weight)) {
        (from_weight, to_weight) if from_weight == to_weight => {}
        (None, Some(_)) => edits.push(Edit::Shortened { from, to }),
        (Some(from_weight), Some(to_weight)) if to_weight < from_weight => {
            edits.push(Edit::Shortened { from, to });
        }
        _ => edits.push(Edit::Loosened { from, to }),
    }
    let said = |clause: &Clause<'_>| match clause.kind {
        ClauseKind::Duty => format!("{}: {}", clause.strength.word(), clause.text),
        _ => clause.text.to_owned(),
    };
    if normal(&said(before)) != normal(&said(after)) {
        edits.push(Edit::Rewritten { from: said(before) });
        return edits;
    }
    let what = redefined(&before.means, &after.means);
    if !what.is_empty() {
        edits.push(Edit::Redefined { what });
    }
    edits
}

fn redefined(before: &Meaning<'_>, after: &Meaning<'_>) -> Vec<String> {
    let differs: Vec<(&str, bool)> = match (before, after) {
        (Meaning::Duty(before, guards), Meaning::Duty(after, guards_after)) => vec![
            ("what satisfies it", before.satisfied_by != after.satisfied_by),
            ("who does it", before.by != after.by),
            ("its effect outside", before.external != after.external),
            ("whether one event may satisfy several", before.each != after.each),
            ("whether enrichments count", before.using_inferred != after.using_inferred),
            (
                "what its arguments stand for",
                meaning(&before.arguments) != meaning(&after.arguments),
            ),
            ("what grants and ends what it requires", before.requires != after.requires),
            ("what the conditions around it read", guards != guards_after),
        ],
        (Meaning::Other(before), Meaning::Other(after)) => vec![("what it tests", before != after)],
        _ => vec![("what sort of clause it is", true)],
    };
    differs.into_iter().filter(|(_, differs)| *differs).map(|(what, _)| what.to_owned()).collect()
}

/// The clauses of a spec in the order of its text: duties, then assertions, invariants, targets.
fn clauses(spec: &Spec) -> Vec<Clause<'_>> {
    let mut found = Vec::new();
    for block in &spec.blocks {
        let place = Place { trigger: trigger(&block.trigger), ..Place::default() };
        items(&block.body, &place, &[], &mut found);
    }
    let invariant = Strength::Invariant;
    found.extend(spec.assertions.iter().map(|assertion| {
        let within = match &assertion.check {
            Check::NoLonger { longest, .. } => Some(*longest),
            _ => None,
        };
        let means = (&assertion.over, &assertion.filter, without_length(&assertion.check));
        other(assertion.id, ClauseKind::Assertion, &assertion.slug, &assertion.text, invariant)
            .within(within)
            .means(meaning(&means))
    }));
    found.extend(spec.invariants.iter().map(|invariant| {
        let says: &Proposition = &invariant.says;
        let strength = Strength::Invariant;
        other(invariant.id, ClauseKind::Invariant, &invariant.slug, &invariant.text, strength)
            .means(meaning(says))
    }));
    found.extend(spec.targets.iter().map(|target| {
        let means: (&str, &Goal) = (&target.metric, &target.goal);
        other(target.id, ClauseKind::Target, &target.slug, &target.text, Strength::Could)
            .means(meaning(&means))
    }));
    found
}

fn other<'a>(
    id: ClauseId,
    kind: ClauseKind,
    slug: &'a str,
    text: &'a str,
    strength: Strength,
) -> Clause<'a> {
    let (place, means) = (Place::default(), Meaning::Other(Json::Null));
    Clause { id, slug, kind, strength, text, within: None, place, means }
}

impl Clause<'_> {
    fn within(self, within: Option<Length>) -> Self {
        Self { within, ..self }
    }

    fn means(self, means: Json) -> Self {
        Self { means: Meaning::Other(means), ..self }
    }
}

/// The condition of a check, whatever its length, which is compared as a deadline.
fn without_length(check: &Check) -> Check {
    match check {
        Check::NoLonger { condition, .. } => {
            Check::NoLonger { condition: condition.clone(), longest: Length::default() }
        }
        other => other.clone(),
    }
}

fn items<'a>(items_in: &'a [Item], place: &Place, tests: &[Json], found: &mut Vec<Clause<'a>>) {
    let inside = |text: &str| {
        let mut place = place.clone();
        place.guards.push(text.to_owned());
        place
    };
    let and = |test: Json| tests.iter().cloned().chain([test]).collect::<Vec<_>>();
    for item in items_in {
        match item {
            Item::Duty(written) => duty(written, ClauseKind::Duty, place.clone(), tests, found),
            Item::Guard(guard) => {
                let test: &Condition = &guard.condition;
                items(&guard.body, &inside(&guard.text), &and(meaning(test)), found);
            }
            Item::ForEach(each) => {
                let ForEach { entity, condition, text, body, .. } = each;
                items(body, &inside(text), &and(meaning(&(entity, condition))), found);
            }
        }
    }
}

fn duty<'a>(
    written: &'a Duty,
    kind: ClauseKind,
    place: Place,
    tests: &[Json],
    found: &mut Vec<Clause<'a>>,
) {
    let Duty { id, slug, strength, text, within, .. } = written;
    found.push(Clause {
        id: *id,
        slug,
        kind,
        strength: *strength,
        text,
        within: *within,
        place: place.clone(),
        means: Meaning::Duty(written, tests.to_vec()),
    });
    if let Some(fallback) = &written.fallback {
        let place = Place { fallback_of: Some(slug.clone()), ..place };
        duty(fallback, ClauseKind::Fallback, place, tests, found);
    }
}

/// A trigger as a person would write it.
fn trigger(trigger: &Trigger) -> String {
    match trigger {
        Trigger::Events(types) => format!("when {}", types.join(" | ")),
        Trigger::Held(held) => {
            format!("when {} for {}", held.text, held.lasting)
        }
        Trigger::Every(schedule) => schedule.text.clone(),
    }
}

/// Names of clauses differ between versions, so what a fallback belongs to is not compared: its
/// identity holds that already.
fn same_place(before: &Place, after: &Place) -> bool {
    let guards = |place: &Place| place.guards.iter().map(|g| normal(g)).collect::<Vec<_>>();
    normal(&before.trigger) == normal(&after.trigger) && guards(before) == guards(after)
}

/// A text as it counts: blanks and the case of `and`, `or`, `not` do not.
fn normal(text: &str) -> String {
    let words = text.split_whitespace().map(|word| match word {
        "and" | "or" | "not" => word.to_uppercase(),
        word => word.to_owned(),
    });
    words.collect::<Vec<_>>().concat()
}

/// What something means: everything of it but how it is written and where.
pub(super) fn meaning(thing: &impl Serialize) -> Json {
    // Whatever is lowered has a JSON form.
    let mut json = serde_json::to_value(thing).unwrap_or_default();
    strip(&mut json);
    json
}

fn strip(json: &mut Json) {
    match json {
        Json::Object(fields) => {
            fields.retain(|name, _| !matches!(name.as_str(), "text" | "span"));
            fields.values_mut().for_each(strip);
        }
        Json::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

/// Lengths in order. A month is compared as 30 days, which orders all that people write.
fn weight(length: Length) -> i128 {
    i128::from(length.months) * 30 * 86_400_000_000 + i128::from(length.micros)
}
