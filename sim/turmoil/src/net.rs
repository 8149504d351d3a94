//! The network door of the turmoil lane: turmoil's TCP, with what it lacks.
//!
//! In: addresses as `node:port`. Out: listeners and streams.
//! turmoil's are segments, their order, the two halves' ends, resets of what nobody has. Ours are
//! refusals, and that a connection takes time to stand: turmoil answers a dial at once.
//! Promise: what the Net door promises, and what `Link` says of faults. Start reading at
//! [`TurmoilNet`].

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use homeostat_sim_harness::stage::host_and_port;
use homeostat_world::{Clock, Listener, Net};
use turmoil::net::{TcpListener, TcpStream};

use crate::line::{Half, Line, Side};
use crate::stream::TurmoilStream;
use crate::tasks::Place;
use crate::time::TurmoilClock;
use crate::world::{NodeId, lock};

/// The network as one node sees it.
#[derive(Clone, Debug)]
pub struct TurmoilNet {
    place: Place,
}

/// A bound port; given back when dropped.
pub struct TurmoilListener {
    inner: TcpListener,
    place: Place,
    address: String,
}

/// Every address of the node that listens: the only one that turmoil binds.
const ANY_HOST: &str = "0.0.0.0";

impl TurmoilNet {
    pub(crate) const fn new(place: Place) -> Self {
        Self { place }
    }

    /// Dials, and waits until the answer has come back.
    async fn dial(&self, host: &str, port: u16, peer: NodeId) -> io::Result<TcpStream> {
        let Place { world, node, .. } = &self.place;
        if peer == *node {
            return TcpStream::connect((host, port)).await;
        }
        // Who gives up here is never heard of.
        world.open(*node, peer).await;
        let runs = lock(&world.nodes).runs(peer);
        if !runs || world.link(*node, peer).refuses {
            self.travel(*node, peer).await;
            self.travel(peer, *node).await;
            return Err(ErrorKind::ConnectionRefused.into());
        }
        let dialled = TcpStream::connect((host, port)).await;
        self.travel(peer, *node).await;
        dialled
    }

    /// Waits as long as something is under way from one node to another; over a cut link until
    /// after the heal.
    async fn travel(&self, from: NodeId, to: NodeId) {
        let world = &self.place.world;
        let clock = TurmoilClock::new(Arc::clone(world));
        loop {
            world.open(from, to).await;
            clock.sleep_until(clock.now() + world.delay(from, to)).await;
            if world.link(from, to).open {
                return;
            }
        }
    }
}

impl Net for TurmoilNet {
    type Stream = TurmoilStream;
    type Listener = TurmoilListener;

    async fn listen(&self, address: &str) -> io::Result<TurmoilListener> {
        let (host, port) = host_and_port(address)?;
        let own = &self.place.name;
        if host != &**own && host != ANY_HOST {
            let text = format!("`{host}` is not this node, which is `{own}`");
            return Err(io::Error::new(ErrorKind::AddrNotAvailable, text));
        }
        let inner = TcpListener::bind((ANY_HOST, port)).await?;
        let address = format!("{own}:{}", inner.local_addr()?.port());
        Ok(TurmoilListener { inner, place: self.place.clone(), address })
    }

    async fn connect(&self, address: &str) -> io::Result<TurmoilStream> {
        let (host, port) = host_and_port(address)?;
        let Place { world, node, .. } = &self.place;
        let peer = world.id(host);
        let line = Line::new(world, *node, peer);
        let stream = tokio::select! {
            biased;
            error = poll_fn(|context| line.poll_broken(Half::Read, context)) => Err(error),
            dialled = self.dial(host, port, peer) => dialled,
        }?;
        TurmoilStream::new(stream, line, Side::Caller)
    }
}

impl Listener for TurmoilListener {
    type Stream = TurmoilStream;

    async fn accept(&mut self) -> io::Result<(TurmoilStream, String)> {
        let (inner, from) = self.inner.accept().await?;
        // turmoil knows every host that it has let send anything.
        let name = turmoil::reverse_lookup(from.ip()).unwrap_or_else(|| from.ip().to_string());
        let Place { world, node, .. } = &self.place;
        let line = Line::new(world, *node, world.id(&name));
        let stream = TurmoilStream::new(inner, line, Side::Host)?;
        Ok((stream, format!("{name}:{}", from.port())))
    }

    fn address(&self) -> String {
        self.address.clone()
    }
}

impl std::fmt::Debug for TurmoilListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TurmoilListener").field("address", &self.address).finish_non_exhaustive()
    }
}
