//! The network door: names and ports, dials, listeners, over madsim's endpoints.
//!
//! Addresses are `node:port`. In: addresses. Out: streams. Never: fails a dial because a link is cut;
//! it waits for the heal. Promise: what the Net door promises. Start reading at [`MadNet`].

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;

use homeostat_sim_harness::stage::host_and_port;
use homeostat_world::{Listener, Net, Timestamp};
use madsim::net::Endpoint;

use crate::stream::{Connection, MadStream, Side};
use crate::time::Sleep;
use crate::world::{Node, Place, World};

/// The network as one node sees it.
#[derive(Clone, Debug)]
pub struct MadNet {
    place: Place,
}

impl MadNet {
    pub(crate) const fn new(place: Place) -> Self {
        Self { place }
    }

    /// An endpoint of this node for one connection of its own.
    async fn endpoint(&self) -> io::Result<(Endpoint, SocketAddr)> {
        loop {
            let own = SocketAddr::new(self.place.node.ip, self.place.world.port());
            match Endpoint::bind(own).await {
                Ok(endpoint) => return Ok((endpoint, own)),
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Knocks at `port` of `to`. When the answer is back by the links, which are waited for.
    async fn dial(&self, to: Node, port: u16) -> io::Result<MadStream> {
        let (world, from) = (&self.place.world, self.place.node);
        let mut arrives = world.arrival(from.id, to.id);
        let (endpoint, own) = self.endpoint().await?;
        let address = SocketAddr::new(to.ip, port);
        let (knocked, answered) = loop {
            until(world, arrives).await;
            if !world.link(from.id, to.id).open {
                world.open(from.id, to.id).await;
                arrives = world.arrival(from.id, to.id);
                continue;
            }
            let answered = world.arrival(to.id, from.id);
            if world.link(from.id, to.id).refuses {
                break (Err(refused()), answered);
            }
            match endpoint.connect1(address).await {
                // Cut while madsim was at it, which it takes for a refusal.
                Err(_) if !world.link(from.id, to.id).open => {}
                knocked => break (knocked, answered),
            }
        };
        let stream = knocked.map(|channel| {
            let connection = Connection::new(own, from.id, to.id, port);
            world.connected(own, Arc::clone(&connection));
            MadStream::new(Arc::clone(world), connection, Side::Caller, channel)
        });
        world.open(to.id, from.id).await;
        until(world, answered).await;
        stream?.still_stands()
    }
}

impl Net for MadNet {
    type Stream = MadStream;
    type Listener = MadListener;

    async fn listen(&self, address: &str) -> io::Result<MadListener> {
        let (host, port) = host_and_port(address)?;
        let own = &*self.place.name;
        if host != own && host != ANY_HOST {
            let text = format!("`{host}` is not this node, which is `{own}`");
            return Err(io::Error::new(ErrorKind::AddrNotAvailable, text));
        }
        let endpoint = Endpoint::bind(SocketAddr::new(self.place.node.ip, port)).await?;
        let bound = endpoint.local_addr()?;
        Ok(MadListener { place: self.place.clone(), endpoint, bound })
    }

    async fn connect(&self, address: &str) -> io::Result<MadStream> {
        let (host, port) = host_and_port(address)?;
        match self.place.world.find(host) {
            Some(to) => self.dial(to, port).await,
            None => Err(refused()),
        }
    }
}

/// Every address of the node that listens.
const ANY_HOST: &str = "0.0.0.0";

fn refused() -> io::Error {
    ErrorKind::ConnectionRefused.into()
}

async fn until(world: &Arc<World>, at: Timestamp) {
    Sleep::new(Arc::clone(world), at).await;
}

/// A bound port. madsim gives it back when the listener and all that it accepted are dropped.
pub struct MadListener {
    place: Place,
    endpoint: Endpoint,
    bound: SocketAddr,
}

impl Listener for MadListener {
    type Stream = MadStream;

    async fn accept(&mut self) -> io::Result<(MadStream, String)> {
        loop {
            let (sender, receiver, caller) = self.endpoint.accept1().await?;
            let world = &self.place.world;
            // None: it was broken off, and nobody has an end of it any more.
            if let Some(connection) = world.connection(caller) {
                connection.accepted();
                let channel = (sender, receiver);
                let from = world.written(caller);
                let stream = MadStream::new(Arc::clone(world), connection, Side::Host, channel);
                return Ok((stream, from));
            }
        }
    }

    fn address(&self) -> String {
        self.place.world.written(self.bound)
    }
}

impl Drop for MadListener {
    /// Who waits to be accepted finds the channel closed, and has to look.
    fn drop(&mut self) {
        let (node, port) = (self.place.node.id, self.bound.port());
        for connection in self.place.world.connections(|it| it.waits_at(node, port)) {
            connection.abandoned(&self.place.world);
        }
    }
}

impl std::fmt::Debug for MadListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MadListener").field("address", &self.address()).finish()
    }
}
