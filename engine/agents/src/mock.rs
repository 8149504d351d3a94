//! Agents that act out a script: for demos, for tests, for every simulated world.
//!
//! In: a brief, a script, chance. Out: what the agent would print, and how long it takes. Never: needs a host; the
//! only door is the clock. A `late` one breaks the runner's promise, since some program will. Promise: the same brief, script and seed give the same performance, whatever else runs.
//! Start reading at [`rehearse`].

use std::future::{Future, pending};
use std::sync::Arc;

use homeostat_log::Confidence;
use homeostat_log::link::Place;
use homeostat_world::{Chance, Clock, Duration, Position};
use rand_core::Rng;
use serde_json::{Map, Value as Json, json};

use crate::brief::Brief;
use crate::claim::{Claim, ClaimedEvent};
use crate::file::{AgentsFile, Deed, Kind, Plan, Script, Template};
use crate::judge::plain;
use crate::runner::{Finish, First, Outcome, Runner, first};

/// What a mock will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Performance {
    /// After how long it ends. None: never by itself.
    pub takes: Option<Duration>,
    /// Whether it waits for its end, is deaf to it, and takes its time only then.
    pub is_late: bool,
    /// What it prints and how it stops.
    pub outcome: Outcome,
}

/// Runs the mocks of an agents file.
#[derive(Clone, Debug)]
pub struct MockRunner<C> {
    file: Arc<AgentsFile>,
    clock: C,
    chance: Chance,
}

impl<C: Clock> MockRunner<C> {
    /// The mocks of `file`, timed by `clock`, drawing from `chance`.
    #[must_use]
    pub const fn new(file: Arc<AgentsFile>, clock: C, chance: Chance) -> Self {
        Self { file, clock, chance }
    }

    /// What the agent of `brief` will do; or why there is none.
    fn cast(&self, brief: &Brief) -> Result<Performance, String> {
        match self.file.member(&brief.member).map(|member| &member.kind) {
            Some(Kind::Mock(script)) => Ok(rehearse(brief, script, &self.chance)),
            _ => Err(no_mock(&brief.member)),
        }
    }

    async fn pass(&self, takes: Option<Duration>) {
        match takes {
            Some(takes) => self.clock.sleep_until(self.clock.now() + takes).await,
            None => pending().await,
        }
    }
}

impl<C: Clock> Runner for MockRunner<C> {
    async fn run<S>(&self, brief: Brief, stop: S) -> Outcome
    where
        S: Future<Output = ()> + Send + 'static,
    {
        let performance = match self.cast(&brief) {
            Ok(performance) => performance,
            Err(why) => return Outcome::silent(Finish::NotStarted(why)),
        };
        let Performance { takes, is_late, outcome } = performance;
        let end = first(stop, self.clock.sleep_until(brief.budget.deadline));
        if is_late {
            // What no runner should do, so that somebody sees what becomes of it.
            end.await;
            self.pass(takes).await;
            return outcome;
        }
        match first(end, self.pass(takes)).await {
            First::This(First::This(())) => Outcome::silent(Finish::Stopped),
            First::This(First::That(())) => Outcome::silent(Finish::TimedOut),
            First::That(()) => outcome,
        }
    }
}

fn no_mock(member: &str) -> String {
    format!("agent `{member}` is no mock of the agents file")
}

/// What a mock with that script does about that brief.
#[must_use]
pub fn rehearse(brief: &Brief, script: &Script, chance: &Chance) -> Performance {
    // A stream for each agent, so that one more draw for one of them moves none of the others.
    let mut chance = chance.stream(&format!("agents/{}", brief.agent));
    let deed = deed(brief, &script.plan, &mut chance);
    let (least, most) = (script.takes.0.as_micros(), script.takes.1.as_micros());
    let takes = Duration::from_micros(between(least, most, &mut chance));
    let finish = match deed {
        Deed::Crash => Finish::Failed("crashed, as its script has it".to_owned()),
        _ => Finish::Done,
    };
    let mut lines = match deed {
        Deed::Crash | Deed::Stall | Deed::Silent => Vec::new(),
        Deed::Garbage => vec!["Sure! Here is the event you asked for:".to_owned()],
        Deed::Forge => vec![forged(brief)],
        _ => claims(deed, brief, script, &mut chance).iter().map(Claim::write).collect(),
    };
    if deed == Deed::Echo {
        lines.extend(lines.clone());
    }
    let takes = (deed != Deed::Stall).then_some(takes);
    Performance { takes, is_late: deed == Deed::Late, outcome: Outcome { lines, finish } }
}

/// A claim that says more than an agent may.
fn forged(brief: &Brief) -> String {
    let r#type = brief.constraints.may_append.first();
    json!({ "append": {
        "type": r#type, "data": keys(brief), "actor": "world", "cause": brief.gap, "position": 1,
    } })
    .to_string()
}

fn deed(brief: &Brief, plan: &Plan, chance: &mut impl Rng) -> Deed {
    match plan {
        Plan::Cycle(deeds) => {
            let nth = brief.attempt.saturating_sub(1) as usize;
            nth.checked_rem(deeds.len()).and_then(|nth| deeds.get(nth)).copied()
        }
        Plan::Weighted(weights) => {
            let sum: u64 = weights.values().map(|weight| u64::from(*weight)).sum();
            let mut drawn = chance.next_u64().checked_rem(sum).unwrap_or(0);
            let lands = |weight: u32| {
                let here = drawn < u64::from(weight);
                drawn = drawn.saturating_sub(u64::from(weight));
                here
            };
            let mut lands = lands;
            weights.iter().find(|(_, weight)| lands(**weight)).map(|(deed, _)| *deed)
        }
    }
    .unwrap_or(Deed::Resolve)
}

fn claims(deed: Deed, brief: &Brief, script: &Script, chance: &mut impl Rng) -> Vec<Claim> {
    match deed {
        Deed::Fail => vec![Claim::Failed("gave up, as its script has it".to_owned())],
        Deed::NeedsHuman => {
            vec![Claim::NeedsHuman(format!("cannot decide about `{}` alone", brief.goal))]
        }
        Deed::Lie => vec![Claim::Note(format!("`{}` is done", brief.goal))],
        Deed::ForbiddenType => vec![forbidden(brief)],
        Deed::Smuggle => {
            let mut claims = appends(brief, script, &mut Dice::fair(chance));
            claims.push(forbidden(brief));
            claims
        }
        Deed::Overspend | Deed::Hoard => {
            let cost_max = brief.budget.cost_max_micro_dollars;
            let over = cost_max.saturating_add(1_000_000);
            let cost = if deed == Deed::Hoard { cost_max - cost_max / 10 } else { over };
            let mut claims = appends(brief, script, &mut Dice::fair(chance));
            claims.push(Claim::CostUsd(dollars(cost)));
            claims
        }
        Deed::Leak => {
            let mut claims = appends(brief, script, &mut Dice::fair(chance));
            claims.iter_mut().for_each(|claim| leak(brief, claim));
            claims
        }
        Deed::Contradict => {
            let most = chance.next_u64() & 1 == 1;
            appends(brief, script, &mut Dice { chance, loaded: Some(most) })
        }
        Deed::Presume => {
            let mut claims = appends(brief, script, &mut Dice::fair(chance));
            claims.iter_mut().for_each(presume);
            claims
        }
        Deed::WrongKey => {
            let mut claims = appends(brief, script, &mut Dice::fair(chance));
            claims.iter_mut().for_each(|claim| mistake(brief, claim));
            claims
        }
        _ => appends(brief, script, &mut Dice::fair(chance)),
    }
}

fn forbidden(brief: &Brief) -> Claim {
    let (r#type, data) = ("forbidden.by_its_brief".to_owned(), Json::Object(keys(brief)));
    Claim::Append(ClaimedEvent { r#type, data, ..ClaimedEvent::default() })
}

/// Speaks about an event that no brief shows.
fn presume(claim: &mut Claim) {
    if let Claim::Append(claimed) = claim {
        claimed.enriches = Some(Place(Position::new(u64::MAX)));
        claimed.confidence = Confidence::new(1.0);
    }
}

/// Adds all that the agent was told.
fn leak(brief: &Brief, claim: &mut Claim) {
    if let Claim::Append(ClaimedEvent { data: Json::Object(data), .. }) = claim {
        data.insert("told".to_owned(), Json::Array(brief.context.to_vec()));
    }
}

/// Draws numbers from ranges.
struct Dice<'c, R> {
    chance: &'c mut R,
    /// The end on which they always fall: whether it is the upper one.
    loaded: Option<bool>,
}

impl<'c, R: Rng> Dice<'c, R> {
    const fn fair(chance: &'c mut R) -> Self {
        Self { chance, loaded: None }
    }

    /// A number between two others, both inclusive: whole if both are.
    fn drawn(&mut self, from: &Json, to: &Json) -> Json {
        match self.loaded {
            Some(true) => to.clone(),
            Some(false) => from.clone(),
            None => drawn(from, to, self.chance),
        }
    }
}

fn appends(brief: &Brief, script: &Script, dice: &mut Dice<'_, impl Rng>) -> Vec<Claim> {
    let plain_one = [Template::default()];
    let templates = if script.append.is_empty() { &plain_one[..] } else { &script.append };
    let filled: Result<Vec<Claim>, String> =
        templates.iter().map(|template| fill(template, brief, dice)).collect();
    filled.unwrap_or_else(|why| vec![Claim::Failed(why)])
}

/// The event that a template gives: the keys of the gap, and on top what the template says.
fn fill(
    template: &Template,
    brief: &Brief,
    dice: &mut Dice<'_, impl Rng>,
) -> Result<Claim, String> {
    let first = brief.constraints.may_append.first();
    let Some(r#type) = template.r#type.as_ref().or(first).cloned() else {
        return Err(format!("no event closes `{}`", brief.goal));
    };
    let mut data = keys(brief);
    for (field, value) in &template.data {
        data.insert(field.clone(), fill_value(value, brief, dice)?);
    }
    let enriches = template.inferred.and(brief.context.first()).and_then(|trigger| {
        let position = trigger.get("position")?;
        serde_json::from_value(position.clone()).ok()
    });
    let confidence = template.inferred.filter(|_| enriches.is_some());
    let data = Json::Object(data);
    Ok(Claim::Append(ClaimedEvent { r#type, data, time: None, enriches, confidence }))
}

fn fill_value(value: &Json, brief: &Brief, dice: &mut Dice<'_, impl Rng>) -> Result<Json, String> {
    match value {
        Json::String(text) => fill_text(text, brief),
        Json::Array(list) => list.iter().map(|value| fill_value(value, brief, dice)).collect(),
        Json::Object(fields) => match (fields.get("from"), fields.get("to")) {
            (Some(from), Some(to)) => Ok(dice.drawn(from, to)),
            _ => {
                let fields = fields
                    .iter()
                    .map(|(name, value)| Ok((name.clone(), fill_value(value, brief, dice)?)));
                fields.collect::<Result<Map<_, _>, String>>().map(Json::Object)
            }
        },
        other => Ok(other.clone()),
    }
}

/// A text with the names in it replaced; a text that is one name keeps the sort of its value.
fn fill_text(text: &str, brief: &Brief) -> Result<Json, String> {
    let value = |name: &str| {
        brief
            .lookup(name)
            .ok_or_else(|| format!("its script names `{{{name}}}`, which the brief does not have"))
    };
    let whole = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    if let Some(name) = whole.filter(|name| !name.contains(['{', '}'])) {
        return value(name);
    }
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        filled.push_str(before);
        filled.push_str(&plain(&value(name)?));
        rest = after;
    }
    filled.push_str(rest);
    Ok(Json::String(filled))
}

fn drawn(from: &Json, to: &Json, chance: &mut impl Rng) -> Json {
    if let (Some(from), Some(to)) = (from.as_i64(), to.as_i64()) {
        return between(from, to, chance).into();
    }
    let (from, to) = (from.as_f64().unwrap_or(0.0), to.as_f64().unwrap_or(0.0));
    let thousandth = u32::try_from(between(0, 1_000, chance)).unwrap_or(0);
    Json::from(from + (to - from) * f64::from(thousandth) / 1_000.0)
}

fn between(least: i64, most: i64, chance: &mut impl Rng) -> i64 {
    let span = most.abs_diff(least).saturating_add(1);
    // The draw is smaller than the distance between two i64, so the sum wraps at most back.
    least.wrapping_add_unsigned(chance.next_u64() % span)
}

/// The key fields of the gap, each under its first name.
fn keys(brief: &Brief) -> Map<String, Json> {
    let keys = &brief.constraints.keys;
    keys.iter().filter_map(|key| Some((key.fields.first()?.clone(), key.value.clone()))).collect()
}

/// Makes an event be about somebody else, or, where a gap is about nobody, about nothing at all.
fn mistake(brief: &Brief, claim: &mut Claim) {
    let Claim::Append(ClaimedEvent { data: Json::Object(data), r#type, .. }) = claim else {
        return;
    };
    match brief.constraints.keys.first().and_then(|key| key.fields.first()) {
        Some(field) => {
            data.insert(field.clone(), Json::from("somebody-else"));
        }
        None => r#type.insert_str(0, "mistaken."),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a mock overspends; by how much to the cent is no matter"
)]
fn dollars(micro: u64) -> f64 {
    micro as f64 / 1_000_000.0
}
