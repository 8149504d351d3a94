//! What can go wrong in a Plan, each at an explicit time and for an explicit length.
//!
//! In: TOML. Out: [`Fault`]s. Never: a rate; what chance may decide was decided when the Plan was
//! written. Promise: a fault of length nothing is over at once, every other is over at [`Fault::ends`].
//! What must survive each of them stands in `sim/README.md`. Start reading at [`FaultKind`].

use homeostat_world::Duration;
use serde::{Deserialize, Serialize};

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// When, from the start.
    pub at: Duration,
    /// What.
    #[serde(flatten)]
    pub kind: FaultKind,
}

/// What can go wrong. Nodes are `engine` and `client-1` ….
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// The engine stops at once and comes back.
    Crash {
        /// After how long, from the fault's time.
        restart_after: Duration,
        /// Whether what was not synced is gone: a loss of power, not only of the process.
        power: bool,
        /// It stops right after this many further commits of its disk have landed, before it hears
        /// of the last of them; without that many it stops when it would be started again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after_commits: Option<u32>,
    },
    /// The engine is asked to stop, and started again. If it has not stopped by then, it is killed.
    Restart {
        /// After how long.
        restart_after: Duration,
    },
    /// The engine is asked to stop and started under a spec that somebody else gave; later the
    /// operator puts the Plan's own back.
    Adopt {
        /// Which.
        spec: Version,
        /// When it is started with it, from the fault's time.
        restart_after: Duration,
        /// When the operator puts the Plan's own back.
        lasts: Duration,
    },
    /// No byte passes between a client and the engine.
    Partition {
        /// Which client.
        client: u32,
        /// Which ways.
        ways: Ways,
        /// For how long.
        lasts: Duration,
    },
    /// Bytes between a client and the engine take longer.
    Slow {
        /// Which client.
        client: u32,
        /// How long they take.
        latency: Duration,
        /// Up to this much longer.
        jitter: Duration,
        /// For how long.
        lasts: Duration,
    },
    /// New connections of a client are refused.
    Refuse {
        /// Which client.
        client: u32,
        /// For how long.
        lasts: Duration,
    },
    /// Connections between a client and the engine break.
    Reset {
        /// Which client.
        client: u32,
    },
    /// Connections that a client has are gone for one end, and the other hears nothing of it.
    HalfOpen {
        /// Which client.
        client: u32,
        /// For whom they are gone.
        gone: Gone,
    },
    /// What a client sends arrives twice: each request also on a connection of its own.
    Duplicate {
        /// Which client.
        client: u32,
        /// For how long.
        lasts: Duration,
    },
    /// Requests get through, and in place of their answers the connection breaks.
    LostAnswers {
        /// Which client.
        client: u32,
        /// For how long.
        lasts: Duration,
    },
    /// A client sends and reads a byte at a time.
    SlowPeer {
        /// Which client.
        client: u32,
        /// How long it rests after each byte.
        pause: Duration,
        /// For how long.
        lasts: Duration,
    },
    /// The engine's disk has no room.
    DiskFull {
        /// For how long. The engine is restarted when it ends, as an operator would.
        lasts: Duration,
    },
    /// The engine's disk fails; the engine is restarted soon after.
    DiskError {
        /// What fails: the next commit, the next sync, or every read.
        #[serde(default, skip_serializing_if = "Operation::is_write")]
        on: Operation,
        /// After how long the operator restarts it, and the disk is well.
        restart_after: Duration,
    },
    /// Syncs of the engine's disk take longer.
    SlowSync {
        /// How long.
        latency: Duration,
        /// For how long.
        lasts: Duration,
    },
    /// A synced record of the engine's disk rots: whoever reads it is told that it is damaged.
    BitRot {
        /// Which sort of record.
        of: Rotten,
        /// Which of the log's events, from 0, modulo their number.
        #[serde(default)]
        nth: u64,
        /// When the operator puts the right bytes back and restarts the engine.
        restored_after: Duration,
    },
    /// Power is lost, and the newest commits that were synced since it was last lost are gone, which
    /// no sound disk does. The witness must notice.
    StaleLog {
        /// How many of them.
        commits: u32,
        /// When the engine is started on what is left, from the fault's time.
        restart_after: Duration,
        /// When the operator restores what is missing, if the engine has refused to start.
        restored_after: Duration,
    },
    /// Power is lost, and the pad holds what it held some writes ago.
    StalePad {
        /// How many of them.
        writes: u32,
        /// When the engine is started again.
        restart_after: Duration,
    },
    /// A node's own clock jumps. The engine's answers must not go backwards. At `0s` it is wrong
    /// before the node starts.
    ClockJump {
        /// `engine` or `client-1` ….
        node: String,
        /// By how many microseconds: less than 0 is back.
        by_micros: i64,
    },
    /// A node's own clock runs too fast or too slow, and stays as wrong as it then is.
    ClockDrift {
        /// `engine` or `client-1` ….
        node: String,
        /// By how many millionths: less than 0 is too slow.
        ppm: i64,
        /// For how long.
        lasts: Duration,
    },
    /// Nothing of a node runs, as if it had been sent a SIGSTOP; then all goes on, its timers late.
    Pause {
        /// `engine` or `client-1` ….
        node: String,
        /// For how long.
        lasts: Duration,
    },
}

/// Which ways a partition cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ways {
    /// Both.
    Both,
    /// Requests do not get through.
    ToEngine,
    /// Answers do not get through.
    FromEngine,
}

/// For whom a connection is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gone {
    /// The client sees a reset; the engine's end stays open.
    Client,
    /// The engine sees an end; the client waits for an answer.
    Engine,
    /// Neither sees anything: what lies between them has forgotten the connection.
    Between,
}

/// What of a disk fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// The next commit.
    #[default]
    Write,
    /// The next commit that must survive loss of power.
    Sync,
    /// Every read, until it is over.
    Read,
}

/// What rots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotten {
    /// An event of the log.
    Event,
    /// The checkpoint.
    Checkpoint,
}

/// A spec that an engine is started with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Version {
    /// The Plan's own: it is adopted twice.
    #[default]
    Same,
    /// The Plan's own and one clause more: a new version.
    Other,
    /// The Plan's own and a text that is no spec.
    Invalid,
    /// The Plan's later version, which whoever starts the engine adopts by that.
    Later,
}

impl FaultKind {
    /// How long it is in force: until the heal, or until the engine is started again.
    #[must_use]
    pub const fn lasts(&self) -> Duration {
        match self {
            Self::Crash { restart_after, .. }
            | Self::Restart { restart_after }
            | Self::DiskError { restart_after, .. }
            | Self::StalePad { restart_after, .. } => *restart_after,
            Self::BitRot { restored_after, .. } | Self::StaleLog { restored_after, .. } => {
                *restored_after
            }
            Self::Adopt { lasts, .. }
            | Self::Partition { lasts, .. }
            | Self::Slow { lasts, .. }
            | Self::Refuse { lasts, .. }
            | Self::Duplicate { lasts, .. }
            | Self::LostAnswers { lasts, .. }
            | Self::SlowPeer { lasts, .. }
            | Self::DiskFull { lasts }
            | Self::SlowSync { lasts, .. }
            | Self::ClockDrift { lasts, .. }
            | Self::Pause { lasts, .. } => *lasts,
            Self::Reset { .. } | Self::HalfOpen { .. } | Self::ClockJump { .. } => Duration::ZERO,
        }
    }

    /// The same, to be changed. None where it is over at once.
    pub const fn lasts_mut(&mut self) -> Option<&mut Duration> {
        match self {
            Self::Crash { restart_after, .. }
            | Self::Restart { restart_after }
            | Self::DiskError { restart_after, .. }
            | Self::StalePad { restart_after, .. } => Some(restart_after),
            Self::BitRot { restored_after, .. } | Self::StaleLog { restored_after, .. } => {
                Some(restored_after)
            }
            Self::Adopt { lasts, .. }
            | Self::Partition { lasts, .. }
            | Self::Slow { lasts, .. }
            | Self::Refuse { lasts, .. }
            | Self::Duplicate { lasts, .. }
            | Self::LostAnswers { lasts, .. }
            | Self::SlowPeer { lasts, .. }
            | Self::DiskFull { lasts }
            | Self::SlowSync { lasts, .. }
            | Self::ClockDrift { lasts, .. }
            | Self::Pause { lasts, .. } => Some(lasts),
            Self::Reset { .. } | Self::HalfOpen { .. } | Self::ClockJump { .. } => None,
        }
    }

    /// When, from its beginning, the engine is started in the middle of it.
    #[must_use]
    pub const fn midway(&self) -> Option<Duration> {
        match self {
            Self::Adopt { restart_after, .. } | Self::StaleLog { restart_after, .. } => {
                Some(*restart_after)
            }
            _ => None,
        }
    }

    /// Whether the engine is stopped, or started again, because of it. Two of these never overlap.
    #[must_use]
    pub const fn stops_engine(&self) -> bool {
        matches!(
            self,
            Self::Crash { .. }
                | Self::Restart { .. }
                | Self::Adopt { .. }
                | Self::DiskFull { .. }
                | Self::DiskError { .. }
                | Self::StaleLog { .. }
                | Self::StalePad { .. }
        )
    }

    /// Whether an engine that is started while it is in force may refuse to.
    #[must_use]
    pub const fn may_refuse(&self) -> bool {
        match self {
            Self::Adopt { spec, .. } => matches!(spec, Version::Other | Version::Invalid),
            Self::DiskFull { .. } | Self::DiskError { .. } => true,
            _ => self.is_damage(),
        }
    }

    /// Whether it is damage that a sound disk does not do: the engine must say where it is and what
    /// to do about it.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::BitRot { of: Rotten::Event, .. } | Self::StaleLog { .. })
    }

    /// The client whose link it is about.
    #[must_use]
    pub const fn client(&self) -> Option<u32> {
        match self {
            Self::Partition { client, .. }
            | Self::Slow { client, .. }
            | Self::Refuse { client, .. }
            | Self::Reset { client }
            | Self::HalfOpen { client, .. }
            | Self::Duplicate { client, .. }
            | Self::LostAnswers { client, .. }
            | Self::SlowPeer { client, .. } => Some(*client),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub const fn client_mut(&mut self) -> Option<&mut u32> {
        match self {
            Self::Partition { client, .. }
            | Self::Slow { client, .. }
            | Self::Refuse { client, .. }
            | Self::Reset { client }
            | Self::HalfOpen { client, .. }
            | Self::Duplicate { client, .. }
            | Self::LostAnswers { client, .. }
            | Self::SlowPeer { client, .. } => Some(client),
            _ => None,
        }
    }

    /// The node whose clock or tasks it is about.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        match self {
            Self::ClockJump { node, .. }
            | Self::ClockDrift { node, .. }
            | Self::Pause { node, .. } => Some(node),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub const fn node_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::ClockJump { node, .. }
            | Self::ClockDrift { node, .. }
            | Self::Pause { node, .. } => Some(node),
            _ => None,
        }
    }

    /// Its name in a Plan: `crash`, `disk_full`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Crash { .. } => "crash",
            Self::Restart { .. } => "restart",
            Self::Adopt { .. } => "adopt",
            Self::Partition { .. } => "partition",
            Self::Slow { .. } => "slow",
            Self::Refuse { .. } => "refuse",
            Self::Reset { .. } => "reset",
            Self::HalfOpen { .. } => "half_open",
            Self::Duplicate { .. } => "duplicate",
            Self::LostAnswers { .. } => "lost_answers",
            Self::SlowPeer { .. } => "slow_peer",
            Self::DiskFull { .. } => "disk_full",
            Self::DiskError { .. } => "disk_error",
            Self::SlowSync { .. } => "slow_sync",
            Self::BitRot { .. } => "bit_rot",
            Self::StaleLog { .. } => "stale_log",
            Self::StalePad { .. } => "stale_pad",
            Self::ClockJump { .. } => "clock_jump",
            Self::ClockDrift { .. } => "clock_drift",
            Self::Pause { .. } => "pause",
        }
    }
}

impl Operation {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
    const fn is_write(&self) -> bool {
        matches!(self, Self::Write)
    }
}

impl Fault {
    /// When it is over, from the start.
    #[must_use]
    pub const fn ends(&self) -> Duration {
        Duration::from_micros(self.at.as_micros().saturating_add(self.kind.lasts().as_micros()))
    }

    /// When, from the start, the engine is started in the middle of it.
    #[must_use]
    pub fn midway(&self) -> Option<Duration> {
        let after = self.kind.midway()?;
        Some(Duration::from_micros(self.at.as_micros().saturating_add(after.as_micros())))
    }

    /// Whether it is in force at any time between these two from the start, its ends included.
    #[must_use]
    pub fn is_in_force(&self, from: Duration, until: Duration) -> bool {
        self.at <= until && from <= self.ends()
    }
}
