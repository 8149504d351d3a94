//! A talk between two nodes of any lane: a server that echoes, a client that notes every answer.
//!
//! The lanes' tests of links bring this in by its path.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};

use homeostat_sim_harness::stage::Link;
use homeostat_sim_harness::{Doors, Stage};
use homeostat_world::{Clock, Duration, Listener, Net, Tasks, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{DAWN, after};

/// What happened, with milliseconds since the dawn.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<(i64, String)>>>);

impl Notes {
    pub(crate) fn note(&self, at: Timestamp, what: impl Into<String>) {
        self.0.lock().unwrap().push((at.since(DAWN).as_micros() / 1_000, what.into()));
    }

    pub(crate) fn all(&self) -> Vec<(i64, String)> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn check(&self, expected: &[(i64, &str)]) {
        let expected: Vec<_> =
            expected.iter().map(|(at, what)| (*at, (*what).to_owned())).collect();
        assert_eq!(self.all(), expected);
    }
}

pub(crate) fn link(latency_ms: i64) -> Link {
    Link { latency: Duration::from_millis(latency_ms), ..Link::default() }
}

pub(crate) const CUT: Link =
    Link { open: false, refuses: false, latency: Duration::ZERO, jitter: Duration::ZERO };

/// Both ways between `client` and `server`.
pub(crate) fn set<S: Stage>(stage: &mut S, link: Link) {
    stage.set_link("client", "server", link);
    stage.set_link("server", "client", link);
}

/// A server that sends back what it hears, on each connection.
pub(crate) fn echo<S: Stage>(stage: &mut S, notes: &Notes) {
    let notes = notes.clone();
    stage.start("server", |doors| async move {
        let mut listener = doors.net().listen("server:80").await.unwrap();
        loop {
            let (mut stream, from) = listener.accept().await.unwrap();
            assert!(from.starts_with("client:"), "{from}");
            let (clock, notes) = (doors.clock(), notes.clone());
            drop(doors.tasks().spawn("echo", async move {
                let mut bytes = [0; 1_024];
                loop {
                    match stream.read(&mut bytes).await {
                        Ok(0) => return notes.note(clock.now(), "server: end"),
                        Ok(some) => {
                            notes.note(clock.now(), format!("server: {some}"));
                            if stream.write_all(bytes.get(..some).unwrap()).await.is_err() {
                                return;
                            }
                        }
                        Err(error) => {
                            return notes.note(clock.now(), format!("server: {:?}", error.kind()));
                        }
                    }
                }
            }));
        }
    });
}

/// A client that connects, sends `word` at each of some instants, and notes every answer.
pub(crate) fn talk<S: Stage>(stage: &mut S, notes: &Notes, times_ms: &[i64]) {
    let (notes, times) = (notes.clone(), times_ms.to_vec());
    stage.start("client", |doors| async move {
        let now = || doors.clock().now();
        match doors.net().connect("server:80").await {
            Err(error) => notes.note(now(), format!("client: {:?}", error.kind())),
            Ok(stream) => {
                notes.note(now(), "client: connected");
                if let Err(kind) = say(&doors, &notes, stream, &times).await {
                    notes.note(now(), format!("client: {kind:?}"));
                }
            }
        }
    });
}

async fn say<D: Doors>(
    doors: &D,
    notes: &Notes,
    mut stream: <D::Net as Net>::Stream,
    times: &[i64],
) -> Result<(), ErrorKind> {
    for at in times {
        doors.clock().sleep_until(after(*at)).await;
        stream.write_all(b"word").await.map_err(|error| error.kind())?;
        let mut heard = [0; 4];
        stream.read_exact(&mut heard).await.map_err(|error| error.kind())?;
        notes.note(doors.clock().now(), "client: answered");
    }
    std::future::pending().await
}
