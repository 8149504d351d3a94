//! A whole engine behind the API, on a store in memory, and a plain HTTP caller.

use std::sync::Arc;

use homeostat_agents::{AgentsFile, MockRunner};
use homeostat_intent::{Source, load};
use homeostat_kernel::Handle;
use homeostat_kernel::drive::{Engine, Parts, Running, Settings};
use homeostat_log::Log;
use homeostat_world::{Chance, Clock, Durability, Net, Tasks};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

use super::doors::{FragileStore, MemoryNet, PausedClock, TestTask, TestTasks};
use crate::{Client, Patience, ServeLimits, Served, serve};

/// Where the house listens.
pub(super) const ADDRESS: &str = "engine:7171";

/// Acknowledging is due in five seconds, and no agent is there to do it.
pub(super) const SPEC: &str = r#"system "desk" {
  event interaction.created
  event interaction.acknowledged
  action acknowledge(interaction) { satisfied_by: interaction.acknowledged }
  when interaction.created {
    must: acknowledge(interaction)
      within: 5s
  }
}
"#;

pub(super) struct House {
    pub(super) net: MemoryNet,
    pub(super) clock: PausedClock,
    pub(super) store: FragileStore,
    /// `None` once it is stopped.
    engine: Option<Running<TestTask>>,
    stop: oneshot::Sender<()>,
    served: oneshot::Receiver<Served>,
}

impl House {
    pub(super) async fn open() -> Self {
        Self::open_with(SPEC).await
    }

    /// With another spec than [`SPEC`].
    pub(super) async fn open_with(spec: &str) -> Self {
        Self::built(spec, ServeLimits::default()).await
    }

    pub(super) async fn with(limits: ServeLimits) -> Self {
        Self::built(SPEC, limits).await
    }

    async fn built(spec: &str, limits: ServeLimits) -> Self {
        let (net, clock, tasks) = (MemoryNet::default(), PausedClock::new(), TestTasks);
        let store = FragileStore::default();
        let (handle, engine) = engine(spec, clock, store.clone()).await;
        let listener = net.listen(ADDRESS).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, served) = oneshot::channel();
        drop(tasks.spawn("serve", async move {
            let until = async { drop(stopped.await) };
            let end = serve(listener, handle, clock, tasks, limits, until).await;
            // A test that does not stop the house does not listen.
            let _told = tell.send(end);
        }));
        Self { net, clock, store, engine: Some(engine), stop, served }
    }

    /// A client with the usual patience.
    pub(super) fn client(&self) -> Client<MemoryNet, PausedClock> {
        let url = format!("http://{ADDRESS}");
        Client::new(self.net.clone(), self.clock, &url, Patience::default()).unwrap()
    }

    /// Stops the engine and leaves the server.
    pub(super) async fn stop_engine(mut self) -> Self {
        self.engine.take().unwrap().stop().await;
        self
    }

    /// Tells the server to stop, and waits until it has.
    pub(super) async fn stop(self) -> Served {
        self.stop.send(()).unwrap();
        self.served.await.unwrap()
    }

    /// Sends `bytes` as they are and reads until the server closes.
    pub(super) async fn raw(&self, bytes: &[u8]) -> String {
        let stream = self.net.connect(ADDRESS).await.unwrap();
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut heard = Vec::new();
        // The server may answer and close before it has read everything.
        let (_sent, read) = tokio::join!(writer.write_all(bytes), reader.read_to_end(&mut heard));
        read.unwrap();
        String::from_utf8(heard).unwrap()
    }

    /// One request on a connection of its own.
    pub(super) async fn ask(&self, head: &str, headers: &[(&str, &str)], body: &[u8]) -> Heard {
        let mut text = format!("{head} HTTP/1.1\r\nhost: {ADDRESS}\r\nconnection: close\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !headers.iter().any(|(name, _)| *name == "transfer-encoding") {
            text.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        Heard::read(&self.raw(&[text.as_bytes(), body].concat()).await)
    }

    pub(super) async fn get(&self, path: &str) -> Heard {
        self.ask(&format!("GET {path}"), &[], b"").await
    }

    pub(super) async fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Heard {
        self.ask(&format!("POST {path}"), &[("content-type", content_type)], body).await
    }

    /// Appends JSON Lines and expects success.
    pub(super) async fn append(&self, lines: &str) -> serde_json::Value {
        let heard = self.post("/v1/events", "application/x-ndjson", lines.as_bytes()).await;
        assert_eq!(heard.status, 200, "{}", heard.body);
        heard.json()
    }

    /// Lets `span` pass.
    pub(super) async fn pass(&self, span: &str) {
        self.clock.sleep_until(self.clock.now() + span.parse().unwrap()).await;
    }
}

async fn engine(
    spec: &str,
    clock: PausedClock,
    store: FragileStore,
) -> (Handle, Running<TestTask>) {
    let sources = vec![Source { name: "desk.intent".to_owned(), text: spec.to_owned() }];
    let loaded = load(&sources);
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    let agents = AgentsFile::default();
    let runner = MockRunner::new(Arc::new(agents.clone()), clock, Chance::from_u64(1));
    let parts = Parts {
        log: Log::open(store.clone(), None).await.unwrap(),
        store,
        clock,
        tasks: TestTasks,
        runner,
        spec: loaded.spec,
        sources,
        agents,
        settings: Settings { durability: Durability::Process, ..Settings::default() },
    };
    Engine::start(parts).await.unwrap()
}

/// An answer, taken apart.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Heard {
    fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
        let chunked = head.contains("transfer-encoding: chunked");
        assert!(!chunked, "answers are whole, so that clients know their length: {head}");
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let of = |line: &'_ str| line.split_once(": ").is_some_and(|(found, _)| found == name);
        let line = self.head.split("\r\n").find(|line| of(line))?;
        line.split_once(": ").map(|(_, value)| value)
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The code of a problem document, after checking that it is one.
    pub(super) fn code(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.body);
        let problem: crate::Problem = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem.status, self.status);
        assert!(!problem.detail.is_empty() && !problem.title.is_empty());
        problem.code
    }
}

/// A CloudEvent about interaction `name`.
pub(super) fn created(name: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"{name}","source":"/test","type":"interaction.created","subject":"interaction/{name}","data":{{"interaction":"{name}"}}}}"#
    )
}
