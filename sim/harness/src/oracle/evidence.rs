//! What oracles read: one run, in data.
//!
//! In: the disk after the run. Out: [`Evidence`]. Never: writes to the disk, beyond what opening a
//! log does. Promise: everything is as a start after a loss of power would find it.
//! Start reading at [`Evidence`].

use std::sync::Arc;

use homeostat_graph::Program;
use homeostat_intent::Spec;
use homeostat_log::{ChainHash, Control, Event, Head, Log, Reader};
use homeostat_world::{Position, Snapshot, Store};

use crate::history::{History, Line, What};
use crate::plan::Plan;
use crate::run::Setup;

/// One run.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// What was asked for.
    pub plan: Plan,
    /// What the Plan names: spec and agents.
    pub setup: Setup,
    /// What happened.
    pub history: History,
    /// What was left.
    pub log: FinalLog,
}

/// The log as the run left it.
#[derive(Clone, Debug)]
pub struct FinalLog {
    /// In order.
    pub events: Vec<Event>,
    /// The engine's own among them, with their index in `events`.
    pub controls: Vec<(usize, Control)>,
    /// What the proof said; or why there is none.
    pub verified: Result<Verified, String>,
    /// The newest checkpoint on the disk.
    pub checkpoint: Option<Checkpoint>,
    /// The chain hash at the head, in hex.
    pub chain: String,
}

/// What [`Reader::verify`] proved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Events that are whole and chained.
    pub events: u64,
    /// Indexes that do not agree with them.
    pub index_faults: u64,
}

/// A checkpoint as it lies on the disk.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// As it lies there.
    pub bytes: Vec<u8>,
    /// Of which position it says to be.
    pub position: u64,
    /// The log's chain hash there.
    pub chain: ChainHash,
}

impl Evidence {
    /// The engine's own events, each with the decision in it.
    pub(crate) fn controls(&self) -> impl Iterator<Item = (&Event, &Control)> {
        let event = |index: &usize| self.log.events.get(*index);
        self.log.controls.iter().filter_map(move |(index, it)| Some((event(index)?, it)))
    }

    /// What the director saw when it looked, in order: the line, the position, the engine's clock.
    pub(crate) fn looks(&self) -> impl Iterator<Item = Look> + '_ {
        self.history.lines.iter().filter_map(|line| match line {
            Line { what: What::Looked { up, position, engine_now }, .. } => {
                Some(Look { up: *up, position: *position, engine_now: *engine_now })
            }
            _ => None,
        })
    }
}

impl Evidence {
    /// Where the Plan's later version was adopted, if it was.
    pub(crate) fn takes_over_at(&self) -> Option<Position> {
        let evolved = |control: &Control| matches!(control, Control::IntentEvolved { .. });
        let found = self.controls().find(|(_, control)| evolved(control));
        found.filter(|_| self.setup.later.is_some()).map(|(event, _)| event.position)
    }

    /// The version that is in force once the event at `position` has been applied.
    pub(crate) fn version_at(&self, position: Position) -> (&Spec, &Arc<Program>) {
        let later = self.setup.later.as_ref();
        let in_force = later.filter(|_| self.takes_over_at().is_some_and(|at| at <= position));
        in_force.map_or((&self.setup.spec, &self.setup.program), |it| (&it.spec, &it.program))
    }
}

/// One look at the engine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) up: bool,
    pub(crate) position: u64,
    pub(crate) engine_now: homeostat_world::Timestamp,
}

impl FinalLog {
    /// Reads the log on `store`, which must reach to `head`.
    ///
    /// # Errors
    /// Why it cannot be opened or read.
    pub async fn read<S: Store>(store: S, head: Option<Head>) -> Result<Self, String> {
        let log = Log::open(store.clone(), head).await.map_err(|error| error.to_string())?;
        let reader = log.reader();
        let (mut events, mut controls) = (Vec::new(), Vec::new());
        for event in reader.read(Position::new(1)) {
            let event = event.map_err(|error| error.to_string())?;
            if let Some(control) = Control::from_event(&event) {
                controls.push((events.len(), control.map_err(|error| error.to_string())?));
            }
            events.push(event);
        }
        let verified = reader
            .verify(Position::new(1), |_| {})
            .map(|it| Verified { events: it.events, index_faults: it.index_faults })
            .map_err(|error| error.to_string());
        let checkpoint = checkpoint(&store, &reader)?;
        let chain = log.head().chain.to_string();
        Ok(Self { events, controls, verified, checkpoint, chain })
    }
}

fn checkpoint<S: Store>(store: &S, reader: &Reader<S>) -> Result<Option<Checkpoint>, String> {
    use homeostat_kernel::checkpoint::{KEY, SPACE};
    let stored = store.snapshot().get(SPACE, KEY).map_err(|error| error.to_string())?;
    let Some(bytes) = stored else { return Ok(None) };
    let position = position_of(&bytes).ok_or("the checkpoint has no position")?;
    let chain = reader.chain_at(Position::new(position)).map_err(|error| error.to_string())?;
    let chain = chain.ok_or_else(|| {
        format!("the checkpoint is of position `{position}`, which the log does not have")
    })?;
    Ok(Some(Checkpoint { bytes: bytes.to_vec(), position, chain }))
}

/// The position of the newest checkpoint on a store.
pub(crate) fn checkpoint_on(store: &impl Store) -> Option<u64> {
    use homeostat_kernel::checkpoint::{KEY, SPACE};
    position_of(&store.snapshot().get(SPACE, KEY).ok()??)
}

/// The position in the first section of a checkpoint, which is JSON behind its length.
fn position_of(bytes: &[u8]) -> Option<u64> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let cover: serde_json::Value = serde_json::from_slice(rest.get(..length)?).ok()?;
    cover.get("position")?.as_u64()
}
