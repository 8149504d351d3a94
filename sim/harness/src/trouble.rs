//! Trouble on a client's connections, beyond what links do: answers get lost, requests arrive twice,
//! bytes trickle, connections vanish for one end.
//!
//! In: a node's doors, and a [`Trouble`] that somebody else turns. Out: the Net door.
//! Never: changes a byte, or the order of bytes that arrive. Promise: without trouble it is the net
//! below it. It works on what HTTP does on a connection, so in every lane alike.
//! Start reading at [`Trouble`], then [`stream`].

mod stream;

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;

use homeostat_world::{Clock, Duration, Listener, Net, Tasks};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::plan::Gone;
use crate::stage::Doors;
pub use stream::TroubledStream;

/// What is wrong with the connections of a node. Cheap to clone; clones are the same trouble.
#[derive(Clone, Debug, Default)]
pub struct Trouble {
    shared: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    duplicates: bool,
    loses_answers: bool,
    pause: Option<Duration>,
    lines: Vec<Weak<Mutex<Fate>>>,
}

/// What has become of one connection.
#[derive(Debug, Default)]
struct Fate {
    gone: Option<Gone>,
    /// Whoever waits on it, to be told.
    waiting: Vec<Waker>,
}

impl Trouble {
    /// From now on requests arrive twice, or no longer.
    pub fn set_duplicates(&self, duplicates: bool) {
        self.lock().duplicates = duplicates;
    }

    /// From now on answers get lost, or no longer.
    pub fn set_loses_answers(&self, loses: bool) {
        self.lock().loses_answers = loses;
    }

    /// From now on it takes this rest after each byte, or none.
    pub fn set_pause(&self, pause: Option<Duration>) {
        self.lock().pause = pause;
    }

    /// Every connection that there is now is gone, as `gone` says.
    pub fn lose_connections(&self, gone: Gone) {
        let lines = std::mem::take(&mut self.lock().lines);
        for line in lines.iter().filter_map(Weak::upgrade) {
            let waiting = {
                let mut fate = lock(&line);
                fate.gone = Some(gone);
                std::mem::take(&mut fate.waiting)
            };
            waiting.into_iter().for_each(Waker::wake);
        }
    }

    /// A new connection.
    fn line(&self) -> Arc<Mutex<Fate>> {
        let line = Arc::default();
        let mut state = self.lock();
        state.lines.retain(|it| it.strong_count() > 0);
        state.lines.push(Arc::downgrade(&line));
        line
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.shared)
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

type StreamOf<D> = <<D as Doors>::Net as Net>::Stream;

/// The network of one life of a node, with its trouble.
pub struct TroubledNet<D: Doors> {
    doors: D,
    trouble: Trouble,
    /// Connections that are gone for this end and not for the other. They end with the node.
    parked: Arc<Mutex<Vec<StreamOf<D>>>>,
}

impl<D: Doors> TroubledNet<D> {
    /// The network of `doors`, with `trouble`.
    #[must_use]
    pub fn new(doors: D, trouble: Trouble) -> Self {
        Self { doors, trouble, parked: Arc::default() }
    }

    /// Begins a second copy of a request, on a connection of its own, whose answer nobody reads.
    fn copy(&self, address: &str) -> mpsc::UnboundedSender<Vec<u8>> {
        // Unbounded: it holds no more than the request of which it is a copy.
        let (copy, bytes) = mpsc::unbounded_channel();
        let (doors, address) = (self.doors.clone(), address.to_owned());
        drop(self.doors.tasks().spawn("duplicate request", async move {
            // Where the second copy gets lost, there is only one.
            let _lost = send_copy(&doors, &address, bytes).await;
        }));
        copy
    }
}

/// How long the answer to a second copy is waited for before its connection is closed.
const COPY_WAIT: Duration = Duration::from_secs(5);

async fn send_copy<D: Doors>(
    doors: &D,
    address: &str,
    mut bytes: mpsc::UnboundedReceiver<Vec<u8>>,
) -> io::Result<()> {
    let mut stream = doors.net().connect(address).await?;
    let mut answer = [0_u8; 512];
    let mut until = None;
    loop {
        let clock = doors.clock();
        let waited = async {
            match until {
                Some(until) => clock.sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            part = bytes.recv(), if until.is_none() => match part {
                Some(part) => stream.write_all(&part).await?,
                // The original is answered: this one's answer is on its way too.
                None => until = Some(doors.clock().now() + COPY_WAIT),
            },
            read = stream.read(&mut answer) => if read? == 0 { return Ok(()) },
            () = waited => return Ok(()),
        }
    }
}

impl<D: Doors> Net for TroubledNet<D> {
    type Stream = TroubledStream<D>;
    type Listener = TroubledListener<D>;

    async fn listen(&self, address: &str) -> io::Result<TroubledListener<D>> {
        let inner = self.doors.net().listen(address).await?;
        Ok(TroubledListener { inner, net: self.clone() })
    }

    fn connect(&self, address: &str) -> impl Future<Output = io::Result<TroubledStream<D>>> + Send {
        let (net, address) = (self.clone(), address.to_owned());
        async move {
            let inner = net.doors.net().connect(&address).await?;
            Ok(TroubledStream::new(net, inner, address))
        }
    }
}

impl<D: Doors> Clone for TroubledNet<D> {
    fn clone(&self) -> Self {
        let (doors, trouble) = (self.doors.clone(), self.trouble.clone());
        Self { doors, trouble, parked: Arc::clone(&self.parked) }
    }
}

impl<D: Doors> std::fmt::Debug for TroubledNet<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TroubledNet").field("trouble", &self.trouble).finish_non_exhaustive()
    }
}

/// A bound address whose connections have the node's trouble.
pub struct TroubledListener<D: Doors> {
    inner: <D::Net as Net>::Listener,
    net: TroubledNet<D>,
}

impl<D: Doors> Listener for TroubledListener<D> {
    type Stream = TroubledStream<D>;

    async fn accept(&mut self) -> io::Result<(TroubledStream<D>, String)> {
        let (inner, from) = self.inner.accept().await?;
        Ok((TroubledStream::new(self.net.clone(), inner, from.clone()), from))
    }

    fn address(&self) -> String {
        self.inner.address()
    }
}

impl<D: Doors> std::fmt::Debug for TroubledListener<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TroubledListener").field("net", &self.net).finish_non_exhaustive()
    }
}
