//! Real tasks: tokio's.
//!
//! In: futures with names. Out: tasks of one runtime, each in a tracing span of its name.
//! Never: starts a runtime; it is handed one.
//! Promise: what the Tasks door promises. Start reading at [`TokioTasks`].

use std::future::Future;

use homeostat_world::TaskHandle;
use homeostat_world::tasks::{TaskEnd, Tasks};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::Instrument;

/// Tasks of one tokio runtime.
#[derive(Clone, Debug)]
pub struct TokioTasks {
    runtime: Handle,
}

/// One tokio task.
#[derive(Debug)]
pub struct TokioTask(JoinHandle<()>);

impl TokioTasks {
    /// Tasks of `runtime`.
    #[must_use]
    pub const fn new(runtime: Handle) -> Self {
        Self { runtime }
    }
}

impl Tasks for TokioTasks {
    type Handle = TokioTask;

    fn spawn<F>(&self, name: &str, work: F) -> TokioTask
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let span = tracing::debug_span!("task", name);
        TokioTask(self.runtime.spawn(work.instrument(span)))
    }

    async fn yield_now(&self) {
        tokio::task::yield_now().await;
    }
}

impl TaskHandle for TokioTask {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[expect(clippy::panic, reason = "the panic is what is tested")]
    async fn each_way_to_end_is_told_apart() {
        let tasks = TokioTasks::new(Handle::current());
        assert_eq!(tasks.spawn("short", async {}).join().await, TaskEnd::Done);
        let stuck = tasks.spawn("stuck", std::future::pending());
        tasks.yield_now().await;
        stuck.cancel();
        assert_eq!(stuck.join().await, TaskEnd::Cancelled);
        let broken = tasks.spawn("broken", async { panic!("a planted defect") });
        assert_eq!(broken.join().await, TaskEnd::Panicked);
    }
}
