//! How an engine comes up: the spec is the one in force, the log is replayed, the dead are counted.
//!
//! In: the parts. Out: a machine that has seen the whole log, and what this life has to say first.
//! Never: appends; the loop does, through the same door as always.
//! Promise: a start that is refused has changed nothing. Start reading at [`recover`].

use std::sync::Arc;

use homeostat_agents::{AgentsFile, Runner};
use homeostat_graph::{CompileError, Program};
use homeostat_intent::lowered::SpecHash;
use homeostat_intent::{Source, Spec};
use homeostat_log::{Control, LogError, Reader};
use homeostat_world::{Clock, Position, Store, Tasks, canary};

use crate::check::StateCheck;
use crate::checkpoint::{self, Saved};
use crate::contract;
use crate::drive::{Parts, Settings};
use crate::machine::Machine;
use crate::versions::{self, Next, VersionError};

/// Why an engine does not start. Nothing was appended.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The spec cannot be evaluated.
    #[error(transparent)]
    Spec(#[from] CompileError),
    /// Another spec is in force on this log.
    #[error(
        "unknown spec version: the log runs under spec `{}`, version `{in_force}`, and version `{given}` was given",
        name.as_deref().unwrap_or("(unnamed)")
    )]
    OtherSpec {
        /// The name of the one in force.
        name: Option<String>,
        /// Its hash, in hex.
        in_force: String,
        /// The hash of the one that was given.
        given: SpecHash,
    },
    /// Events of the world came before any spec.
    #[error(
        "the log holds `{events}` events from before any spec was in force, and adopting `{given}` would make \
         what they call for due at once"
    )]
    History {
        /// How many.
        events: u64,
        /// The hash of the spec that was given.
        given: SpecHash,
    },
    /// The log cannot be read or written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A version of the spec that the log holds cannot be followed.
    #[error(transparent)]
    Version(#[from] VersionError),
}

/// A machine that has seen the whole log, the spec that is in force on it, and what there is to adopt.
pub(super) struct Recovered {
    pub(super) machine: Machine,
    pub(super) spec: Arc<Spec>,
    pub(super) opening: Opening,
    /// Whether it stands on a checkpoint.
    pub(super) from_checkpoint: bool,
}

/// What a start does about the spec that it was given.
pub(super) enum Opening {
    /// It is in force.
    InForce,
    /// It is the first.
    Adopts,
    /// It takes the place of another.
    Evolves(Box<Next>),
}

/// Finds out where the log stands.
pub(super) fn recover<S, C, T, R>(parts: &Parts<S, C, T, R>) -> Result<Recovered, StartError>
where
    S: Store,
    C: Clock,
    T: Tasks,
    R: Runner,
{
    let reader = parts.log.reader();
    let file = Arc::new(parts.agents.clone());
    let (mut machine, mut spec) = match from_checkpoint(parts, &file) {
        Some(recovered) => recovered,
        None => from_the_start(parts, file)?,
    };
    let restored = machine.applied();
    for event in reader.read(restored.next()) {
        let earlier = || reader.read(Position::new(1));
        versions::show(&mut machine, &mut spec, &event?, Some(&parts.spec), earlier)?;
    }
    assert!(
        !canary::planted("a_replay_has_events") || restored < machine.applied(),
        "a replay has events"
    );
    assert!(machine.applied() == reader.head().position, "a replay ends at the head");
    let opening = opening(parts, &machine, &mut spec)?;
    let from_checkpoint = restored > Position::ZERO;
    Ok(Recovered { machine, spec, opening, from_checkpoint })
}

/// What is to be done about the spec that was given, or why it cannot be put in force.
fn opening<S, C, T, R>(
    parts: &Parts<S, C, T, R>,
    machine: &Machine,
    spec: &mut Arc<Spec>,
) -> Result<Opening, StartError>
where
    S: Store,
{
    let given = &parts.spec;
    let Some(in_force) = machine.versions().last() else {
        let events = machine.totals.events.get("primary").copied().unwrap_or(0);
        if events > 0 && !parts.settings.adopt_history {
            return Err(StartError::History { events, given: given.hash });
        }
        return Ok(Opening::Adopts);
    };
    if in_force.hash == given.hash.to_string() {
        return Ok(Opening::InForce);
    }
    if canary::planted("a_spec_goes_by_its_name") && in_force.name == given.name {
        *spec = Arc::new(given.clone());
        return Ok(Opening::Adopts);
    }
    if !parts.settings.adopt_other {
        let (name, hash) = (in_force.name.clone(), in_force.hash.clone());
        return Err(StartError::OtherSpec { name, in_force: hash, given: given.hash });
    }
    let mut next = Next::new(given.clone(), spec)?;
    for event in parts.log.reader().read(Position::new(1)) {
        next.see(&event?);
    }
    Ok(Opening::Evolves(Box::new(next)))
}

/// A machine that has seen nothing, under the first version of the spec that the log knows.
fn from_the_start<S: Store, C, T, R>(
    parts: &Parts<S, C, T, R>,
    file: Arc<AgentsFile>,
) -> Result<(Machine, Arc<Spec>), StartError> {
    let spec = match versions::first(&parts.log.reader())? {
        Some((first, sources)) => first.spec(&sources, None, Some(&parts.spec))?,
        None => parts.spec.clone(),
    };
    let program = Arc::new(Program::compile(&spec)?);
    Ok((Machine::new(program, spec.limits.clone(), file), Arc::new(spec)))
}

fn from_checkpoint<S: Store, C, T, R>(
    parts: &Parts<S, C, T, R>,
    file: &Arc<AgentsFile>,
) -> Option<(Machine, Arc<Spec>)> {
    if is_in_doubt(&parts.log.reader()) {
        tracing::warn!("the state was found not to be what the log says: it is replayed whole");
        return None;
    }
    match restored(parts, file) {
        Ok(restored) => restored,
        Err(reason) => {
            tracing::warn!(reason, "the checkpoint is passed over, the whole log is replayed");
            None
        }
    }
}

/// The machine of the newest checkpoint and the spec that was in force then. None when there is no
/// checkpoint, and why if there is one that does not fit.
fn restored<S: Store, C, T, R>(
    parts: &Parts<S, C, T, R>,
    file: &Arc<AgentsFile>,
) -> Result<Option<(Machine, Arc<Spec>)>, String> {
    let (reader, snapshot) = (parts.log.reader(), parts.store.snapshot());
    let saved = checkpoint::saved(&reader, &snapshot, &parts.spec, file)?;
    let of = |Saved { machine, mut specs, .. }: Saved| Some((machine, Arc::new(specs.pop()?)));
    Ok(saved.and_then(of))
}

/// Whether the log's last word on the engine's state is that a replay gave another one. A checkpoint
/// of that state would carry the difference on; a replay ends it.
fn is_in_doubt<S: Store>(reader: &Reader<S>) -> bool {
    let said = contract::last_report(reader, StateCheck::NAME).ok().flatten();
    said.is_some_and(|report| report.holds == Some(false))
}

/// What this life has to say first: the spec, if it is new, and who was lost.
pub(super) fn first_words(
    machine: &mut Machine,
    opening: Opening,
    spec: &mut Arc<Spec>,
    sources: &[Source],
    settings: &Settings,
) -> Vec<Control> {
    let goes_on = machine.applied() > Position::ZERO && machine.program().is_periodic();
    let resumption = goes_on.then_some(Control::EngineResumed {});
    let adoption = match opening {
        Opening::InForce => None,
        Opening::Adopts => Some(Control::IntentAdopted {
            hash: spec.hash.to_string(),
            name: spec.name.clone(),
            sources: versions::texts(sources),
            by: settings.adopted_by.clone(),
        }),
        Opening::Evolves(next) => {
            let diff = homeostat_intent::diff(spec, next.spec());
            let evolved = versions::evolved(next.spec(), sources, &settings.adopted_by, &diff);
            *spec = Arc::clone(next.spec());
            machine.prepare(*next);
            Some(evolved)
        }
    };
    // First of all, since its time ends the time in which the engine was down.
    resumption.into_iter().chain(adoption).chain(machine.agents.lost()).collect()
}
