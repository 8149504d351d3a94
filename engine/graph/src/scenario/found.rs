//! What was found where a scenario expected something else.
//!
//! In: the stage at the instant of an expectation that did not hold. Out: lines to read.
//! Never: plays on; for reasons it replays what has happened so far with an eye on one trigger.
//! Promise: there is always at least one line, and what is nearest to the expectation stands
//! first. Start reading at [`instead`].

use std::sync::Arc;

use homeostat_intent::lowered::{Expectation, Expected};
use homeostat_log::control::GapOutcome;
use homeostat_world::Position;

use super::owed::{Gap, Owed, Standing};
use super::stage::Stage;
use crate::change::Fulfilment;
use crate::datum::Truth;
use crate::explain::print::line;
use crate::explain::{Consequence, Consequences, Duty, Explainer, Guard, Status, TimeLine};
use crate::occasion::Began;

/// More obligations than these say no more.
const SHOWN_MAX: usize = 4;

/// Says what was found instead of what was expected.
pub(super) fn instead(stage: &Stage<'_>, expected: &Expectation) -> Vec<String> {
    let meant = |owed: &&Owed| owed.is_of(&expected.instances);
    if expected.negated {
        let found = stage.ledger.of_clauses(expected).filter(meant);
        return few(found.filter(|owed| owed.is(expected.state)).map(|owed| told(stage, owed)));
    }
    let mut lines = few(stage.ledger.of_clauses(expected).filter(meant).map(|o| told(stage, o)));
    if lines.is_empty() {
        lines.extend(others(stage, expected));
        lines.extend(not_owed(stage, expected));
    } else if matches!(expected.state, Expected::Fulfilled | Expected::Late) {
        let open = stage.ledger.of_clauses(expected).filter(meant);
        for owed in open.filter(|owed| owed.gap == Gap::Open).take(SHOWN_MAX) {
            lines.extend(near_misses(stage, owed));
        }
    }
    if lines.is_empty() {
        lines.push(format!("`{}` was never owed", expected.clause));
    }
    lines
}

fn few(all: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = all.collect();
    let more = lines.len().saturating_sub(SHOWN_MAX);
    if more > 0 {
        lines.truncate(SHOWN_MAX);
        lines.push(format!("and {more} more"));
    }
    lines
}

/// One obligation in a line: `notify(c1) of e1 is active, due 5s; its gap is open`.
fn told(stage: &Stage<'_>, owed: &Owed) -> String {
    let due = owed.due.map(|due| stage.since_start(due));
    let standing = match (owed.standing, &due) {
        (Standing::Active, Some(due)) => format!("is active, due {due}"),
        (Standing::Active, None) => "is active, without a deadline".to_owned(),
        (Standing::Overdue, Some(due)) => format!("is overdue since {due}"),
        (Standing::Overdue, None) => "is overdue".to_owned(),
        (Standing::Lapsed, Some(due)) => format!("lapsed to its fallback at {due}"),
        (Standing::Lapsed, None) => "lapsed to its fallback".to_owned(),
        (Standing::Fulfilled(by, outcome), _) => {
            let by = by_event(stage, by);
            match (outcome, due) {
                (Fulfilment::InTime, _) => format!("was fulfilled in time by {by}"),
                (Fulfilment::SeenLate, _) => format!("was fulfilled in time, seen late, by {by}"),
                (Fulfilment::Late, Some(due)) => format!("was fulfilled late, due {due}, by {by}"),
                (Fulfilment::Late, None) => format!("was fulfilled late by {by}"),
            }
        }
        (Standing::Compensated, _) => "lapsed, and its fallback was fulfilled".to_owned(),
        (Standing::Withdrawn, _) => "was withdrawn".to_owned(),
        (Standing::Waived, _) => "was waived".to_owned(),
        (Standing::Void, _) => "is void: what it was about was erased".to_owned(),
    };
    let gap = match owed.gap {
        Gap::Never => "it has no gap".to_owned(),
        Gap::Open => "its gap is open".to_owned(),
        Gap::Closed(at, outcome) => {
            format!("its gap closed at {}: {}", stage.since_start(at), outcome_words(outcome))
        }
    };
    format!("{}{} {standing}; {gap}", owed.call(), of_what(stage, owed))
}

fn outcome_words(outcome: GapOutcome) -> String {
    let name = serde_json::to_value(outcome).ok();
    let name = name.as_ref().and_then(|name| name.as_str()).unwrap_or_default();
    name.replace('_', " ")
}

/// ` of e1`, ` of the tick at 1d`.
fn of_what(stage: &Stage<'_>, owed: &Owed) -> String {
    match owed.began {
        Some(Began::Event(position)) => format!(" of {}", stage.name_of(position)),
        Some(Began::Tick(at)) => format!(" of the tick at {}", stage.since_start(at)),
        None => String::new(),
    }
}

fn by_event(stage: &Stage<'_>, position: Position) -> String {
    let event = stage.log.iter().find(|event| event.position == position);
    let kind = event.map_or("", |event| &event.event.r#type);
    format!("{} ({kind})", stage.name_of(position))
}

/// Obligations of the same clauses for other instances.
fn others(stage: &Stage<'_>, expected: &Expectation) -> Vec<String> {
    let mut lines = few(stage.ledger.of_clauses(expected).map(|owed| told(stage, owed)));
    if !lines.is_empty() {
        let instances = expected.instances.join(", ");
        lines.insert(0, format!("`{}` is not owed for `{instances}`, but:", expected.clause));
    }
    lines
}

/// Why the newest trigger of each clause did not make it owed.
fn not_owed(stage: &Stage<'_>, expected: &Expectation) -> Vec<String> {
    let mut lines = Vec::new();
    for slug in &expected.slugs {
        let program = stage.program();
        let Some(index) = program.clause_named(slug) else { continue };
        let triggers = &program.clause(index).triggers;
        if triggers.is_empty() {
            continue;
        }
        let triggered = stage.log.iter().rev().find(|event| {
            let name = program.canonical_type(&event.event.r#type);
            name.is_some_and(|name| triggers.iter().any(|trigger| trigger == name))
        });
        let Some(event) = triggered else {
            lines.push(format!("no `{}` has come", triggers.join("` or `")));
            continue;
        };
        let name = &event.event.id;
        let Some(consequences) = explained(stage, event.position) else { continue };
        if let Some((guards, duty)) = way_to(&consequences.consequences, slug) {
            lines.extend(guards.iter().find_map(|guard| not_entered(guard, name)));
            if lines.is_empty() && duty.status == Status::NotOwed {
                lines.push(format!("what `{slug}` is the fallback of has not lapsed for {name}"));
            }
        }
    }
    lines
}

fn explained(stage: &Stage<'_>, trigger: Position) -> Option<Consequences> {
    let mut explainer = Explainer::new(Arc::clone(stage.program()), trigger, TimeLine::Recorded);
    for event in &stage.log {
        explainer.see(event);
    }
    explainer.finish(Some(stage.now))
}

/// The duty of a clause among the consequences, and the guards around it, outside in.
fn way_to<'c>(from: &'c [Consequence], slug: &str) -> Option<(Vec<&'c Guard>, &'c Duty)> {
    from.iter().find_map(|consequence| match consequence {
        Consequence::Duty(duty) => {
            let is_of = |duty: &&Duty| duty.id.split_once('@').is_some_and(|(of, _)| of == slug);
            let mut chain = std::iter::successors(Some(&**duty), |duty| duty.fallback.as_deref());
            chain.find(is_of).map(|duty| (Vec::new(), duty))
        }
        Consequence::Guard(guard) => way_to(&guard.body, slug).map(|(mut guards, duty)| {
            guards.insert(0, guard);
            (guards, duty)
        }),
        Consequence::Each(each) => each.rounds.iter().find_map(|it| way_to(&it.body, slug)),
        Consequence::Breach(_) => None,
    })
}

/// Why a guard was not entered, when it was not.
fn not_entered(guard: &Guard, event: &str) -> Option<String> {
    let how = match guard.decided {
        Some(Truth::True) => return None,
        Some(Truth::False) => "was not entered",
        Some(Truth::Unknown) => "was found unknown, so not entered",
        None if guard.awaits.is_empty() => "was not reached",
        None => {
            let awaited = guard.awaits.join("`, `");
            return Some(format!(
                "`if {}` of {event} is not decided: it waits for `{awaited}`",
                guard.condition
            ));
        }
    };
    let tested: Vec<String> = guard.tested.iter().map(line).collect();
    let because =
        if tested.is_empty() { String::new() } else { format!(": {}", tested.join("; ")) };
    Some(format!("`if {}` of {event} {how}{because}", guard.condition))
}

/// Events that nearly satisfied an open obligation.
fn near_misses(stage: &Stage<'_>, owed: &Owed) -> Vec<String> {
    let Some(Began::Event(trigger)) = owed.began else { return Vec::new() };
    let Some(consequences) = explained(stage, trigger) else { return Vec::new() };
    let Some((_, duty)) = way_to(&consequences.consequences, &owed.slug) else {
        return Vec::new();
    };
    let misses = duty.near_misses.iter().map(|miss| {
        format!("near miss: {} ({}): {}", stage.name_of(miss.position), miss.event, miss.why)
    });
    misses.collect()
}
