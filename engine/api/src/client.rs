//! A client of the API over the same doors.
//!
//! In: events, questions, decisions. Out: typed answers, or what the server says is wrong.
//! Never: repeats what may have been done once already, unless doing it twice is harmless.
//! Promise: an append without an expectation is repeated after a broken connection under the same
//! ids, so it is stored once. Start reading at [`Client::append`].

mod address;
mod line;

use bytes::Bytes;
use homeostat_log::{Expect, NewEvent, cloudevents};
use homeostat_world::{Clock, Duration, Net, Position};
use http::header::{ACCEPT, CONTENT_TYPE, HOST, RETRY_AFTER};
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::{Code, PROBLEM_JSON, Problem};
use crate::wire::{
    AdoptionRequest, Appended, CheckBegun, Contract, Decided, DecisionRequest, EventPage, Finding,
    Gap, GapPage, Proposal, Reported, Status, Versions,
};
use address::escape;
use line::{Answer, Line};

/// Talks to one server over one connection at a time, which is kept between requests.
#[derive(Debug)]
pub struct Client<N: Net, C: Clock> {
    net: N,
    clock: C,
    address: String,
    patience: Patience,
    line: Option<Line>,
}

/// How long and how often to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How often a request is sent at most.
    pub tries: u32,
    /// How long one try may take.
    pub timeout: Duration,
    /// The pause after the first try; each further one is twice as long.
    pub pause: Duration,
    /// The longest pause, whatever the server asks for.
    pub pause_max: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tries: 5,
            timeout: Duration::from_secs(30),
            pause: Duration::from_millis(100),
            pause_max: Duration::from_secs(5),
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server's address is not one.
    #[error("`{url}` is no server address: {reason}; expected the form `http://127.0.0.1:7171`")]
    Address {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Nobody answers there.
    #[error("no connection to `{address}`: {source}; is `homeostat serve` running there?")]
    Connect {
        /// Where.
        address: String,
        /// What the network says.
        source: std::io::Error,
    },
    /// The connection broke before the answer.
    #[error("the connection to `{address}` broke before the answer: {reason}")]
    Broken {
        /// Where.
        address: String,
        /// What broke.
        reason: String,
    },
    /// No answer in time.
    #[error("no answer from `{address}` within {after}")]
    Timeout {
        /// Where.
        address: String,
        /// How long was waited.
        after: Duration,
    },
    /// The server says what is wrong.
    #[error("{}", .0.detail)]
    Refused(Box<Problem>),
    /// The server says something that this client does not understand.
    #[error("the answer of `{address}` is not understood (status {status}): {reason}")]
    NotUnderstood {
        /// Where.
        address: String,
        /// The HTTP status.
        status: u16,
        /// What is wrong with the answer.
        reason: String,
    },
}

impl ClientError {
    /// What the server says is wrong, if it was the server.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            _ => None,
        }
    }
}

/// Which gaps to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GapFilter {
    /// `open`, `working`, `cooling`, `escalated`, `waiting`.
    pub state: Option<String>,
    /// `reaction`, `temporal`.
    pub kind: Option<String>,
    /// `invariant`, `must`, `should`, `could`.
    pub strength: Option<String>,
    /// The action that would close them.
    pub action: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
    /// Go on after this gap.
    pub after: Option<String>,
}

/// Whether a request may be sent again after it may have been carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Twice {
    Harmless,
    Harmful,
}

/// One request, in parts that outlive its tries.
struct Ask<'a> {
    method: Method,
    path: String,
    accept: &'static str,
    content_type: Option<&'a str>,
    body: Bytes,
    twice: Twice,
}

impl<N: Net, C: Clock> Client<N, C> {
    /// A client of the server at `url`; connects with the first request.
    ///
    /// # Errors
    /// When `url` is not of the form `http://host:port`.
    pub fn new(net: N, clock: C, url: &str, patience: Patience) -> Result<Self, ClientError> {
        let address = address::parse(url)?;
        Ok(Self { net, clock, address, patience, line: None })
    }

    /// Appends `events`, all or none; the answer has one entry for each.
    ///
    /// # Errors
    /// See [`ClientError`]. After [`ClientError::Broken`] and [`ClientError::Timeout`] the events
    /// may have been stored; sending them again with the same ids is safe.
    pub async fn append(
        &mut self,
        events: &[NewEvent],
        expect: &Expect,
    ) -> Result<Appended, ClientError> {
        let mut lines = String::new();
        for event in events {
            lines.push_str(&cloudevents::write_new(event));
            lines.push('\n');
        }
        self.append_body("application/x-ndjson", lines.into(), expect).await
    }

    /// Appends a body as it stands, for example a file of CloudEvents.
    ///
    /// # Errors
    /// As [`Client::append`].
    pub async fn append_body(
        &mut self,
        content_type: &str,
        body: Bytes,
        expect: &Expect,
    ) -> Result<Appended, ClientError> {
        let (query, twice) = match expect {
            Expect::Any => (String::new(), Twice::Harmless),
            Expect::Head(head) => (format!("?expect-head={head}"), Twice::Harmful),
            Expect::Subject { subject, last } => {
                let last = last.unwrap_or(Position::ZERO);
                let subject = escape(subject);
                (format!("?expect-subject={subject}&expect-last={last}"), Twice::Harmful)
            }
        };
        let path = format!("/v1/events{query}");
        self.send_json(Method::POST, path, Some(content_type), body, twice).await
    }

    /// Events in the order of the log.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn events(
        &mut self,
        from: Position,
        limit: usize,
        subject: Option<&str>,
    ) -> Result<EventPage, ClientError> {
        let mut path = format!("/v1/events?from={from}&limit={limit}");
        if let Some(subject) = subject {
            path.push_str("&subject=");
            path.push_str(&escape(subject));
        }
        self.get(path).await
    }

    /// Open gaps, most urgent first.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn gaps(&mut self, filter: &GapFilter) -> Result<GapPage, ClientError> {
        let limit = filter.limit.map(|limit| limit.to_string());
        let parts = [
            ("state", filter.state.as_deref()),
            ("kind", filter.kind.as_deref()),
            ("strength", filter.strength.as_deref()),
            ("action", filter.action.as_deref()),
            ("limit", limit.as_deref()),
            ("after", filter.after.as_deref()),
        ];
        let set: Vec<String> = parts
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", escape(value?))))
            .collect();
        self.get(format!("/v1/gaps?{}", set.join("&"))).await
    }

    /// Begins to check what the engine keeps against its log, or hears of the check that is under way.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn check(&mut self) -> Result<CheckBegun, ClientError> {
        let path = "/v1/checks".to_owned();
        self.send_json(Method::POST, path, None, Bytes::new(), Twice::Harmless).await
    }

    /// Everything that the contract says, and how it stands.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn contract(&mut self) -> Result<Contract, ClientError> {
        self.get("/v1/contract".to_owned()).await
    }

    /// Says what was found of the proposition `name`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn report(&mut self, name: &str, finding: &Finding) -> Result<Reported, ClientError> {
        let path = format!("/v1/checks/{}", escape(name));
        // Said twice by a person it stands there twice.
        self.post(path, finding, Twice::Harmful).await
    }

    /// The versions of the spec that were put in force, the newest last.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn versions(&mut self) -> Result<Versions, ClientError> {
        self.get("/v1/intent".to_owned()).await
    }

    /// What a version would change if it were adopted now.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn preview(&mut self, request: &AdoptionRequest) -> Result<Proposal, ClientError> {
        self.post("/v1/intent?dry-run=true".to_owned(), request, Twice::Harmless).await
    }

    /// Puts a version of the spec in force.
    ///
    /// # Errors
    /// See [`ClientError`]. After [`ClientError::Broken`] and [`ClientError::Timeout`] it may be in
    /// force; [`Client::versions`] tells.
    pub async fn adopt(&mut self, request: &AdoptionRequest) -> Result<Proposal, ClientError> {
        self.post("/v1/intent".to_owned(), request, Twice::Harmful).await
    }

    /// One open gap; `None` when there is no such open gap.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn gap(&mut self, id: &str) -> Result<Option<Gap>, ClientError> {
        match self.get(format!("/v1/gaps/{}", escape(id))).await {
            Ok(gap) => Ok(Some(gap)),
            Err(ClientError::Refused(problem)) if problem.is(Code::NoSuchGap) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What should have followed from one event, and what did, as people read it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn consequences_text(&mut self, position: Position) -> Result<String, ClientError> {
        let answer = self.explained(format!("/v1/events/{position}"), "text/plain").await?;
        String::from_utf8(answer.body.to_vec())
            .map_err(|error| self.not_understood(answer.status, error.to_string()))
    }

    /// The same for programs.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn consequences_json(
        &mut self,
        position: Position,
    ) -> Result<serde_json::Value, ClientError> {
        let answer = self.explained(format!("/v1/events/{position}"), "application/json").await?;
        self.parsed(&answer)
    }

    /// What called for a gap, open or closed, and all that follows from that, as people read it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn gap_consequences_text(&mut self, id: &str) -> Result<String, ClientError> {
        let answer = self.explained(format!("/v1/gaps/{}", escape(id)), "text/plain").await?;
        String::from_utf8(answer.body.to_vec())
            .map_err(|error| self.not_understood(answer.status, error.to_string()))
    }

    /// The same for programs.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn gap_consequences_json(
        &mut self,
        id: &str,
    ) -> Result<serde_json::Value, ClientError> {
        let answer = self.explained(format!("/v1/gaps/{}", escape(id)), "application/json").await?;
        self.parsed(&answer)
    }

    async fn explained(
        &mut self,
        what: String,
        accept: &'static str,
    ) -> Result<Answer, ClientError> {
        self.send(Ask {
            method: Method::GET,
            path: format!("{what}/consequences"),
            accept,
            content_type: None,
            body: Bytes::new(),
            twice: Twice::Harmless,
        })
        .await
    }

    /// Writes down a person's decision about gap `id`; returns its position in the log.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn decide(
        &mut self,
        id: &str,
        decision: &DecisionRequest,
    ) -> Result<Position, ClientError> {
        let path = format!("/v1/gaps/{}/decision", escape(id));
        let decided: Decided = self.post(path, decision, Twice::Harmful).await?;
        Ok(decided.position)
    }

    /// How the engine is.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn status(&mut self) -> Result<Status, ClientError> {
        self.get("/v1/status".to_owned()).await
    }

    async fn get<T: DeserializeOwned>(&mut self, path: String) -> Result<T, ClientError> {
        self.send_json(Method::GET, path, None, Bytes::new(), Twice::Harmless).await
    }

    async fn post<T: DeserializeOwned>(
        &mut self,
        path: String,
        request: &impl Serialize,
        twice: Twice,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(request)
            .map_err(|error| self.not_understood(StatusCode::BAD_REQUEST, error.to_string()))?;
        self.send_json(Method::POST, path, Some("application/json"), body.into(), twice).await
    }

    async fn send_json<T: DeserializeOwned>(
        &mut self,
        method: Method,
        path: String,
        content_type: Option<&str>,
        body: Bytes,
        twice: Twice,
    ) -> Result<T, ClientError> {
        let accept = "application/json";
        let answer = self.send(Ask { method, path, accept, content_type, body, twice }).await?;
        self.parsed(&answer)
    }

    fn parsed<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, ClientError> {
        serde_json::from_slice(&answer.body)
            .map_err(|error| self.not_understood(answer.status, error.to_string()))
    }

    fn not_understood(&self, status: StatusCode, reason: String) -> ClientError {
        ClientError::NotUnderstood {
            address: self.address.clone(),
            status: status.as_u16(),
            reason,
        }
    }

    /// Tries until there is an answer, patience is at its end, or a further try could do harm.
    async fn send(&mut self, ask: Ask<'_>) -> Result<Answer, ClientError> {
        let mut pause = self.patience.pause;
        let mut left = self.patience.tries.max(1);
        loop {
            left -= 1;
            let mut asked_to_wait = Duration::ZERO;
            let failure = match self.try_once(&ask).await {
                Ok(answer) if answer.status.is_success() => return Ok(answer),
                Ok(answer) => {
                    let problem = self.problem_of(&answer);
                    // Read-only ends by a person's hand, so it is not waited for here.
                    let passes = answer.status == StatusCode::SERVICE_UNAVAILABLE
                        && !problem.problem().is_some_and(|problem| problem.is(Code::ReadOnly));
                    if !passes {
                        return Err(problem);
                    }
                    asked_to_wait = answer.retry_after();
                    problem
                }
                Err(failure) => {
                    let unsent = matches!(failure, ClientError::Connect { .. });
                    if !unsent && ask.twice == Twice::Harmful {
                        return Err(failure);
                    }
                    failure
                }
            };
            if left == 0 {
                return Err(failure);
            }
            let wait = pause.max(asked_to_wait).min(self.patience.pause_max);
            self.clock.sleep_until(self.clock.now() + wait).await;
            pause = Duration::from_micros(pause.as_micros().saturating_mul(2));
        }
    }

    async fn try_once(&mut self, ask: &Ask<'_>) -> Result<Answer, ClientError> {
        let mut request = Request::builder()
            .method(ask.method.clone())
            .uri(ask.path.as_str())
            .header(HOST, self.address.as_str())
            .header(ACCEPT, ask.accept);
        if let Some(content_type) = ask.content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        let request = request
            .body(Full::new(ask.body.clone()))
            .map_err(|error| self.not_understood(StatusCode::BAD_REQUEST, error.to_string()))?;
        let after = self.patience.timeout;
        let late = self.clock.now() + after;
        let clock = self.clock.clone();
        let address = self.address.clone();
        tokio::select! {
            biased;
            answer = self.exchange(request, ask.twice) => answer,
            () = clock.sleep_until(late) => Err(ClientError::Timeout { address, after }),
        }
    }

    async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
        twice: Twice,
    ) -> Result<Answer, ClientError> {
        // The server may have closed a kept connection, which shows only in use: whatever must not
        // be sent twice gets a new one. Taken out, so that a try that is given up drops it.
        let kept = self.line.take().filter(|_| twice == Twice::Harmless);
        let mut line = match kept {
            Some(line) => line,
            None => Line::open(&self.net, &self.address).await?,
        };
        let answer = line
            .exchange(request)
            .await
            .map_err(|reason| ClientError::Broken { address: self.address.clone(), reason })?;
        if line.is_open() {
            self.line = Some(line);
        }
        Ok(answer)
    }

    fn problem_of(&self, answer: &Answer) -> ClientError {
        if !answer.is_of(PROBLEM_JSON) {
            return self.not_understood(answer.status, "it is no problem document".to_owned());
        }
        match serde_json::from_slice(&answer.body) {
            Ok(problem) => ClientError::Refused(Box::new(problem)),
            Err(error) => self.not_understood(answer.status, error.to_string()),
        }
    }
}

impl Answer {
    fn is_of(&self, media_type: &str) -> bool {
        let found = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        found.is_some_and(|found| found.split(';').next().unwrap_or_default().trim() == media_type)
    }

    fn retry_after(&self) -> Duration {
        let text = self.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        text.and_then(|text| text.parse().ok()).map_or(Duration::ZERO, Duration::from_secs)
    }
}
