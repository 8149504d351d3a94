//! Doors for tests: a network in memory, tokio's paused time, tokio's tasks, a store that breaks.
//!
//! Promise: with paused time nothing waits for real, and every run is the same.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use homeostat_world::store::{MemorySnapshot, MemoryStore};
use homeostat_world::tasks::TaskEnd;
use homeostat_world::{
    Batch, Clock, Durability, Listener, Net, Store, StoreError, TaskHandle, Tasks, Timestamp,
};
use tokio::io::DuplexStream;
use tokio::sync::mpsc;

/// Bytes that one direction of a stream holds before its writer has to wait.
const BUFFER: usize = 64 << 10;

/// Streams between tasks of one process.
#[derive(Clone, Debug, Default)]
pub(super) struct MemoryNet {
    bound: Arc<Mutex<BTreeMap<String, mpsc::UnboundedSender<DuplexStream>>>>,
}

#[derive(Debug)]
pub(super) struct MemoryListener {
    address: String,
    incoming: mpsc::UnboundedReceiver<DuplexStream>,
}

impl Net for MemoryNet {
    type Stream = DuplexStream;
    type Listener = MemoryListener;

    async fn listen(&self, address: &str) -> io::Result<MemoryListener> {
        let (sender, incoming) = mpsc::unbounded_channel();
        self.bound.lock().unwrap().insert(address.to_owned(), sender);
        Ok(MemoryListener { address: address.to_owned(), incoming })
    }

    async fn connect(&self, address: &str) -> io::Result<DuplexStream> {
        let (here, there) = tokio::io::duplex(BUFFER);
        let bound = self.bound.lock().unwrap();
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        bound.get(address).ok_or_else(refused)?.send(there).map_err(|_| refused())?;
        Ok(here)
    }
}

impl Listener for MemoryListener {
    type Stream = DuplexStream;

    async fn accept(&mut self) -> io::Result<(DuplexStream, String)> {
        match self.incoming.recv().await {
            Some(stream) => Ok((stream, "memory".to_owned())),
            None => std::future::pending().await,
        }
    }

    fn address(&self) -> String {
        self.address.clone()
    }
}

/// Time by tokio's clock, which tests pause: it jumps to the next timer when all tasks wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct PausedClock {
    started: tokio::time::Instant,
    began: Timestamp,
}

impl PausedClock {
    pub(super) fn new() -> Self {
        let began = "2026-03-02T09:00:00Z".parse().unwrap();
        Self { started: tokio::time::Instant::now(), began }
    }
}

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        let run = i64::try_from(self.started.elapsed().as_micros()).unwrap();
        self.began + homeostat_world::Duration::from_micros(run)
    }

    async fn sleep_until(&self, at: Timestamp) {
        // Tokio's timer has milliseconds; the door promises not to be early.
        while self.now() < at {
            let left = at.since(self.now()).to_std();
            let whole = left.max(std::time::Duration::from_millis(1));
            tokio::time::sleep_until(tokio::time::Instant::now() + whole).await;
        }
    }
}

/// Tasks of the runtime that a test runs in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TestTasks;

#[derive(Debug)]
pub(super) struct TestTask(tokio::task::JoinHandle<()>);

impl Tasks for TestTasks {
    type Handle = TestTask;

    fn spawn<F>(&self, _: &str, work: F) -> TestTask
    where
        F: Future<Output = ()> + Send + 'static,
    {
        TestTask(tokio::runtime::Handle::current().spawn(work))
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
            Err(error) if error.is_cancelled() => TaskEnd::Cancelled,
            Err(_) => TaskEnd::Panicked,
        }
    }
}

/// A store in memory that counts its commits, each of which takes a while, and can break.
#[derive(Clone, Debug, Default)]
pub(super) struct FragileStore {
    inner: MemoryStore,
    broken: Arc<AtomicBool>,
    commits: Arc<AtomicUsize>,
}

impl FragileStore {
    /// From here on every commit fails.
    pub(super) fn shatter(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    pub(super) fn commits(&self) -> usize {
        self.commits.load(Ordering::Relaxed)
    }
}

impl Store for FragileStore {
    type Snapshot = MemorySnapshot;

    fn snapshot(&self) -> MemorySnapshot {
        self.inner.snapshot()
    }

    async fn commit(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(StoreError::Full);
        }
        self.commits.fetch_add(1, Ordering::Relaxed);
        // A device is slower than the tasks that wait for it: they run first.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        self.inner.commit(batch, durability).await
    }
}
