//! The routes, and what every request passes through: the date, the count, the time it took.
//!
//! In: HTTP requests. Out: answers; errors always as problem documents.
//! Never: holds state of its own beside counters; the engine is asked through its handle.
//! Start reading at [`router`].

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use homeostat_kernel::Handle;
use homeostat_world::{Clock, Timestamp};
use http::header::DATE;
use http::{HeaderValue, Method, Uri};

use crate::limits::ServeLimits;
use crate::meter::Meter;
use crate::operation::Operation;
use crate::problem::{Code, Problem};
use crate::{contract, engine, events, gaps, intent};

/// What every handler has at hand.
#[derive(Clone, Debug)]
pub(crate) struct Api<C> {
    pub(crate) handle: Handle,
    pub(crate) clock: C,
    pub(crate) meter: Arc<Meter>,
    pub(crate) limits: ServeLimits,
    /// Bytes of bodies in memory now, over all connections.
    pub(crate) bodies: Arc<AtomicUsize>,
}

impl<C: Clock> Api<C> {
    pub(crate) fn new(handle: Handle, clock: C, meter: Arc<Meter>, limits: ServeLimits) -> Self {
        Self { handle, clock, meter, limits, bodies: Arc::default() }
    }
}

/// The API as a service.
pub(crate) fn router<C: Clock>(api: Api<C>) -> Router {
    let mut router = Router::new();
    for operation in Operation::ALL {
        let (_, path, _) = operation.route();
        router = router.route(path, handler::<C>(operation));
    }
    router
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(api.clone(), observed::<C>))
        .with_state(api)
}

fn handler<C: Clock>(operation: Operation) -> MethodRouter<Api<C>> {
    match operation {
        Operation::Index => get(engine::index),
        Operation::AppendEvents => post(events::append::<C>),
        Operation::ListEvents => get(events::list::<C>),
        Operation::GetEvent => get(events::one::<C>),
        Operation::Consequences => get(events::consequences::<C>),
        Operation::ListGaps => get(gaps::list::<C>),
        Operation::GetGap => get(gaps::one::<C>),
        Operation::GapConsequences => get(gaps::consequences::<C>),
        Operation::Decide => post(gaps::decide::<C>),
        Operation::Contract => get(contract::stands::<C>),
        Operation::Report => post(contract::report::<C>),
        Operation::Check => post(contract::check::<C>),
        Operation::Versions => get(intent::versions::<C>),
        Operation::Adopt => post(intent::adopt::<C>),
        Operation::Status => get(engine::status::<C>),
        Operation::Health => get(engine::health::<C>),
        Operation::Ready => get(engine::ready::<C>),
        Operation::Metrics => get(engine::metrics::<C>),
        Operation::OpenApi => get(engine::openapi),
    }
}

/// Counts the request and dates the answer, whatever becomes of it.
async fn observed<C: Clock>(State(api): State<Api<C>>, request: Request, next: Next) -> Response {
    let began = api.clock.now();
    let operation = request
        .extensions()
        .get::<MatchedPath>()
        .and_then(|path| Operation::find(request.method(), path.as_str()));
    let mut response = next.run(request).await;
    let now = api.clock.now();
    api.meter.observe(operation, response.status(), now.since(began));
    if let Some(date) = http_date(now) {
        response.headers_mut().insert(DATE, date);
    }
    response
}

/// The `Date` that RFC 9110 asks of a server with a clock.
fn http_date(now: Timestamp) -> Option<HeaderValue> {
    let instant = jiff::Timestamp::from_microsecond(now.as_micros()).ok()?;
    let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
    HeaderValue::from_str(&printer.timestamp_to_rfc9110_string(&instant).ok()?).ok()
}

async fn nothing_here(uri: Uri) -> Problem {
    Problem::new(Code::NoSuchRoute, format!("nothing is served at `{}`", shown(uri.path())))
        .help("`GET /` lists what is; `GET /openapi.json` describes it")
}

async fn wrong_method(method: Method, uri: Uri) -> Problem {
    let path = shown(uri.path());
    Problem::new(Code::MethodNotAllowed, format!("`{path}` does not take `{method}`"))
        .help("the `Allow` header of this answer tells what it takes")
}

/// A path in an error, no longer than a person reads.
fn shown(path: &str) -> &str {
    path.get(..path.floor_char_boundary(200)).unwrap_or(path)
}
