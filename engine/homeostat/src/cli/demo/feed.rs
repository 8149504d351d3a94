//! The scrolling feed: each event of the log as one line that a person can follow.
//!
//! In: events of the log. Out: lines. Never: moves the cursor.
//! Start reading at [`Feed::line`].

use std::collections::BTreeMap;

use anstyle::Style;
use homeostat_intent::Spec;
use homeostat_intent::lowered::Strength;
use homeostat_log::control::{Decision, Ending, Escalation, GapOutcome};
use homeostat_log::{Actor, Control, Event, Kind, Value};
use homeostat_world::Timestamp;

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
            Some(Ok(control)) => self.decided(&control, event.recorded)?,
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

    fn decided(&self, control: &Control, at: Timestamp) -> Option<(&'static str, String)> {
        let (symbol, text) = match control {
            Control::GapOpened { gap, due, .. } => {
                let (style, strength) = self.strength(gap);
                let due = due.map_or_else(String::new, |due| {
                    format!("  due {}", painted(paint::DIM, seen_from(at, due)))
                });
                ("✗", format!("{} {gap}  {strength}{due}", painted(style, "gap opened")))
            }
            Control::GapClosed { gap, outcome } => {
                let (style, how) = closed(*outcome);
                ("✓", format!("{} {gap}  {how}", painted(style, "gap closed")))
            }
            Control::DeadlineMissed { gap, due } => (
                "!",
                format!(
                    "{} {gap}  was due {}",
                    painted(paint::CARE, "deadline missed"),
                    seen_from(at, *due)
                ),
            ),
            Control::AgentSpawned { gap, attempt, .. } => {
                ("→", format!("{} {gap}  attempt {attempt}", painted(paint::NAME, "agent spawned")))
            }
            // Its event and the closing gap tell of an agent that succeeded.
            Control::AgentEnded { ending: Ending::Resolved, .. } => return None,
            Control::AgentEnded { gap, ending, reason, .. } => (
                "←",
                format!(
                    "{} {gap}  {}",
                    painted(paint::CARE, ended(*ending)),
                    painted(paint::DIM, shortened(reason, 60))
                ),
            ),
            Control::GapEscalated { gap, reason } => (
                "▲",
                format!("{} {gap}  {}", painted(paint::BAD, "needs a human"), escalated(*reason)),
            ),
            Control::GapDecided { gap, decision, by, reason } => {
                let word = match decision {
                    Decision::Retry => "retry",
                    Decision::Waive => "waive",
                };
                ("▼", format!("{} {gap}  {word}: {reason}", painted(paint::HEAD, by)))
            }
            Control::BreakerChanged { breaker, tripped, detail } => {
                let (style, word) =
                    if *tripped { (paint::BAD, "holds") } else { (paint::GOOD, "lets go") };
                let breaker = format!("breaker {word}: {}", plain(breaker));
                ("■", format!("{}  {}", painted(style, breaker), painted(paint::DIM, detail)))
            }
            Control::IntentAdopted { hash, name, by, .. } => (
                "◆",
                format!(
                    "{} {}  {} by {by}",
                    painted(paint::HEAD, "spec adopted"),
                    name.as_deref().unwrap_or("without a name"),
                    shortened(hash, 12),
                ),
            ),
        };
        Some((symbol, text))
    }

    /// How hard the clause of `gap` (`slug@position`) is, and its colour.
    fn strength(&self, gap: &str) -> (Style, &'static str) {
        let slug = gap.rsplit_once('@').map_or(gap, |(slug, _)| slug);
        match self.strengths.get(slug) {
            Some(Strength::Must) | None => (paint::BAD, "must"),
            Some(Strength::Should) => (paint::CARE, "should"),
            Some(Strength::Could) => (paint::NAME, "could"),
        }
    }
}

/// `09:30:05`, and on which day when that is another than `at`'s.
fn seen_from(at: Timestamp, other: Timestamp) -> String {
    let day = |at: Timestamp| at.as_micros().div_euclid(86_400_000_000);
    match day(other) - day(at) {
        0 => time_of_day(other),
        days => format!("{} {days:+}d", time_of_day(other)),
    }
}

/// `09:30:05`, in UTC.
pub(crate) fn time_of_day(at: Timestamp) -> String {
    let seconds = at.as_micros().div_euclid(1_000_000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

fn happened(event: &Event) -> (&'static str, String) {
    let (symbol, style) = match (&event.event.actor, event.event.kind) {
        (Actor::Agent(_), _) => ("+", paint::GOOD),
        (_, Kind::Enrichment) => ("~", paint::DIM),
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
    let text = format!(
        "{style}{type:<TYPE_COLUMNS$}{style:#} {}{}",
        shortened(&fields.join("  "), 70),
        painted(paint::DIM, who)
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

const fn closed(outcome: GapOutcome) -> (Style, &'static str) {
    match outcome {
        GapOutcome::Fulfilled => (paint::GOOD, "in time"),
        GapOutcome::SeenLate => (paint::GOOD, "in time, seen late"),
        GapOutcome::Late => (paint::CARE, "late"),
        GapOutcome::Lapsed => (paint::CARE, "lapsed, its fallback is owed instead"),
        GapOutcome::Withdrawn => (paint::DIM, "withdrawn"),
        GapOutcome::Waived => (paint::DIM, "waived"),
    }
}

const fn ended(ending: Ending) -> &'static str {
    match ending {
        Ending::Resolved => "agent resolved it",
        Ending::NeedsHuman => "agent asks for a human",
        Ending::Failed => "agent failed",
        Ending::TimedOut => "agent ran out of time",
        Ending::Lost => "agent was lost",
        Ending::Stopped => "agent stopped",
    }
}

/// Why a gap needs a person, in words.
pub(crate) fn escalated(reason: Escalation) -> String {
    plain(&reason)
}

/// The name that JSON has for it, with spaces.
fn plain(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().replace('_', " ")
}

/// `text`, or its beginning with an ellipsis when it is longer than `columns`.
pub(crate) fn shortened(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    let kept: String = text.chars().take(columns.saturating_sub(1)).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_on_another_day_says_so() {
        let at = Timestamp::from_micros(86_399_000_000);
        assert_eq!(seen_from(at, at), "23:59:59");
        assert_eq!(seen_from(at, at + homeostat_world::Duration::from_secs(2)), "00:00:01 +1d");
    }

    #[test]
    fn a_long_text_ends_in_an_ellipsis() {
        assert_eq!(shortened("grün", 4), "grün");
        assert_eq!(shortened("grüner", 4), "grü…");
    }
}
