//! The scrolling feed: each event of the log as one line that a person can follow.
//!
//! In: events of the log. Out: lines. Never: moves the cursor.
//! Start reading at [`Feed::line`].

use std::collections::BTreeMap;

use homeostat_intent::Spec;
use homeostat_intent::lowered::Strength;
use homeostat_log::control::Ending;
use homeostat_log::{Actor, Control, Event, Kind, Value};
use homeostat_world::Timestamp;

use crate::decisions::{self, shortened, time_of_day};
use crate::screen::{paint, painted};

/// Columns that an event's type is padded to, so that what follows lines up.
const TYPE_COLUMNS: usize = 24;

/// What the feed knows of the spec: how hard each clause is.
#[derive(Debug)]
pub(crate) struct Feed {
    strengths: BTreeMap<String, Strength>,
    /// When the last event was recorded.
    last: Option<Timestamp>,
}

impl Feed {
    /// A feed for the log that `spec` governs.
    pub(crate) fn new(spec: &Spec) -> Self {
        let strengths = spec.duties().map(|duty| (duty.slug.clone(), duty.strength)).collect();
        Self { strengths, last: None }
    }

    /// The line that says how much of the day was skipped before `event`, if much was.
    pub(crate) fn leap(&mut self, event: &Event) -> Option<String> {
        let last = self.last.replace(event.recorded)?;
        let minutes = event.recorded.since(last).as_micros() / 60_000_000;
        let gone = match minutes {
            ..=9 => return None,
            10..=119 => format!("{minutes} minutes"),
            _ => format!("{} hours", minutes / 60),
        };
        Some(painted(paint::DIM, format_args!("            … {gone} later")))
    }

    /// The line for `event`; none for what only repeats another line.
    pub(crate) fn line(&self, event: &Event) -> Option<String> {
        let (symbol, text) = match Control::from_event(event) {
            // Its event and the closing gap tell of an agent that succeeded.
            Some(Ok(Control::AgentEnded { ending: Ending::Resolved, .. })) => return None,
            Some(Ok(control)) => {
                let strength = |gap: &str| self.strength(gap);
                decisions::in_words(&control, event.recorded, strength)
            }
            // A control event of a later version: its type says enough.
            Some(Err(_)) => ("·", painted(paint::DIM, &event.event.r#type)),
            None => happened(event),
        };
        let place = format!("e{}", event.position);
        let clock = painted(paint::DIM, time_of_day(event.recorded));
        Some(format!(
            "{clock}  {}  {symbol} {text}",
            painted(paint::DIM, format_args!("{place:>5}"))
        ))
    }

    /// How hard the clause of `gap` (`slug@position`) is.
    fn strength(&self, gap: &str) -> Strength {
        let slug = gap.rsplit_once('@').map_or(gap, |(slug, _)| slug);
        self.strengths.get(slug).copied().unwrap_or(Strength::Must)
    }
}

fn happened(event: &Event) -> (&'static str, String) {
    let (symbol, style) = match (&event.event.actor, event.event.kind) {
        (_, Kind::Enrichment) => ("~", paint::DIM),
        (Actor::Agent(_), _) => ("+", paint::GOOD),
        _ => ("●", paint::HEAD),
    };
    let fields: Vec<String> = event
        .event
        .data
        .fields()
        .filter_map(|(name, value)| Some(format!("{name}: {}", shown(value)?)))
        .collect();
    let r#type = &event.event.r#type;
    let who = match &event.event.actor {
        Actor::Agent(_) => "  by an agent",
        Actor::Human(_) => "  by a person",
        Actor::World | Actor::Engine => "",
    };
    let inferred = event.event.enriches.as_ref().map_or_else(String::new, |link| {
        let from = link.position.unwrap_or_default();
        format!("  inferred from e{from}, confidence {}", link.confidence)
    });
    let text = format!(
        "{style}{type:<TYPE_COLUMNS$}{style:#} {}{}",
        shortened(&fields.join("  "), 70),
        painted(paint::DIM, format_args!("{inferred}{who}"))
    );
    (symbol, text)
}

fn shown(value: Value<'_>) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.to_owned()),
        Value::Null => None,
        value => Some(value.to_json().to_string()),
    }
}
