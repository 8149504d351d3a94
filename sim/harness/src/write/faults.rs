//! Which faults happen, and when.
//!
//! In: a Plan with its steps, the families that are on, chance. Out: faults. Never: two outages at
//! once; a fault that outlasts `active`. Promise: faults like to fall on the instants at which
//! something happens, into the recovery from the one before, and starts into damage of the disk.
//! Start reading at [`faults`]; what each sort looks like is in `write/sorts.rs`.

use homeostat_world::Duration;

use super::Swarm;
use super::sorts::{SORTS, Sort, fault};
use crate::plan::{Fault, FaultKind, Plan};
use crate::workload::Draw;

/// How often a place in time is sought for a fault before it is let go.
const TRIES_MAX: u32 = 12;

/// Draws the faults of a Plan.
pub(super) fn faults(plan: &Plan, swarm: &Swarm, draw: &mut Draw) -> Vec<Fault> {
    let mut found: Vec<Fault> = Vec::new();
    for (sort, family) in SORTS {
        let on = draw.percent(40);
        let count = draw.count(1, if sort == Sort::Reset { 5 } else { 3 });
        if !(on && swarm.has(family)) {
            continue;
        }
        for _ in 0..count {
            for _ in 0..TRIES_MAX {
                let at = when(sort, plan, &found, draw);
                let fault = Fault { at, kind: fault(sort, plan, draw) };
                if fits(&fault, plan, &found) {
                    found.push(fault);
                    break;
                }
            }
        }
    }
    found.sort_by_key(|fault| fault.at);
    found
}

/// Outages never overlap; on one link, no two faults of one sort do, which would only be a longer
/// one. And everything ends in time.
fn fits(fault: &Fault, plan: &Plan, others: &[Fault]) -> bool {
    let excludes = |other: &&Fault| {
        let outages = fault.kind.stops_engine() && other.kind.stops_engine();
        let same = fault.kind.name() == other.kind.name();
        outages || (same && fault.kind.client() == other.kind.client())
    };
    let apart = |other: &Fault| fault.ends() <= other.at || other.ends() <= fault.at;
    fault.at >= Duration::ZERO
        && fault.ends() <= plan.active
        && others.iter().filter(excludes).all(apart)
}

fn when(sort: Sort, plan: &Plan, others: &[Fault], draw: &mut Draw) -> Duration {
    let later = |at: Duration, by: i64| Duration::from_micros(at.as_micros().saturating_add(by));
    if sort == Sort::SkewedStart {
        return Duration::ZERO;
    }
    let before: Vec<&Fault> = others.iter().filter(|other| other.kind.stops_engine()).collect();
    if sort.stops_engine()
        && draw.percent(35)
        && let Some(other) = draw.one_of(&before)
    {
        // While it recovers from that one, which mostly takes a few milliseconds.
        let by = draw.weighted(&[(0, 3), (3_000, 5), (50_000, 2)]).unwrap_or(0);
        return later(other.ends(), draw.between(0, by));
    }
    let rot = |other: &&Fault| matches!(other.kind, FaultKind::BitRot { .. });
    if sort.stops_engine()
        && let Some(rot) = others.iter().find(rot)
        && draw.percent(40)
    {
        // It comes back to a disk that has rotted meanwhile.
        return later(rot.at, draw.between(0, rot.kind.lasts().as_micros()));
    }
    if draw.percent(60)
        && let Some(step) = draw.one_of(&plan.steps)
    {
        // While a request is on its way, is being stored, or has just been answered.
        return later(step.at, draw.between(0, 6_000));
    }
    draw.length(Duration::ZERO, plan.active)
}
