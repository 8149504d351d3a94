//! What a lane must be able to do: give doors to nodes, move time, stop nodes, cut links.
//!
//! The same nodes (`nodes`) and the same director (`director`) run on every lane. Disk faults and
//! clock faults are wrappers around doors and work alike everywhere; only what is below is a
//! lane's own.
//!
//! Promise of an implementation: with the same calls in the same order, the same happens.

use std::future::Future;
use std::io::{self, ErrorKind};

use homeostat_world::{Clock, Duration, Net, Tasks, Timestamp};

use crate::audit::{Panic, Polled};

/// The doors of one node.
pub trait Doors: Clone + Send + Sync + 'static {
    /// Virtual time.
    type Clock: Clock;
    /// The simulated network, as this node sees it.
    type Net: Net;
    /// The node's tasks: they end with the node.
    type Tasks: Tasks;

    /// The clock.
    fn clock(&self) -> Self::Clock;
    /// The network. Addresses are `node-name:port`.
    fn net(&self) -> Self::Net;
    /// The tasks.
    fn tasks(&self) -> Self::Tasks;
}

/// A lane at work on one Plan.
pub trait Stage {
    /// What nodes get.
    type Doors: Doors;

    /// Starts `node`, or starts it again after a crash, with `main` as its first task.
    fn start<F, M>(&mut self, node: &str, main: M)
    where
        M: FnOnce(Self::Doors) -> F,
        F: Future<Output = ()> + Send + 'static;

    /// Stops `node` at once: its tasks never run again, its connections end.
    fn crash(&mut self, node: &str);

    /// Sets what becomes of bytes from `from` to `to`, from now on. Links begin perfect but for a
    /// small latency.
    fn set_link(&mut self, from: &str, to: &str, link: Link);

    /// Breaks every connection between two nodes: both ends see a reset.
    fn reset(&mut self, a: &str, b: &str);

    /// Lets everything run until virtual time is `at`.
    fn run_until(&mut self, at: Timestamp);

    /// Virtual time.
    fn now(&self) -> Timestamp;

    /// Every panic of a task so far.
    fn panics(&self) -> Vec<Panic>;

    /// Names everything that was polled so far: when, which task, how it went.
    fn trace_hash(&self) -> u64;

    /// Keeps a line for each poll from now on, if the lane can.
    fn keep_polls(&mut self) {}

    /// The polls since [`Stage::keep_polls`].
    fn polls(&self) -> Vec<Polled> {
        Vec::new()
    }
}

/// The parts of an address of a simulated network.
///
/// # Errors
/// When it has another form than `node:port`.
pub fn host_and_port(address: &str) -> io::Result<(&str, u16)> {
    let parts = address.rsplit_once(':');
    parts.and_then(|(host, port)| Some((host, port.parse().ok()?))).ok_or_else(|| {
        let text = format!("`{address}` is no address; expected the form `node:port`");
        io::Error::new(ErrorKind::InvalidInput, text)
    })
}

/// What becomes of bytes on their way from one node to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Whether they get through at all. Bytes on a cut link wait for the heal, as a peer that
    /// resends would have it; nothing tells either end.
    pub open: bool,
    /// Whether new connections are refused.
    pub refuses: bool,
    /// How long they take.
    pub latency: Duration,
    /// Up to this much longer, by chance.
    pub jitter: Duration,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            open: true,
            refuses: false,
            latency: Duration::from_micros(500),
            jitter: Duration::ZERO,
        }
    }
}
