//! Traffic for any spec: what clients and people do, written from what the spec asks for.
//!
//! In: a loaded [`Spec`], how much of what is wanted, chance. Out: steps in order of time, and the
//! text of an agents file. Never: a name that is made for one spec; everything comes from its
//! events, keys, duties, levels and deadlines.
//! Promise: the same spec, wants and seed give the same steps; every step lies within `active`.
//! Start reading at [`steps`]; agents are in [`agents_file`], another version of the spec in [`later`].

mod arrival;
mod cast;
mod draw;
mod shape;
mod standing;
mod story;
mod version;

use homeostat_intent::Spec;
use homeostat_world::{Chance, Duration, Timestamp};

pub use cast::agents_file;
pub(crate) use draw::Draw;
pub(crate) use story::micros;
pub(crate) use version::later;

use crate::plan::Step;

/// How much, and what sorts of trouble the traffic itself may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wants {
    /// When the run begins.
    pub start: Timestamp,
    /// How long clients are at work.
    pub active: Duration,
    /// How many clients there are.
    pub clients: u32,
    /// About how many events they send, repeats not counted.
    pub events: u32,
    /// Which troubles are on.
    pub load: Load,
    /// Whether people decide about what is escalated.
    pub people: bool,
}

/// Troubles that the traffic itself makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is drawn by itself")]
pub struct Load {
    /// Requests are sent again, at once or later.
    pub duplicates: bool,
    /// Events arrive in another order than they happened.
    pub shuffled: bool,
    /// Some arrive long after they happened.
    pub late: bool,
    /// Many triggers in one instant.
    pub bursts: bool,
    /// Nearly everything is about the same few instances.
    pub hot_key: bool,
    /// One event is large.
    pub huge: bool,
}

/// Writes what clients and people do.
#[must_use]
pub fn steps(spec: &Spec, wants: &Wants, chance: &Chance) -> Vec<Step> {
    let shapes = shape::Shapes::of(spec, &standing::times(wants));
    let moments = story::moments(spec, &shapes, wants, &mut Draw::new(chance, "workload"));
    arrival::steps(moments, wants, &mut Draw::new(chance, "arrival"))
}

#[cfg(test)]
mod tests;
