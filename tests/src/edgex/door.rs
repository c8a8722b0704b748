//! The port of a service, which can be closed and opened while it stays the same.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long connections may take to end when the port is closed; what still hangs then stays.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// A port of the loopback interface with a service behind it.
#[derive(Debug)]
pub(super) struct Door {
    address: SocketAddr,
    /// Bound and never listened on: nobody else is given the port while it is closed.
    _reserved: TcpSocket,
    router: Router,
    serving: Option<Serving>,
}

#[derive(Debug)]
struct Serving {
    stop: oneshot::Sender<()>,
    listener_gone: oneshot::Receiver<()>,
    task: JoinHandle<io::Result<()>>,
}

impl Door {
    /// Opens a port that is free.
    pub(super) fn open_any(router: Router) -> io::Result<Self> {
        let reserved = socket(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let address = reserved.local_addr()?;
        let mut door = Self { address, _reserved: reserved, router, serving: None };
        door.open()?;
        Ok(door)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes connections.
    pub(super) fn open(&mut self) -> io::Result<()> {
        if self.serving.is_some() {
            return Ok(());
        }
        let inner = socket(self.address)?.listen(128)?;
        let (gone, listener_gone) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = axum::serve(Watched { inner, _gone: gone }, self.router.clone());
        let serve = serve.with_graceful_shutdown(async {
            // Dropped or used, it is the end.
            let _end = stopped.await;
        });
        self.serving = Some(Serving { stop, listener_gone, task: tokio::spawn(serve.into_future()) });
        Ok(())
    }

    /// Refuses connections, and ends those that wait for requests.
    pub(super) async fn close(&mut self) {
        let Some(Serving { stop, listener_gone, task }) = self.serving.take() else { return };
        drop(stop);
        // An error is what is waited for: the other end has gone with the listener.
        let _gone = listener_gone.await;
        // A request that hangs may keep its connection; nobody waits for it.
        let _all_ended = timeout(LAST_WORDS, task).await;
    }
}

fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// A listener whose end can be waited for.
struct Watched {
    inner: TcpListener,
    _gone: oneshot::Sender<()>,
}

impl Listener for Watched {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        // The trait's own for a `TcpListener`, which waits a while after an error.
        Listener::accept(&mut self.inner).await
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.inner.local_addr()
    }
}
