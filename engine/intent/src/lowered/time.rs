//! What opens a block: events, a state that lasts, or the calendar.

use serde::{Deserialize, Serialize};

use super::{Condition, Length, Path};

/// What opens a block.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(clippy::large_enum_variant, reason = "there is one to a block, and blocks are few")]
pub enum Trigger {
    /// `when a.b | c.d`: canonical event types, any of which triggers.
    Events(Vec<String>),
    /// `when alert.unacknowledged for 4h`: once per episode and instance.
    Held(Held),
    /// `every day at rep.preferred_time`, `on friday at 16:00`.
    Every(Schedule),
}

/// A condition over one instance of an entity that has to last.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Held {
    /// Whose instances are watched.
    pub entity: String,
    /// What has to hold. Its paths are bound to the instance.
    pub condition: Condition,
    /// The condition as written, on one line.
    pub text: String,
    /// How long: the block is triggered when it has held on all of [t, t + lasting].
    pub lasting: Length,
}

/// When a periodic block is triggered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Schedule {
    /// How often.
    pub period: Period,
    /// At what time of the day; midnight when nothing is said.
    pub at: At,
    /// What to do about ticks that were missed while the engine was down.
    pub catch_up: CatchUp,
    /// `every day at rep.preferred_time`, as written.
    pub text: String,
}

/// How often a periodic block is triggered. All of it is counted on the local clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Period {
    /// `every 15m`, `every hour`: whenever the local clock, counted from midnight of 1970-01-01, is a
    /// multiple of this many microseconds.
    Fixed(i64),
    /// `every day`.
    Day,
    /// `every week` (Monday, 1), `every week on friday` and `on friday` (5).
    Week(u8),
    /// `every month`: its first day.
    Month,
}

/// The time of the day of a tick.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum At {
    /// `at 09:30`: microseconds since midnight. With no `at`, 0.
    Time(i64),
    /// `at rep.preferred_time`: one tick for each live instance of the path's root, at the local
    /// time that its attribute says as text (`09:30` or `09:30:15`). Without such a value, none.
    Of(Path),
}

/// What becomes of the ticks that fell into a time in which the engine was down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// The latest one runs.
    #[default]
    Latest,
    /// Every one runs.
    All,
    /// None runs.
    None,
}

impl Trigger {
    /// The event types that trigger; none for the other two.
    #[must_use]
    pub fn events(&self) -> &[String] {
        match self {
            Self::Events(types) => types,
            Self::Held(_) | Self::Every(_) => &[],
        }
    }

    /// The entity whose instance a trigger of this block is bound to.
    #[must_use]
    pub fn bound(&self) -> Option<&str> {
        match self {
            Self::Held(held) => Some(&held.entity),
            Self::Every(Schedule { at: At::Of(path), .. }) => path.entity.as_deref(),
            Self::Events(_) | Self::Every(_) => None,
        }
    }

    /// Whether it is triggered by the calendar.
    #[must_use]
    pub fn is_periodic(&self) -> bool {
        matches!(self, Self::Every(_))
    }
}
