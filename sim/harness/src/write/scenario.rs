//! A scenario: the file that a user writes, from which seeds write Plans.
//!
//! In: TOML, and a reader of the files that it names. Out: a [`Scenario`] with its spec loaded, or
//! every mistake. Never: a fault; those are drawn. Promise: a scenario that loads gives a Plan that
//! can be run for every seed. The format is described in `sim/README.md`.
//! Start reading at [`Scenario::from_toml`].

use homeostat_intent::{Source, Spec};
use homeostat_world::{Duration, Timestamp};
use serde::{Deserialize, Serialize};

use super::SETTLE_MAX;
use crate::plan::{Expect, PlanError, PlanErrors, VERSION, load_agents, load_spec};
use crate::workload::micros;

/// A scenario, read and loaded.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What reports call it.
    pub name: String,
    /// The spec's files.
    pub sources: Vec<Source>,
    /// What they mean together.
    pub spec: Spec,
    /// Who does the work.
    pub cast: Cast,
    /// When runs begin; none: drawn.
    pub start: Option<Timestamp>,
    /// How long workload and faults happen.
    pub active: Duration,
    /// How long everything then has to converge.
    pub settle: Duration,
    /// How many clients there are at most.
    pub clients: u32,
    /// How many events they send at most, repeats not counted.
    pub events: u32,
    /// A checkpoint after this many events; none: drawn.
    pub checkpoint_every: Option<u64>,
    /// What may go wrong.
    pub families: Vec<Family>,
    /// What spec and agents are to bring about.
    pub expect: Expect,
}

/// Who does the work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cast {
    /// An agents file, the same in every run.
    Given(Source),
    /// Written by the seed for the spec's actions.
    Generated,
}

/// Families of trouble, each on or off in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// The engine stops: killed, at a step, without power, or as asked.
    Crash,
    /// Links are cut, slow, refused, reset; connections vanish; answers get lost, requests double.
    Net,
    /// The disk is full, fails, is slow, rots, falls back.
    Disk,
    /// Clocks jump, drift, are wrong from the start; nodes pause; days on which clocks are odd.
    Clock,
    /// Duplicates, shuffles, late events, bursts, hot keys, huge payloads.
    Load,
    /// Agents misbehave, where they are generated.
    Agents,
    /// People decide, also twice, or too late.
    Human,
    /// The engine is started under the same spec again, under another one, under a text that is none.
    Intent,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Crash,
        Self::Net,
        Self::Disk,
        Self::Clock,
        Self::Load,
        Self::Agents,
        Self::Human,
        Self::Intent,
    ];
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    version: u32,
    name: String,
    spec: Vec<String>,
    #[serde(default = "generated")]
    agents: String,
    start: Option<Timestamp>,
    #[serde(default = "a_minute")]
    active: Duration,
    settle: Option<Duration>,
    #[serde(default = "three")]
    clients: u32,
    #[serde(default = "forty")]
    events: u32,
    checkpoint_every: Option<u64>,
    faults: Option<Vec<Family>>,
    #[serde(default)]
    expect: Expect,
}

/// The word for agents that the seed writes.
const GENERATED: &str = "generated";
/// Steps of one Plan must stay readable, and a run short.
const EVENTS_MAX: u32 = 100_000;
const CLIENTS_MAX: u32 = 64;

fn generated() -> String {
    GENERATED.to_owned()
}

const fn a_minute() -> Duration {
    Duration::from_secs(60)
}

const fn three() -> u32 {
    3
}

const fn forty() -> u32 {
    40
}

impl Scenario {
    /// Reads a scenario. `read` gets names relative to the scenario's own file.
    ///
    /// # Errors
    /// Every mistake in it and in the files that it names.
    pub fn from_toml(
        text: &str,
        mut read: impl FnMut(&str) -> Result<String, String>,
    ) -> Result<Self, PlanErrors> {
        let raw: Raw = crate::plan::read(text)?;
        let mut errors = check(&raw);
        let mut source = |name: &str, errors: &mut Vec<PlanError>| match read(name) {
            Ok(text) => Some(Source { name: name.to_owned(), text }),
            Err(why) => {
                let error = PlanError::new(format!("file `{name}`"), why);
                errors.push(error.help("names are relative to the scenario's own file"));
                None
            }
        };
        let sources: Vec<Source> =
            raw.spec.iter().filter_map(|name| source(name, &mut errors)).collect();
        // What a part of the files would mean is of no use to anybody.
        let all = sources.len() == raw.spec.len();
        let spec = if all { load_spec(&sources, &mut errors) } else { None };
        if let Some(spec) = &spec {
            raw.expect.check(spec, &mut errors);
        }
        let cast = if raw.agents == GENERATED {
            Some(Cast::Generated)
        } else {
            source(&raw.agents, &mut errors)
                .filter(|file| load_agents(&file.name, &file.text, &mut errors).is_some())
                .map(Cast::Given)
        };
        let (Some(spec), Some(cast), true) = (spec, cast, errors.is_empty()) else {
            return Err(PlanErrors(errors));
        };
        let mut families = raw.faults.unwrap_or_else(|| Family::ALL.to_vec());
        families.sort_unstable();
        families.dedup();
        Ok(Self {
            name: raw.name,
            settle: raw.settle.unwrap_or_else(|| settle(&spec)),
            sources,
            spec,
            cast,
            start: raw.start,
            active: raw.active,
            clients: raw.clients,
            events: raw.events,
            checkpoint_every: raw.checkpoint_every,
            families,
            expect: raw.expect,
        })
    }
}

fn check(raw: &Raw) -> Vec<PlanError> {
    let mut errors = Vec::new();
    let mut fail = |place: &str, message: String| errors.push(PlanError::new(place, message));
    if raw.version != VERSION {
        fail("version", format!("unknown version `{}`, expected `{VERSION}`", raw.version));
    }
    let day = Duration::from_secs(86_400);
    let lengths = [("active", Some(raw.active), 100), ("settle", raw.settle, 1_000)];
    for (place, length, days) in lengths {
        let most = Duration::from_micros(day.as_micros() * days);
        if length.is_some_and(|it| it < Duration::from_secs(1) || it > most) {
            let found = length.unwrap_or_default();
            fail(place, format!("`{found}`, expected from `1s` to `{most}`"));
        }
    }
    if !(1..=CLIENTS_MAX).contains(&raw.clients) {
        fail("clients", format!("`{}`, expected 1 to {CLIENTS_MAX}", raw.clients));
    }
    if !(1..=EVENTS_MAX).contains(&raw.events) {
        fail("events", format!("`{}`, expected 1 to {EVENTS_MAX}", raw.events));
    }
    if raw.checkpoint_every == Some(0) {
        fail("checkpoint_every", "`0`, expected 1 or more".to_owned());
    }
    errors
}

/// How long agents need to try everything as often as they may, one gap after the other along a
/// chain of gaps; and an hour more where a budget can hold them back for one.
fn settle(spec: &Spec) -> Duration {
    const A_MINUTE: i64 = 60_000_000;
    let limits = &spec.limits;
    let attempt = micros(limits.cooldown_per_gap).saturating_add(A_MINUTE);
    let tries = attempt.saturating_mul(i64::from(limits.max_agents_per_gap).saturating_add(1));
    let chain = tries.saturating_mul(i64::from(limits.max_agent_depth).saturating_add(1));
    let hour = if limits.total_compute_budget.is_some() { 60 * A_MINUTE } else { 0 };
    let micros = chain.saturating_add(hour).clamp(5 * A_MINUTE, SETTLE_MAX.as_micros());
    Duration::from_micros(micros)
}
