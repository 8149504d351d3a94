//! The cast: mock agents for any spec's actions, well and badly behaved.
//!
//! In: a spec, chance. Out: the text of an agents file (`engine/agents/agents-file.md`).
//! Never: an agent for what only people do. Promise: the text is accepted by the agents' own reader;
//! without mischief every agent resolves, and nobody looks after what must always hold. Start reading at [`agents_file`].

use std::collections::BTreeMap;
use std::fmt::Write as _;

use homeostat_intent::Spec;
use homeostat_intent::lowered::{Duty, Performer};
use homeostat_world::Chance;

use super::draw::Draw;
use super::shape::{Shapes, number};

/// Deeds that are no resolution.
const MISCHIEF: [&str; 17] = [
    "fail",
    "stall",
    "silent",
    "crash",
    "garbage",
    "wrong_key",
    "forbidden_type",
    "overspend",
    "needs_human",
    "lie",
    "forge",
    "smuggle",
    "echo",
    "hoard",
    "contradict",
    "leak",
    "late",
];

/// What an agent whose events ask for more does, attempt by attempt.
///
/// There is at most one of them in a cast, and it does so once for each gap. Each such event opens gaps a
/// level deeper, also where its own gap stays open because what it requires was never granted: were
/// every attempt one more, or every second agent, a few triggers would become tens of thousands of gaps
/// on the way to the limits of attempts and of depth, which promise no less.
const ONCE: &str = "plan = [\"resolve\", \"fail\", \"fail\", \"fail\", \"fail\", \"fail\"]\n";

/// Writes an agents file for the actions of `spec`.
#[must_use]
pub fn agents_file(spec: &Spec, chance: &Chance, mischief: bool) -> String {
    let mut draw = Draw::new(chance, "cast");
    let shapes = Shapes::of(spec, &[]);
    let mut duties: BTreeMap<&str, &Duty> = BTreeMap::new();
    for duty in spec.duties().filter(|duty| duty.by != Performer::Human) {
        duties.entry(&duty.action).or_insert(duty);
    }
    let mut out =
        String::from("[defaults]\ntime = \"8s\"\ncost_max = 0.05\ncost_per_run = 0.001\n");
    // Its own event opens what it has just closed, and so on down to the depth limit.
    let looper = if mischief { draw.below(12) } else { u64::MAX };
    // What one agent does is the next one's trigger.
    let cascades = mischief && draw.percent(20);
    let mut asks_for_more = false;
    let actions: Vec<&str> = duties.keys().copied().collect();
    for (nth, (action, duty)) in (0_u64..).zip(duties) {
        if mischief && draw.percent(6) {
            // Nobody does it: it goes to people.
            continue;
        }
        let next = actions.iter().cycle().skip_while(|it| **it != action).nth(1);
        let asked_for = match next {
            _ if nth == looper => Some(action),
            Some(next) if cascades && draw.percent(70) => Some(*next),
            _ => None,
        };
        let trigger =
            asked_for.and_then(|action| trigger_of(spec, action)).filter(|_| !asks_for_more);
        asks_for_more |= trigger.is_some();
        member(&mut out, spec, action, mischief, trigger, &mut draw);
        appended(&mut out, spec, &shapes, duty, trigger);
    }
    if mischief {
        menders(&mut out, spec, &actions, &mut Draw::new(chance, "menders"));
    }
    out
}

/// Agents for some of what must always hold; the rest of it goes to people at once. No event of theirs
/// closes such a gap, so they try in vain, before everybody who has a duty.
fn menders(out: &mut String, spec: &Spec, taken: &[&str], draw: &mut Draw) {
    for assertion in &spec.assertions {
        let slug = assertion.slug.as_str();
        if draw.percent(30) && !taken.contains(&slug) {
            member(out, spec, slug, false, None, draw);
        }
    }
}

fn member(
    out: &mut String,
    spec: &Spec,
    action: &str,
    mischief: bool,
    loops: Option<&str>,
    draw: &mut Draw,
) {
    let least = draw.between(1, 1_500);
    let most = least + draw.between(0, if mischief { 9_000 } else { 1_500 });
    let mut text = format!(
        "\n[[agent]]\nname = {}\nfor = {}\nkind = \"mock\"\ntakes = [\"{least}ms\", \"{most}ms\"]\n",
        quoted(&format!("does-{action}")),
        quoted(action),
    );
    let deeds = if mischief && draw.percent(75) { deeds(draw) } else { String::new() };
    // Once, whatever was drawn: see [`ONCE`].
    text += if loops.is_some() { ONCE } else { &deeds };
    if text.contains("hoard") {
        // A few of them use up all that an hour may cost.
        let budget = spec.limits.total_compute_budget.map_or(1_000_000, |it| it.micro_dollars);
        let micro = (budget / 3).max(50_000);
        text += &format!("cost_max = {}.{:06}\n", micro / 1_000_000, micro % 1_000_000);
    }
    if let Some(trigger) = loops {
        text += &format!("may_append = [{}]\n", quoted(trigger));
    }
    out.push_str(&text);
}

/// What it does instead of what it should, now and then or attempt by attempt.
fn deeds(draw: &mut Draw) -> String {
    let odd = |draw: &mut Draw| draw.one_of(&MISCHIEF).copied().unwrap_or("fail");
    if draw.percent(50) {
        let mut weights = BTreeMap::from([("resolve", draw.count(1, 10))]);
        for _ in 0..draw.count(1, 3) {
            weights.insert(odd(draw), draw.count(1, 4));
        }
        let list: Vec<String> =
            weights.iter().map(|(deed, weight)| format!("{deed} = {weight}")).collect();
        return format!("chance = {{ {} }}\n", list.join(", "));
    }
    let mut deeds: Vec<&str> = (0..draw.count(1, 3)).map(|_| odd(draw)).collect();
    if draw.percent(70) {
        deeds.push("resolve");
    }
    format!("plan = [\"{}\"]\n", deeds.join("\", \""))
}

/// What it appends: the measure, where what closes its gap carries one; and the trigger again, if
/// it is a looper, or another's, if it is a link of a cascade.
fn appended(out: &mut String, spec: &Spec, shapes: &Shapes, duty: &Duty, loops: Option<&str>) {
    let measured = duty.satisfied_by.first().map(|event| shapes.measured(spec, event));
    let measured = measured.unwrap_or_default();
    if measured.is_empty() && loops.is_none() {
        return;
    }
    let ranges: Vec<String> = measured
        .iter()
        .map(|(name, (least, most))| {
            let (least, most) = (number(*least), number(*most));
            format!("{} = {{ from = {least}, to = {most} }}", quoted(name))
        })
        .collect();
    // Writing to a String cannot fail.
    writeln!(out, "\n[[agent.append]]\ndata = {{ {} }}", ranges.join(", ")).unwrap_or_default();
    if let Some(trigger) = loops {
        writeln!(out, "\n[[agent.append]]\ntype = {}", quoted(trigger)).unwrap_or_default();
    }
}

/// An event that asks for `action`.
fn trigger_of<'a>(spec: &'a Spec, action: &str) -> Option<&'a str> {
    use homeostat_intent::lowered::Item;
    let direct = |item: &Item| matches!(item, Item::Duty(duty) if duty.action == action);
    let block = spec.blocks.iter().find(|block| block.body.iter().any(direct))?;
    block.trigger.events().first().map(String::as_str)
}

/// A name as TOML text.
fn quoted(name: &str) -> String {
    toml::Value::from(name).to_string()
}
