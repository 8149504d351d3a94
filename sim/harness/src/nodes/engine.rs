//! The engine's node: log, kernel, agents and HTTP, as `homeostat serve` puts them together.
//!
//! In: doors, a disk, a clock. Out: an engine at `engine:80` until it is told to stop.
//! Never: starts anew by itself; the director does, as an operator would.
//! Promise: whether it is up can be seen from outside at any time. Start reading at [`Engine::run`].

use std::sync::{Arc, Mutex, PoisonError};

use homeostat_agents::{AgentsFile, MockRunner};
use homeostat_api::{ServeLimits, serve};
use homeostat_intent::{Source, Spec};
use homeostat_kernel::{Parts, Settings, versions};
use homeostat_log::{Head, Log, Reader};
use homeostat_world::{Chance, Clock, Net, Pad, Store};
use tokio::sync::oneshot;

use super::overheard::Overheard;
use super::{ENGINE, ENGINE_ADDRESS};
use crate::history::{Recorder, What};
use crate::plan::Version;
use crate::run::{Later, Setup};
use crate::stage::Doors;

/// One life of the engine.
#[derive(Debug)]
pub struct Engine<C, S> {
    /// Its own clock.
    pub clock: C,
    /// Its disk.
    pub disk: S,
    /// Where the log ended, as the witness on the disk has it.
    pub head: Option<Head>,
    /// The spec and the agents.
    pub setup: Setup,
    /// Which spec it is started with.
    pub version: Version,
    /// What mocks draw from.
    pub chance: Chance,
    /// A checkpoint after this many events.
    pub checkpoint_every: u64,
    /// Where it says what happens.
    pub recorder: Recorder,
    /// Where it shows how it is.
    pub condition: Condition,
    /// Sent on: stop gracefully.
    pub stop: oneshot::Receiver<()>,
}

/// How a life of the engine is, seen from outside. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Condition(Arc<Mutex<State>>);

/// How far a life of the engine is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It reads its log.
    #[default]
    Starting,
    /// It answers.
    Up,
    /// It ended: it could not start, or it was told to stop.
    Ended,
}

impl Condition {
    /// How far it is.
    #[must_use]
    pub fn state(&self) -> State {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: State) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

impl<C: Clock, S: Store + Pad> Engine<C, S> {
    /// Runs until told to stop.
    pub async fn run<D: Doors>(self, doors: D) {
        let (recorder, condition) = (self.recorder.clone(), self.condition.clone());
        let now = || doors.clock().now();
        match Box::pin(self.live(doors.clone())).await {
            Ok(()) => recorder.record(now(), ENGINE, What::Stopped),
            Err(why) => recorder.record(now(), ENGINE, What::Refused { why }),
        }
        condition.set(State::Ended);
    }

    async fn live<D: Doors>(self, doors: D) -> Result<(), String> {
        let given = given(&self.setup, self.version)?;
        let adopt_other = self.version == Version::Later;
        let Self { clock, disk, head, setup, chance, .. } = self;
        let Self { checkpoint_every, recorder, condition, stop, .. } = self;
        let log = Log::open(disk.clone(), head).await.map_err(|error| error.to_string())?;
        let (spec, sources) = match &setup.later {
            // Whoever starts it again serves what is in force.
            Some(later) if self.version == Version::Same && is_in_force(&log.reader(), later)? => {
                (later.spec.clone(), later.sources.clone())
            }
            _ => given,
        };
        let log = log.with_witness(Box::new(disk.clone()));
        let agents = AgentsFile::clone(&setup.agents);
        let runner = MockRunner::new(Arc::new(agents.clone()), clock.clone(), chance);
        let runner = Overheard { runner, clock: doors.clock(), recorder: recorder.clone() };
        let listener = doors.net().listen(ENGINE_ADDRESS).await;
        let listener = listener.map_err(|error| format!("cannot listen: {error}"))?;
        let parts = Parts {
            log,
            store: disk,
            clock: clock.clone(),
            tasks: doors.tasks(),
            runner,
            spec,
            sources,
            agents,
            settings: Settings { checkpoint_every, adopt_other, ..Settings::default() },
        };
        let started = Box::pin(homeostat_kernel::Engine::start(parts)).await;
        let (handle, running) = started.map_err(|error| error.to_string())?;
        condition.set(State::Up);
        recorder.record(doors.clock().now(), ENGINE, What::Started);
        let until = async { drop(stop.await) };
        serve(listener, handle, clock, doors.tasks(), ServeLimits::default(), until).await;
        running.stop().await;
        Ok(())
    }
}

/// What is given to an engine that is started with that version of the spec. A text that is no
/// spec is refused before the log is opened, as `homeostat serve` does it.
fn given(setup: &Setup, version: Version) -> Result<(Spec, Vec<Source>), String> {
    let mut sources = setup.sources.clone();
    let text = match version {
        Version::Same => return Ok((setup.spec.clone(), sources)),
        Version::Other => "when proving_ground.opened { could: close_the_proving_ground() }\n",
        Version::Invalid => "when {\n",
        Version::Later => {
            let later = setup.later.as_ref().ok_or("the Plan has no later version")?;
            return Ok((later.spec.clone(), later.sources.clone()));
        }
    };
    sources.push(Source { name: "another.intent".to_owned(), text: text.to_owned() });
    let loaded = homeostat_intent::load(&sources);
    if loaded.has_errors() {
        return Err("the spec does not load".to_owned());
    }
    Ok((loaded.spec, sources))
}

/// Whether the log says that `later` is in force.
fn is_in_force<S: Store>(log: &Reader<S>, later: &Later) -> Result<bool, String> {
    let newest = versions::all(log).map_err(|error| error.to_string())?.pop();
    Ok(newest.is_some_and(|(version, _)| version.hash == later.spec.hash.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_loads_and_is_another_and_an_invalid_one_does_not() {
        let sources = vec![Source {
            name: "x.intent".to_owned(),
            text: "when a.created { must: b(a)\n within: 5s }".to_owned(),
        }];
        let spec = homeostat_intent::load(&sources).spec;
        let program = homeostat_graph::Program::compile(&spec);
        let setup = Setup {
            sources,
            spec,
            program: Arc::new(program.unwrap_or_else(|error| unreachable!("{error}"))),
            later: None,
            agents: Arc::new(AgentsFile::default()),
            keeps_polls: false,
        };
        let hash = |version| given(&setup, version).map(|(spec, _)| spec.hash.to_string());
        assert_eq!(hash(Version::Same), Ok(setup.spec.hash.to_string()));
        assert!(hash(Version::Other).is_ok_and(|other| other != setup.spec.hash.to_string()));
        assert!(hash(Version::Invalid).is_err());
    }
}
