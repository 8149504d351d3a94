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
use homeostat_log::control::{AdoptedSource, ControlError};
use homeostat_log::{Control, Kind, LogError, Reader};
use homeostat_world::{Clock, Position, Store, Tasks, canary};

use crate::check::StateCheck;
use crate::checkpoint;
use crate::drive::{Parts, Settings};
use crate::machine::Machine;

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
    /// The log holds a control event of another version.
    #[error(transparent)]
    Control(#[from] ControlError),
}

/// A spec that was put in force, as the log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// Its hash, in hex.
    pub hash: String,
    /// Its name.
    pub name: Option<String>,
    /// Its texts.
    pub sources: Vec<AdoptedSource>,
}

/// The spec in force on a log, or the number of events of the world when none is.
///
/// # Errors
/// When the log cannot be read.
pub fn adopted<S: Store>(reader: &Reader<S>) -> Result<Result<Adopted, u64>, StartError> {
    let mut events_of_the_world = 0;
    for event in reader.read(Position::new(1)) {
        let event = event?;
        match Control::from_event(&event).transpose()? {
            Some(Control::IntentAdopted { hash, name, sources, .. }) => {
                return Ok(Ok(Adopted { hash, name, sources }));
            }
            _ => events_of_the_world += u64::from(event.event.kind == Kind::Primary),
        }
    }
    Ok(Err(events_of_the_world))
}

/// How an engine finds itself.
pub(super) struct Recovered {
    /// It has seen the whole log.
    pub(super) machine: Machine,
    /// Whether the spec has yet to be adopted.
    pub(super) is_new: bool,
    /// Whether it stands on a checkpoint.
    pub(super) from_checkpoint: bool,
}

/// Finds out where the log stands.
pub(super) fn recover<S, C, T, R>(parts: &Parts<S, C, T, R>) -> Result<Recovered, StartError>
where
    S: Store,
    C: Clock,
    T: Tasks,
    R: Runner,
{
    let program = Arc::new(Program::compile(&parts.spec)?);
    let reader = parts.log.reader();
    let in_force = is_in_force(&reader, &parts.spec, &parts.settings)?;
    let file = Arc::new(parts.agents.clone());
    let mut machine = from_checkpoint(parts, &program, &file)
        .unwrap_or_else(|| Machine::new(program, parts.spec.limits.clone(), file));
    let restored = machine.applied();
    for event in reader.read(restored.next()) {
        machine.apply(&event?)?;
    }
    assert!(
        !canary::planted("a_replay_has_events") || restored < machine.applied(),
        "a replay has events"
    );
    assert!(machine.applied() == reader.head().position, "a replay ends at the head");
    let from_checkpoint = restored > Position::ZERO;
    Ok(Recovered { machine, is_new: !in_force, from_checkpoint })
}

fn is_in_force<S: Store>(
    reader: &Reader<S>,
    spec: &Spec,
    settings: &Settings,
) -> Result<bool, StartError> {
    // The usual case is answered by the index, without a walk over the log.
    let subject = format!("intent/{}", spec.hash);
    if reader.by_subject(&subject, Position::new(1)).next().transpose()?.is_some() {
        return Ok(true);
    }
    match adopted(reader)? {
        Ok(Adopted { name, .. })
            if canary::planted("a_spec_goes_by_its_name") && name == spec.name =>
        {
            Ok(false)
        }
        Ok(Adopted { hash, name, .. }) => {
            Err(StartError::OtherSpec { name, in_force: hash, given: spec.hash })
        }
        Err(events) if events > 0 && !settings.adopt_history => {
            Err(StartError::History { events, given: spec.hash })
        }
        Err(_) => Ok(false),
    }
}

fn from_checkpoint<S: Store, C, T, R>(
    parts: &Parts<S, C, T, R>,
    program: &Arc<Program>,
    file: &Arc<AgentsFile>,
) -> Option<Machine> {
    if is_in_doubt(&parts.log.reader()) {
        tracing::warn!("the state was found not to be what the log says: it is replayed whole");
        return None;
    }
    let loaded = checkpoint::load(&parts.store.snapshot(), program, &parts.spec.limits, file);
    let (machine, chain) = match loaded {
        Ok(loaded) => loaded?,
        Err(reason) => {
            tracing::warn!(reason, "the checkpoint is passed over, the whole log is replayed");
            return None;
        }
    };
    let of_this_log = parts.log.reader().chain_at(machine.applied()).ok().flatten();
    if of_this_log.is_some_and(|of_this_log| of_this_log.to_string() == chain) {
        return Some(machine);
    }
    tracing::warn!("the checkpoint is of another log, this one is replayed whole");
    None
}

/// Whether the log's last word on the engine's state is that a replay gave another one. A checkpoint
/// of that state would carry the difference on; a replay ends it.
fn is_in_doubt<S: Store>(reader: &Reader<S>) -> bool {
    let subject = format!("check/{}", StateCheck::NAME);
    // Few: one for each change of the answer.
    let said = reader.by_subject(&subject, Position::new(1)).flatten();
    let said = said.filter_map(|event| Control::from_event(&event)?.ok());
    matches!(said.last(), Some(Control::CheckReported { holds: false, .. }))
}

/// What this life has to say first: the spec, if it is new, and who was lost.
pub(super) fn opening(
    machine: &mut Machine,
    is_new: bool,
    spec: &Spec,
    sources: &[Source],
    settings: &Settings,
) -> Vec<Control> {
    let adoption = is_new.then(|| Control::IntentAdopted {
        hash: spec.hash.to_string(),
        name: spec.name.clone(),
        sources: sources
            .iter()
            .map(|source| AdoptedSource { name: source.name.clone(), text: source.text.clone() })
            .collect(),
        by: settings.adopted_by.clone(),
    });
    let goes_on = machine.applied() > Position::ZERO && machine.program().is_periodic();
    let resumption = goes_on.then_some(Control::EngineResumed {});
    // First of all, since its time ends the time in which the engine was down.
    resumption.into_iter().chain(adoption).chain(machine.agents.lost()).collect()
}
