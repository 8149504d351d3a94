//! The contract over HTTP, and checks of what the engine keeps.
//!
//! In: requests. Out: how each proposition stands; a check that was begun.
//! Never: runs a command of the contract; whoever asks may, with the command line.
//! Start reading at [`check`].

use axum::Json;
use axum::extract::State;
use homeostat_world::Clock;
use http::StatusCode;

use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::router::Api;
use crate::wire::CheckBegun;

/// Begins to check what the engine keeps against its log: its state against a replay, the log against
/// its chain of hashes. What that finds comes into the log as `check.reported` and opens a gap.
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
