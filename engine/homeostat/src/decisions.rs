//! The engine's decisions in words: one control event of the log as one line.
//!
//! In: a decision. Out: a symbol and a line with colours. Never: text that is wider than a terminal,
//! as far as the engine's own words go. Start reading at [`in_words`].

use anstyle::Style;
use homeostat_intent::lowered::Strength;
use homeostat_log::Control;
use homeostat_log::control::{Decision, Ending, Escalation, GapOutcome};
use homeostat_world::Timestamp;

use crate::screen::{paint, painted};

/// `control`, which was recorded at `at`, as a symbol and words. `strength` says how hard a gap is.
pub(crate) fn in_words(
    control: &Control,
    at: Timestamp,
    strength: impl Fn(&str) -> Strength,
) -> (&'static str, String) {
    match control {
        Control::GapOpened { gap, due, .. } => {
            let (style, strength) = hard(strength(gap));
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
        Control::AgentEnded { gap, ending, reason, .. } => (
            "←",
            format!(
                "{} {gap}  {}",
                painted(ending_style(*ending), ended(*ending)),
                painted(paint::DIM, in_one_line(reason, 70))
            ),
        ),
        Control::GapEscalated { gap, reason } => {
            ("▲", format!("{} {gap}  {}", painted(paint::BAD, "needs a human"), escalated(*reason)))
        }
        Control::GapDecided { gap, decision, by, reason } => {
            let word = match decision {
                Decision::Retry => "retry",
                Decision::Waive => "waive",
                Decision::Backfill => "backfill",
            };
            ("▼", format!("{} {gap}  {word}: {reason}", painted(paint::HEAD, by)))
        }
        Control::BreakerChanged { breaker, tripped, detail } => {
            let (style, word) =
                if *tripped { (paint::BAD, "holds") } else { (paint::GOOD, "lets go") };
            let breaker = format!("breaker {word}: {}", plain(breaker));
            ("■", format!("{}  {}", painted(style, breaker), painted(paint::DIM, detail)))
        }
        Control::IntentAdopted { hash, name, by, .. } => {
            ("◆", put_in_force("spec adopted", name.as_deref(), hash, by))
        }
        Control::EngineResumed {} => ("●", painted(paint::HEAD, "engine is up again").to_string()),
        Control::CheckReported { check, instance, holds, detail, by } => {
            let (symbol, style, word) = match holds {
                Some(true) => ("✓", paint::GOOD, "holds"),
                Some(false) => ("✗", paint::BAD, "fails"),
                None => ("?", paint::CARE, "cannot tell"),
            };
            let about = instance.as_ref().map_or_else(String::new, |it| format!(" of {it}"));
            let by = by.as_ref().map_or_else(String::new, |it| format!(" by {it}"));
            let detail = painted(paint::DIM, in_one_line(detail, 70));
            (
                symbol,
                format!("{} {check}{about}{by}  {detail}", painted(style, format!("check {word}"))),
            )
        }
        Control::IntentEvolved { hash, name, by, .. } => {
            ("◆", put_in_force("spec evolved", name.as_deref(), hash, by))
        }
    }
}

fn put_in_force(how: &str, name: Option<&str>, hash: &str, by: &str) -> String {
    let name = name.unwrap_or("without a name");
    format!("{} {name}  {} by {by}", painted(paint::HEAD, how), shortened(hash, 12))
}

/// How hard a gap is, in a word and its colour.
pub(crate) const fn hard(strength: Strength) -> (Style, &'static str) {
    match strength {
        Strength::Invariant => (paint::BAD, "invariant"),
        Strength::Must => (paint::BAD, "must"),
        Strength::Should => (paint::CARE, "should"),
        Strength::Could => (paint::NAME, "could"),
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

const fn closed(outcome: GapOutcome) -> (Style, &'static str) {
    match outcome {
        GapOutcome::Fulfilled => (paint::GOOD, "in time"),
        GapOutcome::SeenLate => (paint::GOOD, "in time, seen late"),
        GapOutcome::Late => (paint::CARE, "late"),
        GapOutcome::Lapsed => (paint::CARE, "lapsed, its fallback is owed instead"),
        GapOutcome::Withdrawn => (paint::DIM, "withdrawn"),
        GapOutcome::Waived => (paint::DIM, "waived"),
        GapOutcome::Void => (paint::DIM, "void, what it was about was erased"),
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

const fn ending_style(ending: Ending) -> Style {
    match ending {
        Ending::Resolved => paint::GOOD,
        _ => paint::CARE,
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

/// `text` on one line, without its middle when it is longer than `columns`: what an agent printed
/// last says most, and what the engine says of it stands first.
pub(crate) fn in_one_line(text: &str, columns: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    let count = line.chars().count();
    if count <= columns {
        return line;
    }
    let ahead = columns / 3;
    let behind = columns.saturating_sub(ahead + 3);
    let start: String = line.chars().take(ahead).collect();
    let end: String = line.chars().skip(count.saturating_sub(behind)).collect();
    format!("{} … {}", start.trim_end(), end.trim_start())
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

    #[test]
    fn of_what_an_agent_printed_the_beginning_and_the_end_are_kept() {
        assert_eq!(in_one_line("exit code 1", 20), "exit code 1");
        let traceback = "exit code 1: Traceback (most recent call last):\n  File \"a.py\", line 1\n\
                         KeyError: 'rep'";
        assert_eq!(in_one_line(traceback, 36), "exit code 1: … ine 1 KeyError: 'rep'");
    }
}
