//! The answering side: one task per connection, so that a client that stalls holds up nobody.

use std::fmt::Display;
use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::lock::Lock;
use super::path::prepare_directory;
use super::{ControlError, MAX_REQUEST, Refusal, TIME_LIMIT};

/// Connections served at one time; more wait in the kernel.
const MAX_CONNECTIONS: usize = 32;
/// Wait after a failed accept (no file descriptor is left, as a rule), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// An open control socket. The file goes when this is dropped.
#[derive(Debug)]
pub struct Server<Q> {
    requests: mpsc::Receiver<Incoming<Q>>,
    accepting: JoinHandle<()>,
    // In this order: the place is free for the next one when the socket has gone.
    _file: SocketFile,
    _lock: Lock,
}

/// A request that waits for its answer.
#[derive(Debug)]
pub struct Incoming<Q> {
    /// What is asked.
    pub request: Q,
    /// Takes the answer.
    pub reply: Reply,
}

/// Takes the answer to one request. Dropped without an answer, it tells the client so.
#[derive(Debug)]
pub struct Reply(oneshot::Sender<Vec<u8>>);

impl Reply {
    pub(super) fn new(answer: oneshot::Sender<Vec<u8>>) -> Self {
        Self(answer)
    }

    /// Answers. A client that has gone is no error: nobody is left to tell.
    pub fn send(self, answer: &impl Serialize) {
        let line =
            serde_json::to_vec(answer).unwrap_or_else(|error| refusal(format!("cannot write the answer: {error}")));
        let _ = self.0.send(line);
    }

    /// Refuses the request.
    pub fn refuse(self, why: impl Display) {
        let _ = self.0.send(refusal(why.to_string()));
    }
}

/// Opens a control socket at `path` for the user of this process, on the current tokio runtime. A missing directory is
/// created with mode 0700, a socket that nobody answers on is replaced.
///
/// # Errors
/// [`ControlError`]: another process answers there, something else is in the way, the directory is not safe, or the system
/// refuses.
pub fn serve<Q: DeserializeOwned + Send + 'static>(path: &Path) -> Result<Server<Q>, ControlError> {
    prepare_directory(path)?;
    let lock = Lock::take(path)?;
    refuse_if_taken(path)?;
    let (file, listener) = bind(path).map_err(|reason| ControlError::Open { path: path.to_owned(), reason })?;
    let (sender, requests) = mpsc::channel(1);
    let accepting = tokio::spawn(accept(listener, sender));
    Ok(Server { requests, accepting, _file: file, _lock: lock })
}

impl<Q> Server<Q> {
    /// The next request. Cancel-safe.
    pub async fn next(&mut self) -> Incoming<Q> {
        match self.requests.recv().await {
            Some(incoming) => incoming,
            // Only when the runtime shuts down: the accepting task never ends by itself.
            None => std::future::pending().await,
        }
    }
}

impl<Q> Drop for Server<Q> {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn refuse_if_taken(path: &Path) -> Result<(), ControlError> {
    let failed = |reason| ControlError::Open { path: path.to_owned(), reason };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(found) if !found.file_type().is_socket() => return Err(ControlError::NotASocket { path: path.to_owned() }),
        Ok(_) => {}
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(ControlError::AlreadyRunning { path: path.to_owned() }),
        Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// Binds beside the path, narrows the permissions, then moves the socket into place: at no time can others connect.
fn bind(path: &Path) -> std::io::Result<(SocketFile, UnixListener)> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&beside)?;
    let placed = fs::set_permissions(&beside, Permissions::from_mode(0o600))
        .and_then(|()| fs::symlink_metadata(&beside))
        .and_then(|ours| fs::rename(&beside, path).map(|()| ours));
    match placed {
        Ok(ours) => Ok((SocketFile { path: path.to_owned(), device: ours.dev(), inode: ours.ino() }, listener)),
        Err(error) => {
            let _ = fs::remove_file(&beside);
            Err(error)
        }
    }
}

/// Removes the socket file when dropped, unless another process has put its own there.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|f| (f.dev(), f.ino()) == (self.device, self.inode));
        if ours {
            let _ = fs::remove_file(&self.path);
        }
    }
}

async fn accept<Q: DeserializeOwned + Send + 'static>(listener: UnixListener, requests: mpsc::Sender<Incoming<Q>>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    // The semaphore is never closed, so that a place always comes.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let requests = requests.clone();
                tokio::spawn(async move {
                    if tokio::time::timeout(TIME_LIMIT, converse(stream, requests)).await.is_err() {
                        tracing::debug!("a control client took too long");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept on the control socket");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn converse<Q: DeserializeOwned>(mut stream: UnixStream, requests: mpsc::Sender<Incoming<Q>>) {
    let (reader, mut writer) = stream.split();
    let mut answer = match read_request(reader).await {
        Err(_) => return,
        Ok(Err(problem)) => refusal(problem),
        Ok(Ok(request)) => {
            let (reply, answer) = oneshot::channel();
            // A failed send drops the reply, which ends the wait as well.
            let _ = requests.send(Incoming { request, reply: Reply::new(reply) }).await;
            answer.await.unwrap_or_else(|_| refusal("the program is stopping".to_owned()))
        }
    };
    answer.push(b'\n');
    // A client that has gone is its own affair.
    let _ = writer.write_all(&answer).await;
}

/// Reads one request; the inner error is for the client.
async fn read_request<Q: DeserializeOwned>(
    reader: impl tokio::io::AsyncRead + Unpin,
) -> std::io::Result<Result<Q, String>> {
    let mut line = Vec::new();
    let limit = u64::try_from(MAX_REQUEST).unwrap_or(u64::MAX).saturating_add(1);
    BufReader::new(reader.take(limit)).read_until(b'\n', &mut line).await?;
    Ok(parse_request(&line))
}

/// Reads the line of a request.
///
/// # Errors
/// For the client: the line has more than [`MAX_REQUEST`] bytes, or is not a request.
pub fn parse_request<Q: DeserializeOwned>(line: &[u8]) -> Result<Q, String> {
    if line.len() > MAX_REQUEST {
        return Err(format!("the request is too long: allowed are {MAX_REQUEST} bytes"));
    }
    serde_json::from_slice(line).map_err(|error| format!("the request is not understood: {error}"))
}

fn refusal(error: String) -> Vec<u8> {
    // Two strings cannot fail to be written.
    serde_json::to_vec(&Refusal { error }).unwrap_or_default()
}
