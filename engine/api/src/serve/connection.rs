//! One connection: requests in, answers out, and the patience with its client.
//!
//! Never: waits longer than `head_wait` for a request head, whether the client sends nothing, sends
//! it byte by byte, or does not read its last answer.
//! Start reading at [`Attendant::attend`].

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use axum::Router;
use axum::body::Body;
use homeostat_world::{Clock, Duration, Timestamp};
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tower_service::Service;

use super::word::{Listener, Stop};
use crate::limits::{HEAD_BYTES_MAX, HEADERS_MAX, ServeLimits};
use crate::meter::Meter;

/// Everything that one connection needs.
#[derive(Clone, Debug)]
pub(super) struct Attendant<C> {
    pub(super) router: Router,
    pub(super) clock: C,
    pub(super) limits: ServeLimits,
    pub(super) meter: Arc<Meter>,
    pub(super) stopped: Listener,
}

/// What the connection is at.
#[derive(Debug)]
struct Pulse {
    /// Since when it waits for a request head; or [`BUSY`] while a request is being answered.
    since: AtomicI64,
    /// Whether it has ever had a request.
    used: AtomicBool,
}

const BUSY: i64 = i64::MAX;

/// How long a connection that is told to stop still waits for its first request, which may be
/// under way. hyper closes those that have had one, and waits for the others.
const FIRST_HEAD_WAIT: Duration = Duration::from_millis(200);

impl<C: Clock> Attendant<C> {
    /// Serves one connection to its end.
    pub(super) async fn attend<S>(mut self, stream: S, from: &str)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let _connected = self.meter.connected();
        let since = AtomicI64::new(self.clock.now().as_micros());
        let pulse = Arc::new(Pulse { since, used: AtomicBool::new(false) });
        let router = self.router.clone();
        let clock = self.clock.clone();
        let watched = Arc::clone(&pulse);
        let service = service_fn(move |request: Request<Incoming>| {
            watched.since.store(BUSY, Ordering::Release);
            watched.used.store(true, Ordering::Release);
            let mut router = router.clone();
            let clock = clock.clone();
            let watched = Arc::clone(&watched);
            async move {
                let answer = router.call(request.map(Body::new)).await;
                watched.since.store(clock.now().as_micros(), Ordering::Release);
                answer as Result<_, Infallible>
            }
        });
        let mut connection = pin!(
            http1::Builder::new()
                .max_buf_size(HEAD_BYTES_MAX)
                .max_headers(HEADERS_MAX)
                // hyper would take the date from the machine's clock; the router sets it.
                .auto_date_header(false)
                .serve_connection(TokioIo::new(stream), service)
        );
        let mut stopping = false;
        loop {
            tokio::select! {
                biased;
                end = connection.as_mut() => {
                    if let Err(error) = end {
                        tracing::debug!(from, %error, "a connection broke");
                    }
                    return;
                }
                stop = self.stopped.hear() => match stop {
                    Stop::Now => return,
                    Stop::Soon | Stop::No => {
                        connection.as_mut().graceful_shutdown();
                        stopping = true;
                    }
                },
                () = pulse.lost(&self.clock, self.limits.head_wait, stopping) => {
                    if !stopping {
                        self.meter.timed_out();
                    }
                    tracing::debug!(from, "a connection was idle or slow for too long");
                    return;
                }
            }
        }
    }
}

impl Pulse {
    /// Ready once no request head has come for `head_wait`.
    async fn lost(&self, clock: &impl Clock, head_wait: Duration, stopping: bool) {
        loop {
            let fresh = !self.used.load(Ordering::Acquire);
            let head_wait = if stopping && fresh { FIRST_HEAD_WAIT } else { head_wait };
            let since = self.since.load(Ordering::Acquire);
            let now = clock.now();
            // While busy, look again after a full wait: the connection cannot have been idle for
            // longer than that by then.
            let from = if since == BUSY { now } else { Timestamp::from_micros(since) };
            let at = from + head_wait;
            if now >= at && since != BUSY {
                return;
            }
            clock.sleep_until(at).await;
        }
    }
}
