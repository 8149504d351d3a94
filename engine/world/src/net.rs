//! The network door: reliable byte streams that the same HTTP runs over in every world.

use std::future::Future;
use std::io;

use tokio::io::{AsyncRead, AsyncWrite};

/// Connects and listens.
///
/// Addresses are texts (`host:port`), because a simulated network has names and no resolver.
pub trait Net: Clone + Send + Sync + 'static {
    /// A connected, ordered, reliable stream of bytes.
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;
    /// A bound address that hands out streams.
    type Listener: Listener<Stream = Self::Stream>;

    /// Binds `address`.
    ///
    /// # Errors
    /// What the network says, for example that the address is in use.
    fn listen(&self, address: &str) -> impl Future<Output = io::Result<Self::Listener>> + Send;

    /// Connects to `address`.
    ///
    /// # Errors
    /// What the network says, for example that the connection was refused.
    fn connect(&self, address: &str) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// A bound address.
pub trait Listener: Send + 'static {
    /// What `accept` gives.
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// The next incoming stream and who it is from.
    ///
    /// # Errors
    /// A failure to accept one stream; the listener itself goes on.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, String)>> + Send;

    /// The address that was bound, with the port that was chosen when `:0` was asked for.
    fn address(&self) -> String;
}
