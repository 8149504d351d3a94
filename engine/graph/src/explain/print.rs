//! Prints a consequence graph in the form that the seed gives it.
//!
//! In: [`Consequences`]. Out: text. Never: looks anything up.
//! Promise: one line for each duty, status, condition and gap, in the order of the spec.
//! Start reading at the `Display` of [`Consequences`].

use std::fmt;

use homeostat_intent::lowered::{Length, Strength};

use super::probe::Tested;
use super::{Breach, Consequence, Consequences, Duty, Guard, Record, Round, Status, Used};
use crate::change::Fulfilment;
use crate::datum::Truth;
use crate::evolve::Standing;
use crate::tree::Branch;

/// Characters of a value in the line of the event; JSON has them all. A version of the spec, for one, is a
/// value of the event that puts it in force.
const VALUE_CHARS: usize = 80;

fn short(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(VALUE_CHARS) {
        text.truncate(end);
        text.push('…');
    }
    text
}

impl fmt::Display for Consequences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self.instance.iter().cloned().collect();
        for (name, value) in &self.fields {
            parts.push(format!("{name}: {}", short(plain(value))));
        }
        if let Some(occasion) = &self.occasion {
            // What is violated says of whom.
            let said = matches!(self.consequences.first(), Some(Consequence::Breach(_)));
            let of = self.instance.as_ref().filter(|_| !said);
            let of = of.map(|it| format!(" ({it})")).unwrap_or_default();
            writeln!(f, "Occasion: {occasion}{of}")?;
        } else if parts.is_empty() {
            writeln!(f, "Event: {}", self.event)?;
        } else {
            writeln!(f, "Event: {}({})", self.event, parts.join(", "))?;
        }
        if let Some(record) = &self.record {
            print_record(record, f)?;
        }
        writeln!(f)?;
        if self.consequences.is_empty() {
            return writeln!(f, "No consequences expected.");
        }
        writeln!(f, "Expected consequences:")?;
        let branches: Vec<Branch> = self.consequences.iter().map(branch).collect();
        Branch::print(&branches, "", f)?;
        writeln!(f)?;
        writeln!(f, "Gaps found: {}", self.gaps.len())?;
        for gap in &self.gaps {
            writeln!(f, "  → {}", gap.missing)?;
            writeln!(f, "  → severity: {}", gap.severity)?;
            writeln!(f, "  → {}", gap.response)?;
        }
        Ok(())
    }
}

/// Of what a tombstone voided, so much is listed; JSON has it all.
const VOIDED_MAX: usize = 10;

fn print_record(record: &Record, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match record {
        Record::Enrichment { of, named, confidence, used_by } => {
            let sure = confidence.map(|it| format!(", confidence {it}")).unwrap_or_default();
            let of = of.map(|it| format!(", from event e{it}")).unwrap_or_default();
            let named = named.as_ref().map(|it| format!(" ({it})")).unwrap_or_default();
            writeln!(f, "Enrichment: inferred{sure}{of}{named}")?;
            if used_by.is_empty() {
                let who = "only clauses `using inferred` and assertions read it";
                return writeln!(f, "Used by: nothing so far; {who}");
            }
            writeln!(f, "Used by:")?;
            used_by.iter().try_for_each(|used| writeln!(f, "  → {}", use_in_words(used)))
        }
        Record::Tombstone { erased, voided } => {
            let Some(erased) = erased else {
                return writeln!(f, "Tombstone: it names no instance of an entity of the spec");
            };
            writeln!(f, "Tombstone: {erased} is erased")?;
            writeln!(f, "Voided: {}", voided.len())?;
            for name in voided.iter().take(VOIDED_MAX) {
                writeln!(f, "  → {name}")?;
            }
            match voided.len().saturating_sub(VOIDED_MAX) {
                0 => Ok(()),
                more => writeln!(f, "  → and {more} more"),
            }
        }
    }
}

fn use_in_words(used: &Used) -> String {
    match used {
        Used::Guard { condition, trigger, at, decided } => {
            let decided = word(*decided);
            format!(
                "the guard `{condition}` of {trigger}, using inferred: decided at event e{at}, {decided}"
            )
        }
        Used::Satisfied { duty } => format!("it satisfies {duty}, using inferred"),
        Used::Broke { gap } => format!("what must always hold no longer does: {gap}"),
        Used::Mended { gap } => format!("what must always hold does again: {gap}"),
    }
}

fn breach_branch(breach: &Breach) -> Branch {
    let mut below = Vec::new();
    let since = breach.violation.since;
    let time = breach.violation.since_time.map(|it| format!(", {it}")).unwrap_or_default();
    let values = breach.violation.lines().into_iter().map(Branch::new);
    below.push(Branch::new(format!("since event e{since}{time}")).with(values));
    if let Some(now) = &breach.now {
        below.push(Branch::new("now").with(now.lines().into_iter().map(Branch::new)));
    }
    for miss in &breach.near_misses {
        let at = miss.position;
        below.push(Branch::new(format!("near miss: event e{at} {}: {}", miss.event, miss.why)));
    }
    let status = match &breach.status {
        Status::Fulfilled { by, outcome: Fulfilment::SeenLate } => {
            format!("✓ it had not lasted so long (event e{by}, seen late)")
        }
        Status::Fulfilled { by, .. } => format!("✓ mended (at event e{by})"),
        Status::Gap { .. } | Status::Waiting => {
            below.push(Branch::new(format!("mended when {}", breach.mended_when)));
            "✗ GAP — violated".to_owned()
        }
        Status::Waived => "– waived by a person, until it is mended".to_owned(),
        Status::Withdrawn => "– withdrawn: the spec no longer says so".to_owned(),
        Status::Void => "– void: what it was about was erased".to_owned(),
        Status::NotOwed
        | Status::NotAsked
        | Status::Queued
        | Status::Lapsed
        | Status::Compensated => "– over".to_owned(),
    };
    below.push(Branch::new(format!("status: {status}")));
    let whose =
        breach.violation.instance.as_ref().map(|_| format!(" ({})", breach.violation.whose()));
    let head = format!("{} {}", strength(breach.strength), breach.violation.says);
    Branch::new(format!("{head}{}", whose.unwrap_or_default())).with(below)
}

fn branch(consequence: &Consequence) -> Branch {
    match consequence {
        Consequence::Breach(breach) => breach_branch(breach),
        Consequence::Duty(duty) => duty_branch(duty),
        Consequence::Guard(guard) => guard_branch(guard),
        Consequence::Each(each) => {
            let round = |round: &Round| {
                Branch::new(round.instance.clone()).with(round.body.iter().map(branch))
            };
            let mut rounds: Vec<Branch> = each.rounds.iter().map(round).collect();
            if rounds.is_empty() {
                rounds.push(Branch::new("none of them ✓"));
            }
            let text = each.text.strip_prefix("for each").unwrap_or(&each.text);
            Branch::new(format!("FOR EACH{text}")).with(rounds)
        }
    }
}

fn duty_branch(duty: &Duty) -> Branch {
    let tail = duty.within.as_ref().map(|within| format!("within: {within}"));
    let text = format!("{} {}", strength(duty.strength), duty.call);
    let mut below = vec![Branch::new(format!("status: {}", status(duty)))];
    if let Some(asking) = duty.retroactive {
        let since = duty.activated.filter(|_| duty.status != Status::Queued);
        let since = since.map(|it| format!(", owed since {it}")).unwrap_or_default();
        let text = format!("asked of the past by the version of e{}{since}", asking.adopted);
        below.push(Branch::new(text));
    }
    for miss in &duty.near_misses {
        let at = miss.position;
        below.push(Branch::new(format!("near miss: event e{at} {}: {}", miss.event, miss.why)));
    }
    if let Some(fallback) = &duty.fallback
        && !matches!(fallback.status, Status::NotOwed | Status::NotAsked)
    {
        below.push(Branch::new("FALLBACK").with([duty_branch(fallback)]));
    }
    Branch::new(text).tail(tail).with(below)
}

fn status(duty: &Duty) -> String {
    match &duty.status {
        Status::NotOwed => "not owed".to_owned(),
        Status::NotAsked => "– not asked for: it came before the version that would".to_owned(),
        Status::Queued => match duty.retroactive.map(|it| it.standing) {
            Some(Standing::Held) => "… waits for a person's word".to_owned(),
            _ => "… waits for its turn".to_owned(),
        },
        Status::Waiting => match duty.due {
            Some(due) => format!("… not yet due (until {due})"),
            None => "… open".to_owned(),
        },
        Status::Gap { overdue, .. } => {
            let found = if duty.satisfied_by.is_empty() {
                "nothing satisfies this but an event that names it".to_owned()
            } else {
                format!("no {} event found", duty.satisfied_by.join(" or "))
            };
            let mut text = format!("✗ GAP — {found}");
            if let (true, Some(due)) = (overdue, duty.due) {
                text.push_str(&format!(", due {due} has passed"));
            }
            if !duty.waiting_for.is_empty() {
                text.push_str(&format!(", waiting for {}", duty.waiting_for.join(", ")));
            }
            text
        }
        Status::Fulfilled { by, outcome } => match outcome {
            Fulfilment::InTime => format!("✓ (event e{by} satisfies this)"),
            Fulfilment::SeenLate => format!("✓ in time, seen late (event e{by} satisfies this)"),
            Fulfilment::Late => format!("✓ late (event e{by} satisfies this)"),
        },
        Status::Lapsed => "✗ lapsed: its fallback is owed instead".to_owned(),
        Status::Withdrawn => "– withdrawn: what it stands for happened".to_owned(),
        Status::Compensated => "✓ compensated: its fallback happened".to_owned(),
        Status::Waived => "– waived by a person".to_owned(),
        Status::Void => "– void: what it was about was erased".to_owned(),
    }
}

fn guard_branch(guard: &Guard) -> Branch {
    let head = Branch::new(format!("CONDITIONAL: {}", guard.condition));
    let Some(truth) = guard.decided else {
        let reason = if guard.awaits.is_empty() {
            "not reached".to_owned()
        } else {
            format!("not decided yet: waits for {}", guard.awaits.join(", "))
        };
        return head.with([Branch::new(reason)]);
    };
    let mut lines: Vec<Branch> =
        guard.tested.iter().map(|tested| Branch::new(line(tested))).collect();
    let inside = match truth {
        Truth::True => guard.body.iter().map(branch).collect(),
        Truth::False => vec![Branch::new("no consequences required ✓")],
        Truth::Unknown => vec![Branch::new("unknown, so not entered")],
    };
    let last = lines.pop().unwrap_or_default().with(inside);
    head.with(lines).with([last])
}

pub(crate) fn line(tested: &Tested) -> String {
    match tested {
        Tested::Crosses { value, before, after, level, threshold, truth, .. } => {
            let was =
                if before.is_null() { String::new() } else { format!(" (was {})", plain(before)) };
            let named = threshold.as_deref().unwrap_or("level");
            match truth {
                Truth::True => {
                    format!("{value} = {}{was} → crosses {named}({level})", plain(after))
                }
                Truth::False => {
                    format!("{value} = {}{was}, {named} = {level} → not crossed", plain(after))
                }
                Truth::Unknown => format!("{value} is undefined → unknown"),
            }
        }
        Tested::Compare { text, left, right, truth } => {
            let (left, right) = (plain(left), plain(right));
            format!("{text}: {left} against {right} → {}", word(*truth))
        }
        Tested::Holds { text, value, truth } | Tested::Exists { text, value, truth } => {
            format!("{text} = {} → {}", plain(value), word(*truth))
        }
    }
}

fn word(truth: Truth) -> &'static str {
    match truth {
        Truth::True => "holds",
        Truth::False => "does not hold",
        Truth::Unknown => "unknown",
    }
}

pub(crate) fn strength(strength: Strength) -> &'static str {
    match strength {
        Strength::Invariant => "ALWAYS",
        Strength::Must => "MUST",
        Strength::Should => "SHOULD",
        Strength::Could => "COULD",
    }
}

/// A value without quotes, as a reader would say it. Control characters are spelled out: what a
/// producer sent must not move the cursor of whoever reads it.
pub(crate) fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "undefined".to_owned(),
        serde_json::Value::String(text) if text.contains(char::is_control) => {
            text.escape_debug().to_string()
        }
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `5s`, `1mo 2d`.
pub(crate) fn length(length: Length) -> String {
    length.to_string()
}
