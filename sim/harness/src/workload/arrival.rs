//! How events arrive: by whom, together or alone, late, shuffled, twice.
//!
//! In: moments in no order, chance. Out: steps in order of time. Never: changes what happened, only
//! when and how often it is told. Promise: ids are unique, and what is sent again is sent by the
//! same client with the same content; but for a few that say more under an id that is taken, in a
//! field that nobody reads, and must be refused. Start reading at [`steps`].

use std::collections::BTreeMap;

use homeostat_log::control::Decision;
use homeostat_world::Duration;

use super::story::Moment;
use super::{Draw, Wants};
use crate::plan::{Action, PlannedEvent, Step};

const SECOND: i64 = 1_000_000;
/// Events in one request: more would only make a Plan hard to read.
const TOGETHER_MAX: usize = 40;
/// The field of an event whose id is another's.
pub(super) const SAYS_MORE: &str = "says_more";

/// Sends the moments.
pub(super) fn steps(moments: Vec<Moment>, wants: &Wants, draw: &mut Draw) -> Vec<Step> {
    let active = wants.active.as_micros();
    let mut moments: Vec<(usize, Moment)> = moments.into_iter().enumerate().collect();
    for (_, moment) in &mut moments {
        if wants.load.shuffled && draw.percent(40) {
            moment.sent = moment.sent.saturating_add(draw.between(0, 5 * SECOND));
        }
        if wants.load.late && draw.percent(15) {
            moment.sent = moment.sent.saturating_add(draw.between(SECOND, active / 2 + SECOND));
        }
        moment.sent = moment.sent.clamp(0, active);
    }
    moments.sort_by_key(|(_, moment)| moment.sent);
    let mut steps = requests(moments, wants, draw);
    if wants.load.duplicates {
        again(&mut steps, active, draw);
    }
    if wants.people {
        decisions(&mut steps, wants, draw);
    }
    readings(&mut steps, wants, draw);
    if wants.load.duplicates {
        taken_ids(&mut steps, active, draw);
    }
    steps.sort_by_key(|step| step.at);
    steps
}

/// Puts events into requests: what arrives at the same time often comes together.
fn requests(moments: Vec<(usize, Moment)>, wants: &Wants, draw: &mut Draw) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let id = |nth: u64| format!("e{nth}");
    let names: BTreeMap<usize, String> =
        (1_u64..).zip(&moments).map(|(nth, (told, _))| (*told, id(nth))).collect();
    for (nth, (_, moment)) in (1_u64..).zip(moments) {
        let at = Duration::from_micros(moment.sent);
        let event = PlannedEvent {
            id: id(nth),
            r#type: moment.r#type,
            time: moment.time.map(Duration::from_micros),
            subject: moment.subject,
            kind: moment.kind,
            enriches: moment.enriches.and_then(|(of, _)| names.get(&of).cloned()),
            confidence: moment.enriches.map(|(_, sure)| sure),
            data: moment.data,
        };
        if let Some(Step { at: last, action: Action::Append { events, .. }, .. }) = steps.last_mut()
        {
            let close = at.as_micros() - last.as_micros() <= 2_000;
            let chance = if *last == at { 80 } else { 25 };
            if close && events.len() < TOGETHER_MAX && draw.percent(chance) {
                // Sent with the later one: nothing is told before it happened.
                *last = at;
                events.push(event);
                continue;
            }
        }
        let client = draw.count(1, wants.clients.max(1));
        steps.push(Step { at, client, action: Action::Append { events: vec![event], times: 1 } });
    }
    steps
}

/// Sends some requests again: at once, or later, after the first was answered.
fn again(steps: &mut Vec<Step>, active: i64, draw: &mut Draw) {
    let mut copies = Vec::new();
    for step in steps.iter_mut() {
        let Action::Append { events, times } = &mut step.action else { continue };
        if draw.percent(10) {
            *times = draw.count(2, 3);
        } else if draw.percent(10) && events.iter().all(|event| event.time.is_some()) {
            let later = step.at.as_micros().saturating_add(draw.between(1, 20 * SECOND));
            copies.push(Step { at: Duration::from_micros(later.min(active)), ..step.clone() });
        }
    }
    steps.extend(copies);
}

/// Sends some events again later, saying more: whichever comes second is refused.
fn taken_ids(steps: &mut Vec<Step>, active: i64, draw: &mut Draw) {
    let mut others = Vec::new();
    for step in steps.iter() {
        let Action::Append { events, .. } = &step.action else { continue };
        if draw.percent(6)
            && let Some(event) = events.first()
            && event.time.is_some()
        {
            let mut other = event.clone();
            other.data.insert(SAYS_MORE.to_owned(), serde_json::Value::from(true));
            let later = step.at.as_micros().saturating_add(draw.between(1, 20 * SECOND));
            let action = Action::Append { events: vec![other], times: 1 };
            let at = Duration::from_micros(later.min(active));
            others.push(Step { at, client: step.client, action });
        }
    }
    steps.extend(others);
}

/// People look at what was escalated; some are silent, some decide twice, some take so long that
/// what they have seen is no longer so.
fn decisions(steps: &mut Vec<Step>, wants: &Wants, draw: &mut Draw) {
    let active = wants.active.as_micros();
    for _ in 0..draw.count(0, 5) {
        let at = draw.between(active / 4, active);
        let decision = if draw.percent(60) { Decision::Retry } else { Decision::Waive };
        let nth = draw.count(0, 3);
        let thinks = if draw.percent(40) { draw.between(1, 15 * SECOND) } else { 0 };
        let thinks = Duration::from_micros(thinks.min(active - at));
        let times = if draw.percent(20) { 2 } else { 1 };
        let client = draw.count(1, wants.clients.max(1));
        let action = Action::Decide { nth, decision, thinks, times };
        let step = Step { at: Duration::from_micros(at), client, action };
        if draw.percent(15) {
            // Somebody else has looked at the same time, and says it too.
            steps.push(step.clone());
        }
        steps.push(step);
    }
}

/// Somebody reads the log now and then.
fn readings(steps: &mut Vec<Step>, wants: &Wants, draw: &mut Draw) {
    for _ in 0..draw.count(0, 4) {
        let at = draw.length(Duration::ZERO, wants.active);
        let from = if draw.percent(50) { 1 } else { u64::from(draw.count(1, 2 * wants.events)) };
        let client = draw.count(1, wants.clients.max(1));
        steps.push(Step { at, client, action: Action::Read { from, limit: draw.count(1, 60) } });
    }
}
