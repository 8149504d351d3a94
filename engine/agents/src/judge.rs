//! What of an agent's claims is believed: its output held against its brief.
//!
//! In: a brief, and what a run gave. Out: the ending, the events to append, the cost. Never: appends a part; one claim
//! that the brief does not allow voids them all. Promise: cause, actor, depth, id, source and subject are the engine's,
//! whatever the agent says. Start reading at [`judge`].

use homeostat_log::cloudevents::check_bounds;
use homeostat_log::control::Ending;
use homeostat_log::link::Place;
use homeostat_log::{Actor, Data, Kind, Link, NewEvent};
use homeostat_world::limits::{AGENT_LINES_MAX, AGENT_OUTPUT_BYTES_MAX, AGENT_REASON_BYTES_MAX};
use homeostat_world::{Timestamp, canary};
use serde_json::Value as Json;

use crate::brief::{Brief, Key};
use crate::claim::{Claim, ClaimedEvent};
use crate::runner::{Finish, Outcome};

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Judgement {
    pub(crate) ending: Ending,
    pub(crate) reason: String,
    pub(crate) events: Vec<NewEvent>,
    pub(crate) cost: u64,
}

/// Holds the output of a run against the brief. `cost_per_run` is owed for any run that began.
pub(crate) fn judge(
    brief: &Brief,
    outcome: &Outcome,
    cost_per_run: u64,
    now: Timestamp,
) -> Judgement {
    let cost_max = brief.budget.cost_max_micro_dollars;
    let mut heard = Heard::default();
    let listened = heard.listen(brief, outcome, now);
    let cost = match outcome.finish {
        Finish::NotStarted(_) => 0,
        // What it spent before it was stopped is not known, so all that was reserved is charged.
        Finish::TimedOut | Finish::Stopped => cost_max,
        Finish::Done | Finish::Failed(_) => heard.cost.saturating_add(cost_per_run),
    };
    let (ending, reason) = match (&outcome.finish, listened) {
        (Finish::TimedOut, _) => (Ending::TimedOut, over_time(brief)),
        (Finish::Stopped, _) => (Ending::Stopped, GAP_CLOSED.to_owned()),
        (Finish::NotStarted(why) | Finish::Failed(why), _) => (Ending::Failed, why.clone()),
        (Finish::Done, Err(why)) => (Ending::Failed, why),
        (Finish::Done, Ok(())) if cost > cost_max => {
            let (cost, cost_max) = (dollars(cost), dollars(cost_max));
            (Ending::Failed, format!("cost {cost}, expected at most {cost_max}, its `cost_max`"))
        }
        (Finish::Done, Ok(())) => heard.conclude(),
    };
    let counts = ending == Ending::Resolved
        || (canary::planted("claims_kept_after_overspending") && ending == Ending::Failed);
    let events = if counts { heard.events } else { Vec::new() };
    let reason = match heard.after_end {
        0 => reason,
        1 => format!("{reason}; 1 line after its end was ignored"),
        n => format!("{reason}; {n} lines after its end were ignored"),
    };
    Judgement { ending, reason: shorten(&reason), events, cost: cost.min(cost_max) }
}

/// What is written when an agent is over its time.
pub(crate) fn over_time(brief: &Brief) -> String {
    format!("had not ended by `{}`", brief.budget.deadline)
}

/// What is written when an agent was told to stop.
pub(crate) const GAP_CLOSED: &str = "its gap closed while it was at work";

#[derive(Default)]
struct Heard {
    events: Vec<NewEvent>,
    end: Option<(Ending, String)>,
    note: Option<String>,
    cost: u64,
    after_end: usize,
}

impl Heard {
    /// Takes in every line, until one that the brief does not allow.
    fn listen(&mut self, brief: &Brief, outcome: &Outcome, now: Timestamp) -> Result<(), String> {
        let bytes: usize = outcome.lines.iter().map(String::len).sum();
        if bytes > AGENT_OUTPUT_BYTES_MAX || outcome.lines.len() > AGENT_LINES_MAX {
            let lines = outcome.lines.len();
            return Err(format!(
                "printed {bytes} bytes in {lines} lines, expected at most {AGENT_OUTPUT_BYTES_MAX} bytes and {AGENT_LINES_MAX} lines"
            ));
        }
        for (line, text) in (1..).zip(&outcome.lines) {
            if text.trim().is_empty() {
                continue;
            }
            if self.end.is_some() {
                self.after_end += 1;
                continue;
            }
            match Claim::read(text, line).map_err(|error| error.to_string())? {
                Claim::Append(claimed) => {
                    let nth = self.events.len() + 1;
                    self.events.push(admit(brief, claimed, nth, now)?);
                }
                Claim::NeedsHuman(why) => self.end = Some((Ending::NeedsHuman, why)),
                Claim::Failed(why) => self.end = Some((Ending::Failed, why)),
                Claim::CostUsd(dollars) => {
                    let micro = micro_dollars(dollars).ok_or_else(|| {
                        format!("line {line} has a cost of `{dollars}`, expected dollars from 0")
                    })?;
                    self.cost = self.cost.saturating_add(micro);
                }
                Claim::Note(note) => self.note = Some(note),
            }
        }
        Ok(())
    }

    fn conclude(&mut self) -> (Ending, String) {
        if let Some(end) = self.end.take() {
            return end;
        }
        if self.events.is_empty() {
            return (Ending::Failed, "ended without a claim".to_owned());
        }
        let types: Vec<String> =
            self.events.iter().map(|event| format!("`{}`", event.r#type)).collect();
        let note = self.note.take().map(|note| format!(": {note}")).unwrap_or_default();
        (Ending::Resolved, format!("appended {}{note}", types.join(", ")))
    }
}

/// The event that a claim becomes, if the brief allows it.
fn admit(
    brief: &Brief,
    claimed: ClaimedEvent,
    nth: usize,
    now: Timestamp,
) -> Result<NewEvent, String> {
    let constraints = &brief.constraints;
    let name = &claimed.r#type;
    if nth > constraints.events_max {
        return Err(format!("claims more than {} events", constraints.events_max));
    }
    let closes = constraints.may_append.contains(name);
    let forbidden = !closes && !constraints.may_also_append.contains(name);
    if forbidden && !canary::planted("any_type_may_be_appended") {
        let allowed: Vec<String> = (constraints.may_append.iter())
            .chain(&constraints.may_also_append)
            .map(|it| format!("`{it}`"))
            .collect();
        return Err(format!("may not append `{name}`, expected {}", allowed.join(" or ")));
    }
    let bytes = claimed.data.to_string().len();
    if bytes > constraints.event_bytes_max {
        let limit = constraints.event_bytes_max;
        return Err(format!("`{name}` has {bytes} bytes of data, expected at most {limit}"));
    }
    if closes {
        check_fields(brief, name, &claimed.data)?;
    }
    let enriched = enriched(brief, &claimed)?;
    let data = Data::from_json(&claimed.data)
        .map_err(|error| format!("data of `{name}` cannot be kept: {error}"))?;
    let event = NewEvent {
        id: format!("{}/{nth}", brief.agent),
        source: format!("homeostat/agent/{}", brief.member),
        kind: if enriched.is_some() { Kind::Enrichment } else { Kind::Primary },
        r#type: name.clone(),
        time: claimed_time(&claimed, now)?,
        // An enrichment is about what its source is about.
        subject: enriched
            .as_ref()
            .and_then(|(_, source)| source.get("subject")?.as_str().map(str::to_owned))
            .or_else(|| constraints.keys.first().map(subject)),
        // A cause satisfies the obligation that it names whatever the event's type is, so only
        // the types that may close the gap carry it.
        cause: (closes || canary::planted("a_cause_on_everything")).then(|| brief.gap.clone()),
        actor: Actor::Agent(brief.agent.clone()),
        depth: brief.depth.saturating_add(depth_below(nth)),
        enriches: enriched.map(|(link, _)| Box::new(link)),
        data,
    };
    check_bounds(&event).map_err(|error| format!("`{name}` cannot be kept: {error}"))?;
    Ok(event)
}

/// What an enrichment is linked to, and that event as the brief shows it. An agent may enrich only what it was shown: of
/// anything else it cannot know what it says.
fn enriched<'b>(
    brief: &'b Brief,
    claimed: &ClaimedEvent,
) -> Result<Option<(Link, &'b Json)>, String> {
    let name = &claimed.r#type;
    let (position, confidence) = match (claimed.enriches, claimed.confidence) {
        (None, None) => return Ok(None),
        (Some(Place(position)), Some(confidence)) => (position, confidence),
        (Some(_), None) => return Err(format!("`{name}` has `enriches` and no `confidence`")),
        (None, Some(_)) => return Err(format!("`{name}` has `confidence` and no `enriches`")),
    };
    let stands_at = |event: &&Json| event.get("position").map(plain) == Some(position.to_string());
    match brief.context.iter().find(stands_at) {
        Some(source) => Ok(Some((Link::to(position, confidence), source))),
        None => Err(format!(
            "`{name}` enriches the event at position `{position}`, expected one of its brief's context"
        )),
    }
}

/// How much deeper than its gap the `nth` event of an agent lies.
fn depth_below(nth: usize) -> u16 {
    let counts_events = canary::planted("every_event_deeper_than_the_last");
    if counts_events { u16::try_from(nth).unwrap_or(u16::MAX) } else { 1 }
}

fn check_fields(brief: &Brief, name: &str, data: &Json) -> Result<(), String> {
    for key in &brief.constraints.keys {
        let found = key.fields.iter().find_map(|field| data.get(field).map(|it| (field, it)));
        let Some((field, value)) = found else {
            let fields: Vec<String> = key.fields.iter().map(|it| format!("`{it}`")).collect();
            return Err(format!(
                "`{name}` has no {}, expected `{}`",
                fields.join(" or "),
                plain(&key.value)
            ));
        };
        agree(name, field, value, &key.value)?;
    }
    for agreement in &brief.constraints.agree {
        if let Some(value) = data.get(&agreement.field) {
            agree(name, &agreement.field, value, &agreement.value)?;
        }
    }
    Ok(())
}

fn agree(name: &str, field: &str, found: &Json, expected: &Json) -> Result<(), String> {
    let same = match (found.as_f64(), expected.as_f64()) {
        (Some(found), Some(expected)) => found == expected,
        _ => found == expected,
    };
    if same {
        return Ok(());
    }
    let (found, expected) = (plain(found), plain(expected));
    Err(format!("`{field}` of `{name}` is `{found}`, expected `{expected}`"))
}

/// When it happened, in the agent's words, but not in the future.
fn claimed_time(claimed: &ClaimedEvent, now: Timestamp) -> Result<Timestamp, String> {
    match &claimed.time {
        None => Ok(now),
        Some(text) => {
            text.parse::<Timestamp>().map(|time| time.min(now)).map_err(|error| error.to_string())
        }
    }
}

fn subject(key: &Key) -> String {
    format!("{}/{}", key.entity, plain(&key.value))
}

/// A value as people read it: a text without its quotes.
pub(crate) fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn dollars(micro: u64) -> String {
    format!("${}.{:06}", micro / 1_000_000, micro % 1_000_000)
}

/// Dollars as millionths; none for what is no amount of money.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to lie between 0 and 2^53, where every whole number is exact"
)]
pub(crate) fn micro_dollars(dollars: f64) -> Option<u64> {
    let micro = (dollars * 1_000_000.0).round();
    (dollars >= 0.0 && micro <= 9_007_199_254_740_992.0).then_some(micro as u64)
}

/// Words of an agent as they are kept: bounded, cut between characters.
pub(crate) fn shorten(text: &str) -> String {
    if text.len() <= AGENT_REASON_BYTES_MAX {
        return text.to_owned();
    }
    let end = (0..=AGENT_REASON_BYTES_MAX - '…'.len_utf8())
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    format!("{}…", text.split_at(end).0)
}
