//! The asking side: blocking, without a runtime.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::path::check_directory;
use super::{ControlError, MAX_ANSWER, MAX_REQUEST, Refusal, TIME_LIMIT};

/// Asks the program whose control socket is at `path`. Blocks, at most for [`TIME_LIMIT`].
///
/// # Errors
/// [`ControlError`]: nobody listens, permission denied, the conversation broke off, or the program refused.
pub fn ask<Q: Serialize, A: DeserializeOwned>(path: &Path, request: &Q) -> Result<A, ControlError> {
    ask_within(path, request, TIME_LIMIT)
}

pub(super) fn ask_within<Q: Serialize, A: DeserializeOwned>(
    path: &Path,
    request: &Q,
    limit: Duration,
) -> Result<A, ControlError> {
    let broken = |problem: String| ControlError::Conversation { path: path.to_owned(), problem };
    let line = serde_json::to_vec(request).map_err(|error| broken(format!("cannot write the request: {error}")))?;
    let answer = exchange(path, line, limit)?;
    serde_json::from_slice(&answer).map_err(|error| {
        broken(format!("the answer is not understood ({error}): do both programs have the same version?"))
    })
}

/// Sends the line of a request; the line of the answer, which is no refusal. The same for all types of requests and answers.
fn exchange(path: &Path, mut line: Vec<u8>, limit: Duration) -> Result<Vec<u8>, ControlError> {
    let broken = |problem: String| ControlError::Conversation { path: path.to_owned(), problem };
    let deadline = Instant::now() + limit;
    check_directory(path)?;
    let mut stream = connect(path, limit).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => ControlError::NobodyListens { path: path.to_owned() },
        ErrorKind::PermissionDenied => ControlError::PermissionDenied { path: path.to_owned() },
        ErrorKind::TimedOut => broken(format!("it takes no connection within {limit:?}")),
        _ => broken(format!("cannot connect: {error}")),
    })?;
    // Nothing was there before, perhaps.
    check_directory(path)?;

    line.push(b'\n');
    if line.len() > MAX_REQUEST {
        return Err(broken(format!("the request has {} bytes: allowed are {MAX_REQUEST}", line.len())));
    }
    let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    stream.set_write_timeout(Some(left)).map_err(|error| broken(error.to_string()))?;
    stream.write_all(&line).map_err(|error| broken(format!("cannot send the request: {error}")))?;

    let answer = read_line(&mut stream, deadline).map_err(|error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => broken(format!("no answer within {limit:?}")),
        _ => broken(format!("cannot read the answer: {error}")),
    })?;
    match serde_json::from_slice(&answer) {
        Ok(Refusal { error }) => Err(ControlError::Refused(error)),
        Err(_) => Ok(answer),
    }
}

/// Connects. The system waits for ever while a program that hangs leaves no room for another connection, so a thread does it.
fn connect(path: &Path, limit: Duration) -> std::io::Result<UnixStream> {
    let (tell, told) = sync_channel(1);
    let path = path.to_owned();
    std::thread::Builder::new().name("connect".to_owned()).spawn(move || {
        // Fails when nobody waits any more.
        let _ = tell.send(UnixStream::connect(path));
    })?;
    told.recv_timeout(limit).map_err(|_| std::io::Error::from(ErrorKind::TimedOut))?
}

/// Reads up to a line feed or the end.
fn read_line(stream: &mut UnixStream, deadline: Instant) -> std::io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let fresh = match stream.read(&mut chunk) {
            Ok(length) => chunk.get(..length).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if fresh.is_empty() {
            return Ok(line);
        }
        if let Some(end) = fresh.iter().position(|&byte| byte == b'\n') {
            line.extend_from_slice(fresh.get(..end).unwrap_or_default());
            return Ok(line);
        }
        line.extend_from_slice(fresh);
        if line.len() > MAX_ANSWER {
            return Err(std::io::Error::other(format!("it is longer than {MAX_ANSWER} bytes")));
        }
    }
}
