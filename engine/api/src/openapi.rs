//! The API as an OpenAPI document, gathered from the handlers.
//!
//! Promise: a test holds it equal to the routes that are served. Start reading at [`document`].

use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::{contract, engine, events, gaps, intent, problem, wire};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Homeostat",
        description = "Events in, gaps and what became of them out. Errors are RFC 9457 problem documents; programs look at `code`.",
    ),
    tags(
        (name = "events", description = "the log"),
        (name = "gaps", description = "what should have happened and has not"),
        (name = "intent", description = "what people declare, version by version"),
        (name = "contract", description = "what must hold, and whether it does"),
        (name = "engine", description = "the engine itself"),
    ),
    paths(
        events::append, events::list, events::one, events::consequences,
        gaps::list, gaps::one, gaps::consequences, gaps::decide,
        contract::stands, contract::check, contract::report,
        intent::versions, intent::adopt,
        engine::status, engine::health, engine::ready, engine::metrics, engine::openapi,
        engine::index,
    ),
    components(schemas(
        problem::Problem, wire::Decision, wire::Ending, wire::Escalation, wire::Kind,
        wire::Performer, wire::Policy, wire::PropositionKind, wire::State, wire::Verdict, wire::Strength,
    )),
)]
struct Document;

/// The document.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// A CloudEvent 1.0 in JSON with the extension attributes of this engine. Only described here;
/// the log reads and writes it.
#[derive(Serialize, ToSchema)]
pub(crate) struct CloudEvent {
    /// `1.0`.
    #[schema(example = "1.0")]
    specversion: String,
    /// Unique within `source`; the pair makes a retry safe.
    #[schema(max_length = 1024)]
    id: String,
    /// Who produced it, a URI reference.
    #[schema(max_length = 1024, example = "/crm")]
    source: String,
    /// What happened.
    #[schema(max_length = 1024, example = "interaction.created")]
    r#type: String,
    /// When it happened; the moment of recording unless said.
    #[schema(required = false, format = DateTime)]
    time: Option<String>,
    /// What it is about, as `entity/id`.
    #[schema(max_length = 1024, example = "customer/c1")]
    subject: Option<String>,
    /// `application/json`.
    datacontenttype: Option<String>,
    /// `primary` unless said, `enrichment`, or `tombstone`; `control` only from the engine.
    kind: Option<String>,
    /// The obligation that it answers, as `acknowledge_to_rep@4021`.
    cause: Option<String>,
    /// Of an enrichment, the position of the event that it enriches, as digits; or give `enrichesid`.
    #[schema(example = "4021")]
    enriches: Option<String>,
    /// The `id` of the event that it enriches. Answers have both.
    #[schema(max_length = 1024)]
    enrichesid: Option<String>,
    /// The `source` of that event; its own `source` unless said.
    #[schema(max_length = 1024)]
    enrichessource: Option<String>,
    /// How sure an enrichment is, from 0 to 1, as a number in a text (a bare number is taken too).
    #[schema(example = "0.95")]
    confidence: Option<String>,
    /// Whose hand appended it: only in answers.
    #[schema(read_only)]
    actor: Option<String>,
    /// How many agents deep: only in answers.
    #[schema(read_only)]
    depth: Option<u16>,
    /// Its place in the log, a number in text: only in answers.
    #[schema(read_only)]
    position: Option<String>,
    /// When it was recorded: only in answers.
    #[schema(read_only, format = DateTime)]
    recorded: Option<String>,
    /// The payload, an object.
    data: Option<serde_json::Map<String, serde_json::Value>>,
}

/// One event or a batch.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes a request body")]
pub(crate) enum OneOrMany {
    /// One.
    One(Box<CloudEvent>),
    /// Many.
    Many(Vec<CloudEvent>),
}
