//! Gaps over HTTP: list, one, and a person's decision about one.
//!
//! In: requests. Out: the conductor's view; decisions as events in the log.
//! Never: closes a gap itself. Start reading at [`list`].

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use homeostat_kernel::handle::Verdict;
use homeostat_world::Clock;
use homeostat_world::limits::NAME_BYTES_MAX;
use http::HeaderMap;

use crate::limits::{DECISION_BYTES_MAX, GAPS_DEFAULT, GAPS_MAX, REASON_BYTES_MAX};
use crate::parameters::{self, Parameters};
use crate::problem::{Code, Problem};
use crate::router::Api;
use crate::wire::{Decided, DecisionRequest, Gap, GapPage, Kind, State as GapState, Strength};
use crate::{body, intake};

/// Open gaps, most urgent first.
#[utoipa::path(
    get, path = "/v1/gaps", tag = "gaps",
    params(
        ("state" = Option<GapState>, Query, description = "only gaps in this state"),
        ("kind" = Option<Kind>, Query, description = "only gaps of this kind"),
        ("strength" = Option<Strength>, Query, description = "only gaps this urgent"),
        ("action" = Option<String>, Query, description = "only gaps that this action would close"),
        ("limit" = Option<usize>, Query, description = "at most so many, 100 unless said, up to 1000"),
        ("after" = Option<String>, Query, description = "go on after this gap, the `next` of the page before"),
    ),
    responses(
        (status = 200, description = "a page of gaps", body = GapPage),
        (status = 400, description = "the parameters are wrong", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "the gap to go on after has closed: begin again", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list<C: Clock>(
    State(api): State<Api<C>>,
    mut parameters: Parameters,
) -> Result<Json<GapPage>, Problem> {
    let state = parameters.choice("state", GapState::TEXTS)?;
    let kind = parameters.choice("kind", Kind::TEXTS)?;
    let strength = parameters.choice("strength", Strength::TEXTS)?;
    let action = parameters.take::<String>("action")?;
    let limit = parameters.count("limit", GAPS_DEFAULT, GAPS_MAX)?;
    let after = parameters.take::<String>("after")?;
    parameters.finish()?;

    let fits = |gap: &Gap| {
        state.is_none_or(|state| gap.state.text() == state)
            && kind.is_none_or(|kind| gap.kind.text() == kind)
            && strength.is_none_or(|strength| gap.strength.text() == strength)
            && action.as_ref().is_none_or(|action| gap.action == *action)
    };
    let all = api.handle.gaps().await?;
    let begin = match &after {
        None => 0,
        Some(after) => match all.iter().position(|gap| gap.id == *after) {
            Some(index) => index + 1,
            None => return Err(cursor_gone(after)),
        },
    };
    let mut page = GapPage { gaps: Vec::new(), matching: 0, next: None };
    for (index, gap) in all.into_iter().enumerate() {
        let gap = Gap::from(gap);
        if !fits(&gap) {
            continue;
        }
        page.matching += 1;
        if index < begin {
            continue;
        }
        if page.gaps.len() < limit {
            page.gaps.push(gap);
        } else if page.next.is_none() {
            page.next = page.gaps.last().map(|gap| gap.id.clone());
        }
    }
    Ok(Json(page))
}

fn cursor_gone(after: &str) -> Problem {
    Problem::new(Code::CursorGone, format!("gap `{after}` is not open, so nothing comes after it"))
        .field("after")
        .help("list again without `after`")
}

/// One open gap.
#[utoipa::path(
    get, path = "/v1/gaps/{id}", tag = "gaps",
    params(("id" = String, Path, description = "the gap's id, as `acknowledge_to_rep@4021`")),
    responses(
        (status = 200, description = "the gap", body = Gap),
        (status = 404, description = "no open gap has this id", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn one<C: Clock>(
    State(api): State<Api<C>>,
    id: Result<Path<String>, PathRejection>,
    parameters: Parameters,
) -> Result<Json<Gap>, Problem> {
    let id = named(id)?;
    parameters.finish()?;
    match api.handle.gap(id.clone()).await? {
        Some(gap) => Ok(Json(gap.into())),
        None => Err(Problem::new(Code::NoSuchGap, format!("no open gap `{id}`"))
            .help("it may have closed; `GET /v1/gaps` lists what is open")),
    }
}

/// What called for a gap, open or closed: all that follows from that, and what did.
#[utoipa::path(
    get, path = "/v1/gaps/{id}/consequences", tag = "gaps",
    params(
        ("id" = String, Path, description = "the gap's id, as `plan_day@2026-03-02T09:00:00Z~r1`"),
        ("format" = Option<String>, Query, description = "`text` or `json`; weighs more than `Accept`"),
    ),
    responses(
        (status = 200, description = "the consequence graph, for people or for programs", content(
            (String = "text/plain"),
            (serde_json::Value = "application/json"),
        )),
        (status = 404, description = "nothing in the log calls for such a gap", body = Problem, content_type = "application/problem+json"),
        (status = 406, description = "neither text nor JSON is accepted", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn consequences<C: Clock>(
    State(api): State<Api<C>>,
    id: Result<Path<String>, PathRejection>,
    mut parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = named(id)?;
    let format = parameters::format(&mut parameters, &headers)?;
    parameters.finish()?;
    Ok(parameters::explained(api.handle.explain_gap(id).await?, format))
}

const EXPECTED: &str =
    "expected an object with `decision` (`retry`, `waive` or `backfill`), `by` and `reason`";

/// Writes down a person's decision about a gap.
#[utoipa::path(
    post, path = "/v1/gaps/{id}/decision", tag = "gaps",
    params(("id" = String, Path, description = "the gap's id, as `acknowledge_to_rep@4021`")),
    request_body(content = DecisionRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "the decision is in the log", body = Decided),
        (status = 404, description = "no open gap has this id", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "agents still work on it", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "not a decision", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn decide<C: Clock>(
    State(api): State<Api<C>>,
    id: Result<Path<String>, PathRejection>,
    parameters: Parameters,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Decided>, Problem> {
    let gap = named(id)?;
    parameters.finish()?;
    intake::json_type(&headers, &[("application/json", ())])?;
    let held = body::read(&api, body, DECISION_BYTES_MAX).await?;
    let request: DecisionRequest = intake::object(held.bytes(), Code::InvalidDecision, EXPECTED)?;
    intake::worded(Code::InvalidDecision, "by", &request.by, NAME_BYTES_MAX)?;
    intake::worded(Code::InvalidDecision, "reason", &request.reason, REASON_BYTES_MAX)?;
    let verdict =
        Verdict { gap, decision: request.decision.into(), by: request.by, reason: request.reason };
    let position = api.handle.decide(verdict).await?;
    Ok(Json(Decided { position }))
}

fn named(id: Result<Path<String>, PathRejection>) -> Result<String, Problem> {
    let Path(id) =
        id.map_err(|error| Problem::new(Code::BadPath, error.body_text()).field("id"))?;
    Ok(id)
}
