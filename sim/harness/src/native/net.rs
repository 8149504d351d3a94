//! The network door of the native lane: listeners and streams over the wire.
//!
//! Addresses are `node:port`. Promise: what the Net door promises, and what `wire` says of faults.
//! Start reading at [`SimNet`].

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use homeostat_world::{Listener, Net};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::wire::{Binding, ConnectionId, Side};
use super::world::{Place, World};
use crate::stage::host_and_port;

/// The network as one node sees it.
#[derive(Clone, Debug)]
pub struct SimNet {
    place: Place,
}

impl SimNet {
    pub(super) const fn new(place: Place) -> Self {
        Self { place }
    }
}

/// A bound port; given back when dropped.
#[derive(Debug)]
pub struct SimListener {
    world: Arc<World>,
    binding: Binding,
    address: String,
}

/// One end of a connection; closed when dropped.
#[derive(Debug)]
pub struct SimStream {
    world: Arc<World>,
    id: ConnectionId,
    side: Side,
}

impl Net for SimNet {
    type Stream = SimStream;
    type Listener = SimListener;

    async fn listen(&self, address: &str) -> io::Result<SimListener> {
        let (host, port) = host_and_port(address)?;
        let world = Arc::clone(&self.place.world);
        let (binding, address) = world.with(|state, _| {
            if !self.place.is_alive(state.nodes) {
                return Err(io::Error::from(ErrorKind::NotConnected));
            }
            let own = state.nodes.name(self.place.node).to_owned();
            if host != own && host != ANY_HOST {
                let text = format!("`{host}` is not this node, which is `{own}`");
                return Err(io::Error::new(ErrorKind::AddrNotAvailable, text));
            }
            let binding = state.wire.bind(self.place.node, port)?;
            Ok((binding, format!("{own}:{}", binding.port)))
        })?;
        Ok(SimListener { world, binding, address })
    }

    async fn connect(&self, address: &str) -> io::Result<SimStream> {
        let (host, port) = host_and_port(address)?;
        let world = Arc::clone(&self.place.world);
        let id = world.with(|state, moment| {
            if !self.place.is_alive(state.nodes) {
                return Err(io::Error::from(ErrorKind::NotConnected));
            }
            let to = state.nodes.id(host);
            Ok(state.wire.dial(self.place.node, to, port, moment))
        })?;
        // From here on dropping it, and so this future, gives the dial up.
        let stream = SimStream { world, id, side: Side::Caller };
        poll_fn(|context| {
            stream.world.with(|state, _| state.wire.poll_established(id, context.waker()))
        })
        .await?;
        Ok(stream)
    }
}

/// Every address of the node that listens.
const ANY_HOST: &str = "0.0.0.0";

impl Listener for SimListener {
    type Stream = SimStream;

    async fn accept(&mut self) -> io::Result<(SimStream, String)> {
        let (id, from) = poll_fn(|context| {
            self.world.with(|state, _| {
                let accepted = state.wire.poll_accept(self.binding, context.waker());
                // The caller's port is its connection's number: it names the caller, nobody dials it.
                accepted.map(|(id, node)| (id, format!("{}:{}", state.nodes.name(node), id.get())))
            })
        })
        .await;
        Ok((SimStream { world: Arc::clone(&self.world), id, side: Side::Host }, from))
    }

    fn address(&self) -> String {
        self.address.clone()
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        self.world.with(|state, moment| state.wire.unbind(self.binding, moment));
    }
}

impl AsyncRead for SimStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.world.with(|state, moment| {
            state.wire.poll_read(self.id, self.side, buffer, context.waker(), moment.wakes)
        })
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.world.with(|state, moment| {
            state.wire.poll_write(self.id, self.side, bytes, context.waker(), moment)
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.world.with(|state, moment| state.wire.finish(self.id, self.side, moment));
        Poll::Ready(Ok(()))
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        self.world.with(|state, moment| state.wire.close(self.id, self.side, moment));
    }
}
