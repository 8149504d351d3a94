//! Plans: what a seed writes, changed by hand in a few places.
//!
//! In: dice. Out: an [`AnyPlan`], most of which can be run.
//! Never: less time to settle than the scenario gives, and never a clock that jumps by more than a
//! day; then promises about what happens in the end would say nothing.
//! Promise: the same dice give the same Plan. Start reading at [`AnyPlan::draw`].

use std::sync::LazyLock;

use arbitrary::{Arbitrary, Unstructured};
use homeostat_log::control::Decision;
use homeostat_sim_harness::Plan;
use homeostat_sim_harness::plan::{Action, Fault, FaultKind, PlannedEvent, Step, Ways};
use homeostat_sim_harness::write::{Scenario, write};
use homeostat_world::Duration;
use serde_json::json;

use crate::Dice;
use crate::samples::{self, read};

/// A Plan, and how it reads.
#[derive(Clone, PartialEq)]
pub struct AnyPlan(pub Plan);

impl<'a> Arbitrary<'a> for AnyPlan {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let bytes = input.bytes(input.len())?;
        Ok(Self(Self::draw(&mut Dice::of_bytes(bytes))))
    }
}

impl std::fmt::Debug for AnyPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a Plan\n{}", self.0.to_toml())
    }
}

/// The scenarios of the house, made short.
static SCENARIOS: LazyLock<Vec<Scenario>> = LazyLock::new(|| {
    samples::SCENARIOS
        .iter()
        .filter_map(|text| Scenario::from_toml(text, read).ok())
        .map(|scenario| Scenario {
            active: Duration::from_secs(20),
            events: 12,
            clients: 2,
            ..scenario
        })
        .collect()
});

/// Changes of one Plan at most.
const CHANGES_MAX: u64 = 8;

impl AnyPlan {
    /// A Plan of a seed with changes; now and then one of them makes no sense.
    #[must_use]
    pub fn draw(dice: &mut Dice<'_>) -> Plan {
        let scenarios: Vec<&Scenario> = SCENARIOS.iter().collect();
        let seed = dice.below(1 << 16);
        let mut plan = write(seed, dice.one(&scenarios));
        for _ in 0..dice.below(CHANGES_MAX + 1) {
            match dice.below(16) {
                0 => drop_one(&mut plan.faults, dice),
                1..=6 => add_fault(&mut plan, dice),
                7 => drop_one(&mut plan.steps, dice),
                8 => {
                    let at = instant(&plan, dice);
                    if let Some(step) = any(&mut plan.steps, dice) {
                        step.at = at;
                    }
                }
                9 => {
                    let step = Step { at: instant(&plan, dice), client: 1, action: decision(dice) };
                    plan.steps.push(step);
                }
                10 => plan.checkpoint_every = dice.one(&[1, 2, 7]),
                11 => add_step(&mut plan, dice),
                12..=14 => change_event(&mut plan, dice),
                _ => break_it(&mut plan, dice),
            }
        }
        plan.sort();
        plan
    }
}

fn any<'i, T>(items: &'i mut [T], dice: &mut Dice<'_>) -> Option<&'i mut T> {
    let place = dice.below(items.len().max(1) as u64);
    items.get_mut(usize::try_from(place).unwrap_or(0))
}

fn drop_one<T>(items: &mut Vec<T>, dice: &mut Dice<'_>) {
    let place = usize::try_from(dice.below(items.len().max(1) as u64)).unwrap_or(0);
    if place < items.len() {
        items.remove(place);
    }
}

/// An instant at which something happens, or a little later, or any.
fn instant(plan: &Plan, dice: &mut Dice<'_>) -> Duration {
    let mut known: Vec<i64> = plan.steps.iter().map(|step| step.at.as_micros()).collect();
    known.extend(plan.faults.iter().flat_map(|it| [it.at.as_micros(), it.ends().as_micros()]));
    known.push(0);
    let later = dice.one(&[0, 1, 300, 700, 1_200, 2_500, 50_000, 1_000_000]);
    let near = dice.one(&known).saturating_add(later);
    // Not `clamp`: a Plan that was broken may be active for less than nothing.
    Duration::from_micros(near.min(plan.active.as_micros()).max(0))
}

/// A length that a run can bear.
fn length(dice: &mut Dice<'_>) -> Duration {
    Duration::from_micros(dice.one(&[0, 1, 1_000, 40_000, 1_000_000, 3_000_000, 8_000_000]))
}

fn add_fault(plan: &mut Plan, dice: &mut Dice<'_>) {
    let client = u32::try_from(1 + dice.below(u64::from(plan.clients.max(1)))).unwrap_or(1);
    let (lasts, latency) = (length(dice), length(dice));
    let kind = match dice.below(10) {
        0 | 1 => FaultKind::Crash { restart_after: lasts, power: dice.chance(50) },
        2 => {
            let ways = dice.one(&[Ways::Both, Ways::ToEngine, Ways::FromEngine]);
            FaultKind::Partition { client, ways, lasts }
        }
        3 => FaultKind::Slow { client, latency, jitter: length(dice), lasts },
        4 => FaultKind::Refuse { client, lasts },
        5 => FaultKind::Reset { client },
        6 => FaultKind::DiskFull { lasts },
        7 => FaultKind::DiskError { restart_after: lasts },
        8 => FaultKind::SlowSync { latency, lasts },
        _ => {
            let node = if dice.chance(50) { "engine" } else { "client-1" };
            let by = dice.one(&[1, 999, 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000]);
            let by_micros = if dice.chance(50) { by } else { -by };
            FaultKind::ClockJump { node: node.to_owned(), by_micros }
        }
    };
    let mut fault = Fault { at: instant(plan, dice), kind };
    if fault.ends() > plan.active {
        fault.at = Duration::from_micros(plan.active.as_micros() - fault.kind.lasts().as_micros());
    }
    // Two outages at once are refused, which one change in many is enough to see.
    let overlaps = |other: &Fault| {
        other.kind.stops_engine() && fault.at < other.ends() && other.at < fault.ends()
    };
    if !(fault.kind.stops_engine() && plan.faults.iter().any(overlaps)) || dice.chance(5) {
        plan.faults.push(fault);
    }
}

fn decision(dice: &mut Dice<'_>) -> Action {
    let nth = u32::try_from(dice.below(4)).unwrap_or(0);
    Action::Decide { nth, decision: dice.one(&[Decision::Retry, Decision::Waive]) }
}

/// A request of the Plan's own: a copy of one under new ids, or one event of an odd kind.
fn add_step(plan: &mut Plan, dice: &mut Dice<'_>) {
    let number = plan.steps.len();
    let at = instant(plan, dice);
    let copied = any(&mut plan.steps, dice).map(|step| step.action.clone());
    let mut events = match copied {
        Some(Action::Append { events, .. }) if dice.chance(70) => events,
        _ => vec![PlannedEvent {
            id: String::new(),
            r#type: dice.one(&["gap.decided", "a", "interaction", "Ünlikely.type"]).to_owned(),
            time: None,
            subject: Some(dice.one(&["gap/1", "odd", "customer/c1", ""]).to_owned()),
            data: serde_json::Map::new(),
        }],
    };
    for (nth, event) in events.iter_mut().enumerate() {
        event.id = format!("n{number}-{nth}");
    }
    let times = dice.one(&[1, 1, 2, 5]);
    plan.steps.push(Step { at, client: 1, action: Action::Append { events, times } });
}

fn change_event(plan: &mut Plan, dice: &mut Dice<'_>) {
    let others: Vec<(String, serde_json::Value)> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Append { events, .. } => Some(events),
            Action::Decide { .. } => None,
        })
        .flatten()
        .flat_map(|event| event.data.clone())
        .collect();
    let Some(Step { action: Action::Append { events, .. }, .. }) = any(&mut plan.steps, dice)
    else {
        return;
    };
    let Some(event) = any(events, dice) else { return };
    match dice.below(5) {
        0 => {
            event.time = dice.one(&[None, Some(Duration::ZERO), Some(Duration::from_secs(-90_000))])
        }
        1 => event.subject = dice.one(&[None, Some("customer/c1"), Some("odd")]).map(str::to_owned),
        2 => {
            // The value of another event: keys collide, kinds do not fit.
            let place = usize::try_from(dice.below(others.len().max(1) as u64)).unwrap_or(0);
            if let (Some((_, value)), Some((_, old))) =
                (others.get(place), event.data.iter_mut().next())
            {
                *old = value.clone();
            }
        }
        3 => {
            let odd = [json!(-1), json!(2.5), json!(""), json!([1, "x"]), json!({ "a": {} })];
            let name = dice.one(&["customer", "trend", "", "a b"]).to_owned();
            let place = usize::try_from(dice.below(odd.len() as u64)).unwrap_or(0);
            event.data.insert(name, odd.get(place).cloned().unwrap_or_default());
        }
        _ => event.data.clear(),
    }
}

/// What no reader may be surprised by.
fn break_it(plan: &mut Plan, dice: &mut Dice<'_>) {
    match dice.below(8) {
        0 => plan.clients = dice.one(&[0, 65]),
        1 => plan.active = dice.one(&[Duration::ZERO, Duration::from_micros(-1), Duration::MAX]),
        2 => plan.checkpoint_every = 0,
        3 => plan.version = 2,
        4 => {
            if let Some(fault) = any(&mut plan.faults, dice) {
                fault.at = dice.one(&[Duration::from_micros(-5), Duration::MAX]);
            }
        }
        5 => {
            if let Some(step) = any(&mut plan.steps, dice) {
                step.client = dice.one(&[0, 99]);
            }
        }
        6 => plan.agents.text = Some("[[agent]]\nname = 3".to_owned()),
        _ => {
            if let Some(text) = plan.spec.first_mut().and_then(|file| file.text.as_mut()) {
                text.insert_str(0, "when {");
            }
        }
    }
}
