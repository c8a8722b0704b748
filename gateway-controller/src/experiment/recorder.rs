//! The loop of a run: stamps what arrives and hands it on, and sends what is injected.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use analysis::experiment::{
    Begin, Beginning, Down, Ending, FORMAT_VERSION, Format, Injected, Kept, Line, Lost, Setup, WriteError,
};
use shared_host::key_file::KeyFileError;
use shared_host::mqtt::{self, Event, Events, Filter, Options, Publisher, Qos};
use shared_proto::dialect::native::{self, Kind};
use shared_proto::ids::CommandId;
use shared_proto::mode::Mode;
use shared_proto::wire::{Lease, SetMode, Version};
use tokio::signal::unix::Signal;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::answers::{Answers, PREFIX};
use super::inject::{Injector, Order, Step, Went};
use super::machine::describe;
use super::plan::{Plan, Run};
use super::queue::{Item, Sender, queue};
use super::sample::Sampler;
use super::summary::progress;
use super::tally::Tally;
use super::tape::{Shared, Tape};
use crate::config::Config;
use crate::fleet::{Command, Payload, Rule};
use crate::keyring::Keyring;
use crate::link::Topics;
use crate::wall_clock::wall_clock_ms;

/// How long the broker may be away at the start.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);
/// How long the answer to the last command may take.
const LAST_ANSWER: Duration = Duration::from_secs(1);
/// How long it is tried at the end to give back what is held.
const LAST_BACK: Duration = Duration::from_secs(4);
/// How long good-bye may take.
const CLOSE_LIMIT: Duration = Duration::from_millis(500);
/// How long the disk may take at the end.
const DISK_LIMIT: Duration = Duration::from_secs(60);
/// How often it is shown how it goes.
const PROGRESS: Duration = Duration::from_secs(2);
/// Longest message that is looked at.
const MAX_MESSAGE: usize = 64 * 1024;

/// What ends a run before its time.
pub(crate) struct Signals {
    pub(crate) terminate: Signal,
    pub(crate) interrupt: Signal,
}

/// A run that was recorded.
pub(crate) struct Outcome {
    pub(crate) reason: Ending,
    pub(crate) tally: Tally,
}

/// Why a run could not be recorded, or not to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// The broker was away for too long at the start.
    #[error("{url}: no connection within {} s: {reason}", CONNECT_LIMIT.as_secs())]
    NoBroker {
        /// The broker.
        url: String,
        /// What was heard last.
        reason: String,
    },
    /// It was stopped before there was anything to record.
    #[error("stopped before the broker had answered: nothing is recorded")]
    StoppedEarly,
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The disk takes nothing.
    #[error("the disk has taken nothing for {} s; what it took before can be read", DISK_LIMIT.as_secs())]
    Stuck,
    /// A key cannot be read.
    #[error("security.keys_dir: {0}")]
    Key(#[from] KeyFileError),
    /// The system gives no thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

impl Signals {
    async fn stopped(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Records one run: from the first connection to the broker until its time is over or a signal comes.
///
/// # Errors
/// [`RecordError`]; what was kept of the file before can be read.
pub(crate) async fn record(
    plan: &Plan,
    run: &Run,
    config: &Config,
    signals: &mut Signals,
) -> Result<Outcome, RecordError> {
    let tape_keys = Keyring::read(config.security.as_ref())?;
    let topics = Topics::new(config.root.clone(), config.dialects).with(Keyring::read(config.security.as_ref())?);
    let degrade_above = match config.fleet.rule {
        Rule::Decide(policy) => policy.degrade_above.get(),
        Rule::Observe => 1.0,
    };
    let (publisher, mut events) = mqtt::start(options(plan, config), |_| None);
    tokio::select! {
        up = connected(&mut events, config) => up?,
        () = signals.stopped() => return Err(RecordError::StoppedEarly),
    }

    let start = Instant::now();
    let (sender, waiting) = queue();
    let shared = Shared::new(Tally::new(degrade_above));
    let tape = Tape {
        file: run.file.clone(),
        existing: plan.existing,
        begin: begin(plan, run, config, degrade_above),
        start: start.into_std(),
        root: config.root.clone(),
        keyring: tape_keys,
        shared: shared.clone(),
    };
    let (done, ended) = oneshot::channel();
    std::thread::Builder::new().name("tape".into()).spawn(move || drop(done.send(tape.write(&waiting))))?;
    let (sampler, unseen) = sample(plan, start, sender.clone())?;
    let end = start + plan.duration;
    let mut recorder = Recorder {
        start,
        injector: plan.inject.map(|every| Injector::new(ms(every), ms(plan.duration))),
        topics,
        answers: Answers { root: config.root.clone(), keyring: Keyring::read(config.security.as_ref())? },
        publisher,
        sender,
        shared: shared.clone(),
        dropped: 0,
        last: None,
    };
    recorder.line(Line::Up(Beginning { at_ms: 0.0 }));
    let name = run.file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let reason = recorder.serve(&mut events, end, signals, ended, &name).await;
    // The sampler ends when it is no longer listened to.
    drop(sampler);
    let ended = match reason {
        Ok((reason, ended)) => {
            recorder.end(&mut events, reason, unseen).await;
            let written = timeout(DISK_LIMIT, ended).await.map_err(|_| RecordError::Stuck)?;
            written.map_err(|_| RecordError::Stuck)?.map(|_| reason).map_err(RecordError::from)
        }
        Err(error) => {
            recorder.give_back(&mut events).await;
            Err(error)
        }
    };
    recorder.publisher.close(CLOSE_LIMIT).await;
    let reason = ended?;
    let tally = std::mem::replace(&mut *shared.lock(), Tally::new(degrade_above));
    Ok(Outcome { reason, tally })
}

/// Waits for the connection.
async fn connected(events: &mut Events, config: &Config) -> Result<(), RecordError> {
    let deadline = Instant::now() + CONNECT_LIMIT;
    let mut last = "no answer".to_owned();
    loop {
        match timeout_at(deadline, events.next()).await {
            Ok(Some(Event::Up { .. })) => return Ok(()),
            Ok(Some(Event::Down { reason, .. })) => last = reason,
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => {
                return Err(RecordError::NoBroker { url: config.mqtt.url.to_string(), reason: last });
            }
        }
    }
}

fn options(plan: &Plan, config: &Config) -> Options {
    // Statuses first, so that the retained ones stand before the first report.
    let kinds = [Kind::Status, Kind::Report, Kind::Ack, Kind::Command];
    let filters = kinds.into_iter().flat_map(|kind| {
        let topics = if plan.devices.is_empty() {
            vec![native::filter(&config.root, kind)]
        } else {
            plan.devices.iter().map(|device| native::topic(&config.root, device, kind)).collect()
        };
        topics.into_iter().map(|topic| Filter { topic: topic.as_str().to_owned(), qos: Qos::AtLeastOnce })
    });
    Options {
        filters: filters.collect(),
        max_message: MAX_MESSAGE,
        // A limit here would let one retained message keep the recorder off the broker for good.
        max_incoming: usize::MAX,
        ..config.mqtt.options()
    }
}

fn begin(plan: &Plan, run: &Run, config: &Config, degrade_above: f64) -> Begin {
    Begin {
        format: Format::FleetExperiment,
        version: FORMAT_VERSION,
        tool: concat!("gateway-controller ", env!("CARGO_PKG_VERSION")).to_owned(),
        label: plan.label.clone(),
        run: run.number,
        started_unix_ms: wall_clock_ms(),
        duration_ms: Some(u64::try_from(plan.duration.as_millis()).unwrap_or(u64::MAX)),
        machine: describe(Path::new("/")),
        setup: Setup {
            broker: config.mqtt.url.to_string(),
            root: config.root.to_string(),
            inject_every_ms: plan.inject.map(|every| u64::try_from(every.as_millis()).unwrap_or(u64::MAX)),
            sample_every_ms: u64::try_from(plan.sample.as_millis()).unwrap_or(u64::MAX),
            degrade_above,
            note: plan.note.clone(),
        },
    }
}

/// Control groups that were never there, when the sampler has ended.
type Unseen = oneshot::Receiver<Vec<String>>;

/// Looks at the gateway on a thread of its own until the sender that is returned is dropped.
fn sample(plan: &Plan, start: Instant, sender: Sender) -> std::io::Result<(std::sync::mpsc::Sender<()>, Unseen)> {
    let (tell, unseen) = oneshot::channel();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let mut sampler = Sampler::new(Path::new("/"), &plan.processes, &plan.groups);
    let every = plan.sample;
    std::thread::Builder::new().name("sampler".into()).spawn(move || {
        loop {
            if let Some(gateway) = sampler.look(ms(start.elapsed())) {
                sender.send(Item::Line(Line::Gateway(gateway)));
            }
            if !matches!(stopped.recv_timeout(to_next(every, start.elapsed())), Err(RecvTimeoutError::Timeout)) {
                break;
            }
        }
        // Nobody has to listen.
        let _ = tell.send(sampler.never_seen().map(str::to_owned).collect());
    })?;
    Ok((stop, unseen))
}

/// Until the next turn of a grid, so that the looks do not drift; turns that were missed are left out, for two looks at once see
/// shares of nearly no time.
fn to_next(every: Duration, elapsed: Duration) -> Duration {
    let into = elapsed.as_nanos().checked_rem(every.as_nanos()).unwrap_or(0);
    every.saturating_sub(Duration::from_nanos(u64::try_from(into).unwrap_or(u64::MAX)))
}

struct Recorder {
    start: Instant,
    injector: Option<Injector>,
    topics: Topics,
    answers: Answers,
    publisher: Publisher,
    sender: Sender,
    shared: Shared,
    /// Messages that the connection has dropped so far.
    dropped: u64,
    /// The last command, until its answer has come.
    last: Option<CommandId>,
}

type Ended = oneshot::Receiver<Result<Kept, WriteError>>;

impl Recorder {
    /// Until the run ends. What becomes of the file is told when it has ended.
    async fn serve(
        &mut self,
        events: &mut Events,
        end: Instant,
        signals: &mut Signals,
        mut ended: Ended,
        name: &str,
    ) -> Result<(Ending, Ended), RecordError> {
        let terminal = std::io::stderr().is_terminal();
        let mut shown = tokio::time::interval(PROGRESS);
        loop {
            let due = self.due(end);
            tokio::select! {
                biased;
                written = &mut ended => {
                    return Err(match written { Ok(Err(error)) => error.into(), _ => RecordError::Stuck });
                }
                () = signals.stopped() => return Ok((Ending::Interrupted, ended)),
                () = sleep_until(end) => return Ok((Ending::Complete, ended)),
                () = sleep_until(due) => self.inject(),
                _ = shown.tick(), if terminal => self.show(name, end),
                // Last, as there may always be one.
                event = events.next() => match event {
                    Some(event) => self.take(event, events),
                    None => return Ok((Ending::Interrupted, ended)),
                },
            }
        }
    }

    /// Milliseconds since the start.
    fn now_ms(&self) -> f64 {
        ms(self.start.elapsed())
    }

    fn line(&self, line: Line) {
        self.sender.send(Item::Line(line));
    }

    fn take(&mut self, event: Event, events: &Events) {
        // Stamped before anything else is done with it.
        let at_ms = self.now_ms();
        match event {
            Event::Message(received) => {
                if let Some((id, outcome)) = self.answers.read(&received) {
                    self.last.take_if(|last| *last == id);
                    if let Some(injector) = &mut self.injector {
                        injector.answered(&id, outcome);
                    }
                }
                self.sender.send(Item::Message { at_ms, received });
            }
            Event::Up { .. } => self.line(Line::Up(Beginning { at_ms })),
            Event::Down { reason, .. } => self.line(Line::Down(Down { at_ms, reason })),
            Event::Oversize { bytes, .. } => {
                let what = format!("a message of {bytes} bytes: allowed are {MAX_MESSAGE} with the topic");
                self.line(Line::Lost(Lost { at_ms, what, count: 1 }));
            }
            Event::Acked(_) => {}
        }
        let dropped = events.dropped();
        if dropped > self.dropped {
            self.sender.lost(dropped - self.dropped);
            self.dropped = dropped;
        }
    }

    /// When there is something to inject.
    fn due(&self, end: Instant) -> Instant {
        let due_ms = self.injector.as_ref().map_or(f64::INFINITY, Injector::due_ms);
        Duration::try_from_secs_f64(due_ms / 1000.0).map_or(end, |due| self.start + due)
    }

    fn inject(&mut self) {
        let at_ms = self.now_ms();
        let Some(injector) = &mut self.injector else { return };
        let step = injector.step(at_ms, &self.shared.lock().known);
        match step {
            Step::Wait => {}
            Step::Send(order) => self.send(&order),
            Step::Nobody => {
                let what = "injection: no device was heard lately that is in NORMAL and takes commands".to_owned();
                self.line(Line::Lost(Lost { at_ms, what, count: 1 }));
            }
        }
    }

    fn send(&mut self, order: &Order) {
        let went = self.publish(order);
        let now_ms = self.now_ms();
        if let Some(injector) = &mut self.injector {
            injector.went(now_ms, order.mode, went);
        }
    }

    fn publish(&mut self, order: &Order) -> Went {
        let Order { device, mode, lease_ms, fresh } = order.clone();
        let named = format!("{PREFIX}{:016x}", fastrand::u64(..)).parse::<CommandId>();
        let (Ok(id), Ok(lease_ms)) = (named, Lease::try_from(lease_ms)) else { return Went::Nowhere };
        let reason = match mode {
            Mode::Degraded => "experiment: measures the reaction",
            Mode::Normal => "experiment: gives back",
        };
        let payload = Box::new(SetMode {
            v: Version,
            id: id.clone(),
            mode,
            lease_ms,
            reason: reason.into(),
            cause: None,
            fresh,
            missing: None,
        });
        let command = Command { device: device.clone(), payload: Payload::Native(payload) };
        let Some(message) = self.topics.message(&command) else { return Went::Nowhere };
        let at_ms = self.now_ms();
        if self.publisher.try_publish(message).is_err() {
            return Went::Nowhere;
        }
        self.last = Some(id.clone());
        self.line(Line::Injected(Injected { at_ms, device, id: id.clone(), mode }));
        Went::Out(id)
    }

    /// Gives back what is held, and records until the last command is answered.
    async fn give_back(&mut self, events: &mut Events) {
        let (start, now_ms) = (Instant::now(), self.now_ms());
        if let Some(injector) = &mut self.injector {
            injector.finish(now_ms);
        }
        loop {
            let held = self.injector.as_ref().is_some_and(Injector::is_holding);
            let deadline = start + if held { LAST_BACK } else { LAST_ANSWER };
            if (!held && self.last.is_none()) || Instant::now() >= deadline {
                return;
            }
            let due = self.due(deadline).min(deadline);
            tokio::select! {
                biased;
                () = sleep_until(due) => self.inject(),
                event = events.next() => match event {
                    Some(event) => self.take(event, events),
                    None => return,
                },
            }
        }
    }

    /// The last line.
    async fn end(&mut self, events: &mut Events, reason: Ending, unseen: Unseen) {
        self.give_back(events).await;
        let unseen = timeout(LAST_ANSWER, unseen).await;
        let at_ms = self.now_ms();
        for name in unseen.into_iter().flatten().flatten() {
            self.line(Line::Lost(Lost { at_ms, what: format!("control group {name}: it was never there"), count: 1 }));
        }
        let deadline = Instant::now() + DISK_LIMIT;
        // A full queue gets room when the disk takes something.
        while self.sender.send(Item::End { at_ms, reason }) == super::queue::Sent::Lost && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn show(&self, name: &str, end: Instant) {
        let at_s = self.start.elapsed().as_secs();
        let text = progress(name, at_s, (end - self.start).as_secs(), &self.shared.lock());
        // Nobody has to look.
        let _ = write!(std::io::stderr(), "\r\x1b[K{text}");
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_that_were_missed_are_left_out() {
        let every = Duration::from_millis(1000);
        for (elapsed, wait) in [(0, 1000), (1, 999), (999, 1), (1000, 1000), (5300, 700)] {
            assert_eq!(to_next(every, Duration::from_millis(elapsed)), Duration::from_millis(wait), "{elapsed}");
        }
        assert_eq!(to_next(Duration::ZERO, every), Duration::ZERO);
    }

    /// Nobody listens on port 1. The clock is made up.
    #[tokio::test(start_paused = true)]
    async fn a_broker_that_is_away_is_told_after_a_while() {
        let config = Config::embedded("mqtt://127.0.0.1:1".parse().unwrap()).unwrap();
        let (_publisher, mut events) = mqtt::start(config.mqtt.options(), |_| None);
        let start = Instant::now();
        let error = connected(&mut events, &config).await.unwrap_err().to_string();
        assert!(error.contains("mqtt://127.0.0.1:1") && error.contains("15 s") && error.contains("refused"), "{error}");
        assert_eq!(start.elapsed().as_secs(), 15);
    }
}
