//! Every bound of the HTTP side that a person does not set, with its reason; and those that one can.
//!
//! The bounds of events and appends are the log's: see `homeostat_world::limits`.

use homeostat_world::Duration;
use homeostat_world::limits::EVENT_BYTES_MAX;

/// Bytes of one request body: the largest event many times over.
pub(crate) const BODY_BYTES_MAX: usize = 16 << 20;
/// Bytes of all request bodies in memory at once, since a full house of connections could
/// otherwise send more than a small machine has.
pub(crate) const BODIES_BYTES_MAX: usize = 256 << 20;
/// Bytes of one request head; hyper keeps no more than this unread.
pub(crate) const HEAD_BYTES_MAX: usize = 64 << 10;
/// Header fields of one request.
pub(crate) const HEADERS_MAX: usize = 64;
/// Bytes of a decision's body: two texts.
pub(crate) const DECISION_BYTES_MAX: usize = 64 << 10;
/// Bytes of a decision's reason.
pub(crate) const REASON_BYTES_MAX: usize = 4 << 10;
/// Events in one answer unless the request says so.
pub(crate) const EVENTS_DEFAULT: usize = 100;
/// Events in one answer.
pub(crate) const EVENTS_MAX: usize = 1_000;
/// Bytes after which a listing of events ends early; the answer then says where to go on.
pub(crate) const LISTING_BYTES: usize = 4 << 20;
/// Events that one question to the engine's loop asks for, so that a listing of large events
/// never holds more than a few listings' worth of memory.
pub(crate) const EVENTS_PER_READ: usize = 32;
/// Gaps in one answer unless the request says so.
pub(crate) const GAPS_DEFAULT: usize = 100;
/// Gaps in one answer.
pub(crate) const GAPS_MAX: usize = 1_000;
/// How long the health endpoints wait for the engine's loop.
pub(crate) const HEALTH_WAIT: Duration = Duration::from_secs(5);
/// Bytes that the client reads of one answer. More than a listing: the last event may pass it.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 << 20;

const _: () = assert!(BODY_BYTES_MAX > EVENT_BYTES_MAX);
const _: () = assert!(BODIES_BYTES_MAX > BODY_BYTES_MAX);
const _: () = assert!(ANSWER_BYTES_MAX > LISTING_BYTES + EVENTS_PER_READ * EVENT_BYTES_MAX);

/// What whoever serves the API can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServeLimits {
    /// Connections at once; further ones wait in the listener until one ends.
    pub connections_max: u32,
    /// How long a connection may stay without a complete request head, counted from its start or
    /// from the answer before: the bound on idle connections and on slow heads alike.
    pub head_wait: Duration,
    /// How long a request's body may take.
    pub body_wait: Duration,
    /// How long requests in flight may take to finish once the engine stops.
    pub grace: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            connections_max: 1_024,
            head_wait: Duration::from_secs(60),
            body_wait: Duration::from_secs(60),
            grace: Duration::from_secs(5),
        }
    }
}
