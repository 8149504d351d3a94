//! The contract over HTTP, and checks: of what the engine keeps, and what others found.
//!
//! In: requests. Out: how each proposition stands; a check that was begun; a finding in the log.
//! Never: runs a command of the contract. Whoever starts the engine decides whether it may.
//! Start reading at [`stands`], then [`report`].

use axum::Json;
use axum::body::Body;
use axum::extract::Path;
use axum::extract::State;
use axum::extract::rejection::PathRejection;
use homeostat_world::Clock;
use homeostat_world::limits::NAME_BYTES_MAX;
use http::{HeaderMap, StatusCode};

use crate::limits::{DECISION_BYTES_MAX, REASON_BYTES_MAX};
use crate::parameters::Parameters;
use crate::problem::{Code, Problem};
use crate::router::Api;
use crate::wire::{CheckBegun, Contract, Finding, Reported};
use crate::{body, intake};

/// Everything that the contract says: who judges it, whether it holds, since when not, and what was last
/// said of it.
#[utoipa::path(
    get, path = "/v1/contract", tag = "contract",
    responses(
        (status = 200, description = "the contract", body = Contract),
        (status = 503, description = "the engine is stopping", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn stands<C: Clock>(
    State(api): State<Api<C>>,
    parameters: Parameters,
) -> Result<Json<Contract>, Problem> {
    parameters.finish()?;
    let contract = api.handle.contract().await?;
    Ok(Json(Contract { propositions: contract.into_iter().map(Into::into).collect() }))
}

/// Begins to check what the engine keeps against its log: its state against a replay, the log against
/// its chain of hashes. What that finds comes into the log as `check.reported` and opens a gap. Where the
/// engine may run the commands of the contract, it runs them too.
#[utoipa::path(
    post, path = "/v1/checks", tag = "contract",
    responses(
        (status = 202, description = "a check is under way, as of that position", body = CheckBegun),
        (status = 503, description = "the engine is stopping", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn check<C: Clock>(
    State(api): State<Api<C>>,
    parameters: Parameters,
) -> Result<(StatusCode, Json<CheckBegun>), Problem> {
    parameters.finish()?;
    let begun = api.handle.check().await?;
    Ok((StatusCode::ACCEPTED, Json(begun.into())))
}

/// Says what a person found, or a program that checks what the engine cannot see: of a proposition that
/// the spec binds to a command or to a person, or of an instance that an assertion asks a checker about. It
/// comes into the log as `check.reported`, under the name of whoever says so; a no opens a gap, a yes closes
/// it.
#[utoipa::path(
    post, path = "/v1/checks/{name}", tag = "contract",
    params(("name" = String, Path, description = "the proposition, or the checker that an assertion asks")),
    request_body(content = Finding, content_type = "application/json"),
    responses(
        (status = 200, description = "it stands in the log", body = Reported),
        (status = 404, description = "the spec asks nobody about that", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "it is not theirs to answer", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "the finding is not valid", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the engine takes nothing", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn report<C: Clock>(
    State(api): State<Api<C>>,
    name: Result<Path<String>, PathRejection>,
    parameters: Parameters,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Reported>, Problem> {
    let Path(check) =
        name.map_err(|error| Problem::new(Code::BadPath, error.body_text()).field("name"))?;
    parameters.finish()?;
    intake::json_type(&headers, &[("application/json", ())])?;
    let held = body::read(&api, body, DECISION_BYTES_MAX).await?;
    let Finding { instance, holds, detail, by } =
        intake::object(held.bytes(), Code::InvalidFinding, EXPECTED)?;
    for (field, text, most) in [
        ("by", Some(&by), NAME_BYTES_MAX),
        ("detail", Some(&detail), REASON_BYTES_MAX),
        ("instance", instance.as_ref(), NAME_BYTES_MAX),
    ] {
        if let Some(text) = text {
            intake::worded(Code::InvalidFinding, field, text, most)?;
        }
    }
    let finding = homeostat_kernel::Finding { check, instance, holds, detail, by };
    Ok(Json(api.handle.report(finding).await?.into()))
}

const EXPECTED: &str = "expected an object with `holds` (true, false or null), `detail` and `by`, and `instance` where an instance is meant";
