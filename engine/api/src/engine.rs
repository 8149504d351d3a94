//! The engine itself over HTTP: status, health, readiness, metrics, and what the API is.
//!
//! Never: changes anything. Start reading at [`status`].

use std::fmt::Write;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use homeostat_kernel::AskError;
use homeostat_world::Clock;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::limits::HEALTH_WAIT;
use crate::operation::Operation;
use crate::parameters::Parameters;
use crate::problem::{Code, Problem};
use crate::router::Api;
use crate::wire::{Health, Status};
use crate::{metrics as page, openapi as document};

/// Log head, gaps, breakers, obligations by clause, totals.
#[utoipa::path(
    get, path = "/v1/status", tag = "engine",
    responses(
        (status = 200, description = "how the engine is", body = Status),
        (status = 503, description = "it is stopping", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn status<C: Clock>(
    State(api): State<Api<C>>,
    parameters: Parameters,
) -> Result<Json<Status>, Problem> {
    parameters.finish()?;
    Ok(Json(api.handle.status().await?.into()))
}

/// A word on the engine's health.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Word {
    /// `ok`, or `stopping`.
    status: String,
}

/// Whether the engine is alive: its loop answers. A read-only or stopping engine is alive.
#[utoipa::path(
    get, path = "/healthz", tag = "engine",
    responses(
        (status = 200, description = "it is", body = Word),
        (status = 503, description = "its loop does not answer: restart it", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn health<C: Clock>(State(api): State<Api<C>>) -> Result<Json<Word>, Problem> {
    let word = match asked(&api).await? {
        Ok(_) => "ok",
        Err(_) => "stopping",
    };
    Ok(Json(Word { status: word.to_owned() }))
}

/// Whether the engine takes events.
#[utoipa::path(
    get, path = "/readyz", tag = "engine",
    responses(
        (status = 200, description = "it does", body = Word),
        (status = 503, description = "it is read-only, stopping, or does not answer", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn ready<C: Clock>(State(api): State<Api<C>>) -> Result<Json<Word>, Problem> {
    match asked(&api).await??.health {
        Health::Ok => Ok(Json(Word { status: "ok".to_owned() })),
        Health::ReadOnly { reason } => Err(homeostat_kernel::AppendError::ReadOnly(reason).into()),
    }
}

/// The status, unless the loop takes too long to answer.
async fn asked<C: Clock>(api: &Api<C>) -> Result<Result<Status, AskError>, Problem> {
    let late = api.clock.now() + HEALTH_WAIT;
    tokio::select! {
        biased;
        status = api.handle.status() => Ok(status.map(Into::into)),
        () = api.clock.sleep_until(late) => {
            let detail = format!("the engine's loop did not answer within {HEALTH_WAIT}");
            Err(Problem::new(Code::Unresponsive, detail)
                .help("restart it; what was acknowledged is in the log"))
        }
    }
}

/// Counters and gauges of the engine and of this server.
#[utoipa::path(
    get, path = "/metrics", tag = "engine",
    responses(
        (status = 200, description = "OpenMetrics", body = String, content_type = "application/openmetrics-text"),
        (status = 503, description = "the engine is stopping", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn metrics<C: Clock>(State(api): State<Api<C>>) -> Result<Response, Problem> {
    let status = api.handle.status().await?;
    let contract = api.handle.contract().await?;
    let contract: Vec<_> = contract.into_iter().map(Into::into).collect();
    let text = page::page(status.into(), &contract, &api.meter)
        .map_err(|error| Problem::new(Code::Internal, format!("metrics: {error}")))?;
    let kind = HeaderValue::from_static(page::MEDIA_TYPE);
    Ok(([(CONTENT_TYPE, kind)], text).into_response())
}

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "engine",
    responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value)),
)]
pub(crate) async fn openapi() -> Response {
    Json(document::document()).into_response()
}

/// What there is.
#[utoipa::path(
    get, path = "/", tag = "engine",
    responses((status = 200, description = "the endpoints, a line each", body = String, content_type = "text/plain")),
)]
pub(crate) async fn index() -> String {
    let mut text = String::from("homeostat\n\n");
    for operation in Operation::ALL {
        let (method, path, says) = operation.route();
        // Writing to a string does not fail.
        let _written = writeln!(text, "{:<5}{path:<38}{says}", method.as_str());
    }
    text
}
