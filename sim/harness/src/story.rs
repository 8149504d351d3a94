//! A run as people read it: what nodes and the director did, and what came into the log, in order
//! of time.
//!
//! In: [`Evidence`]. Out: text, one line for each thing. Never: leaves anything out.
//! Promise: the same evidence gives the same bytes. Start reading at [`story`].

use std::fmt::Write as _;

use homeostat_log::{Control, Event, cloudevents};
use homeostat_world::{Duration, Timestamp};

use crate::audit::Polled;
use crate::history::{Line, What};
use crate::oracle::Evidence;

/// The whole run. Events stand at the time of their recording by the engine's clock, which may be
/// off; their order is the log's.
#[must_use]
pub fn story(evidence: &Evidence) -> String {
    let start = evidence.plan.start;
    let mut events = evidence.log.events.iter().peekable();
    let mut text = String::new();
    for line in &evidence.history.lines {
        while let Some(event) = events.next_if(|event| event.recorded < line.at) {
            told(&mut text, start, event.recorded, "log", &event_in_words(event));
        }
        told(&mut text, start, line.at, &line.node, &line_in_words(line));
    }
    for event in events {
        told(&mut text, start, event.recorded, "log", &event_in_words(event));
    }
    text
}

fn told(text: &mut String, start: Timestamp, at: Timestamp, who: &str, what: &str) {
    let passed: Duration = at.since(start);
    // Writing to a string does not fail.
    let _written = writeln!(text, "{:>18}  {who:<9} {what}", passed.to_string());
}

/// What a person says of a proposition.
const fn finding(holds: Option<bool>) -> &'static str {
    match holds {
        Some(true) => "holds",
        Some(false) => "does not hold",
        None => "may hold or not",
    }
}

fn line_in_words(line: &Line) -> String {
    match &line.what {
        What::Opens { head, checkpoint } => {
            let found = checkpoint
                .map_or("no checkpoint".to_owned(), |at| format!("a checkpoint of e{at}"));
            format!("starts on a disk whose log ends at e{head}, with {found}")
        }
        What::Started => "is up".to_owned(),
        What::Works { agent } => format!("has `{agent}` at work"),
        What::Crashed => "is stopped at once".to_owned(),
        What::Stopped => "stopped as asked".to_owned(),
        What::Refused { why } => format!("does not start: {why}"),
        What::Panicked { task, why } => format!("`{task}` panicked: {why}"),
        What::Fault { text } => text.clone(),
        What::Sent { ids } => format!("sends {}", ids.join(", ")),
        What::Acknowledged { events } => {
            let events: Vec<String> =
                events.iter().map(|(id, at)| format!("{id} is e{at}")).collect();
            format!("hears {}", events.join(", "))
        }
        What::Rejected { ids, why } => format!("is refused {}: {why}", ids.join(", ")),
        What::SentAgain { ids, why } => format!("sends {} again: {why}", ids.join(", ")),
        What::InDoubt { ids, why } => format!("gives up {}: {why}", ids.join(", ")),
        What::Decided { gap, outcome, position: Some(position) } => {
            format!("decides about {gap}: {outcome}, e{position}")
        }
        What::Asked { outcome, position: Some(position) } => format!("{outcome}, e{position}"),
        What::Asked { outcome, .. } => outcome.clone(),
        What::Reported { check, holds, outcome: Ok(position) } => {
            format!("says that `{check}` {}, e{position}", finding(*holds))
        }
        What::Reported { check, outcome: Err(why), .. } => {
            format!("says nothing of `{check}`: {why}")
        }
        What::Answered { agent, lines } => format!("hears {lines} lines of {agent}"),
        What::Shown { from, events, why: None } => {
            format!("reads {} events from e{from} on", events.len())
        }
        What::Shown { from, why: Some(why), .. } => format!("cannot read from e{from} on: {why}"),
        What::Decided { gap, outcome, .. } => format!("decides about `{gap}`: {outcome}"),
        What::Looked { up, position, engine_now } => {
            let how = if *up { "up" } else { "not up" };
            format!(
                "looks: engine is {how}, its log ends at e{position}, its clock is {engine_now}"
            )
        }
    }
}

fn event_in_words(event: &Event) -> String {
    let (at, new) = (event.position, &event.event);
    if let Some(Ok(control)) = Control::from_event(event) {
        return match control {
            Control::IntentAdopted { name, .. } => {
                format!("e{at} intent.adopted {}", name.unwrap_or_default())
            }
            Control::IntentEvolved { name, by, .. } => {
                format!("e{at} intent.evolved {} by {by}", name.unwrap_or_default())
            }
            _ => format!("e{at} {} {}", new.r#type, new.data.to_json()),
        };
    }
    let cause = new.cause.as_ref().map(|cause| format!(" because of {cause}")).unwrap_or_default();
    format!("e{at} {} `{}` of {}{cause} {}", new.r#type, new.id, new.actor, new.data.to_json())
}

/// Everything that is known of a run, as JSON Lines in order of time: the History, the log, and the
/// polls where they were kept. What two equal runs agree on, line by line.
#[must_use]
pub fn lines(evidence: &Evidence) -> Vec<String> {
    let mut lines: Vec<(Timestamp, String)> = Vec::new();
    for polled in &evidence.history.polls {
        let Polled { step, at, node, task, id, waits } = polled;
        let end = if *waits { "waits" } else { "ends" };
        lines.push((*at, format!("poll {step} of task {id} `{task}` on {node} at {at}: {end}")));
    }
    for line in &evidence.history.lines {
        lines.push((line.at, line.to_json()));
    }
    for event in &evidence.log.events {
        lines.push((event.recorded, event_line(event)));
    }
    // Stable: at one time polls come first, then what they did.
    lines.sort_by_key(|(at, _)| *at);
    lines.into_iter().map(|(_, line)| line).collect()
}

/// One event as JSON, on one line.
#[must_use]
pub fn event_line(event: &Event) -> String {
    cloudevents::to_json(event).to_string()
}
