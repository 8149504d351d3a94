//! Counts HTTP requests, by operation and status, and how long they took.
//!
//! In: one observation per request, with a time from the Clock door. Out: the figures for `/metrics`.
//! Never: takes a lock or allocates while counting: every counter is made at the start.
//! Promise: the figures only grow. Start reading at [`Meter::observe`].

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use homeostat_world::Duration;
use http::StatusCode;

use crate::operation::Operation;

/// Upper ends of the histogram's buckets, in microseconds: from a read in memory to a stuck disk.
pub(crate) const BUCKETS: [u64; 12] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 500_000, 2_500_000, 10_000_000];

/// The statuses that are counted by name. Any other one is counted as `other`.
const STATUSES: [u16; 15] =
    [200, 201, 400, 404, 405, 406, 408, 409, 410, 413, 415, 422, 500, 503, 0];

/// All counters of one server.
#[derive(Debug)]
pub(crate) struct Meter {
    operations: Vec<(Option<Operation>, Slot)>,
    connections: AtomicI64,
    connections_total: AtomicU64,
    timeouts: AtomicU64,
}

#[derive(Debug, Default)]
struct Slot {
    statuses: [AtomicU64; STATUSES.len()],
    /// One more than the bounds: the last one holds what is slower than all of them.
    buckets: [AtomicU64; BUCKETS.len() + 1],
    micros: AtomicU64,
}

/// The figures of one operation at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    /// `None` for requests that met no operation.
    pub(crate) operation: Option<Operation>,
    /// Requests by status, those that have occurred. 0 stands for any other.
    pub(crate) statuses: Vec<(u16, u64)>,
    /// Requests by bucket, not cumulative, the overflow last.
    pub(crate) buckets: Vec<u64>,
    /// The sum of all times.
    pub(crate) micros: u64,
}

/// The figures of all connections at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionFigures {
    pub(crate) open: i64,
    pub(crate) total: u64,
    pub(crate) timeouts: u64,
}

impl Meter {
    pub(crate) fn new() -> Self {
        let operations = Operation::ALL
            .into_iter()
            .map(Some)
            .chain([None])
            .map(|operation| (operation, Slot::default()))
            .collect();
        Self {
            operations,
            connections: AtomicI64::new(0),
            connections_total: AtomicU64::new(0),
            timeouts: AtomicU64::new(0),
        }
    }

    /// Counts one request.
    pub(crate) fn observe(&self, operation: Option<Operation>, status: StatusCode, took: Duration) {
        let Some((_, slot)) = self.operations.iter().find(|(its, _)| *its == operation) else {
            return;
        };
        let code = STATUSES.iter().position(|known| *known == status.as_u16());
        let code = code.unwrap_or(STATUSES.len() - 1);
        if let Some(count) = slot.statuses.get(code) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(0);
        let bucket = BUCKETS.partition_point(|bound| *bound < micros);
        if let Some(count) = slot.buckets.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        slot.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Counts a connection that opens; it is open until the answer is dropped.
    pub(crate) fn connected(self: &std::sync::Arc<Self>) -> Connected {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.connections_total.fetch_add(1, Ordering::Relaxed);
        Connected(std::sync::Arc::clone(self))
    }

    /// Counts a connection that was closed because its client was too slow.
    pub(crate) fn timed_out(&self) {
        self.timeouts.fetch_add(1, Ordering::Relaxed);
    }

    /// The figures of every operation that was asked for, in their fixed order.
    pub(crate) fn figures(&self) -> Vec<Figures> {
        self.operations
            .iter()
            .map(|(operation, slot)| Figures {
                operation: *operation,
                statuses: STATUSES
                    .iter()
                    .zip(&slot.statuses)
                    .map(|(status, count)| (*status, count.load(Ordering::Relaxed)))
                    .filter(|(_, count)| *count > 0)
                    .collect(),
                buckets: slot.buckets.iter().map(|b| b.load(Ordering::Relaxed)).collect(),
                micros: slot.micros.load(Ordering::Relaxed),
            })
            .filter(|figures| !figures.statuses.is_empty())
            .collect()
    }

    /// The figures of the connections.
    pub(crate) fn connections(&self) -> ConnectionFigures {
        ConnectionFigures {
            open: self.connections.load(Ordering::Relaxed),
            total: self.connections_total.load(Ordering::Relaxed),
            timeouts: self.timeouts.load(Ordering::Relaxed),
        }
    }
}

/// One open connection.
#[derive(Debug)]
pub(crate) struct Connected(std::sync::Arc<Meter>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_lands_in_its_bucket_and_status() {
        let meter = Meter::new();
        let seen = Some(Operation::Status);
        meter.observe(seen, StatusCode::OK, Duration::from_micros(100));
        meter.observe(seen, StatusCode::OK, Duration::from_micros(101));
        meter.observe(seen, StatusCode::IM_A_TEAPOT, Duration::from_secs(60));
        let figures = meter.figures();
        assert_eq!(figures.len(), 1, "only what was asked for");
        let status = figures.first();
        assert_eq!(status.map(|f| f.statuses.clone()), Some(vec![(200, 2), (0, 1)]));
        assert_eq!(status.map(|f| f.micros), Some(60_000_201));
        let buckets = status.map(|f| f.buckets.clone()).unwrap_or_default();
        assert_eq!(
            (buckets.first(), buckets.get(1), buckets.last()),
            (Some(&1), Some(&1), Some(&1))
        );
    }
}
