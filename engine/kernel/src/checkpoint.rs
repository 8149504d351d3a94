//! The machine's state as bytes, so that a start need not replay the whole log.
//!
//! In: a machine, or bytes and what they must belong to. Out: bytes, or a machine.
//! Never: the only copy of anything. A checkpoint that does not fit is passed over and the log is
//! replayed instead.
//! Promise: equal states give equal bytes. Start reading at [`save`].

use std::sync::Arc;

use bytes::Bytes;
use homeostat_agents::{Agents, AgentsFile};
use homeostat_conductor::Conductor;
use homeostat_graph::{Evaluator, Program};
use homeostat_intent::Spec;
use homeostat_intent::lowered::Limits;
use homeostat_log::{ChainHash, Head, Reader};
use homeostat_world::{Batch, Position, Snapshot, Space, Store};
use serde::{Deserialize, Serialize};

use crate::check::Reports;
use crate::machine::Machine;
use crate::status::Totals;
use crate::versions::{Version, follow};

/// Where checkpoints are kept.
pub const SPACE: Space = Space("checkpoints");
/// Under which key: only the newest is of use.
pub const KEY: &[u8] = b"newest";

/// The shape of the bytes. Raise it with any change of shape.
const VERSION: u32 = 4;
/// What the sections hold, in their order.
const SECTIONS: [&str; 4] = ["counts and reports", "graph", "conductor", "agents"];

#[derive(Serialize, Deserialize)]
struct Cover {
    version: u32,
    position: Position,
    /// The chain hash at `position`: a checkpoint of another log does not fit.
    chain: String,
    totals: Totals,
    reports: Reports,
    /// Every version of the spec that was put in force so far: the newest is the one that the rest is
    /// a state of.
    versions: Vec<Version>,
}

/// Puts the machine's state into `batch`, as of `head`, which it must have reached.
pub(crate) fn save(machine: &Machine, head: &Head, batch: &mut Batch) {
    assert!(machine.applied == head.position, "a checkpoint is of the head");
    batch.put(SPACE, Bytes::from_static(KEY), encode(machine, &head.chain));
}

/// The state as bytes. `chain` is the log's at the machine's position.
pub(crate) fn encode(machine: &Machine, chain: &ChainHash) -> Vec<u8> {
    let cover = Cover {
        version: VERSION,
        position: machine.applied,
        chain: chain.to_string(),
        totals: machine.totals.clone(),
        reports: machine.reports.clone(),
        versions: machine.versions().to_vec(),
    };
    let mut bytes = Vec::new();
    // Texts, numbers and maps with text keys always have a JSON form.
    for section in [
        serde_json::to_vec(&cover).unwrap_or_default(),
        machine.graph.checkpoint(),
        machine.conductor.checkpoint(),
        machine.agents.checkpoint(),
    ] {
        // Two states that could not be written would look the same.
        assert!(!section.is_empty(), "every part of the state has bytes");
        bytes.extend_from_slice(&(section.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&section);
    }
    bytes
}

/// The bytes of the newest checkpoint. None when there is no checkpoint, and why if it cannot be read.
fn stored(snapshot: &impl Snapshot) -> Result<Option<Bytes>, String> {
    snapshot.get(SPACE, KEY).map_err(|error| error.to_string())
}

/// The versions of the spec up to a checkpoint, and the chain hash that its log must have at its
/// position.
fn versions(bytes: &[u8]) -> Result<(Vec<Version>, Position, String), String> {
    let mut rest = bytes;
    let cover = cover(&mut rest)?;
    Ok((cover.versions, cover.position, cover.chain))
}

/// What is saved in the store of a log: the machine, the versions of the spec that it lived through, and the log's
/// chain hash at its position.
pub(crate) struct Saved {
    pub(crate) machine: Machine,
    /// At least one, the one in force last.
    pub(crate) specs: Vec<Spec>,
    pub(crate) chain: ChainHash,
}

/// What is saved in the store of `reader`'s log; none where nothing is. `given` is the spec of a log that holds none
/// itself.
///
/// # Errors
/// Why what is saved is no state of this log.
pub(crate) fn saved<S: Store>(
    reader: &Reader<S>,
    snapshot: &impl Snapshot,
    given: &Spec,
    file: &Arc<AgentsFile>,
) -> Result<Option<Saved>, String> {
    let Some(bytes) = stored(snapshot)? else { return Ok(None) };
    let (versions, position, of) = versions(&bytes)?;
    let chain = reader.chain_at(position).map_err(|error| error.to_string())?;
    let Some(chain) = chain.filter(|chain| chain.to_string() == of) else {
        return Err("it is of another log".to_owned());
    };
    let specs = follow(reader, &versions, given).map_err(|error| error.to_string())?;
    let spec = specs.last().ok_or("it is of no version")?;
    let program = Arc::new(Program::compile(spec).map_err(|error| error.to_string())?);
    let machine = decode(&bytes, &program, &spec.limits, file)?;
    Ok(Some(Saved { machine, specs, chain }))
}

fn cover(rest: &mut &[u8]) -> Result<Cover, String> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let section = take_section(rest).ok_or("it is cut short")?;
    let Versioned { version } =
        serde_json::from_slice(section).map_err(|error| error.to_string())?;
    if version != VERSION {
        return Err(format!("it has version {version}, expected {VERSION}"));
    }
    serde_json::from_slice(section).map_err(|error| error.to_string())
}

/// The machine that `bytes` hold under the spec that was in force then.
pub(crate) fn decode(
    bytes: &[u8],
    program: &Arc<Program>,
    limits: &Limits,
    file: &Arc<AgentsFile>,
) -> Result<Machine, String> {
    let mut rest = bytes;
    let cover = cover(&mut rest)?;
    let mut section = || take_section(&mut rest).ok_or("it is cut short");
    let graph =
        Evaluator::restore(Arc::clone(program), section()?).map_err(|error| error.to_string())?;
    let conductor =
        Conductor::restore(limits.clone(), section()?).map_err(|error| error.to_string())?;
    let agents =
        Agents::restore(Arc::clone(file), section()?).map_err(|error| error.to_string())?;
    let mut machine = Machine::from_parts(graph, conductor, agents, Arc::clone(program));
    machine.applied = cover.position;
    machine.totals = cover.totals;
    machine.reports = cover.reports;
    machine.versions = cover.versions;
    Ok(machine)
}

/// The parts of a machine's bytes, each with a name for people.
pub(crate) fn sections(bytes: &[u8]) -> Vec<(&'static str, &[u8])> {
    let mut rest = bytes;
    SECTIONS.into_iter().map_while(|name| Some((name, take_section(&mut rest)?))).collect()
}

fn take_section<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let (length, tail) = rest.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let (section, tail) = tail.split_at_checked(length)?;
    *rest = tail;
    Some(section)
}
