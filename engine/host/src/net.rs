//! The real network: TCP by tokio.
//!
//! In: addresses as `host:port`. Out: connected streams without Nagle's delay.
//! Never: TLS; whoever needs it puts a proxy in front.
//! Promise: what the Net door promises. Start reading at [`TokioNet`].

use std::io;

use homeostat_world::{Listener, Net};
use tokio::net::{TcpListener, TcpStream};

/// TCP of this machine. Needs a tokio runtime with I/O.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioNet;

/// A bound TCP port.
#[derive(Debug)]
pub struct TokioListener {
    listener: TcpListener,
    address: String,
}

impl Net for TokioNet {
    type Stream = TcpStream;
    type Listener = TokioListener;

    async fn listen(&self, address: &str) -> io::Result<TokioListener> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?.to_string();
        Ok(TokioListener { listener, address })
    }

    async fn connect(&self, address: &str) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
        // Small requests must not wait for the acknowledgement of the one before.
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

impl Listener for TokioListener {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, String)> {
        let (stream, from) = self.listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok((stream, from.to_string()))
    }

    fn address(&self) -> String {
        self.address.clone()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn bytes_arrive_in_order_and_the_chosen_port_is_told() {
        let mut listener = TokioNet.listen("127.0.0.1:0").await.unwrap();
        let address = listener.address();
        assert!(!address.ends_with(":0"), "{address}");
        let (accepted, connected) = tokio::join!(listener.accept(), TokioNet.connect(&address));
        let (mut here, from) = accepted.unwrap();
        let mut there = connected.unwrap();
        assert_eq!(from, there.local_addr().unwrap().to_string());
        there.write_all(b"first second").await.unwrap();
        drop(there);
        let mut heard = String::new();
        here.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "first second");
    }

    #[tokio::test]
    async fn nobody_listening_is_an_error_and_not_a_wait() {
        let listener = TokioNet.listen("127.0.0.1:0").await.unwrap();
        let address = listener.address();
        drop(listener);
        let refused = TokioNet.connect(&address).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }
}
