//! Versions of the spec over HTTP: those that were in force, and one to put in their place.
//!
//! In: requests. Out: what each version asked of the past and how far that is; what another would
//! change; its adoption as an event in the log.
//! Never: adopts without a person's name. Start reading at [`adopt`].

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use homeostat_intent::Source;
use homeostat_kernel::Adoption;
use homeostat_world::Clock;
use homeostat_world::limits::NAME_BYTES_MAX;
use http::HeaderMap;

use crate::limits::BODY_BYTES_MAX;
use crate::parameters::Parameters;
use crate::problem::{Code, Problem};
use crate::router::Api;
use crate::wire::{AdoptionRequest, Proposal, SpecText, Versions};
use crate::{body, intake};

/// The versions of the spec that were put in force, the newest last, with what each asked of events of
/// before it and how far that has come.
#[utoipa::path(
    get, path = "/v1/intent", tag = "intent",
    responses(
        (status = 200, description = "the versions", body = Versions),
        (status = 503, description = "the engine is stopping", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn versions<C: Clock>(
    State(api): State<Api<C>>,
    parameters: Parameters,
) -> Result<Json<Versions>, Problem> {
    parameters.finish()?;
    let versions = api.handle.versions().await?;
    Ok(Json(Versions { versions: versions.into_iter().map(Into::into).collect() }))
}

/// Puts a version of the spec in force, or tells what that would do. Answers once the version has
/// examined the whole log.
#[utoipa::path(
    post, path = "/v1/intent", tag = "intent",
    params(("dry-run" = Option<bool>, Query, description = "only tell what it would change")),
    request_body(content = AdoptionRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "what it changes; with `position`, it is in force", body = Proposal),
        (status = 409, description = "it is in force already, or another one is than was expected", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "the spec has errors, or nobody's name was given", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "another version is being considered, or the engine takes nothing", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn adopt<C: Clock>(
    State(api): State<Api<C>>,
    mut parameters: Parameters,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Proposal>, Problem> {
    let is_dry = parameters.take::<bool>("dry-run")?.unwrap_or(false);
    parameters.finish()?;
    intake::json_type(&headers, &[("application/json", ())])?;
    let held = body::read(&api, body, BODY_BYTES_MAX).await?;
    let request = understood(held.bytes())?;
    let source = |it: SpecText| Source { name: it.name, text: it.text };
    let sources: Vec<Source> = request.sources.into_iter().map(source).collect();
    if is_dry {
        let proposal = api.handle.preview(sources).await?;
        return Ok(Json(Proposal::of(proposal, None)));
    }
    let by = request.by.unwrap_or_default();
    intake::worded(Code::InvalidAdoption, "by", &by, NAME_BYTES_MAX)?;
    let adoption = Adoption { sources, by, expected: request.expected };
    let evolved = api.handle.adopt(adoption).await?;
    Ok(Json(Proposal::of(evolved.proposal, Some(evolved.position))))
}

fn understood(body: &[u8]) -> Result<AdoptionRequest, Problem> {
    let expected = "expected an object with `sources` (each with `name` and `text`) and `by`";
    let request: AdoptionRequest = intake::object(body, Code::InvalidAdoption, expected)?;
    if request.sources.is_empty() {
        return Err(Problem::new(
            Code::InvalidAdoption,
            "`sources` is empty; expected every file of the spec",
        )
        .field("sources"));
    }
    for source in &request.sources {
        intake::worded(Code::InvalidAdoption, "sources", &source.name, NAME_BYTES_MAX)?;
    }
    Ok(request)
}
