//! What was asked of the stand-in, and what came from devices in vain.

use std::collections::HashMap;
use std::time::Instant;

use super::Service;

/// A request over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Of which service.
    pub service: Service,
    /// `GET`, `PUT` and so on.
    pub method: String,
    /// Path, with the query.
    pub path: String,
    /// Body as text.
    pub body: String,
    /// When it came.
    pub at: Instant,
    /// Status of its answer and when that went out; `None` while there is none.
    pub answer: Option<(u16, Instant)>,
}

/// A message that device-mqtt could not use: it says so in its log alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// Topic.
    pub topic: String,
    /// Content as text.
    pub payload: String,
    /// Why.
    pub why: String,
}

/// Requests, and how many sets were under way at a time.
#[derive(Debug, Default)]
pub(super) struct Log {
    requests: HashMap<u64, Request>,
    next: u64,
    sets: HashMap<String, UnderWay>,
    all_sets: UnderWay,
    pub(super) dropped: Vec<Dropped>,
}

#[derive(Debug, Default, Clone, Copy)]
struct UnderWay {
    now: usize,
    peak: usize,
}

impl UnderWay {
    fn begin(&mut self) {
        self.now += 1;
        self.peak = self.peak.max(self.now);
    }

    fn end(&mut self) {
        self.now = self.now.saturating_sub(1);
    }
}

impl Log {
    /// A request came; gives its number.
    pub(super) fn begin(&mut self, request: Request) -> u64 {
        if let Some(device) = set_of(&request) {
            self.sets.entry(device.to_owned()).or_default().begin();
            self.all_sets.begin();
        }
        let number = self.next;
        self.next += 1;
        self.requests.insert(number, request);
        number
    }

    /// It was answered, or the client has gone.
    pub(super) fn end(&mut self, number: u64, status: Option<u16>) {
        let Some(request) = self.requests.get_mut(&number) else { return };
        request.answer = status.map(|status| (status, Instant::now()));
        if let Some(device) = set_of(request).map(str::to_owned) {
            self.sets.entry(device).or_default().end();
            self.all_sets.end();
        }
    }

    /// In the order of their coming.
    pub(super) fn requests(&self) -> Vec<Request> {
        let mut requests: Vec<_> = self.requests.iter().collect();
        requests.sort_by_key(|(number, _)| **number);
        requests.into_iter().map(|(_, request)| request.clone()).collect()
    }

    pub(super) fn peak_sets(&self, device: Option<&str>) -> usize {
        match device {
            Some(device) => self.sets.get(device).map_or(0, |sets| sets.peak),
            None => self.all_sets.peak,
        }
    }
}

/// The device that a set goes to.
fn set_of(request: &Request) -> Option<&str> {
    if request.service == Service::Command && request.method == "PUT" { command_of(&request.path) } else { None }
}

/// The device that a command goes to: `/api/v3/device/name/{device}/{command}`.
pub(super) fn command_of(path: &str) -> Option<&str> {
    let path = path.split('?').next()?;
    let (device, command) = path.strip_prefix("/api/v3/device/name/")?.split_once('/')?;
    if command.is_empty() { None } else { Some(device) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(device: &str) -> Request {
        Request {
            service: Service::Command,
            method: "PUT".to_owned(),
            path: format!("/api/v3/device/name/{device}/SetMode?x=1"),
            body: String::new(),
            at: Instant::now(),
            answer: None,
        }
    }

    #[test]
    fn sets_under_way_are_counted_for_each_device_and_for_all() {
        let mut log = Log::default();
        let (one, two) = (log.begin(set("one")), log.begin(set("two")));
        log.begin(Request { method: "GET".to_owned(), ..set("one") });
        log.end(one, Some(200));
        let again = log.begin(set("one"));
        log.end(two, None);
        log.end(again, Some(500));
        assert_eq!((log.peak_sets(None), log.peak_sets(Some("one")), log.peak_sets(Some("three"))), (2, 1, 0));
        let statuses: Vec<_> = log.requests().iter().map(|request| request.answer.map(|(status, _)| status)).collect();
        assert_eq!(statuses, [Some(200), None, None, Some(500)]);
    }

    #[test]
    fn a_path_names_a_command_or_not() {
        assert_eq!(command_of("/api/v3/device/name/device1/mode?ds-pushevent=true"), Some("device1"));
        for none in
            ["/api/v3/device/name/device1", "/api/v3/device/name/device1/", "/api/v3/device/all", "/api/v3/ping"]
        {
            assert_eq!(command_of(none), None, "{none}");
        }
    }
}
