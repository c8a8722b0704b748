//! One connection to EdgeCore. When it ends, that is told; it is never made again behind one's back, as EdgeCore may be a new one.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tonic::body::Body;
use tonic::codegen::{Service, http};

/// The end of a connection that makes requests.
#[derive(Debug, Clone)]
pub(super) struct Line(SendRequest<Body>);

/// The connection itself; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Connection(JoinHandle<Result<(), hyper::Error>>);

impl Line {
    /// Connects to the socket.
    pub(super) async fn connect(path: &Path) -> Result<(Self, Connection), String> {
        let stream = UnixStream::connect(path).await.map_err(|error| format!("{}: {error}", path.display()))?;
        let (send, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .map_err(|error| format!("{}: {error}", path.display()))?;
        Ok((Self(send), Connection(tokio::spawn(connection))))
    }
}

impl Connection {
    /// Waits for its end; tells why it ended.
    pub(super) async fn ended(&mut self) -> String {
        match (&mut self.0).await {
            Ok(Err(error)) => format!("the connection broke: {error}"),
            Ok(Ok(())) | Err(_) => "the connection was closed".to_owned(),
        }
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.0.is_finished()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Service<http::Request<Body>> for Line {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}
