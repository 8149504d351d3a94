//! What must always hold and did not: one episode, from the event that broke it to what mended it.
//!
//! In: the changes of violations while a log is replayed. Out: [`Breach`]es.
//! Never: decides whether something is violated: the evaluator's changes say so.
//! Promise: the values are those at the event that broke it, and those now while it goes on.
//! Start reading at [`Breach::begin`].

use homeostat_intent::lowered::Strength;
use homeostat_log::Event;
use homeostat_log::control::GapKind;
use homeostat_world::Timestamp;
use serde::Serialize;

use super::seen::is_about;
use super::{NearMiss, Status};
use crate::change::ObligationId;
use crate::evaluator::Evaluator;
use crate::ground::{Ground, Violation};

/// One episode in which what must always hold did not.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Breach {
    /// `slug@position~instance`.
    pub id: String,
    /// How hard it is.
    pub strength: Strength,
    /// What sort of gap it is.
    pub gap: Option<GapKind>,
    /// What is violated, of whom, since which event, and the values that made it so.
    #[serde(flatten)]
    pub violation: Violation,
    /// The same in words.
    pub because: String,
    /// The values now, where they are others and it still goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<Violation>,
    /// What mends it.
    pub mended_when: String,
    /// Since when it is a gap.
    pub activated: Timestamp,
    /// Where it stands.
    pub status: Status,
    /// Events since that could have mended it and did not; the first few.
    pub near_misses: Vec<NearMiss>,
}

impl Breach {
    /// A violation that has just begun.
    pub(super) fn begin(id: ObligationId, evaluator: &Evaluator) -> Option<Self> {
        let view = evaluator.obligation(id)?;
        let Ground { because, resolved_when, violation } = evaluator.ground(id)?;
        Some(Self {
            id: view.name,
            strength: evaluator.program().clause(id.clause).strength,
            gap: None,
            violation: violation?,
            because,
            now: None,
            mended_when: resolved_when,
            activated: view.activated,
            status: Status::Waiting,
            near_misses: Vec::new(),
        })
    }

    /// What there is to say of it now.
    pub(super) fn look(&mut self, id: ObligationId, evaluator: &Evaluator) {
        let Some(Ground { because, resolved_when, violation }) = evaluator.ground(id) else {
            return;
        };
        self.mended_when = resolved_when;
        let Some(violation) = violation else { return };
        if violation.found != self.violation.found {
            self.because = because;
            self.now = Some(violation);
        }
    }

    /// Why an event that could have mended it did not: what is still false after it.
    pub(super) fn missed_by(
        &self,
        event: &Event,
        id: ObligationId,
        evaluator: &Evaluator,
    ) -> Option<NearMiss> {
        let program = evaluator.program();
        let name = program.canonical_type(&event.event.r#type)?;
        let ours = match (&self.violation.entity, &self.violation.instance) {
            (Some(entity), Some(instance)) => is_about(event, entity, instance),
            _ => true,
        };
        let after = event.position > self.violation.since;
        if !ours || !after || !program.clause(id.clause).satisfied_by.iter().any(|it| it == name) {
            return None;
        }
        let violation = evaluator.ground(id)?.violation?;
        let said = if violation.found.is_empty() {
            self.because.clone()
        } else {
            violation.lines().join("; ")
        };
        let why = format!("after it, {said}");
        Some(NearMiss { position: event.position, event: name.to_owned(), why })
    }
}
