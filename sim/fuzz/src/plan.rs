//! Plans: what a seed writes, changed by hand in a few places.
//!
//! In: dice. Out: an [`AnyPlan`], most of which can be run.
//! Never: less time to settle than the scenario gives; then promises about what happens in the end
//! would say nothing.
//! Promise: the same dice give the same Plan. Start reading at [`AnyPlan::draw`].

use std::sync::LazyLock;

use arbitrary::{Arbitrary, Unstructured};
use homeostat_sim_harness::Plan;
use homeostat_sim_harness::plan::{Action, Fault, Step};
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
        let scenario = dice.one(&scenarios);
        let mut plan = write(dice.below(1 << 16), scenario);
        // What another seed wrote: every kind of fault and step that there is, in lawful sizes.
        let donor = write(dice.below(1 << 16), scenario);
        for _ in 0..dice.below(CHANGES_MAX + 1) {
            match dice.below(16) {
                0 => drop_one(&mut plan.faults, dice),
                1..=6 => graft_fault(&mut plan, &donor, dice),
                7 => drop_one(&mut plan.steps, dice),
                8 => {
                    let at = instant(&plan, dice);
                    if let Some(step) = any(&mut plan.steps, dice) {
                        step.at = at;
                    }
                }
                9 | 10 => graft_step(&mut plan, &donor, dice),
                11 => plan.checkpoint_every = dice.one(&[1, 2, 7]),
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

/// A fault of another seed, at an instant at which something happens here.
fn graft_fault(plan: &mut Plan, donor: &Plan, dice: &mut Dice<'_>) {
    let mut faults = donor.faults.clone();
    let Some(mut fault) = any(&mut faults, dice).map(|fault| fault.clone()) else { return };
    fault.at = instant(plan, dice);
    if dice.chance(40)
        && fault.kind.midway().is_none()
        && let Some(lasts) = fault.kind.lasts_mut()
    {
        *lasts = length(dice);
    }
    if let Some(client) = fault.kind.client_mut() {
        *client = (*client).min(plan.clients);
    }
    if fault.kind.node().is_some_and(|node| node != "engine")
        && let Some(node) = fault.kind.node_mut()
    {
        "client-1".clone_into(node);
    }
    if fault.ends() > plan.active {
        let latest = plan.active.as_micros().saturating_sub(fault.kind.lasts().as_micros());
        fault.at = Duration::from_micros(latest);
    }
    // Two outages at once are refused, which one change in many is enough to see.
    let overlaps = |other: &Fault| {
        other.kind.stops_engine() && fault.at < other.ends() && other.at < fault.ends()
    };
    if !(fault.kind.stops_engine() && plan.faults.iter().any(overlaps)) || dice.chance(5) {
        plan.faults.push(fault);
    }
}

/// A step of another seed under new ids, or one that nothing in the spec speaks of.
fn graft_step(plan: &mut Plan, donor: &Plan, dice: &mut Dice<'_>) {
    let number = plan.steps.len();
    let mut steps = donor.steps.clone();
    let Some(step) = any(&mut steps, dice) else { return };
    step.at = instant(plan, dice);
    step.client = 1;
    if let Action::Append { events, .. } = &mut step.action {
        for (nth, event) in events.iter_mut().enumerate() {
            event.id = format!("n{number}-{nth}");
            if dice.chance(10) {
                let odd = ["gap.decided", "a", "interaction", "Ünlikely.type"];
                dice.one(&odd).clone_into(&mut event.r#type);
            }
        }
    }
    plan.steps.push(step.clone());
}

fn change_event(plan: &mut Plan, dice: &mut Dice<'_>) {
    let others: Vec<(String, serde_json::Value)> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Append { events, .. } => Some(events),
            _ => None,
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
