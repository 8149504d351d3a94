//! The task door: concurrent work that has a name, can be cancelled, and is waited for.

use std::future::Future;

/// Starts concurrent work.
pub trait Tasks: Clone + Send + Sync + 'static {
    /// Holds one started task.
    type Handle: TaskHandle;

    /// Starts `work`. `name` is for people who read a trace.
    ///
    /// Dropping the handle does not stop the task.
    fn spawn<F>(&self, name: &str, work: F) -> Self::Handle
    where
        F: Future<Output = ()> + Send + 'static;

    /// Lets other tasks run before going on. Long computations call it between slices.
    fn yield_now(&self) -> impl Future<Output = ()> + Send;
}

/// One started task.
pub trait TaskHandle: Send + 'static {
    /// Asks the task to stop at its next suspension point. Does not wait.
    fn cancel(&self);

    /// Waits until the task has ended, whether by itself, cancelled or panicked.
    fn join(self) -> impl Future<Output = TaskEnd> + Send;
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskEnd {
    /// It ran to its end.
    Done,
    /// It was cancelled.
    Cancelled,
    /// It panicked: a defect of the code inside.
    Panicked,
}
