//! A program that must come to an end.

use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Most that is kept of either output, in bytes.
const LONGEST: u64 = 1 << 20;

/// What came of it.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) out: String,
    pub(super) err: String,
}

/// Why there is nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoEnd {
    #[error("cannot start {program}: {reason}")]
    Start { program: String, reason: io::Error },
    #[error("no end within {0:?}")]
    Late(Duration),
}

/// Runs a program with this on its standard input; ends it when it takes too long.
pub(super) fn run(mut command: Command, input: &str, limit: Duration) -> Result<Ended, NoEnd> {
    let deadline = Instant::now() + limit;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().map_err(|reason| NoEnd::Start { program, reason })?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        scope.spawn(move || {
            // It may end without reading all of it.
            let _ = stdin.map(|mut pipe| pipe.write_all(input.as_bytes()));
        });
        let out = scope.spawn(move || text(stdout));
        let err = scope.spawn(move || text(stderr));
        let status = wait(&mut child, deadline);
        if status.is_none() {
            // Fails only if it has ended meanwhile.
            let _ = child.kill();
            let _ = child.wait();
        }
        let (out, err) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
        status.map(|status| Ended { status, out, err }).ok_or(NoEnd::Late(limit))
    })
}

fn text(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // What was read counts, however it ended.
        let _ = pipe.take(LONGEST).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn wait(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    let mut pause = Duration::from_millis(1);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => thread::sleep(pause),
            Ok(None) | Err(_) => return None,
        }
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(text: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", text]);
        command
    }

    #[test]
    fn input_goes_in_and_outputs_come_back() {
        let ended = run(sh("cat; echo no >&2; exit 3"), "hello", Duration::from_secs(60)).unwrap();
        assert_eq!((ended.status.code(), ended.out.as_str(), ended.err.as_str()), (Some(3), "hello", "no\n"));
    }

    #[test]
    fn what_does_not_end_is_ended() {
        let late = run(sh("exec sleep 600"), "", Duration::from_millis(50)).unwrap_err();
        assert!(matches!(late, NoEnd::Late(_)), "{late}");
    }
}
