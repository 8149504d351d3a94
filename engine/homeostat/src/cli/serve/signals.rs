//! The two signals that end a server: the first gracefully, the second at once.
//!
//! In: SIGINT, SIGTERM. Out: two futures. Promise: a signal that arrives before anybody waits for
//! it is not forgotten.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::failure::Failure;

/// The `nth` signal.
#[derive(Debug)]
pub(crate) struct Signal {
    seen: watch::Receiver<u32>,
    nth: u32,
}

/// Listens from now on: the first signal, and the second.
pub(crate) fn listen() -> Result<(Signal, Signal), Failure> {
    let unheard = |error| Failure::new(format_args!("cannot listen for signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unheard)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(unheard)?;
    let (count, seen) = watch::channel(0);
    tokio::spawn(async move {
        while !count.is_closed() {
            tokio::select! {
                biased;
                _ = interrupt.recv() => tracing::info!(signal = "SIGINT", "asked to stop"),
                _ = terminate.recv() => tracing::info!(signal = "SIGTERM", "asked to stop"),
            }
            count.send_modify(|count| *count += 1);
        }
    });
    Ok((Signal { seen: seen.clone(), nth: 1 }, Signal { seen, nth: 2 }))
}

impl Signal {
    /// Waits for it.
    pub(crate) async fn arrives(mut self) {
        // The task that counts ends only after every receiver has gone.
        drop(self.seen.wait_for(|count| *count >= self.nth).await);
    }
}
