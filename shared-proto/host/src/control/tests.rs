use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::*;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Question {
    Double(u32),
    Nothing,
}

/// Answers doubles and refuses the rest, in a thread of its own.
struct Program {
    stop: tokio::sync::oneshot::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Program {
    fn start(path: &Path) -> Self {
        let (stop, mut stopped) = tokio::sync::oneshot::channel();
        let (opened, open) = std::sync::mpsc::channel();
        let path = path.to_owned();
        let thread = std::thread::spawn(move || {
            runtime().block_on(async {
                let mut server = serve::<Question>(&path).unwrap();
                opened.send(()).unwrap();
                loop {
                    let Incoming { request, reply } = tokio::select! {
                        incoming = server.next() => incoming,
                        _ = &mut stopped => return,
                    };
                    match request {
                        Question::Double(number) => reply.send(&(number * 2)),
                        Question::Nothing => reply.refuse("nothing is not allowed"),
                    }
                }
            });
        });
        open.recv().unwrap();
        Self { stop, thread }
    }

    /// Ends it as a program does that returns from its main loop.
    fn stop(self) {
        drop(self.stop);
        self.thread.join().unwrap();
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn socket() -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("run").join("control.sock");
    (directory, path)
}

fn talk(path: &Path, request: &[u8]) -> String {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_question_is_answered_and_the_file_is_private_and_goes_at_the_end() {
    let (_directory, path) = socket();
    let program = Program::start(&path);
    assert_eq!(ask::<_, u32>(&path, &Question::Double(21)).unwrap(), 42);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    program.stop();
    assert!(!path.exists());
    assert!(fs::read_dir(path.parent().unwrap()).unwrap().next().is_none(), "nothing is left beside it");
}

#[test]
fn a_refusal_comes_as_an_error_in_the_programs_words() {
    let (_directory, path) = socket();
    let _program = Program::start(&path);
    let error = ask::<_, u32>(&path, &Question::Nothing).unwrap_err();
    assert!(matches!(&error, ControlError::Refused(words) if words == "nothing is not allowed"), "{error}");
}

#[test]
fn requests_that_cannot_be_read_are_answered_by_the_socket_itself() {
    let (_directory, path) = socket();
    let _program = Program::start(&path);
    let oversize = vec![b'1'; MAX_REQUEST + 1];
    for (request, expected) in [
        (&b"{}\n"[..], "not understood"),
        (b"\xff\n", "not understood"),
        (b"{\"Triple\":1}\n", "Triple"),
        (&oversize, "allowed are 65536 bytes"),
    ] {
        let answer = talk(&path, request);
        assert!(answer.starts_with("{\"error\":") && answer.ends_with('\n') && answer.contains(expected), "{answer}");
    }
}

#[test]
fn a_client_that_stalls_holds_up_nobody() {
    let (_directory, path) = socket();
    let _program = Program::start(&path);
    let _silent = UnixStream::connect(&path).unwrap();
    let mut half = UnixStream::connect(&path).unwrap();
    half.write_all(b"{\"Double\":").unwrap();
    assert_eq!(ask::<_, u32>(&path, &Question::Double(1)).unwrap(), 2);
}

#[test]
fn a_request_without_line_feed_is_read_at_the_end_of_the_stream() {
    let (_directory, path) = socket();
    let _program = Program::start(&path);
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(b"{\"Double\":4}").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "8\n");
}

#[test]
fn a_second_program_is_refused_and_leaves_the_first_alone() {
    let (_directory, path) = socket();
    let _program = Program::start(&path);
    let error = runtime().block_on(async { serve::<Question>(&path) }).unwrap_err();
    assert!(error.to_string().contains("already running?"), "{error}");
    assert_eq!(ask::<_, u32>(&path, &Question::Double(3)).unwrap(), 6);
}

#[test]
fn a_stale_socket_is_replaced_but_another_file_is_not() {
    let (_directory, path) = socket();
    fs::create_dir(path.parent().unwrap()).unwrap();
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(matches!(ask::<_, u32>(&path, &Question::Nothing), Err(ControlError::NobodyListens { .. })));
    let program = Program::start(&path);
    assert_eq!(ask::<_, u32>(&path, &Question::Double(2)).unwrap(), 4);
    program.stop();

    fs::write(&path, "mine").unwrap();
    let error = runtime().block_on(async { serve::<Question>(&path) }).unwrap_err();
    assert!(matches!(error, ControlError::NotASocket { .. }), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
}

#[test]
fn a_server_does_not_remove_the_socket_of_its_successor() {
    let (_directory, path) = socket();
    let program = Program::start(&path);
    fs::remove_file(&path).unwrap();
    let _successor = std::os::unix::net::UnixListener::bind(&path).unwrap();
    program.stop();
    assert!(path.exists());
}

#[test]
fn nobody_listening_is_said_with_the_path() {
    let (_directory, path) = socket();
    let error = ask::<_, u32>(&path, &Question::Nothing).unwrap_err();
    assert!(matches!(error, ControlError::NobodyListens { .. }));
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
}

#[test]
fn a_directory_that_others_could_have_made_is_not_trusted() {
    let shared = TempDir::new().unwrap();
    fs::set_permissions(shared.path(), Permissions::from_mode(0o1777)).unwrap();
    let open = |path: &Path| runtime().block_on(async { serve::<Question>(path).map(drop) });

    let directory = shared.path().join("program-1");
    let path = directory.join("control.sock");
    open(&path).unwrap();
    fs::set_permissions(&directory, Permissions::from_mode(0o770)).unwrap();
    assert!(matches!(open(&path), Err(ControlError::UnsafeDirectory { .. })));
    assert!(matches!(ask::<_, u32>(&path, &Question::Nothing), Err(ControlError::UnsafeDirectory { .. })));

    let link = shared.path().join("program-2");
    std::os::unix::fs::symlink(&directory, &link).unwrap();
    assert!(matches!(open(&link.join("control.sock")), Err(ControlError::UnsafeDirectory { .. })));
}

#[test]
fn directly_where_everybody_may_write_only_a_socket_of_our_own_is_trusted() {
    let (_directory, path) = socket();
    let shared = path.parent().unwrap();
    fs::create_dir(shared).unwrap();
    let serve = || runtime().block_on(async { serve::<Question>(&path).map(drop) });

    // Others could replace the socket.
    fs::set_permissions(shared, Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(serve(), Err(ControlError::UnsafeDirectory { .. })));
    let asked = ask::<_, u32>(&path, &Question::Nothing);
    assert!(matches!(asked, Err(ControlError::UnsafeDirectory { .. })), "{asked:?}");

    fs::set_permissions(shared, Permissions::from_mode(0o1777)).unwrap();
    let program = Program::start(&path);
    assert_eq!(ask::<_, u32>(&path, &Question::Double(4)).unwrap(), 8);
    // Only root can give files away, so only then the rest can be told.
    if std::os::unix::fs::chown(&path, Some(12_345), None).is_ok() {
        let asked = ask::<_, u32>(&path, &Question::Double(4));
        assert!(matches!(asked, Err(ControlError::ForeignSocket { .. })), "{asked:?}");
    }
    program.stop();
    if std::os::unix::net::UnixListener::bind(&path).is_ok()
        && std::os::unix::fs::chown(&path, Some(12_345), None).is_ok()
    {
        assert!(matches!(serve(), Err(ControlError::ForeignSocket { .. })));
    }
}

#[test]
fn of_servers_that_start_together_one_has_the_socket() {
    const TOGETHER: usize = 4;
    for _ in 0..50 {
        let (_directory, path) = socket();
        let (start, end) = (Barrier::new(TOGETHER), Barrier::new(TOGETHER));
        let served = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..TOGETHER)
                .map(|_| {
                    scope.spawn(|| {
                        runtime().block_on(async {
                            start.wait();
                            let server = serve::<Question>(&path);
                            // Nobody gives the place up before all have tried.
                            end.wait();
                            server.map(drop)
                        })
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(served.iter().filter(|served| served.is_ok()).count(), 1, "{served:?}");
        let refused = |served: &Result<(), _>| matches!(served, Ok(()) | Err(ControlError::AlreadyRunning { .. }));
        assert!(served.iter().all(refused), "{served:?}");
    }
}

#[test]
fn what_a_killed_server_leaves_behind_is_taken_over() {
    let (_directory, path) = socket();
    fs::create_dir(path.parent().unwrap()).unwrap();
    fs::write(path.with_extension("sock.lock"), "").unwrap();
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    Program::start(&path).stop();
    assert!(fs::read_dir(path.parent().unwrap()).unwrap().next().is_none());
}

#[test]
fn a_program_that_takes_no_connection_is_not_waited_for_for_ever() {
    let (_directory, path) = socket();
    fs::create_dir(path.parent().unwrap()).unwrap();
    let _listening = runtime().block_on(async {
        let socket = tokio::net::UnixSocket::new_stream().unwrap();
        socket.bind(&path).unwrap();
        socket.listen(0).unwrap().into_std().unwrap()
    });
    // Takes the only place.
    let _first = UnixStream::connect(&path).unwrap();
    let error = client::ask_within::<_, u32>(&path, &Question::Nothing, Duration::from_millis(50)).unwrap_err();
    assert!(error.to_string().contains("no connection within 50ms"), "{error}");
}

#[test]
fn the_default_path_follows_systemd_then_root_then_the_session() {
    let with = |set: &'static [(&str, &str)], uid| {
        let look = move |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        path::choose("agent", Some(uid), look).to_str().unwrap().to_owned()
    };
    let both: &[_] = &[("RUNTIME_DIRECTORY", "/run/first:/run/second"), ("XDG_RUNTIME_DIR", "/run/user/7")];
    assert_eq!(with(both, 7), "/run/first/control.sock");
    assert_eq!(with(&[("XDG_RUNTIME_DIR", "/run/user/0")], 0), "/run/agent/control.sock");
    assert_eq!(
        with(&[("RUNTIME_DIRECTORY", ""), ("XDG_RUNTIME_DIR", "/run/user/7")], 7),
        "/run/user/7/agent/control.sock"
    );
    assert_eq!(with(&[], 7), "/tmp/agent-7/control.sock");
}
