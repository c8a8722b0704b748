//! The controller's web server: on a thread with a runtime of its own, so that no reader holds up a decision.

mod scrape;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use axum::Router;
use axum::routing::get;
use shared_host::control::Asker;
use tokio::sync::oneshot;

use crate::event::Record;
use crate::metrics::{self, Book};
use crate::protocol::Request;
use crate::watch::{Seen, Watcher};

/// Whether and where to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Address and port.
    pub listen: SocketAddr,
    /// What `/metrics` shows, if it is there.
    pub metrics: Option<metrics::Settings>,
}

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// The address is taken, not of this machine, or not allowed.
    #[error("web.listen: cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's words.
        reason: io::Error,
    },
    /// The system gives no thread or no runtime.
    #[error("cannot start the web server: {0}")]
    Start(#[source] io::Error),
}

/// A server that runs until this is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    /// Dropped, it tells to stop.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the handlers see.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Asks the controller.
    #[expect(dead_code, reason = "until the page has controls")]
    pub(crate) asker: Asker<Request>,
    site: Mutex<Site>,
}

/// All that follows the events.
#[derive(Debug, Default)]
pub(crate) struct Site {
    /// Events so far.
    pub(crate) events: u64,
    /// What `/metrics` shows.
    pub(crate) book: Option<Book>,
}

impl Watcher for Site {
    fn take(&mut self, record: &Record) {
        self.events = self.events.saturating_add(1);
        if let Some(book) = &mut self.book {
            book.take(record);
        }
    }
}

impl Shared {
    /// What follows the events. Held for as long as it takes to copy something out of it.
    pub(crate) fn site(&self) -> MutexGuard<'_, Site> {
        // Whoever panicked while holding it has left figures that are no worse than missing ones.
        self.site.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    /// Listens, and serves what `seen` brings.
    ///
    /// # Errors
    /// [`WebError`].
    pub fn start(settings: &Settings, seen: Seen, asker: Asker<Request>) -> Result<Self, WebError> {
        let refused = |reason| WebError::Listen { address: settings.listen, reason };
        let listener = TcpListener::bind(settings.listen).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(WebError::Start)?;
        let book = settings.metrics.clone().map(|metrics| Book::new(metrics, seen.lost()));
        let shared = Arc::new(Shared { asker, site: Mutex::new(Site { book, ..Site::default() }) });
        let (stop, told) = oneshot::channel();
        let thread = std::thread::Builder::new().name("web".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = told => {}
                    () = follow(seen, &shared) => {}
                    served = serve(listener, Arc::clone(&shared)) => {
                        if let Err(error) = served {
                            tracing::error!(%error, "the web server has ended");
                        }
                    }
                }
            });
        });
        Ok(Self { address, stop: Some(stop), thread: Some(thread.map_err(WebError::Start)?) })
    }

    /// Where it listens: the port is the system's choice if 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic was told already.
            let _ = thread.join();
        }
    }
}

async fn follow(mut seen: Seen, shared: &Shared) {
    let mut batch = Vec::new();
    while seen.next(&mut batch).await {
        let mut site = shared.site();
        batch.drain(..).for_each(|record| site.take(&record));
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    axum::serve(listener, router(shared)).await
}

fn router(shared: Arc<Shared>) -> Router {
    let pages = Router::new().route("/healthz", get(|| async { "ok\n" }));
    // Under whatever name it is asked for: figures tell no secrets, and Prometheus comes by address.
    pages.route("/metrics", get(scrape::metrics)).with_state(shared)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use shared_host::control::inside;

    use super::*;
    use crate::watch::feed;

    #[test]
    fn it_serves_until_it_is_dropped() {
        let settings = Settings { listen: "127.0.0.1:0".parse().unwrap(), metrics: None };
        let ((_feed, seen), (asker, _questions)) = (feed(), inside(1));
        let server = Server::start(&settings, seen, asker).unwrap();
        let address = server.address();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok\n"), "{answer}");
        let taken = Settings { listen: address, metrics: None };
        let refused = Server::start(&taken, feed().1, inside(1).0).unwrap_err().to_string();
        assert!(refused.contains("web.listen") && refused.contains(&address.to_string()), "{refused}");
        drop(server);
        assert!(TcpStream::connect(address).is_err());
    }
}
