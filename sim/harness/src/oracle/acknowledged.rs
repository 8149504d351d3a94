//! Promise: an acknowledged event stands at the position that was said, as it was sent, once. What
//! was acknowledged before a request was first sent stands before it. What was refused for good is
//! not in the log, nothing is there that nobody sent, and what people decided and found stands where it
//! was said to. Survives every crash and loss of power, as appends are asked for with `Power`.
//!
//! Start reading at [`judge`].

use std::collections::{BTreeMap, BTreeSet};

use homeostat_log::{Actor, Confidence, Control, Event, Link};
use serde_json::Value as Json;

use super::{Evidence, Findings};
use crate::history::What;
use crate::nodes::SOURCE;
use crate::plan::{Action, PlannedEvent};

pub(super) fn judge(evidence: &Evidence, findings: &mut Findings) {
    let stands = where_events_stand(evidence, findings);
    let mut acknowledged = BTreeSet::new();
    let mut refused = BTreeSet::new();
    let mut in_doubt = BTreeSet::new();
    // The newest position that anybody had been told of when an event was first sent.
    let mut newest = 0;
    let mut first_sent: BTreeMap<&str, u64> = BTreeMap::new();
    for line in &evidence.history.lines {
        match &line.what {
            What::Sent { ids } => {
                for id in ids {
                    first_sent.entry(id).or_insert(newest);
                }
            }
            What::Acknowledged { events } => {
                for (id, position) in events {
                    if stands.get(id.as_str()) != Some(position) {
                        let found = stands.get(id.as_str());
                        findings.push(format!(
                            "step {}: `{id}` was acknowledged at e{position}, and stands at {found:?}",
                            line.step
                        ));
                    }
                    newest = newest.max(*position);
                    acknowledged.insert(id.as_str());
                }
            }
            What::Rejected { ids, .. } => refused.extend(ids.iter().map(String::as_str)),
            What::InDoubt { ids, .. } => in_doubt.extend(ids.iter().map(String::as_str)),
            What::Decided { gap, position: Some(position), .. } => {
                decided(evidence, gap, *position, findings);
            }
            What::Reported { check, holds, outcome: Ok(position) } => {
                reported(evidence, (check, *holds), (&line.node, *position), findings);
            }
            _ => {}
        }
    }
    for (id, position) in &stands {
        match first_sent.get(id) {
            None => findings.push(format!("`{id}` stands at e{position}, and nobody sent it")),
            Some(newest) if newest >= position => findings.push(format!(
                "`{id}` stands at e{position}, and was first sent when e{newest} was acknowledged"
            )),
            Some(_) => {}
        }
        if refused.contains(id) && !acknowledged.contains(id) && !in_doubt.contains(id) {
            findings.push(format!("`{id}` was refused for good, and stands at e{position}"));
        }
    }
    as_sent(evidence, &stands, &refused, findings);
}

/// Where each event of the clients stands.
fn where_events_stand<'e>(
    evidence: &'e Evidence,
    findings: &mut Findings,
) -> BTreeMap<&'e str, u64> {
    let mut stands = BTreeMap::new();
    let of_clients = |event: &&Event| event.event.source == SOURCE;
    for event in evidence.log.events.iter().filter(of_clients) {
        let (id, position) = (event.event.id.as_str(), event.position.get());
        if let Some(first) = stands.insert(id, position) {
            findings.push(format!("`{id}` stands at e{first} and again at e{position}"));
        }
    }
    stands
}

/// Whether what stands there is what the Plan has under that id. An id that was refused somewhere
/// may stand in the Plan twice with different contents: then either will do.
fn as_sent(
    evidence: &Evidence,
    stands: &BTreeMap<&str, u64>,
    refused: &BTreeSet<&str>,
    findings: &mut Findings,
) {
    let mut planned: BTreeMap<&str, Vec<&PlannedEvent>> = BTreeMap::new();
    for step in &evidence.plan.steps {
        if let Action::Append { events, .. } = &step.action {
            for event in events {
                planned.entry(&event.id).or_default().push(event);
            }
        }
    }
    for (id, position) in stands {
        let index = usize::try_from(position - 1).unwrap_or(usize::MAX);
        let Some(event) = evidence.log.events.get(index) else { continue };
        let planned = planned.get(id).map(Vec::as_slice).unwrap_or_default();
        let mut kept = planned.iter().filter(|it| is_as_planned(evidence, it, event));
        let all_alike = planned.iter().all(|it| is_as_planned(evidence, it, event));
        if kept.next().is_none() || (!refused.contains(id) && !all_alike) {
            findings.push(format!("`{id}` stands at e{position}, and not as it was sent"));
        }
    }
}

fn is_as_planned(evidence: &Evidence, planned: &PlannedEvent, event: &Event) -> bool {
    let new = &event.event;
    let time = planned.time.is_none_or(|time| evidence.plan.start + time == new.time);
    time && planned.r#type == new.r#type
        && planned.subject == new.subject
        && planned.kind == new.kind
        && enriches_as_planned(planned, new.enriches.as_deref())
        && new.actor == Actor::World
        && new.depth == 0
        && alike(&Json::Object(planned.data.clone()), &new.data.to_json())
}

/// The log says in addition where the enriched event stands.
fn enriches_as_planned(planned: &PlannedEvent, link: Option<&Link>) -> bool {
    let name = link.and_then(|link| link.name.as_ref()).map(|name| name.id.as_str());
    let sure = |link: &Link| planned.confidence.and_then(Confidence::new) == Some(link.confidence);
    planned.enriches.as_deref() == name && link.is_none_or(sure)
}

/// Equal as JSON, where `1` and `1.0` are the same number.
fn alike(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            let same =
                |(key, value): (&String, &Json)| b.get(key).is_some_and(|it| alike(value, it));
            a.len() == b.len() && a.iter().all(same)
        }
        _ => a == b,
    }
}

fn decided(evidence: &Evidence, gap: &str, position: u64, findings: &mut Findings) {
    let stands = evidence.controls().find(|(event, _)| event.position.get() == position);
    let holds = matches!(stands, Some((_, Control::GapDecided { gap: of, .. })) if of == gap);
    if !holds {
        findings.push(format!("a decision about `{gap}` was said to stand at e{position}"));
    }
}

/// A finding stands where its author was told, as theirs.
fn reported(
    evidence: &Evidence,
    (check, holds): (&str, Option<bool>),
    (author, position): (&str, u64),
    findings: &mut Findings,
) {
    let stands = evidence.controls().find(|(event, _)| event.position.get() == position);
    let is_so = stands.is_some_and(|(event, control)| match control {
        Control::CheckReported { check: of, instance: None, holds: said, by: Some(by), .. } => {
            of == check
                && *said == holds
                && by == author
                && event.event.actor == Actor::Human(by.clone())
        }
        _ => false,
    });
    if !is_so {
        findings.push(format!("what {author} found of `{check}` was said to stand at e{position}"));
    }
}
