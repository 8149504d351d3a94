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

const _: () = assert!(EVENT_BYTES_MAX < COMMIT_BYTES_MAX);
const _: () = assert!(APPEND_EVENTS_MAX <= COMMIT_EVENTS_MAX);
