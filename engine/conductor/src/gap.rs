//! What the conductor knows of one gap: what the graph says, what the log says, what is asked for in between.
//!
//! In: set by `conductor`. Out: which control events are missing, and where in the queues the gap belongs.
//! Never: knows of other gaps. Promise: `flight` and `place` are the only fields that are not a fold of the inputs.
//! Start reading at [`Gap::place_under`].

use std::sync::Arc;

use homeostat_intent::lowered::{Length, Limits, Performer};
use homeostat_log::control::{Ending, Escalation, GapKind, GapOutcome};
use homeostat_world::{Duration, Timestamp, canary};
use serde::{Deserialize, Serialize};

use crate::fact::ClauseFacts;

/// A gap's id, ordered by the position in it, or else by the time, so that ties are broken by age.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct GapKey {
    position: u64,
    name: Arc<str>,
}

impl GapKey {
    /// The key of `slug@position`, `slug@time`, either with instances behind it (`~i1`). An id of another form sorts last.
    pub(crate) fn new(gap: &str) -> Self {
        let began = gap.split_once('@').map_or("", |(_, began)| began);
        let began = began.split_once('~').map_or(began, |(began, _)| began);
        Self { position: place(began).unwrap_or(u64::MAX), name: gap.into() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// A position as it is, a time behind all of them.
fn place(began: &str) -> Option<u64> {
    let time = || began.parse().ok().and_then(|at: Timestamp| u64::try_from(at.as_micros()).ok());
    began.parse().ok().or_else(|| time().map(|micros| micros | (1 << 63)))
}

/// What the graph says of an open gap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stated {
    pub(crate) clause: ClauseFacts,
    pub(crate) kind: GapKind,
    pub(crate) due: Option<Timestamp>,
    pub(crate) depth: u16,
    pub(crate) opened: Timestamp,
}

/// How the last agent of a gap ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastEnd {
    pub(crate) ending: Ending,
    pub(crate) reason: String,
}

/// One gap that is not forgotten yet.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Gap {
    /// What the graph says. None for a gap that only the log knows.
    pub(crate) stated: Option<Stated>,
    /// When its `gap.opened` was recorded.
    pub(crate) written: Option<Timestamp>,
    /// The deadline that passed.
    pub(crate) missed: Option<Timestamp>,
    /// Whether the log says so.
    pub(crate) missed_written: bool,
    /// How it ended, by the graph. Its `gap.closed` is not written yet, or it would be forgotten.
    pub(crate) outcome: Option<GapOutcome>,
    /// Agents spawned for it, ever.
    pub(crate) attempts: u32,
    /// Agents spawned since a person last said `retry`.
    pub(crate) tries: u32,
    /// Those of them that failed.
    pub(crate) failures: u32,
    /// The agent at work.
    pub(crate) agent: Option<String>,
    /// When the last agent ended.
    pub(crate) rested_from: Option<Timestamp>,
    /// An agent asks for a person, and no escalation is written yet.
    pub(crate) asks: bool,
    /// Why it lies with people.
    pub(crate) escalated: Option<Escalation>,
    /// A person said `retry`: its depth no longer holds it back.
    pub(crate) excused: bool,
    /// A person let it go; the graph will say that it is closed.
    pub(crate) waived: bool,
    /// How the last agent ended.
    pub(crate) last: Option<LastEnd>,
    /// What was decided and has not come back from the log.
    #[serde(skip)]
    pub(crate) flight: Flight,
    /// Which dispatch queue holds it.
    #[serde(skip)]
    pub(crate) place: Place,
}

/// Decisions under way to the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flight {
    pub(crate) opened: bool,
    pub(crate) missed: bool,
    pub(crate) closed: bool,
    pub(crate) escalated: bool,
    pub(crate) spawned: bool,
}

/// The dispatch queue that a gap stands in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Place {
    /// In none: closed, worked on, escalated, or for people.
    #[default]
    Nowhere,
    /// Not looked at yet: an agent or a person.
    Fresh,
    /// Waits for its turn.
    Ready,
    /// Rests until then.
    Resting(Timestamp),
    /// Escalated since no agent offers its action; comes back when one does.
    Unmanned,
}

/// The control events that the log lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) opened: bool,
    pub(crate) missed: Option<Timestamp>,
    pub(crate) closed: Option<GapOutcome>,
}

impl Missing {
    pub(crate) fn is_nothing(self) -> bool {
        !self.opened && self.missed.is_none() && self.closed.is_none()
    }
}

impl Gap {
    /// What the log should say of this gap and neither says nor is about to.
    pub(crate) fn missing(&self) -> Missing {
        let opened = self.stated.is_some() && self.written.is_none() && !self.flight.opened;
        let missed = self.missed.filter(|_| !self.missed_written && !self.flight.missed);
        // A gap that the log knows and the graph does not belongs to a clause that is no longer
        // in force: what it owed is withdrawn.
        let withdrawn =
            (self.stated.is_none() && self.written.is_some()).then_some(GapOutcome::Withdrawn);
        let closable = self.stated.is_some() || self.written.is_some();
        let closed = self.outcome.or(withdrawn).filter(|_| closable && !self.flight.closed);
        Missing { opened, missed, closed }
    }

    /// Where in the dispatch queues it belongs.
    pub(crate) fn place_under(&self, limits: &Limits) -> Place {
        let Some(stated) = &self.stated else { return Place::Nowhere };
        let over = self.outcome.is_some() || self.waived;
        let impatient = canary::planted("second_agent_when_overdue") && self.missed.is_some();
        let worked_on = self.agent.is_some() && !impatient;
        let under_way = worked_on || self.flight.spawned || self.flight.escalated;
        if over || under_way || self.written.is_none() {
            return Place::Nowhere;
        }
        let too_late = canary::planted("people_replaced_when_overdue") && self.missed.is_some();
        if stated.clause.performer == Performer::Human && !too_late {
            return Place::Nowhere;
        }
        match self.escalated {
            Some(Escalation::NoAgent) => return Place::Unmanned,
            Some(_) => return Place::Nowhere,
            None => {}
        }
        match self.rests_until(limits) {
            // Whoever needs a person need not rest first.
            Some(until) if self.needs_person(limits).is_none() => Place::Resting(until),
            _ => Place::Fresh,
        }
    }

    /// Why no agent may be sent, whatever agents there are.
    pub(crate) fn needs_person(&self, limits: &Limits) -> Option<Escalation> {
        let stated = self.stated.as_ref()?;
        let crashes_count = !canary::planted("outside_tried_again_after_a_crash");
        let tried = if crashes_count { self.tries } else { self.failures } > 0;
        let depth_max = limits.max_agent_depth + u32::from(canary::planted("one_level_too_deep"));
        if self.asks {
            Some(Escalation::AgentAsked)
        } else if stated.clause.external && tried {
            Some(Escalation::ExternalEffect)
        } else if self.failures >= limits.max_agents_per_gap {
            Some(Escalation::AgentsExhausted)
        } else if u32::from(stated.depth) >= depth_max && !self.excused {
            Some(Escalation::TooDeep)
        } else {
            None
        }
    }

    /// The end of its cool-down, passed or not.
    pub(crate) fn rests_until(&self, limits: &Limits) -> Option<Timestamp> {
        self.rested_from.map(|from| from + fixed(limits.cooldown_per_gap))
    }
}

/// A breaker's length of time. A rest has no calendar: a month is 30 days.
pub(crate) fn fixed(length: Length) -> Duration {
    let months = i64::from(length.months).saturating_mul(30 * 86_400_000_000);
    Duration::from_micros(length.micros.saturating_add(months))
}
