//! Ctrl-C, twice.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use demo::broker::{Broker, Kind};

/// Ends a test that hangs; says nothing about speed.
const PATIENCE: Duration = Duration::from_secs(60);

struct Demo(Child);

impl Demo {
    fn interrupt(&self) {
        let told = Command::new("sh").args(["-c", "kill -s INT \"$0\"", &self.0.id().to_string()]).status().unwrap();
        assert!(told.success());
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < end, "never came: {what}");
        sleep(Duration::from_millis(100));
    }
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn whoever_asks_twice_does_not_wait_for_what_is_still_under_way() {
    let home = tempfile::tempdir().unwrap();
    let (out, err) = (home.path().join("out"), home.path().join("err"));
    let mut broker = Broker::start(Kind::Mosquitto { extra: None }).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command.args(["--broker", &broker.url()]).stdin(Stdio::null());
    command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
    let mut demo = Demo(command.spawn().unwrap());
    eventually("the head of the table", || {
        assert!(demo.0.try_wait().unwrap().is_none(), "{}", text(&err));
        text(&out).contains("wake-up").then_some(())
    });
    // Without it the last reports stay out, and they are waited for.
    broker.kill();
    demo.interrupt();
    let status = eventually("the end", || {
        if let Some(status) = demo.0.try_wait().unwrap() {
            return Some(status);
        }
        demo.interrupt();
        None
    });
    assert_eq!(status.code(), Some(1));
    let err = text(&err);
    assert!(err.contains("demo: interrupted"), "{err}");
}
