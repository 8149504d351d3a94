//! One HTTP connection, driven by whoever waits for its answer: no task of its own.
//!
//! In: a request. Out: the whole answer. Start reading at [`Line::exchange`].

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};

use bytes::Bytes;
use homeostat_world::Net;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use super::ClientError;
use crate::limits::ANSWER_BYTES_MAX;

/// A connection and the work of moving its bytes.
pub(super) struct Line {
    sender: SendRequest<Full<Bytes>>,
    /// `None` once it has ended.
    mover: Option<Mover>,
}

/// What moves the bytes of a connection, until it ends.
type Mover = Pin<Box<dyn Future<Output = Result<(), hyper::Error>> + Send>>;

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Line {
    pub(super) async fn open<N: Net>(net: &N, address: &str) -> Result<Self, ClientError> {
        let stream = net
            .connect(address)
            .await
            .map_err(|source| ClientError::Connect { address: address.to_owned(), source })?;
        let (sender, mover) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| {
            ClientError::Broken { address: address.to_owned(), reason: error.to_string() }
        })?;
        Ok(Self { sender, mover: Some(Box::pin(mover)) })
    }

    /// Sends `request` and reads the answer to its end; the error says what broke.
    pub(super) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, String> {
        let sender = &mut self.sender;
        let mut work = pin!(async {
            sender.ready().await.map_err(|error| error.to_string())?;
            let response = sender.send_request(request).await.map_err(|e| e.to_string())?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| error.to_string())?.to_bytes();
            Ok(Answer { status: head.status, headers: head.headers, body })
        });
        if let Some(mover) = &mut self.mover {
            tokio::select! {
                biased;
                answer = work.as_mut() => return answer,
                _ended = mover => {}
            }
        }
        // The connection has moved its last byte; the answer may be among what it brought.
        self.mover = None;
        work.await
    }

    pub(super) fn is_open(&self) -> bool {
        self.mover.is_some() && !self.sender.is_closed()
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("open", &self.is_open()).finish_non_exhaustive()
    }
}
