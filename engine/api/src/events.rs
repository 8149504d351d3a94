//! Events over HTTP: append, list, one, and what followed from one.
//!
//! In: requests. Out: the log's answers. Never: takes a part of an append.
//! Promise: an append that was answered with success survives what the engine's durability
//! promises; sent again with the same ids it is answered alike and stored once.
//! Start reading at [`append`].

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use homeostat_kernel::AskError;
use homeostat_kernel::handle::ReadQuery;
use homeostat_log::{Append, Event, Expect, cloudevents};
use homeostat_world::{Clock, Position, canary};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use serde_json::value::RawValue;

use crate::limits::{BODY_BYTES_MAX, EVENTS_DEFAULT, EVENTS_MAX, EVENTS_PER_READ, LISTING_BYTES};
use crate::parameters::{self, Parameters};
use crate::problem::{Code, Problem};
use crate::router::Api;
use crate::wire::{Appended, EventPage};
use crate::{body, intake};

/// Appends the events of the body, all of them or none.
#[utoipa::path(
    post, path = "/v1/events", tag = "events",
    params(
        ("expect-head" = Option<u64>, Query, description = "append only if this is the last position of the log; may also stand in a header of the same name"),
        ("expect-subject" = Option<String>, Query, description = "append only if the stream of this subject ends at `expect-last`; may also stand in a header"),
        ("expect-last" = Option<u64>, Query, description = "the last position of `expect-subject`, 0 for a subject without events; may also stand in a header"),
    ),
    request_body(content(
        (crate::openapi::CloudEvent = "application/cloudevents+json"),
        (Vec<crate::openapi::CloudEvent> = "application/cloudevents-batch+json"),
        (crate::openapi::OneOrMany = "application/json"),
        (String = "application/x-ndjson"),
    )),
    responses(
        (status = 200, description = "all events are in the log", body = Appended),
        (status = "4XX", description = "nothing was stored", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "read-only or stopping: see `Retry-After`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn append<C: Clock>(
    State(api): State<Api<C>>,
    mut parameters: Parameters,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Appended>, Problem> {
    let expect = expectation(&mut parameters, &headers)?;
    parameters.finish()?;
    let form = intake::form(&headers)?;
    let held = body::read(&api, body, BODY_BYTES_MAX).await?;
    let events = intake::events(form, held.bytes())?;
    let receipt = api.handle.append(Append { events, expect }).await?;
    Ok(Json(receipt.into()))
}

/// What the request expects of the log, from the query or from headers of the same names.
fn expectation(parameters: &mut Parameters, headers: &HeaderMap) -> Result<Expect, Problem> {
    let head = either::<Position>("expect-head", parameters, headers)?;
    let subject = either::<String>("expect-subject", parameters, headers)?;
    let last = either::<Position>("expect-last", parameters, headers)?;
    let wrong = |name: &'static str, detail: &str| {
        Err(Problem::new(Code::BadParameter, detail)
            .field(name)
            .help("use `expect-head` alone, or `expect-subject` with `expect-last`"))
    };
    match (head, subject, last) {
        (None, None, None) => Ok(Expect::Any),
        (Some(head), None, None) => Ok(Expect::Head(head)),
        (None, Some(subject), Some(last)) => {
            let last = (last != Position::ZERO).then_some(last);
            Ok(Expect::Subject { subject, last })
        }
        (Some(_), _, _) => wrong("expect-head", "`expect-head` stands beside another expectation"),
        (None, Some(_), None) => {
            wrong("expect-last", "`expect-subject` stands without `expect-last`")
        }
        (None, None, Some(_)) => {
            wrong("expect-subject", "`expect-last` stands without `expect-subject`")
        }
    }
}

fn either<T: std::str::FromStr<Err: std::fmt::Display>>(
    name: &'static str,
    parameters: &mut Parameters,
    headers: &HeaderMap,
) -> Result<Option<T>, Problem> {
    let queried = parameters.take(name)?;
    let Some(value) = headers.get(name) else { return Ok(queried) };
    if queried.is_some() {
        let detail = format!("`{name}` stands both in the query and in a header; expected one");
        return Err(Problem::new(Code::BadParameter, detail).field(name));
    }
    let text = std::str::from_utf8(value.as_bytes())
        .map_err(|error| parameters::bad(name, "", &error))?
        .trim();
    text.parse().map(Some).map_err(|error| parameters::bad(name, text, &error))
}

/// Events in the order of the log.
#[utoipa::path(
    get, path = "/v1/events", tag = "events",
    params(
        ("from" = Option<u64>, Query, description = "the first position, from 1"),
        ("limit" = Option<usize>, Query, description = "at most so many, 100 unless said, up to 1000; large events may end a page earlier"),
        ("subject" = Option<String>, Query, description = "only the events of this subject, as `entity/id`"),
    ),
    responses(
        (status = 200, description = "a page of events", body = EventPage),
        (status = "4XX", description = "the parameters are wrong", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list<C: Clock>(
    State(api): State<Api<C>>,
    mut parameters: Parameters,
) -> Result<Json<EventPage>, Problem> {
    let from = parameters.take::<Position>("from")?.unwrap_or(Position::new(1));
    let limit = parameters.count("limit", EVENTS_DEFAULT, EVENTS_MAX)?;
    let subject = parameters.take::<String>("subject")?;
    parameters.finish()?;
    if from == Position::ZERO {
        let detail = "parameter `from` is `0`; positions begin at 1";
        return Err(Problem::new(Code::BadParameter, detail).field("from"));
    }
    Ok(Json(page(&api, from, limit, subject).await?))
}

async fn page<C: Clock>(
    api: &Api<C>,
    mut from: Position,
    limit: usize,
    subject: Option<String>,
) -> Result<EventPage, Problem> {
    let mut events = Vec::new();
    let mut bytes = 0;
    while events.len() < limit && bytes < LISTING_BYTES {
        let limit = (limit - events.len()).min(EVENTS_PER_READ);
        if canary::planted("a_long_page_skips_one") && !events.is_empty() {
            from = from.next();
        }
        let query = ReadQuery { from, limit, subject: subject.clone() };
        let read = match api.handle.read(query).await {
            Ok(read) => read,
            // Whoever follows the log asks for what is not there yet; that is an empty page.
            Err(AskError::NoSuchPosition { .. }) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let ended = read.len() < limit;
        for event in read {
            let text = cloudevents::write(&event);
            bytes += text.len();
            from = event.position.next();
            events.push(raw(text)?);
        }
        if ended {
            return Ok(EventPage { events, next: None });
        }
    }
    Ok(EventPage { events, next: Some(from) })
}

fn raw(text: String) -> Result<Box<RawValue>, Problem> {
    RawValue::from_string(text)
        .map_err(|error| Problem::new(Code::Internal, format!("an event is not JSON: {error}")))
}

/// One event.
#[utoipa::path(
    get, path = "/v1/events/{position}", tag = "events",
    params(("position" = u64, Path, description = "its place in the log")),
    responses(
        (status = 200, description = "the event", body = crate::openapi::CloudEvent, content_type = "application/cloudevents+json"),
        (status = 404, description = "there is none", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn one<C: Clock>(
    State(api): State<Api<C>>,
    position: Result<Path<String>, PathRejection>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let position = place(position)?;
    parameters.finish()?;
    let event = event_at(&api, position).await?;
    let mut response = cloudevents::write(&event).into_response();
    let json = HeaderValue::from_static("application/cloudevents+json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}

async fn event_at<C: Clock>(api: &Api<C>, position: Position) -> Result<Event, Problem> {
    let query = ReadQuery { from: position, limit: 1, subject: None };
    let first = api.handle.read(query).await?.into_iter().next();
    match first.filter(|event| event.position == position) {
        Some(event) => Ok(event),
        None => {
            let head = api.handle.status().await?.head;
            Err(AskError::NoSuchPosition { asked: position, head }.into())
        }
    }
}

/// What should have followed from one event, and what did.
#[utoipa::path(
    get, path = "/v1/events/{position}/consequences", tag = "events",
    params(
        ("position" = u64, Path, description = "the event's place in the log"),
        ("format" = Option<String>, Query, description = "`text` or `json`; weighs more than `Accept`"),
    ),
    responses(
        (status = 200, description = "the consequence graph, for people or for programs", content(
            (String = "text/plain"),
            (serde_json::Value = "application/json"),
        )),
        (status = 404, description = "there is no such event", body = Problem, content_type = "application/problem+json"),
        (status = 406, description = "neither text nor JSON is accepted", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn consequences<C: Clock>(
    State(api): State<Api<C>>,
    position: Result<Path<String>, PathRejection>,
    mut parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let position = place(position)?;
    let format = parameters::format(&mut parameters, &headers)?;
    parameters.finish()?;
    Ok(parameters::explained(api.handle.explain(position).await?, format))
}

/// The position in a path.
fn place(path: Result<Path<String>, PathRejection>) -> Result<Position, Problem> {
    let Path(text) =
        path.map_err(|error| Problem::new(Code::BadPath, error.body_text()).field("position"))?;
    let position: Position = text.parse().map_err(|error| {
        Problem::new(Code::BadPath, format!("`{text}` is no position: {error}"))
            .field("position")
            .help("positions are whole numbers from 1")
    })?;
    Ok(position)
}
