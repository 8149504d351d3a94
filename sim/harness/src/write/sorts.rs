//! Sorts of faults: what a drawn fault of each looks like.
//!
//! In: a sort, chance. Out: a fault's kind. Never: an instant; `write/faults.rs` finds that.
//! Promise: every kind of fault has a sort. Start reading at [`SORTS`].

use homeostat_world::Duration;

use super::Family;
use crate::plan::{FaultKind, Gone, Operation, Plan, Rotten, Version, Ways};
use crate::workload::Draw;

/// Sorts of faults, each drawn by itself once its family is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Crash,
    PowerCut,
    StepCrash,
    Restart,
    Adopt,
    DiskFull,
    DiskError,
    SlowSync,
    BitRot,
    StaleLog,
    StalePad,
    Partition,
    Slow,
    Refuse,
    Reset,
    HalfOpen,
    Duplicate,
    LostAnswers,
    SlowPeer,
    EngineClock,
    ClientClock,
    SkewedStart,
    Drift,
    Pause,
}

/// All of them. Outages come before what they may fall into, but for the rot that they seek out.
pub(super) const SORTS: [(Sort, Family); 24] = [
    (Sort::BitRot, Family::Disk),
    (Sort::Crash, Family::Crash),
    (Sort::PowerCut, Family::Crash),
    (Sort::StepCrash, Family::Crash),
    (Sort::Restart, Family::Crash),
    (Sort::Adopt, Family::Intent),
    (Sort::DiskFull, Family::Disk),
    (Sort::DiskError, Family::Disk),
    (Sort::SlowSync, Family::Disk),
    (Sort::StaleLog, Family::Disk),
    (Sort::StalePad, Family::Disk),
    (Sort::Partition, Family::Net),
    (Sort::Slow, Family::Net),
    (Sort::Refuse, Family::Net),
    (Sort::Reset, Family::Net),
    (Sort::HalfOpen, Family::Net),
    (Sort::Duplicate, Family::Net),
    (Sort::LostAnswers, Family::Net),
    (Sort::SlowPeer, Family::Net),
    (Sort::EngineClock, Family::Clock),
    (Sort::ClientClock, Family::Clock),
    (Sort::SkewedStart, Family::Clock),
    (Sort::Drift, Family::Clock),
    (Sort::Pause, Family::Clock),
];

impl Sort {
    pub(super) const fn stops_engine(self) -> bool {
        matches!(
            self,
            Self::Crash
                | Self::PowerCut
                | Self::StepCrash
                | Self::Restart
                | Self::Adopt
                | Self::DiskFull
                | Self::DiskError
                | Self::StaleLog
                | Self::StalePad
        )
    }
}

/// Draws a fault of that sort.
pub(super) fn fault(sort: Sort, plan: &Plan, draw: &mut Draw) -> FaultKind {
    let client = draw.count(1, plan.clients.max(1));
    let long = Duration::from_micros(plan.active.as_micros() / 6);
    let lasts = draw.length(Duration::from_millis(1), long);
    let soon = draw.length(Duration::from_millis(1), Duration::from_millis(4_000));
    let restart_after = if draw.percent(75) { soon } else { lasts };
    match sort {
        Sort::Partition
        | Sort::Slow
        | Sort::Refuse
        | Sort::Reset
        | Sort::HalfOpen
        | Sort::Duplicate
        | Sort::LostAnswers
        | Sort::SlowPeer => of_the_net(sort, client, lasts, draw),
        Sort::EngineClock | Sort::ClientClock | Sort::SkewedStart | Sort::Drift | Sort::Pause => {
            of_clocks(sort, client, lasts, draw)
        }
        Sort::Crash | Sort::PowerCut => {
            FaultKind::Crash { restart_after, power: sort == Sort::PowerCut, after_commits: None }
        }
        Sort::StepCrash => {
            let after_commits = Some(draw.count(1, 6));
            FaultKind::Crash { restart_after, power: draw.percent(50), after_commits }
        }
        Sort::Restart => FaultKind::Restart { restart_after },
        Sort::Adopt => {
            let spec = draw.one_of(&[Version::Same, Version::Other, Version::Invalid]);
            let spec = match spec.copied().unwrap_or_default() {
                Version::Same if !plan.later.is_empty() => Version::Later,
                spec => spec,
            };
            FaultKind::Adopt { spec, restart_after: soon, lasts: both(soon, lasts) }
        }
        Sort::DiskFull => FaultKind::DiskFull { lasts },
        Sort::DiskError => {
            let on = draw.one_of(&[Operation::Write, Operation::Sync, Operation::Read]);
            FaultKind::DiskError { on: on.copied().unwrap_or_default(), restart_after }
        }
        Sort::SlowSync => {
            let latency = draw.length(Duration::from_millis(1), Duration::from_millis(800));
            FaultKind::SlowSync { latency, lasts }
        }
        Sort::BitRot => {
            let of = if draw.percent(75) { Rotten::Event } else { Rotten::Checkpoint };
            FaultKind::BitRot { of, nth: draw.below(200), restored_after: both(soon, lasts) }
        }
        Sort::StaleLog => {
            let (commits, restored_after) = (draw.count(1, 6), both(soon, lasts));
            FaultKind::StaleLog { commits, restart_after: soon, restored_after }
        }
        Sort::StalePad => FaultKind::StalePad { writes: draw.count(1, 8), restart_after },
    }
}

/// One after the other.
const fn both(first: Duration, then: Duration) -> Duration {
    Duration::from_micros(first.as_micros().saturating_add(then.as_micros()))
}

fn of_the_net(sort: Sort, client: u32, lasts: Duration, draw: &mut Draw) -> FaultKind {
    match sort {
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
        Sort::HalfOpen => {
            let gone = draw.one_of(&[Gone::Client, Gone::Engine, Gone::Between]);
            FaultKind::HalfOpen { client, gone: gone.copied().unwrap_or(Gone::Between) }
        }
        Sort::Duplicate => FaultKind::Duplicate { client, lasts },
        Sort::LostAnswers => FaultKind::LostAnswers { client, lasts },
        Sort::SlowPeer => {
            let pause = draw.length(Duration::from_millis(1), Duration::from_millis(80));
            FaultKind::SlowPeer { client, pause, lasts }
        }
        _ => FaultKind::Reset { client },
    }
}

fn of_clocks(sort: Sort, client: u32, lasts: Duration, draw: &mut Draw) -> FaultKind {
    let of_client = format!("client-{client}");
    let of_engine = "engine".to_owned();
    let node = match sort {
        Sort::EngineClock => of_engine,
        Sort::ClientClock => of_client,
        _ if draw.percent(60) => of_engine,
        _ => of_client,
    };
    match sort {
        Sort::Drift => {
            let most = draw.weighted(&[(100, 3), (5_000, 4), (300_000, 3)]).unwrap_or(100);
            let ppm = draw.between(1, most);
            FaultKind::ClockDrift { node, ppm: if draw.percent(50) { ppm } else { -ppm }, lasts }
        }
        Sort::Pause => FaultKind::Pause { node, lasts },
        _ => FaultKind::ClockJump { node, by_micros: jump(draw) },
    }
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
