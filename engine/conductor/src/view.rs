//! Gaps and their counts as people see them.
//!
//! In: the conductor's state. Out: [`GapView`]s and a [`Status`], which serialise. Never: changes anything.
//! Promise: every open gap is in exactly one [`GapState`]. Start reading at [`Conductor::gaps`].

use homeostat_intent::lowered::Performer;
use homeostat_log::control::{Ending, Escalation, GapKind};
use homeostat_world::{Position, Timestamp};
use serde::Serialize;

use crate::breakers::BreakerReadings;
use crate::conductor::Conductor;
use crate::fact::Severity;
use crate::gap::{Gap, GapKey, Stated};

/// What is being done about an open gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GapState {
    /// It waits for an agent.
    Open,
    /// An agent works on it.
    Working,
    /// It rests between two agents.
    Cooling,
    /// It lies with people, since agents cannot or may not close it.
    Escalated,
    /// It is a person's to do, and is waited for.
    Waiting,
}

/// One open gap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GapView {
    /// `slug@trigger position`.
    pub id: String,
    /// The clause's readable name.
    pub slug: String,
    /// The clause's identity, in hex.
    pub clause: String,
    /// What would close it.
    pub action: String,
    /// What sort of gap.
    pub kind: GapKind,
    /// How urgent.
    pub severity: Severity,
    /// Who is expected to act.
    pub performer: Performer,
    /// What is being done about it.
    pub state: GapState,
    /// When it opened.
    pub opened: Timestamp,
    /// When the obligation is due.
    pub due: Option<Timestamp>,
    /// Whether that has passed.
    pub overdue: bool,
    /// How many agents deep.
    pub depth: u16,
    /// Agents spawned for it so far.
    pub attempts: u32,
    /// Those that failed since a person last said `retry`.
    pub failures: u32,
    /// The agent at work.
    pub agent: Option<String>,
    /// When it has rested, if it rests.
    pub rests_until: Option<Timestamp>,
    /// Why it lies with people.
    pub escalation: Option<Escalation>,
    /// How its last agent ended.
    pub last_ending: Option<Ending>,
    /// In that agent's or the engine's words.
    pub reason: Option<String>,
}

/// Open gaps by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are the variants of `GapKind`")]
pub struct KindCounts {
    pub reaction: u64,
    pub temporal: u64,
    pub consistency: u64,
    pub intent: u64,
    pub quality: u64,
}

/// Open gaps by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are the variants of `Severity`")]
pub struct SeverityCounts {
    pub invariant: u64,
    pub must: u64,
    pub should: u64,
    pub could: u64,
}

/// Open gaps by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are the variants of `GapState`")]
pub struct StateCounts {
    pub open: u64,
    pub working: u64,
    pub cooling: u64,
    pub escalated: u64,
    pub waiting: u64,
}

/// The conductor in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// How far it has read the log's control events.
    pub position: Position,
    /// Open gaps.
    pub gaps_open: u64,
    /// By kind.
    pub by_kind: KindCounts,
    /// By severity.
    pub by_severity: SeverityCounts,
    /// By state.
    pub by_state: StateCounts,
    /// Agents at work.
    pub agents_at_work: u64,
    /// The breakers with their numbers.
    pub breakers: BreakerReadings,
}

impl Conductor {
    /// Every open gap, the oldest trigger first.
    pub fn gaps(&self) -> impl Iterator<Item = GapView> + '_ {
        self.gaps.iter().filter_map(|(key, gap)| self.view(key, gap))
    }

    /// One open gap.
    #[must_use]
    pub fn gap(&self, id: &str) -> Option<GapView> {
        let key = GapKey::new(id);
        self.view(&key, self.gaps.get(&key)?)
    }

    /// Counts of everything. Costs a look at every open gap.
    #[must_use]
    pub fn status(&self) -> Status {
        let mut by_kind = KindCounts::default();
        let mut by_severity = SeverityCounts::default();
        let mut by_state = StateCounts::default();
        let mut gaps_open = 0;
        for gap in self.gaps.values() {
            let Some(stated) = gap.stated.as_ref().filter(|_| gap.outcome.is_none()) else {
                continue;
            };
            gaps_open += 1;
            *match stated.kind {
                GapKind::Reaction => &mut by_kind.reaction,
                GapKind::Temporal => &mut by_kind.temporal,
                GapKind::Consistency => &mut by_kind.consistency,
                GapKind::Intent => &mut by_kind.intent,
                GapKind::Quality => &mut by_kind.quality,
            } += 1;
            *match stated.clause.severity {
                Severity::Invariant => &mut by_severity.invariant,
                Severity::Must => &mut by_severity.must,
                Severity::Should => &mut by_severity.should,
                Severity::Could => &mut by_severity.could,
            } += 1;
            *match self.state(gap, stated) {
                GapState::Open => &mut by_state.open,
                GapState::Working => &mut by_state.working,
                GapState::Cooling => &mut by_state.cooling,
                GapState::Escalated => &mut by_state.escalated,
                GapState::Waiting => &mut by_state.waiting,
            } += 1;
        }
        let agents_at_work = self.agents.len() as u64;
        let (position, breakers) = (self.position, self.breakers());
        Status { position, gaps_open, by_kind, by_severity, by_state, agents_at_work, breakers }
    }

    fn state(&self, gap: &Gap, stated: &Stated) -> GapState {
        if gap.agent.is_some() {
            GapState::Working
        } else if stated.clause.performer == Performer::Human {
            GapState::Waiting
        } else if gap.escalated.is_some() {
            GapState::Escalated
        } else if self.rests_still(gap).is_some() {
            GapState::Cooling
        } else {
            GapState::Open
        }
    }

    fn rests_still(&self, gap: &Gap) -> Option<Timestamp> {
        gap.rests_until(&self.limits).filter(|until| *until > self.now)
    }

    fn view(&self, key: &GapKey, gap: &Gap) -> Option<GapView> {
        if gap.outcome.is_some() {
            return None;
        }
        let stated = gap.stated.as_ref()?;
        let state = self.state(gap, stated);
        Some(GapView {
            id: key.name().to_owned(),
            slug: stated.clause.slug.clone(),
            clause: stated.clause.clause.clone(),
            action: stated.clause.action.clone(),
            kind: stated.kind,
            severity: stated.clause.severity,
            performer: stated.clause.performer,
            state,
            opened: stated.opened,
            due: stated.due,
            overdue: gap.missed.is_some(),
            depth: stated.depth,
            attempts: gap.attempts,
            failures: gap.failures,
            agent: gap.agent.clone(),
            rests_until: self.rests_still(gap).filter(|_| state == GapState::Cooling),
            escalation: gap.escalated,
            last_ending: gap.last.as_ref().map(|last| last.ending),
            reason: gap.last.as_ref().map(|last| last.reason.clone()),
        })
    }
}
