//! Serves HTTP on a listener until told to stop.
//!
//! In: streams from the Net door, times from the Clock door. Out: requests answered by the router.
//! Never: spawns or sleeps but through a door; holds more connections than its limits say.
//! Promise: once told to stop it accepts nothing more, finishes what is in flight within the grace
//! time, and then cuts the rest. Start reading at [`serve`].

mod connection;
mod word;

use std::future::Future;
use std::sync::Arc;

use homeostat_kernel::Handle;
use homeostat_world::{Clock, Duration, Listener, Tasks};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::ServeLimits;
use crate::meter::Meter;
use crate::router::{Api, router};
use connection::Attendant;
use word::Stop;

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// Connections that the grace time was too short for.
    pub cut: usize,
}

/// Pauses after a failed accept grow up to this: it mostly means that file handles have run out,
/// and they come back as connections end.
const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);
const ACCEPT_PAUSE_FIRST: Duration = Duration::from_millis(5);

/// Answers requests on `listener` with the engine behind `handle`, until `shutdown` is ready.
pub async fn serve<L: Listener, C: Clock, T: Tasks>(
    listener: L,
    handle: Handle,
    clock: C,
    tasks: T,
    limits: ServeLimits,
    shutdown: impl Future<Output = ()> + Send,
) -> Served {
    let meter = Arc::new(Meter::new());
    let api = Api::new(handle, clock.clone(), Arc::clone(&meter), limits);
    let (stop, stopped) = word::channel();
    let attendant = Attendant { router: router(api), clock: clock.clone(), limits, meter, stopped };
    let seats = Arc::new(Semaphore::new(seats_count(limits)));

    tokio::select! {
        biased;
        () = shutdown => {}
        never = accept_all(listener, &attendant, &tasks, &seats) => match never {},
    }
    // The listener is gone with the future that held it: new clients are refused from here on.
    stop.say(Stop::Soon);
    let all = u32::try_from(seats_count(limits)).unwrap_or(u32::MAX);
    let deadline = clock.now() + limits.grace;
    tokio::select! {
        biased;
        _ = seats.acquire_many(all) => return Served { cut: 0 },
        () = clock.sleep_until(deadline) => {}
    }
    let cut = seats_count(limits).saturating_sub(seats.available_permits());
    tracing::warn!(cut, "connections did not finish within the grace time and are cut");
    stop.say(Stop::Now);
    // Each connection drops its work and seat as soon as it is polled, so this wait is short.
    drop(seats.acquire_many(all).await);
    Served { cut }
}

fn seats_count(limits: ServeLimits) -> usize {
    usize::try_from(limits.connections_max).unwrap_or(usize::MAX).clamp(1, Semaphore::MAX_PERMITS)
}

async fn accept_all<L: Listener, C: Clock, T: Tasks>(
    mut listener: L,
    attendant: &Attendant<C>,
    tasks: &T,
    seats: &Arc<Semaphore>,
) -> std::convert::Infallible {
    let mut pause = ACCEPT_PAUSE_FIRST;
    loop {
        let seat = seat(seats).await;
        match listener.accept().await {
            Ok((stream, from)) => {
                pause = ACCEPT_PAUSE_FIRST;
                let attendant = attendant.clone();
                // The task ends by itself when it is told to stop, so nobody holds its handle.
                drop(tasks.spawn("http connection", async move {
                    attendant.attend(stream, &from).await;
                    drop(seat);
                }));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                drop(seat);
                attendant.clock.sleep_until(attendant.clock.now() + pause).await;
                pause = Duration::from_micros(pause.as_micros().saturating_mul(2))
                    .min(ACCEPT_PAUSE_MAX);
            }
        }
    }
}

/// Waits until there is room for one more connection.
async fn seat(seats: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    match Arc::clone(seats).acquire_owned().await {
        Ok(seat) => seat,
        // Only a closed semaphore fails, and nobody closes this one.
        Err(_) => std::future::pending().await,
    }
}
