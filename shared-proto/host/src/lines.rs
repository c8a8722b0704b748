//! Lines of text for an output that may be slow, stuck or gone (a pipe that nobody reads): a thread writes them, so that
//! whoever has something to say never waits for whoever listens.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Enough to write and to format a line; a program that locks its memory pays for all of it.
const STACK_BYTES: usize = 128 * 1024;

/// What to do when the output refuses a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// Count the line as lost and go on: a full disk gets room again.
    GoOn,
    /// Write no more: the reader has gone.
    End,
}

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// It will be written.
    Taken,
    /// There was no room for it.
    Lost,
    /// Nothing is written any more.
    Ended,
}

/// Whether everything was written in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushed {
    /// It was.
    All,
    /// The output did not take it.
    Not,
}

/// Takes lines for an output. The thread ends when this is dropped and what waits is written.
#[derive(Debug)]
pub struct Lines {
    shared: Arc<Shared>,
    room: usize,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Something for the writer to do.
    work: Condvar,
    /// The writer has nothing to do.
    rest: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Line>,
    /// Lines lost since the last one that was taken.
    lost: u64,
    writer: Writer,
    /// Nobody can offer a line any more.
    abandoned: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Writer {
    #[default]
    Resting,
    Busy,
    Ended,
}

#[derive(Debug)]
struct Line {
    /// Lines lost just before it.
    lost_before: u64,
    text: Vec<u8>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code of others runs under the lock, so a poisoned state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    /// Starts a thread that writes to `output`, each line flushed by itself. At most `room` lines wait; of those that
    /// were lost, `tell_lost` makes the line that tells their number, in the place where they are missing.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(
        thread: &str,
        room: usize,
        on_error: OnError,
        output: impl Write + Send + 'static,
        tell_lost: impl FnMut(u64) -> Vec<u8> + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new().name(thread.to_owned()).stack_size(STACK_BYTES).spawn(move || {
            write_lines(&theirs, on_error, output, tell_lost);
            let mut state = theirs.state();
            state.writer = Writer::Ended;
            state.waiting.clear();
            theirs.rest.notify_all();
        })?;
        Ok(Self { shared, room })
    }

    /// Hands over a line, with its line feed. Never waits for the output.
    pub fn offer(&self, text: Vec<u8>) -> Offered {
        let mut state = self.shared.state();
        if state.writer == Writer::Ended {
            return Offered::Ended;
        }
        if state.waiting.len() >= self.room {
            state.lost = state.lost.saturating_add(1);
            return Offered::Lost;
        }
        let lost_before = std::mem::take(&mut state.lost);
        state.waiting.push_back(Line { lost_before, text });
        self.shared.work.notify_one();
        Offered::Taken
    }

    /// Waits until all is written, at most for `limit`.
    pub fn flush(&self, limit: Duration) -> Flushed {
        let busy = |state: &mut State| match state.writer {
            Writer::Resting => !state.waiting.is_empty(),
            Writer::Busy => true,
            Writer::Ended => false,
        };
        let waited = self.shared.rest.wait_timeout_while(self.shared.state(), limit, busy);
        let waited = waited.unwrap_or_else(PoisonError::into_inner).1;
        if waited.timed_out() { Flushed::Not } else { Flushed::All }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.shared.state().abandoned = true;
        self.shared.work.notify_one();
    }
}

fn write_lines(shared: &Shared, on_error: OnError, mut output: impl Write, mut tell_lost: impl FnMut(u64) -> Vec<u8>) {
    while let Some(Line { lost_before, text }) = next(shared) {
        let mut lost = lost_before;
        let mut put = |text: &[u8]| output.write_all(text).and_then(|()| output.flush()).is_ok();
        if lost > 0 && put(&tell_lost(lost)) {
            lost = 0;
        }
        let written = put(&text);
        if !written && on_error == OnError::End {
            return;
        }
        lost = lost.saturating_add(u64::from(!written));
        // With nothing behind it in the queue, what was lost meanwhile is told now.
        let after = lost.saturating_add(lost_at_the_end(shared));
        let untold = if written && after > 0 && put(&tell_lost(after)) { 0 } else { after };
        let mut state = shared.state();
        state.lost = state.lost.saturating_add(untold);
    }
}

fn next(shared: &Shared) -> Option<Line> {
    let mut state = shared.state();
    if state.waiting.is_empty() {
        state.writer = Writer::Resting;
        shared.rest.notify_all();
    }
    let idle = |state: &mut State| state.waiting.is_empty() && !state.abandoned;
    let mut state = shared.work.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
    state.writer = Writer::Busy;
    state.waiting.pop_front()
}

fn lost_at_the_end(shared: &Shared) -> u64 {
    let mut state = shared.state();
    if state.waiting.is_empty() { std::mem::take(&mut state.lost) } else { 0 }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn tell(lost: u64) -> Vec<u8> {
        format!("{lost} lost\n").into_bytes()
    }

    /// An output that takes a piece only when it is let.
    struct Gate {
        let_through: Receiver<Result<(), ()>>,
        reached: SyncSender<()>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.reached.send(());
            // Open for good once the test has let go of it.
            match self.let_through.recv() {
                Ok(Err(())) => Err(io::ErrorKind::StorageFull.into()),
                Ok(Ok(())) | Err(_) => self.written.lock().unwrap().write(bytes),
            }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Gated {
        lines: Lines,
        open: SyncSender<Result<(), ()>>,
        reached: Receiver<()>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    fn gated(room: usize, on_error: OnError) -> Gated {
        let (open, let_through) = sync_channel(100);
        let (reach, reached) = sync_channel(100);
        let written = Arc::default();
        let gate = Gate { let_through, reached: reach, written: Arc::clone(&written) };
        Gated { lines: Lines::start("test", room, on_error, gate, tell).unwrap(), open, reached, written }
    }

    impl Gated {
        fn offer(&self, text: &str) -> Offered {
            self.lines.offer(format!("{text}\n").into_bytes())
        }

        /// Lets all through; what was written in the end.
        fn end(self) -> String {
            drop(self.open);
            assert_eq!(self.lines.flush(LONG), Flushed::All);
            String::from_utf8(self.written.lock().unwrap().clone()).unwrap()
        }
    }

    #[test]
    fn an_output_that_takes_nothing_costs_lines_and_their_number_is_told_where_they_are_missing() {
        let gated = gated(2, OnError::GoOn);
        assert_eq!(gated.offer("a"), Offered::Taken);
        gated.reached.recv().unwrap();
        for (text, became) in [("b", Offered::Taken), ("c", Offered::Taken), ("d", Offered::Lost), ("e", Offered::Lost)]
        {
            assert_eq!(gated.offer(text), became, "{text}");
        }
        gated.open.send(Ok(())).unwrap();
        gated.reached.recv().unwrap();
        assert_eq!((gated.offer("f"), gated.offer("g")), (Offered::Taken, Offered::Lost));
        assert_eq!(gated.end(), "a\nb\nc\n2 lost\nf\n1 lost\n");
    }

    #[test]
    fn a_flush_gives_up_in_time_when_nothing_is_taken() {
        let gated = gated(2, OnError::GoOn);
        gated.offer("a");
        assert_eq!(gated.lines.flush(Duration::from_millis(1)), Flushed::Not);
        assert_eq!(gated.end(), "a\n");
    }

    #[test]
    fn a_line_that_is_refused_counts_as_lost_and_the_next_is_tried() {
        let gated = gated(2, OnError::GoOn);
        gated.open.send(Err(())).unwrap();
        gated.offer("a");
        assert_eq!(gated.lines.flush(LONG), Flushed::All);
        gated.offer("b");
        assert_eq!(gated.end(), "1 lost\nb\n");
    }

    #[test]
    fn a_reader_that_has_gone_ends_it_where_that_is_wanted() {
        let (reader, writer) = UnixStream::pair().unwrap();
        drop(reader);
        let lines = Lines::start("test", 2, OnError::End, writer, tell).unwrap();
        lines.offer(b"a\n".to_vec());
        assert_eq!(lines.flush(LONG), Flushed::All);
        assert_eq!(lines.offer(b"b\n".to_vec()), Offered::Ended);
    }

    #[test]
    fn what_waits_is_written_when_nobody_offers_any_more() {
        let (mut reader, writer) = UnixStream::pair().unwrap();
        let lines = Lines::start("test", 2, OnError::End, writer, tell).unwrap();
        lines.offer(b"a\n".to_vec());
        drop(lines);
        let mut written = String::new();
        reader.read_to_string(&mut written).unwrap();
        assert_eq!(written, "a\n");
    }
}
