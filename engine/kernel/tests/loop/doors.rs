//! Doors for tests: tokio's paused clock, its tasks, and a store that can be made to fail.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use homeostat_agents::{AgentsFile, MockRunner};
use homeostat_intent::{Source, Spec};
use homeostat_kernel::{Engine, Handle, Parts, Running, Settings, StartError, Verdict};
use homeostat_log::control::Decision;
use homeostat_log::{Append, Data, Event, Expect, Kind, Log, NewEvent};
use homeostat_world::store::{MemorySnapshot, StoreError};
use homeostat_world::tasks::TaskEnd;
use homeostat_world::{
    Batch, Chance, Clock, Durability, MemoryStore, Position, Store, TaskHandle, Tasks, Timestamp,
};
use tokio::time::Instant;

/// Virtual time: it stands still while anything can run, and jumps to the next timer.
#[derive(Clone, Debug)]
pub(crate) struct PausedClock {
    began: Instant,
}

/// When every test begins: 2026-03-02T09:00:00Z.
pub(crate) const DAWN: Timestamp = Timestamp::from_micros(1_772_442_000_000_000);

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.began.elapsed().as_micros()).unwrap();
        DAWN + homeostat_world::Duration::from_micros(passed)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    async fn sleep_until(&self, at: Timestamp) {
        // Tokio's timer has a grain of a millisecond: wait until it is certainly reached.
        while self.now() < at {
            tokio::time::sleep(at.since(self.now()).to_std()).await;
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct TestTasks;

#[derive(Debug)]
pub(crate) struct TestTask(tokio::task::JoinHandle<()>);

impl Tasks for TestTasks {
    type Handle = TestTask;

    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    fn spawn<F>(&self, _: &str, work: F) -> TestTask
    where
        F: Future<Output = ()> + Send + 'static,
    {
        TestTask(tokio::spawn(work))
    }

    async fn yield_now(&self) {
        tokio::task::yield_now().await;
    }
}

impl TaskHandle for TestTask {
    fn cancel(&self) {
        self.0.abort();
    }

    async fn join(self) -> TaskEnd {
        match self.0.await {
            Ok(()) => TaskEnd::Done,
            Err(error) if error.is_panic() => TaskEnd::Panicked,
            Err(_) => TaskEnd::Cancelled,
        }
    }
}

/// A store in memory whose device can be full.
#[derive(Clone, Debug, Default)]
pub(crate) struct FrailStore {
    inner: MemoryStore,
    full: Arc<AtomicBool>,
}

impl FrailStore {
    /// What a kill at this moment would leave behind.
    pub(crate) fn fork(&self) -> Self {
        Self { inner: self.inner.fork(), full: Arc::default() }
    }

    pub(crate) fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }
}

impl Store for FrailStore {
    type Snapshot = MemorySnapshot;

    fn snapshot(&self) -> MemorySnapshot {
        self.inner.snapshot()
    }

    async fn commit(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        if self.full.load(Ordering::SeqCst) {
            return Err(StoreError::Full);
        }
        self.inner.commit(batch, durability).await
    }
}

/// A world for one engine after another.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) store: FrailStore,
    pub(crate) clock: PausedClock,
    pub(crate) sources: Vec<Source>,
    pub(crate) agents: String,
    pub(crate) settings: Settings,
}

pub(crate) type Started = (Handle, Running<TestTask>);

pub(crate) const SPEC: &str = r#"
    entity customer {}
    entity interaction { belongs_to: customer }
    event interaction.created
    action acknowledge(interaction) { satisfied_by: interaction.acknowledged }
    action review(customer) { satisfied_by: customer.reviewed  by: system }
    action confirm(interaction) { satisfied_by: interaction.confirmed  by: human }
    when interaction.created {
      must: acknowledge(interaction)
        within: 5s
      should: review(interaction.customer)
        within: 1m
    }
    limits { cooldown_per_gap: 2s  max_agents_per_gap: 2 }
"#;

pub(crate) const WILLING: &str = r#"
    [[agent]]
    name = "willing"
    for = "*"
    kind = "mock"
    takes = "100ms"
    plan = "resolve"
"#;

impl World {
    pub(crate) fn new(spec: &str, agents: &str) -> Self {
        Self {
            store: FrailStore::default(),
            clock: PausedClock { began: Instant::now() },
            sources: vec![Source { name: "test.intent".to_owned(), text: spec.to_owned() }],
            agents: agents.to_owned(),
            settings: Settings::default(),
        }
    }

    pub(crate) fn spec(&self) -> Spec {
        let loaded = homeostat_intent::load(&self.sources);
        assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
        loaded.spec
    }

    pub(crate) fn agents_file(&self) -> AgentsFile {
        AgentsFile::parse(&self.agents).unwrap_or_else(|errors| panic!("{errors}"))
    }

    pub(crate) async fn try_start(&self) -> Result<Started, StartError> {
        let log = Log::open(self.store.clone(), None).await?;
        let file = self.agents_file();
        let chance = Chance::from_u64(7);
        Engine::start(Parts {
            log,
            store: self.store.clone(),
            clock: self.clock.clone(),
            tasks: TestTasks,
            runner: MockRunner::new(Arc::new(file.clone()), self.clock.clone(), chance),
            spec: self.spec(),
            sources: self.sources.clone(),
            agents: file,
            settings: self.settings.clone(),
        })
        .await
    }

    pub(crate) async fn start(&self) -> Started {
        self.try_start().await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Somebody sets the machine's clock back to [`DAWN`].
    pub(crate) fn set_clock_back(&mut self) {
        self.clock = PausedClock { began: Instant::now() };
    }

    pub(crate) async fn events(&self) -> Vec<Event> {
        let log = Log::open(self.store.clone(), None).await.unwrap();
        log.reader().read(Position::new(1)).map(Result::unwrap).collect()
    }

    /// The types of the log's events, in order.
    pub(crate) async fn story(&self) -> Vec<String> {
        self.events().await.into_iter().map(|event| event.event.r#type).collect()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    pub(crate) async fn wait(&self, seconds: u64) {
        tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
    }
}

/// An interaction of a customer, at the time that the clock shows.
pub(crate) fn interaction(world: &World, id: u64, customer: u64) -> Append {
    let data =
        serde_json::json!({ "interaction": format!("i{id}"), "customer": format!("c{customer}") });
    event(world, "interaction.created", &format!("created-{id}"), &data)
}

pub(crate) fn event(world: &World, r#type: &str, id: &str, data: &serde_json::Value) -> Append {
    let new = NewEvent {
        id: id.to_owned(),
        source: "test".to_owned(),
        kind: Kind::Primary,
        r#type: r#type.to_owned(),
        time: world.clock.now(),
        subject: None,
        cause: None,
        actor: homeostat_log::Actor::World,
        depth: 0,
        enriches: None,
        data: Data::from_json(data).unwrap(),
    };
    Append { events: vec![new], expect: Expect::Any }
}

pub(crate) fn verdict(gap: &str, decision: Decision) -> Verdict {
    Verdict { gap: gap.to_owned(), decision, by: "ada".to_owned(), reason: "because".to_owned() }
}
