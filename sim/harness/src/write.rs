//! Writes Plans: a seed and a scenario in, explicit steps and faults at explicit times out.
//!
//! In: a [`Scenario`] and a seed. Out: a [`Plan`]. Never: leaves a rate in it; chance is used up here.
//! Promise: the same scenario and seed give the same bytes, every Plan passes
//! [`Plan::prepare`](crate::Plan::prepare), and every fault is over before `active` is.
//! Start reading at [`write`].

mod faults;
mod scenario;
mod sorts;
mod suites;

use homeostat_intent::lowered::{Invariant, Proposition};
use homeostat_intent::{Source, Spec};
use homeostat_log::control::Decision;
use homeostat_world::{Chance, Duration, Timestamp};

pub use scenario::{Cast, Family, Scenario};
pub use suites::{Run as SuiteRun, Suite, Suites, What, parse_seeds};

use crate::plan::{Action, FaultKind, Plan, Rotten, Step, Text, VERSION};
use crate::workload::{self, Draw, Load, Wants};

/// Days on which clocks and calendars are at their oddest, and one on which they are not.
const STARTS: [i64; 5] = [
    // 2026-03-02T09:00:00Z, a Monday.
    1_772_442_000_000_000,
    // 2026-03-29T00:59:30Z: half a minute before the clocks of Europe go forward.
    1_774_745_970_000_000,
    // 2026-10-25T00:59:30Z: half a minute before they go back.
    1_792_889_970_000_000,
    // 2028-02-28T23:59:30Z: before a leap day.
    1_835_395_170_000_000,
    // 2026-12-31T23:59:30Z: the end of a year.
    1_798_761_570_000_000,
];

/// What one seed has drawn: which families of trouble are on at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Swarm {
    families: Vec<Family>,
}

impl Swarm {
    /// Draws each family that may be on. Some runs have none at all: what fails there needs no
    /// fault, and is the easiest to understand.
    fn draw(scenario: &Scenario, draw: &mut Draw) -> Self {
        let quiet = draw.percent(10);
        let mut families = Vec::new();
        for family in &scenario.families {
            // Drawn even when quiet, so that this one draw moves none of the others.
            if draw.percent(50) && !quiet {
                families.push(*family);
            }
        }
        Self { families }
    }

    pub(crate) fn has(&self, family: Family) -> bool {
        self.families.contains(&family)
    }
}

/// Writes the Plan of a seed.
#[must_use]
pub fn write(seed: u64, scenario: &Scenario) -> Plan {
    // A Plan's numbers are those of TOML, which have a sign.
    let seed = seed & (u64::MAX >> 1);
    let chance = Chance::from_u64(seed);
    let swarm = Swarm::draw(scenario, &mut Draw::new(&chance, "swarm"));
    let mut draw = Draw::new(&chance, "plan");
    let start = scenario.start.unwrap_or_else(|| {
        let quiet = STARTS.first().copied().unwrap_or_default();
        let odd = draw.percent(30) && swarm.has(Family::Clock);
        let micros = if odd { draw.one_of(&STARTS).copied() } else { None };
        Timestamp::from_micros(micros.unwrap_or(quiet))
    });
    let clients = draw.count(1, scenario.clients.max(1));
    let checkpoint_every = u64::from(draw.count(5, 60));
    let wants = Wants {
        start,
        active: scenario.active,
        clients,
        events: draw.count((scenario.events / 3).max(1), scenario.events.max(1)),
        load: load(&swarm, &mut draw),
        people: swarm.has(Family::Human),
    };
    let steps = workload::steps(&scenario.spec, &wants, &chance);
    let mut versions = Draw::new(&chance, "versions");
    // It takes a person.
    let changes = swarm.has(Family::Intent) && swarm.has(Family::Human);
    let later = (versions.percent(90) && changes)
        .then(|| workload::later(&scenario.sources, &scenario.spec, &mut versions))
        .flatten();
    // Of a later version, since it asks for all that the first does, and for more.
    let asks = later.as_ref().map_or(&scenario.spec, |(_, spec)| spec);
    let agents = agents(scenario, asks, &chance, &swarm);
    let mut plan = Plan {
        version: VERSION,
        seed,
        start,
        active: scenario.active,
        settle: scenario.settle,
        checkpoint_every: scenario.checkpoint_every.unwrap_or(checkpoint_every),
        spec: files(&scenario.sources),
        later: files(later.as_ref().map_or(&[], |(sources, _)| sources)),
        agents,
        clients,
        steps,
        faults: Vec::new(),
        expect: scenario.expect.clone(),
        story: None,
    };
    if !plan.later.is_empty() {
        adoptions(&mut plan, &mut versions);
    }
    plan.faults = faults::faults(&plan, &swarm, &mut Draw::new(&chance, "faults"));
    if swarm.has(Family::Disk) {
        checks(&mut plan, &mut Draw::new(&chance, "checks"));
    }
    if swarm.has(Family::Human) {
        reports(&mut plan, &scenario.spec, &mut Draw::new(&chance, "reports"));
    }
    plan.sort();
    plan
}

/// People adopt the later version, some of them twice, and say what is to become of the past; unless
/// nobody but whoever starts the engine knows of it.
fn adoptions(plan: &mut Plan, draw: &mut Draw) {
    let active = plan.active;
    let part = |nth: i64| Duration::from_micros(active.as_micros() / 8 * nth);
    let at = draw.length(part(1), part(6));
    let mut steps = Vec::new();
    for _ in 0..draw.weighted(&[(1, 6), (0, 2), (2, 2)]).unwrap_or(1) {
        let at = draw.length(at, part(6));
        steps.push((at, Action::Adopt));
    }
    for _ in 0..draw.count(0, 3) {
        let decision = if draw.percent(65) { Decision::Backfill } else { Decision::Waive };
        steps.push((draw.length(at, active), Action::Answer { decision }));
    }
    for (at, action) in steps {
        plan.steps.push(Step { at, client: draw.count(1, plan.clients), action });
    }
}

/// Somebody has the engine check itself now and then, and while an event is rotten and after.
fn checks(plan: &mut Plan, draw: &mut Draw) {
    let mut times = Vec::new();
    for _ in 0..draw.count(0, 2) {
        times.push(draw.length(Duration::ZERO, plan.active));
    }
    for fault in &plan.faults {
        if matches!(fault.kind, FaultKind::BitRot { of: Rotten::Event, .. }) && draw.percent(70) {
            times.push(draw.length(fault.at, fault.ends()));
            times.push(draw.length(fault.ends(), plan.active));
        }
    }
    for at in times {
        plan.steps.push(Step { at, client: draw.count(1, plan.clients), action: Action::Check });
    }
}

/// People say now and then of what the spec leaves to them whether it holds, and some cannot tell.
fn reports(plan: &mut Plan, spec: &Spec, draw: &mut Draw) {
    let asked = |it: &&Invariant| matches!(&it.says, Proposition::Named(by) if by.is_asked());
    let checks: Vec<&String> = spec.invariants.iter().filter(asked).map(|it| &it.slug).collect();
    for _ in 0..draw.count(0, 4) {
        let Some(check) = draw.one_of(&checks).copied().cloned() else { return };
        let holds = draw.one_of(&[None, Some(false), Some(true)]).copied().flatten();
        let at = draw.length(Duration::ZERO, plan.active);
        let client = draw.count(1, plan.clients);
        plan.steps.push(Step { at, client, action: Action::Report { check, holds } });
    }
}

/// Which troubles the traffic itself makes.
fn load(swarm: &Swarm, draw: &mut Draw) -> Load {
    let on = swarm.has(Family::Load);
    let mut drawn = |percent| draw.percent(percent) && on;
    Load {
        duplicates: drawn(60),
        shuffled: drawn(50),
        late: drawn(50),
        bursts: drawn(40),
        hot_key: drawn(30),
        huge: drawn(10),
    }
}

fn agents(scenario: &Scenario, spec: &Spec, chance: &Chance, swarm: &Swarm) -> Text {
    match &scenario.cast {
        Cast::Given(file) => text(&file.name, &file.text),
        Cast::Generated => {
            let mischief = swarm.has(Family::Agents);
            text("generated", &workload::agents_file(spec, chance, mischief))
        }
    }
}

fn files(sources: &[Source]) -> Vec<Text> {
    sources.iter().map(|it| text(&it.name, &it.text)).collect()
}

/// A Plan carries the texts themselves: it means the same when the files have changed.
fn text(name: &str, text: &str) -> Text {
    Text { name: name.to_owned(), text: Some(text.to_owned()) }
}

/// The longest a run may take to converge where a scenario says nothing: see [`scenario`].
pub(crate) const SETTLE_MAX: Duration = Duration::from_secs(2 * 3_600);

#[cfg(test)]
mod tests;
