//! Where the demo is played: the real engine on a fresh log, its clock at the day's pace.
//!
//! In: the embedded spec and agents. Out: a running engine. Start reading at [`Stage::open`].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use homeostat_agents::{AgentsFile, MockRunner};
use homeostat_host::TokioTasks;
use homeostat_host::tasks::TokioTask;
use homeostat_intent::{Source, Spec};
use homeostat_kernel::{Engine, Handle, Parts, ReadQuery, Running, Settings, Status};
use homeostat_log::Event;
use homeostat_world::{Chance, Durability, Position};

use super::clock::PacedClock;
use super::story::Day;
use crate::cli::serve::not_started;
use crate::failure::Failure;
use crate::running::{self, Purpose};

/// The spec: the seed's own text, what it leaves open, and the demo's breakers.
const SPEC: [(&str, &str); 3] = [
    (
        "customer_platform.intent",
        include_str!("../../../../../scenarios/specs/crm/customer_platform.intent"),
    ),
    ("declarations.intent", include_str!("../../../../../scenarios/specs/crm/declarations.intent")),
    ("breakers.intent", include_str!("../../../demo/breakers.intent")),
];
const AGENTS: &str = include_str!("../../../demo/agents.toml");

/// Events that are read from the log at once.
const READ_MAX: usize = 500;

/// A running engine and what it runs on.
#[derive(Debug)]
pub(crate) struct Stage {
    /// Where the log lies.
    pub(crate) folder: PathBuf,
    /// The spec in force.
    pub(crate) spec: Spec,
    /// The day's clock.
    pub(crate) clock: PacedClock,
    /// The engine.
    pub(crate) handle: Handle,
    engine: Running<TokioTask>,
}

/// The folder for the log: the one that was asked for, or a fresh one for temporary files.
pub(crate) fn folder(asked: Option<&Path>) -> Result<PathBuf, Failure> {
    let Some(folder) = asked else {
        let fresh = tempfile::Builder::new().prefix("homeostat-demo-").tempdir();
        return fresh.map(tempfile::TempDir::keep).map_err(|error| {
            Failure::new(format_args!("cannot make a folder for the log: {error}"))
                .help("name one with `--log DIR`")
        });
    };
    let taken = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if taken {
        return Err(Failure::new(format_args!("`{}` is not empty", folder.display()))
            .help("the demo plays on a fresh log: name a folder that is not there yet"));
    }
    Ok(folder.to_owned())
}

/// The texts of the demo's spec.
pub(crate) fn sources() -> Vec<Source> {
    let source = |(name, text): (&str, &str)| Source { name: name.into(), text: text.into() };
    SPEC.map(source).to_vec()
}

impl Stage {
    /// Starts the engine; the day begins with it.
    pub(crate) async fn open(
        folder: PathBuf,
        day: &Day,
        speed: f64,
        chance: Chance,
    ) -> Result<Self, Failure> {
        let sources = sources();
        let spec = homeostat_intent::load(&sources).spec;
        let agents = AgentsFile::parse(AGENTS).map_err(Failure::new)?;
        let opened = running::open_log(&folder, Purpose::Write).await?;
        let clock = PacedClock::start(day.dawn, &day.pace_at(speed));
        let runner = MockRunner::new(Arc::new(agents.clone()), clock.clone(), chance);
        let parts = Parts {
            log: opened.log,
            store: opened.store,
            clock: clock.clone(),
            tasks: TokioTasks::new(tokio::runtime::Handle::current()),
            runner,
            spec: spec.clone(),
            sources,
            agents,
            // A slow disk must not outpace a day that takes seconds.
            settings: Settings { durability: Durability::Process, ..Settings::default() },
        };
        let (handle, engine) = Box::pin(Engine::start(parts)).await.map_err(not_started)?;
        Ok(Self { folder, spec, clock, handle, engine })
    }

    /// Whether the day is over.
    pub(crate) fn is_over(&self) -> bool {
        self.clock.is_at_end()
    }

    /// The events from `from` on that are there now.
    pub(crate) async fn read(&self, from: Position) -> Result<Vec<Event>, Failure> {
        let query = ReadQuery { from, limit: READ_MAX, subject: None };
        self.handle.read(query).await.map_err(Failure::new)
    }

    /// How the engine is.
    pub(crate) async fn status(&self) -> Result<Status, Failure> {
        self.handle.status().await.map_err(Failure::new)
    }

    /// Stops the engine and leaves the log to others.
    pub(crate) async fn close(self) {
        drop(self.handle);
        self.engine.stop().await;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test says what it expects")]

    use super::*;

    #[test]
    fn the_embedded_spec_has_no_errors_and_every_action_has_an_agent_or_a_person() {
        let loaded = homeostat_intent::load(&sources());
        assert!(!loaded.has_errors(), "{:#?}", loaded.diagnostics);
        let agents = AgentsFile::parse(AGENTS).unwrap();
        for duty in loaded.spec.duties() {
            let human = duty.by == homeostat_intent::lowered::Performer::Human;
            assert!(human || agents.member_for(&duty.action).is_some(), "{}", duty.action);
        }
    }
}
