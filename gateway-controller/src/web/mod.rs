//! The controller's web server: on a thread with a runtime of its own, so that no reader holds up a decision.

mod idle;
mod page;
mod scrape;
mod seats;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use axum::Router;
use axum::routing::get;
use serde::Serialize;
use shared_host::control::Asker;
use shared_host::secret::{FileError, Place};
use shared_proto::units::Ratio;
use tokio::sync::oneshot;

use crate::event::Record;
use crate::metrics::{self, Book};
use crate::protocol::Request;
use crate::watch::picture::Live;
use crate::watch::{Seen, Watcher};
use page::Page;
use seats::{Peer, Seats};

/// Shortest token, in bytes: longer than can be guessed.
pub const MIN_TOKEN: usize = 16;

/// Whether and where to serve.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Address and port.
    pub listen: SocketAddr,
    /// What `/metrics` shows, if it is there.
    pub metrics: Option<metrics::Settings>,
    /// Names under which it may be asked, beside its address and `localhost`.
    pub hosts: Vec<String>,
    /// What opens the page's controls; without it the page is for reading alone.
    pub control_token: Option<Place>,
    /// What the page draws a line at; `None` if the policy decides nothing.
    pub thresholds: Option<Thresholds>,
}

/// Miss rates at which the policy changes the mode.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Thresholds {
    /// Degrade above this.
    pub degrade_above: Ratio,
    /// Calm below this.
    pub recover_below: Ratio,
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
    /// The token of the page's controls cannot be read.
    #[error("web.control_token_file: {0}")]
    Token(#[from] FileError),
    /// It is too short to keep anybody out.
    #[error("web.control_token_file: the token is shorter than {MIN_TOKEN} characters")]
    ShortToken,
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
    pub(crate) asker: Asker<Request>,
    /// Events that found no room.
    lost: Arc<AtomicU64>,
    page: Page,
    followed: Mutex<Followed>,
}

/// All that follows the events.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    /// What the page shows.
    pub(crate) picture: Live,
    /// What `/metrics` shows.
    pub(crate) book: Option<Book>,
}

impl Watcher for Followed {
    fn take(&mut self, record: &Record) {
        if let Some(book) = &mut self.book {
            book.take(record);
        }
        self.picture.take(record);
    }
}

impl Settings {
    /// Reads the token of the page's controls, if there is one.
    ///
    /// # Errors
    /// [`WebError::Token`], [`WebError::ShortToken`].
    pub fn token(&self) -> Result<Option<shared_host::secret::Secret>, WebError> {
        let Some(place) = &self.control_token else { return Ok(None) };
        let token = place.read_secret_line()?;
        if token.bytes().len() < MIN_TOKEN { Err(WebError::ShortToken) } else { Ok(Some(token)) }
    }
}

impl Shared {
    /// What follows the events. Held for as long as it takes to copy something out of it.
    pub(crate) fn followed(&self) -> MutexGuard<'_, Followed> {
        // Whoever panicked while holding it has left figures that are no worse than missing ones.
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    /// Listens, and serves what `seen` brings.
    ///
    /// # Errors
    /// [`WebError`].
    pub fn start(settings: &Settings, seen: Seen, asker: Asker<Request>) -> Result<Self, WebError> {
        let page = Page::new(settings, settings.token()?);
        let refused = |reason| WebError::Listen { address: settings.listen, reason };
        let listener = TcpListener::bind(settings.listen).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(WebError::Start)?;
        let book = settings.metrics.clone().map(|metrics| Book::new(metrics, seen.lost()));
        let followed = Mutex::new(Followed { book, ..Followed::default() });
        let shared = Arc::new(Shared { asker, lost: seen.lost(), page, followed });
        let (stop, told) = oneshot::channel();
        let thread = std::thread::Builder::new().name("web".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = told => {}
                    () = follow(seen, &shared) => {}
                    () = page::tell_fleet(Arc::clone(&shared)) => {}
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
        let mut followed = shared.followed();
        batch.drain(..).for_each(|record| followed.take(&record));
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    axum::serve(Seats::new(listener), router(shared).into_make_service_with_connect_info::<Peer>()).await
}

fn router(shared: Arc<Shared>) -> Router {
    let pages = Router::new().route("/healthz", get(|| async { "ok\n" })).merge(page::routes(&shared));
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
        let settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            metrics: None,
            hosts: Vec::new(),
            control_token: None,
            thresholds: None,
        };
        let ((_feed, seen), (asker, _questions)) = (feed(), inside(1));
        let server = Server::start(&settings, seen, asker).unwrap();
        let address = server.address();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok\n"), "{answer}");
        let taken = Settings { listen: address, ..settings };
        let refused = Server::start(&taken, feed().1, inside(1).0).unwrap_err().to_string();
        assert!(refused.contains("web.listen") && refused.contains(&address.to_string()), "{refused}");
        drop(server);
        assert!(TcpStream::connect(address).is_err());
    }
}
