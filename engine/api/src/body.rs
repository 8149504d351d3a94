//! Request bodies: read whole, bounded in bytes, in time, and over all connections together.
//!
//! In: a body as it streams in. Out: its bytes, or why they were not taken.
//! Never: keeps reading once a bound is passed.
//! Start reading at [`read`].

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use homeostat_world::Clock;
use http_body_util::BodyExt;

use crate::limits::BODIES_BYTES_MAX;
use crate::problem::{Code, Problem};
use crate::router::Api;

/// A body, and its part of what all bodies together may take.
#[derive(Debug)]
pub(crate) struct Held {
    bytes: Bytes,
    _share: Share,
}

impl Held {
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// Reads `body`, `most` bytes of it at most.
pub(crate) async fn read<C: Clock>(api: &Api<C>, body: Body, most: usize) -> Result<Held, Problem> {
    // A declared length is judged before a byte of it is read.
    if body.size_hint().lower() > u64::try_from(most).unwrap_or(u64::MAX) {
        return Err(too_large(most));
    }
    let late = api.clock.now() + api.limits.body_wait;
    tokio::select! {
        biased;
        read = gather(Arc::clone(&api.bodies), body, most) => read,
        () = api.clock.sleep_until(late) => {
            let wait = api.limits.body_wait;
            Err(Problem::new(Code::BodyTimeout, format!("the body did not end within {wait}"))
                .help("send fewer events at once"))
        }
    }
}

async fn gather(room: Arc<AtomicUsize>, body: Body, most: usize) -> Result<Held, Problem> {
    let mut body = pin!(body);
    let mut share = Share { room, bytes: 0 };
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Problem::new(Code::BodyUnreadable, format!("the body broke off: {error}"))
                .help("check `Content-Length` and the transfer coding")
        })?;
        // Trailers say nothing that is read here.
        let Ok(chunk) = frame.into_data() else { continue };
        share.grow(chunk.len())?;
        if share.bytes > most {
            return Err(too_large(most));
        }
        // Most bodies are one chunk, and need not be copied.
        if first.is_empty() && whole.is_empty() {
            first = chunk;
        } else {
            if whole.is_empty() {
                whole.extend_from_slice(&std::mem::take(&mut first));
            }
            whole.extend_from_slice(&chunk);
        }
    }
    let bytes = if whole.is_empty() { first } else { whole.freeze() };
    Ok(Held { bytes, _share: share })
}

fn too_large(most: usize) -> Problem {
    Problem::new(Code::BodyTooLarge, format!("the body has more than {most} bytes"))
        .help("split it over several requests; events keep their ids, so a retry is safe")
}

/// Bytes that one request takes of the room for all.
#[derive(Debug)]
struct Share {
    room: Arc<AtomicUsize>,
    bytes: usize,
}

impl Share {
    fn grow(&mut self, by: usize) -> Result<(), Problem> {
        let taken = self.room.fetch_add(by, Ordering::Relaxed);
        self.bytes = self.bytes.saturating_add(by);
        if taken.saturating_add(by) > BODIES_BYTES_MAX {
            return Err(Problem::new(
                Code::Busy,
                format!(
                    "requests in flight hold {taken} bytes; at most {BODIES_BYTES_MAX} are kept"
                ),
            )
            .help("send the request again in a moment"));
        }
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.room.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
