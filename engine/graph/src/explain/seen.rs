//! What was seen of one trigger's obligations while the log was replayed.
//!
//! In: events, and the changes that each made. Out: for each clause, its last view, its status and
//! the events that nearly satisfied it.
//! Never: decides a verdict: statuses are the evaluator's changes, kept.
//! Promise: near misses are few and the first ones. Start reading at [`Seen::before`].

use std::collections::BTreeMap;

use homeostat_log::control::Decision;
use homeostat_log::{Control, Event, Kind};
use homeostat_world::Position;

use super::breach::Breach;
use super::probe::Used;
use super::record::Record;
use super::{NearMiss, Status};
use crate::change::{Change, ObligationId};
use crate::evaluator::Evaluator;
use crate::explain::print::plain;
use crate::explain::probe::Asked;
use crate::program::ClauseIndex;
use crate::view::ObligationView;

#[derive(Debug)]
pub(super) struct Seen {
    pub(super) asked: Asked,
    pub(super) event: Option<Event>,
    /// By clause and trigger: a `for each` has one for each of its rounds.
    pub(super) duties: BTreeMap<(ClauseIndex, Position), SeenDuty>,
    /// By clause and trigger, too: what must always hold and did not.
    pub(super) breaches: BTreeMap<(ClauseIndex, Position), Breach>,
    /// What the event in question is besides something that happened.
    pub(super) record: Option<Record>,
    /// What the engine's own events last said is being done about a violation.
    pub(super) responses: BTreeMap<String, String>,
    /// Those that may turn out to be near misses, if the event does not satisfy them.
    candidates: Vec<((ClauseIndex, Position), NearMiss)>,
}

#[derive(Debug)]
pub(super) struct SeenDuty {
    pub(super) view: ObligationView,
    pub(super) status: Status,
    pub(super) near_misses: Vec<NearMiss>,
    /// What the engine's own events last said is being done about its gap.
    pub(super) response: Option<String>,
}

/// More would hide the rest of the graph.
const NEAR_MISSES_MAX: usize = 3;

impl Seen {
    pub(super) fn new(asked: Asked) -> Self {
        Self {
            asked,
            event: None,
            duties: BTreeMap::new(),
            breaches: BTreeMap::new(),
            record: None,
            responses: BTreeMap::new(),
            candidates: Vec::new(),
        }
    }

    /// Looks at an event before it is applied: whose answer could it nearly be?
    pub(super) fn before(&mut self, event: &Event, evaluator: &Evaluator) {
        self.candidates.clear();
        if event.event.kind != Kind::Primary || self.duties.is_empty() {
            return;
        }
        let program = evaluator.program();
        let Some(name) = program.canonical_type(&event.event.r#type) else { return };
        for (&key, seen) in &self.duties {
            let clause = program.clause(key.0);
            let room = seen.near_misses.len() < NEAR_MISSES_MAX;
            if !room || !clause.satisfied_by.iter().any(|satisfier| satisfier == name) {
                continue;
            }
            let Some(view) = evaluator.obligation(seen.view.id) else { continue };
            if let Some(why) = off_by_one(event, &view) {
                let miss = NearMiss { position: event.position, event: name.to_owned(), why };
                self.candidates.push((key, miss));
            }
        }
    }

    /// Takes in what an event did.
    pub(super) fn after(&mut self, event: &Event, changes: &[Change], evaluator: &Evaluator) {
        if self.asked == Asked::Event(event.position.get()) {
            self.event = Some(event.clone());
            self.record = Record::of(event, evaluator.program());
            self.note_record(changes, evaluator);
        }
        self.note(changes, evaluator);
        for (&(clause, trigger), breach) in &mut self.breaches {
            let id = ObligationId { clause, trigger };
            if breach.near_misses.len() < NEAR_MISSES_MAX {
                breach.near_misses.extend(breach.missed_by(event, id, evaluator));
            }
        }
        if let Some(Ok(control)) = Control::from_event(event) {
            self.note_response(&control, evaluator);
        }
        for (key, miss) in std::mem::take(&mut self.candidates) {
            if let Some(seen) = self.duties.get_mut(&key)
                && evaluator.obligation(seen.view.id).is_some()
            {
                seen.near_misses.push(miss);
            }
        }
    }

    /// Takes in what an enrichment or a tombstone did itself.
    fn note_record(&mut self, changes: &[Change], evaluator: &Evaluator) {
        let Some(record) = &mut self.record else { return };
        for change in changes {
            let Some(id) = change.obligation() else { continue };
            let (name, watched) =
                (evaluator.show(id), evaluator.program().clause(id.clause).watched);
            match (&mut *record, change) {
                (Record::Tombstone { voided, .. }, Change::Voided { .. }) => voided.push(name),
                (Record::Enrichment { used_by, .. }, Change::Fulfilled { .. }) => {
                    used_by.push(match watched {
                        true => Used::Mended { gap: name },
                        false => Used::Satisfied { duty: name },
                    });
                }
                (Record::Enrichment { used_by, .. }, Change::GapOpened { .. }) if watched => {
                    used_by.push(Used::Broke { gap: name });
                }
                _ => {}
            }
        }
    }

    /// Takes in what happened to a violation.
    fn note_breach(&mut self, change: &Change, id: ObligationId, evaluator: &Evaluator) {
        let key = (id.clause, id.trigger);
        if let Change::Activated { .. } = change
            && self.asked.is_about_breach(evaluator, id)
            && let Some(breach) = Breach::begin(id, evaluator)
        {
            self.breaches.insert(key, breach);
        }
        let Some(breach) = self.breaches.get_mut(&key) else { return };
        if let Change::GapOpened { kind, .. } = change {
            breach.gap = Some(*kind);
        }
        if let Some(status) = status_after(change, &breach.status) {
            breach.status = status;
        }
    }

    /// Takes in what an event or the passing of time did.
    pub(super) fn note(&mut self, changes: &[Change], evaluator: &Evaluator) {
        for change in changes {
            if let Some(id) = change.obligation()
                && evaluator.program().clause(id.clause).watched
            {
                self.note_breach(change, id, evaluator);
                continue;
            }
            let ours = |id: &ObligationId| {
                let (program, state) = (evaluator.program(), &evaluator.state);
                let block = program.clause(id.clause).block;
                self.asked.is_about(program, state, id.trigger.get(), block)
            };
            let Some(id) = change.obligation().filter(ours) else { continue };
            let key = (id.clause, id.trigger);
            if let Change::Activated { .. } = change
                && let Some(view) = evaluator.obligation(id)
            {
                let near_misses = Vec::new();
                let new = SeenDuty { view, status: Status::Waiting, near_misses, response: None };
                self.duties.insert(key, new);
            }
            let Some(seen) = self.duties.get_mut(&key) else { continue };
            if let Some(status) = status_after(change, &seen.status) {
                seen.status = status;
            }
        }
    }

    /// Takes in what the engine did about one of the trigger's gaps.
    fn note_response(&mut self, control: &Control, evaluator: &Evaluator) {
        let (gap, response) = match control {
            Control::AgentSpawned { agent, gap, .. } => (gap, format!("agent {agent} works on it")),
            Control::AgentEnded { gap, ending, .. } => {
                (gap, format!("spawn another agent to resolve, the last one: {}", words(ending)))
            }
            Control::GapEscalated { gap, reason } => {
                (gap, format!("waiting for a person: {}", words(reason)))
            }
            Control::GapDecided { gap, decision: Decision::Retry, by, .. } => {
                (gap, format!("spawn agent to resolve, sent back by {by}"))
            }
            _ => return,
        };
        if self.breaches.values().any(|breach| breach.id == *gap) {
            self.responses.insert(gap.clone(), response);
            return;
        }
        let id = evaluator.parse_id(gap);
        if let Some(seen) = id.and_then(|id| self.duties.get_mut(&(id.clause, id.trigger))) {
            seen.response = Some(response);
        }
    }
}

/// Where something stands that stood so before a change; none if it stands as before.
pub(super) fn status_after(change: &Change, before: &Status) -> Option<Status> {
    Some(match *change {
        Change::GapOpened { kind, due, at, .. } => {
            let overdue = due.is_some_and(|due| at >= due);
            Status::Gap { gap: kind, overdue }
        }
        Change::DeadlineMissed { .. } => match before {
            Status::Gap { gap, .. } => Status::Gap { gap: *gap, overdue: true },
            _ => return None,
        },
        Change::Fulfilled { by, outcome, .. } => Status::Fulfilled { by, outcome },
        Change::Lapsed { .. } => Status::Lapsed,
        Change::Withdrawn { .. } => Status::Withdrawn,
        Change::Compensated { .. } => Status::Compensated,
        Change::Waived { .. } => Status::Waived,
        Change::Voided { .. } => Status::Void,
        Change::Activated { .. }
        | Change::GapClosed { .. }
        | Change::BackfillAsked { .. }
        | Change::BackfillDecided { .. }
        | Change::GuardDecided { .. } => return None,
    })
}

/// A variant's name in the log, as words.
fn words(variant: &impl serde::Serialize) -> String {
    serde_json::to_value(variant)
        .ok()
        .and_then(|name| name.as_str().map(|name| name.replace('_', " ")))
        .unwrap_or_default()
}

/// Why an event of the right type is no answer, when it is close to one.
fn off_by_one(event: &Event, view: &ObligationView) -> Option<String> {
    let mut off = Vec::new();
    for key in &view.keys {
        let carried = key.fields.iter().find_map(|field| carried(event, field));
        match carried {
            Some((_, value)) if same(&value, &key.value) => {}
            Some((field, value)) => {
                let (found, expected) = apart(&value, &key.value);
                off.push(format!("`{field}` is `{found}`; expected `{expected}`"));
            }
            None => {
                let fields = key.fields.join("` or `");
                off.push(format!("it carries no `{fields}`; expected `{}`", plain(&key.value)));
            }
        }
    }
    match (off.len(), view.waiting_for.is_empty(), &event.event.cause) {
        (1, ..) => off.pop(),
        (0, _, Some(cause)) if *cause != view.name => {
            Some(format!("it names `{cause}` as its cause"))
        }
        (0, false, _) => Some(format!("`{}` was not held", view.waiting_for.join("`, `"))),
        (0, true, _) => Some("another field or an older duty had it".to_owned()),
        _ => None,
    }
}

/// Two values that differ as texts that differ: `1` and `"1"` read the same without quotes.
fn apart(found: &serde_json::Value, expected: &serde_json::Value) -> (String, String) {
    let texts = (plain(found), plain(expected));
    if texts.0 == texts.1 { (found.to_string(), expected.to_string()) } else { texts }
}

fn carried<'f>(event: &Event, field: &'f str) -> Option<(&'f str, serde_json::Value)> {
    let value = event.event.data.get(field).map(homeostat_log::Value::to_json);
    let value = value.filter(|value| !value.is_null());
    value.or_else(|| by_subject(event, field).map(Into::into)).map(|value| (field, value))
}

fn by_subject(event: &Event, entity: &str) -> Option<String> {
    let (of, id) = event.event.subject.as_deref()?.split_once('/')?;
    (of == entity).then(|| id.to_owned())
}

/// A whole number and its text name the same instance.
fn same(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b).is_eq(),
        _ => a == b || (a.is_number() || b.is_number()) && plain(a) == plain(b),
    }
}

/// The instance of `entity` that an event is about.
pub(super) fn instance_of(event: &Event, entity: &str) -> Option<String> {
    carried(event, entity).map(|(_, value)| plain(&value))
}

/// Whether an event is about this instance of an entity.
pub(super) fn is_about(event: &Event, entity: &str, instance: &str) -> bool {
    instance_of(event, entity).is_some_and(|it| it == instance)
        || by_subject(event, entity).is_some_and(|it| it == instance)
}
