//! Every bound of the engine that a person does not set, in one place, with its reason.

/// Bytes of one event as it is stored, body included. Large payloads belong in an object store
/// with a reference here; a log record must fit many times into one commit.
pub const EVENT_BYTES_MAX: usize = 1 << 20;
/// Bytes of one name: event type, subject, id, source, actor.
pub const NAME_BYTES_MAX: usize = 1_024;
/// Events in one append request.
pub const APPEND_EVENTS_MAX: usize = 10_000;
/// Events in one commit of the log; bounds how long an acknowledgement can wait for its neighbours.
pub const COMMIT_EVENTS_MAX: usize = 16_384;
/// Bytes of events in one commit.
pub const COMMIT_BYTES_MAX: usize = 32 << 20;
/// Requests that wait for the committer. A full queue pushes back on the producer.
pub const COMMIT_QUEUE_MAX: usize = 1_024;
/// Nesting of values inside event data.
pub const DATA_DEPTH_MAX: usize = 64;

/// Bytes that one agent may print. More is a defect of the agent, and would sit in memory.
pub const AGENT_OUTPUT_BYTES_MAX: usize = 1 << 20;
/// Lines that one agent may print.
pub const AGENT_LINES_MAX: usize = 1_024;
/// Events that one agent may append. A gap is one duty; whoever needs more is doing something else.
pub const AGENT_EVENTS_MAX: usize = 16;
/// Bytes of the payload of one event that an agent appends.
pub const AGENT_EVENT_BYTES_MAX: usize = 64 << 10;
/// Bytes of an agent's own words that are kept in the log.
pub const AGENT_REASON_BYTES_MAX: usize = 512;

/// Differences that one check reports at once. More would say the same; the next run reports the rest.
pub const CHECK_REPORTS_MAX: usize = 1_000;

const _: () = assert!(CHECK_REPORTS_MAX * 4 <= COMMIT_EVENTS_MAX);
const _: () = assert!(AGENT_EVENTS_MAX * AGENT_EVENT_BYTES_MAX <= AGENT_OUTPUT_BYTES_MAX);
const _: () = assert!(AGENT_EVENT_BYTES_MAX < EVENT_BYTES_MAX);
const _: () = assert!(EVENT_BYTES_MAX < COMMIT_BYTES_MAX);
const _: () = assert!(APPEND_EVENTS_MAX <= COMMIT_EVENTS_MAX);
