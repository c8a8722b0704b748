//! A connection that ends by itself when nothing moves on it: whoever says nothing, or reads nothing, keeps no place for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// How long nothing may move, in either direction. A stream that is told something every second lives by that.
pub(super) const IDLE: Duration = Duration::from_secs(60);

/// The connection.
#[derive(Debug)]
pub(super) struct Idle<S> {
    stream: S,
    moved: Instant,
    /// Set anew when it rings, not at each byte.
    alarm: Pin<Box<Sleep>>,
}

impl<S: Unpin> Idle<S> {
    pub(super) fn new(stream: S) -> Self {
        let moved = Instant::now();
        Self { stream, moved, alarm: Box::pin(sleep_until(moved + IDLE)) }
    }

    /// `moved`, or an error after [`IDLE`] without any.
    fn watch<T>(&mut self, cx: &mut Context<'_>, moved: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if moved.is_ready() {
            self.moved = Instant::now();
            return moved;
        }
        loop {
            ready!(self.alarm.as_mut().poll(cx));
            let until = self.moved + IDLE;
            if until <= Instant::now() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.alarm.as_mut().reset(until);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Idle<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let read = Pin::new(&mut this.stream).poll_read(cx, buffer);
        this.watch(cx, read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Idle<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.watch(cx, written)
    }

    // What a socket has taken is flushed: that moves nothing.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, split};
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_is_let_go() {
        let (here, _there) = duplex(64);
        let start = Instant::now();
        let error = Idle::new(here).read_u8().await.unwrap_err();
        assert_eq!((error.kind(), start.elapsed().as_secs()), (io::ErrorKind::TimedOut, IDLE.as_secs()));
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_is_let_go() {
        let (here, _there) = duplex(64);
        let (mut here, start) = (Idle::new(here), Instant::now());
        let error = here.write_all(&[0; 65]).await.unwrap_err();
        assert_eq!((error.kind(), start.elapsed().as_secs()), (io::ErrorKind::TimedOut, IDLE.as_secs()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_lives_by_what_is_written_and_ends_when_it_is_not_read() {
        let (here, mut there) = duplex(1);
        let (mut reading, mut writing) = split(Idle::new(here));
        let start = Instant::now();
        let tell = async {
            loop {
                sleep(IDLE / 2).await;
                if writing.write_all(b"x").await.is_err() {
                    return;
                }
            }
        };
        let hear = async {
            for _ in 0..10 {
                there.read_u8().await.unwrap();
            }
            // The eleventh fits in, the twelfth does not.
            std::future::pending::<()>().await;
        };
        let ended = tokio::select! {
            read = reading.read_u8() => read.unwrap_err().kind(),
            () = tell => io::ErrorKind::TimedOut,
            () = hear => unreachable!(),
        };
        assert_eq!((ended, start.elapsed()), (io::ErrorKind::TimedOut, IDLE / 2 * 11 + IDLE));
    }
}
