//! A machine that follows a run's log, through the later version of the spec where that was adopted.
//!
//! In: the events of a run in order, or a checkpoint. Out: the state. Never: asks the engine that ran.
//! Promise: what a restart at that position would know. Start reading at [`Follower::apply`].

use std::sync::Arc;

use homeostat_intent::Spec;
use homeostat_kernel::{Machine, versions};
use homeostat_log::Event;
use homeostat_world::Position;

use super::Evidence;

/// One replay.
#[derive(Debug)]
pub(super) struct Follower<'e> {
    evidence: &'e Evidence,
    pub(super) machine: Machine,
    spec: Arc<Spec>,
}

impl<'e> Follower<'e> {
    /// One that has seen nothing.
    pub(super) fn new(evidence: &'e Evidence) -> Self {
        let setup = &evidence.setup;
        let (limits, agents) = (setup.spec.limits.clone(), Arc::clone(&setup.agents));
        let machine = Machine::new(Arc::clone(&setup.program), limits, agents);
        Self { evidence, machine, spec: Arc::new(setup.spec.clone()) }
    }

    /// One that stands where a checkpoint of `position` does.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn restored(
        evidence: &'e Evidence,
        checkpoint: &[u8],
        position: Position,
    ) -> Result<Self, String> {
        let (spec, program) = evidence.version_at(position);
        let agents = &evidence.setup.agents;
        let machine = Machine::restore(program, &spec.limits, agents, checkpoint)?;
        Ok(Self { evidence, machine, spec: Arc::new(spec.clone()) })
    }

    /// Takes in the next event.
    ///
    /// # Errors
    /// Why a version cannot be followed.
    pub(super) fn apply(&mut self, event: &Event) -> Result<(), String> {
        let given = self.evidence.setup.later.as_ref().map(|later| &later.spec);
        let earlier = || self.evidence.log.events.iter().cloned().map(Ok);
        let shown = versions::show(&mut self.machine, &mut self.spec, event, given, earlier);
        shown.map_err(|error| error.to_string())
    }
}
