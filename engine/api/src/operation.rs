//! What the API offers: every operation with its method and path, in one list.
//!
//! The router, the metrics' labels and the index page are made from it, and a test holds the
//! OpenAPI document against it. Start reading at [`Operation::route`].

use http::Method;

/// One thing that the API does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Index,
    AppendEvents,
    ListEvents,
    GetEvent,
    Consequences,
    ListGaps,
    GetGap,
    GapConsequences,
    Decide,
    Contract,
    Check,
    Report,
    Versions,
    Adopt,
    Status,
    Health,
    Ready,
    Metrics,
    OpenApi,
}

impl Operation {
    /// All of them, in the order of the index page.
    pub(crate) const ALL: [Self; 19] = [
        Self::Index,
        Self::AppendEvents,
        Self::ListEvents,
        Self::GetEvent,
        Self::Consequences,
        Self::ListGaps,
        Self::GetGap,
        Self::GapConsequences,
        Self::Decide,
        Self::Contract,
        Self::Check,
        Self::Report,
        Self::Versions,
        Self::Adopt,
        Self::Status,
        Self::Health,
        Self::Ready,
        Self::Metrics,
        Self::OpenApi,
    ];

    /// Method, path, and what it does in a line.
    pub(crate) const fn route(self) -> (Method, &'static str, &'static str) {
        match self {
            Self::Index => (Method::GET, "/", "this page"),
            Self::AppendEvents => {
                (Method::POST, "/v1/events", "append one CloudEvent, a batch, or JSON Lines")
            }
            Self::ListEvents => {
                (Method::GET, "/v1/events", "events in order: ?from= &limit= &subject=")
            }
            Self::GetEvent => (Method::GET, "/v1/events/{position}", "one event"),
            Self::Consequences => (
                Method::GET,
                "/v1/events/{position}/consequences",
                "what should have followed from it, and what did: ?format=text|json",
            ),
            Self::ListGaps => (
                Method::GET,
                "/v1/gaps",
                "open gaps, most urgent first: ?state= &kind= &strength= &action= &limit= &after=",
            ),
            Self::GetGap => (Method::GET, "/v1/gaps/{id}", "one open gap"),
            Self::GapConsequences => (
                Method::GET,
                "/v1/gaps/{id}/consequences",
                "what called for it, all that follows from that, and what did: ?format=text|json",
            ),
            Self::Decide => (
                Method::POST,
                "/v1/gaps/{id}/decision",
                r#"a person's word: {"decision": "retry"|"waive"|"backfill", "by": …, "reason": …}"#,
            ),
            Self::Contract => {
                (Method::GET, "/v1/contract", "what must hold, who says so, and whether it does")
            }
            Self::Report => (
                Method::POST,
                "/v1/checks/{name}",
                r#"what was found of a proposition: {"holds": true|false|null, "detail": …, "by": …}"#,
            ),
            Self::Check => {
                (Method::POST, "/v1/checks", "check state and log against each other now")
            }
            Self::Versions => {
                (Method::GET, "/v1/intent", "versions of the spec, and what they asked of the past")
            }
            Self::Adopt => (
                Method::POST,
                "/v1/intent",
                r#"put a version in force: {"sources": [{"name": …, "text": …}], "by": …}, ?dry-run=true"#,
            ),
            Self::Status => (Method::GET, "/v1/status", "log head, gaps, breakers, totals"),
            Self::Health => (Method::GET, "/healthz", "whether the engine is alive"),
            Self::Ready => (Method::GET, "/readyz", "whether it takes events"),
            Self::Metrics => (Method::GET, "/metrics", "OpenMetrics"),
            Self::OpenApi => (Method::GET, "/openapi.json", "this API as an OpenAPI document"),
        }
    }

    /// The operation behind a matched path.
    pub(crate) fn find(method: &Method, path: &str) -> Option<Self> {
        // The router answers HEAD by the handler of GET.
        let method = if method == Method::HEAD { &Method::GET } else { method };
        Self::ALL.into_iter().find(|operation| {
            let (its_method, its_path, _) = operation.route();
            its_path == path && its_method == *method
        })
    }
}
