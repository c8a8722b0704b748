//! A controller as a process of its own.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;

use gateway_controller::config::SCHEMA;
use gateway_controller::fleet::DeviceView;
use gateway_controller::protocol::Request;
use serde_json::Value;
use shared_host::control::ask;

use super::process::Process;
use super::{Site, eventually, run};

/// A controller, configured by a file of its own `init` and by environment variables.
pub(crate) struct Controller {
    process: Process,
    socket: PathBuf,
    /// How many events of each name were gone through.
    cursors: HashMap<String, usize>,
}

/// Quick; and with a threshold that nothing crosses, so that other work on the machine does not decide a story.
const QUICK: [(&str, &str); 3] = [("policy.degrade_above", "1"), ("command.retry_ms", "200"), ("log.format", "json")];

/// A policy that decides quickly, with thresholds that a busy machine alone does not cross: a task that is starved on
/// purpose misses nearly all deadlines.
pub(crate) const DECIDES: [(&str, &str); 4] = [
    ("policy.degrade_above", "0.3"),
    ("policy.recover_below", "0.1"),
    ("policy.recover_after", "5"),
    ("policy.dwell_ms", "500"),
];

impl Controller {
    /// Starts a controller at the site's broker; returns when it listens there. `name` tells controllers of one story apart.
    pub(crate) fn start(site: &Site, name: &str, keys: &[(&str, &str)]) -> Self {
        let home = site.home(name);
        let (file, socket) = (home.join("gateway.toml"), home.join("control.sock"));
        let text = |path: &PathBuf| path.to_str().expect("a path in UTF-8").to_owned();
        run(super::controller(["init", "--output", &text(&file)])).success();
        let mut command = super::controller(["run", "--config", &text(&file)]);
        let (url, path) = (site.broker.url(), text(&socket));
        let places = [("mqtt.url", url.as_str()), ("control.socket", path.as_str())];
        let all = QUICK.into_iter().chain(places).chain(keys.iter().copied());
        command.envs(all.map(|(key, value)| (SCHEMA.variable(key), value)));
        let process = Process::start(name, command, &home);
        let mut controller = Self { process, socket, cursors: HashMap::new() };
        controller.event("link", "connection to the broker", |event| event["state"] == "up");
        controller
    }

    /// Starts a controller without a configuration file, by these environment variables alone.
    pub(crate) fn start_bare(site: &Site, name: &str, environment: &[(&str, &str)]) -> Self {
        let home = site.home(name);
        let socket = home.join("control.sock");
        let mut command = super::controller(["run"]);
        command.env(SCHEMA.variable("control.socket"), &socket).envs(environment.iter().copied());
        let process = Process::start(name, command, &home);
        Self { process, socket, cursors: HashMap::new() }
    }

    /// The next event of this name that fits. Names do not hold up each other.
    pub(crate) fn event(&mut self, name: &str, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("event {name}: {what}"), || {
            let events = self.events(name);
            let cursor = self.cursors.entry(name.to_owned()).or_default();
            while let Some(event) = events.get(*cursor) {
                *cursor += 1;
                if fits(event) {
                    return Some(event.clone());
                }
            }
            assert!(self.process.is_running(), "the controller has ended: {}", self.process.err());
            None
        })
    }

    /// All events of this name so far.
    pub(crate) fn events(&self, name: &str) -> Vec<Value> {
        let text = self.process.out();
        // The last line may still be on its way.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let events = whole.lines().map(|line| serde_json::from_str::<Value>(line).expect("an event a line"));
        events.filter(|event| event["event"] == name).collect()
    }

    /// What it has logged, from all its starts.
    pub(crate) fn log(&self) -> String {
        self.process.err()
    }

    /// Waits for a line of its log.
    pub(crate) fn log_line(&self, what: &str, fits: impl Fn(&str) -> bool) {
        eventually(what, || self.process.err().lines().any(&fits).then_some(()));
    }

    /// What it knows of a device; waits until that fits.
    pub(crate) fn view(&mut self, device: &str, what: &str, fits: impl Fn(&DeviceView) -> bool) -> DeviceView {
        let request = Request::Device { device: device.parse().expect("a device name") };
        eventually(what, || {
            assert!(self.process.is_running(), "the controller has ended: {}", self.process.err());
            ask::<_, DeviceView>(&self.socket, &request).ok().filter(|view| fits(view))
        })
    }

    /// Its control socket.
    pub(crate) fn socket(&self) -> &PathBuf {
        &self.socket
    }

    /// Sends it a signal by its name, `STOP` or `CONT` for example.
    pub(crate) fn signal(&self, name: &str) {
        let told = Command::new("sh").args(["-c", "kill -s $0 $1", name, &self.process.id().to_string()]).status();
        assert!(told.is_ok_and(|status| status.success()), "cannot send {name}");
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// SIGTERM; its exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        self.process.terminate().0.code()
    }
}
