//! Which faults happen, and when.
//!
//! In: a Plan with its steps, the families that are on, chance. Out: faults. Never: two outages at
//! once; a fault that outlasts `active`. Promise: faults like to fall on the instants at which
//! something happens, and into the recovery from the one before. Start reading at [`faults`].

use homeostat_world::Duration;

use super::{Family, Swarm};
use crate::plan::{Fault, FaultKind, Plan, Ways};
use crate::workload::Draw;

/// Sorts of faults, each drawn by itself once its family is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Crash,
    PowerCut,
    DiskFull,
    DiskError,
    SlowSync,
    Partition,
    Slow,
    Refuse,
    Reset,
    EngineClock,
    ClientClock,
}

const SORTS: [(Sort, Family); 11] = [
    (Sort::Crash, Family::Crash),
    (Sort::PowerCut, Family::Crash),
    (Sort::DiskFull, Family::Disk),
    (Sort::DiskError, Family::Disk),
    (Sort::SlowSync, Family::Disk),
    (Sort::Partition, Family::Net),
    (Sort::Slow, Family::Net),
    (Sort::Refuse, Family::Net),
    (Sort::Reset, Family::Net),
    (Sort::EngineClock, Family::Clock),
    (Sort::ClientClock, Family::Clock),
];

/// How often a place in time is sought for a fault before it is let go.
const TRIES_MAX: u32 = 12;

/// Draws the faults of a Plan.
pub(super) fn faults(plan: &Plan, swarm: &Swarm, draw: &mut Draw) -> Vec<Fault> {
    let mut found: Vec<Fault> = Vec::new();
    for (sort, family) in SORTS {
        let on = draw.percent(60);
        let count = draw.count(1, if sort == Sort::Reset { 5 } else { 3 });
        if !(on && swarm.has(family)) {
            continue;
        }
        for _ in 0..count {
            for _ in 0..TRIES_MAX {
                let fault = fault(sort, plan, &found, draw);
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

fn fault(sort: Sort, plan: &Plan, others: &[Fault], draw: &mut Draw) -> Fault {
    let client = draw.count(1, plan.clients.max(1));
    let long = Duration::from_micros(plan.active.as_micros() / 6);
    let lasts = draw.length(Duration::from_millis(1), long);
    let soon = draw.length(Duration::from_millis(1), Duration::from_millis(4_000));
    let restart_after = if draw.percent(75) { soon } else { lasts };
    let kind = match sort {
        Sort::Crash => FaultKind::Crash { restart_after, power: false },
        Sort::PowerCut => FaultKind::Crash { restart_after, power: true },
        Sort::DiskFull => FaultKind::DiskFull { lasts },
        Sort::DiskError => FaultKind::DiskError { restart_after },
        Sort::SlowSync => {
            let latency = draw.length(Duration::from_millis(1), Duration::from_millis(800));
            FaultKind::SlowSync { latency, lasts }
        }
        Sort::Partition => {
            let ways = draw.one_of(&[Ways::Both, Ways::ToEngine, Ways::FromEngine]);
            FaultKind::Partition { client, ways: ways.copied().unwrap_or(Ways::Both), lasts }
        }
        Sort::Slow => {
            let latency = draw.length(Duration::from_millis(1), Duration::from_millis(2_000));
            let jitter = draw.length(Duration::ZERO, Duration::from_millis(500));
            FaultKind::Slow { client, latency, jitter, lasts }
        }
        Sort::Refuse => FaultKind::Refuse { client, lasts },
        Sort::Reset => FaultKind::Reset { client },
        Sort::EngineClock => {
            FaultKind::ClockJump { node: "engine".to_owned(), by_micros: jump(draw) }
        }
        Sort::ClientClock => {
            FaultKind::ClockJump { node: format!("client-{client}"), by_micros: jump(draw) }
        }
    };
    Fault { at: when(sort, plan, others, draw), kind }
}

/// A little or a lot, forward or back.
fn jump(draw: &mut Draw) -> i64 {
    const SECOND: i64 = 1_000_000;
    let most = draw.weighted(&[
        (SECOND / 20, 3),
        (10 * SECOND, 4),
        (3_600 * SECOND, 2),
        (86_400 * SECOND, 1),
    ]);
    let by = draw.between(1, most.unwrap_or(SECOND));
    if draw.percent(50) { by } else { -by }
}

fn when(sort: Sort, plan: &Plan, others: &[Fault], draw: &mut Draw) -> Duration {
    let later = |at: Duration, by: i64| Duration::from_micros(at.as_micros().saturating_add(by));
    let outage = matches!(sort, Sort::Crash | Sort::PowerCut | Sort::DiskFull | Sort::DiskError);
    let before: Vec<&Fault> = others.iter().filter(|other| other.kind.stops_engine()).collect();
    if outage
        && draw.percent(35)
        && let Some(other) = draw.one_of(&before)
    {
        // While it recovers from that one.
        return later(other.ends(), draw.between(0, 50_000));
    }
    if draw.percent(60)
        && let Some(step) = draw.one_of(&plan.steps)
    {
        // While a request is on its way, is being stored, or has just been answered.
        return later(step.at, draw.between(0, 6_000));
    }
    draw.length(Duration::ZERO, plan.active)
}
