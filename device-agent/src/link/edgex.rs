//! EdgeX' wire: one message of all readings now and then, and its commands answered at once.

use shared_host::json::{DecodeError, decode_edgex_set};
use shared_host::mqtt::{Message, Qos, Received, Retain, Token};
use shared_proto::dialect::edgex::{
    MACHINE, MODE, Method, Metrics, Reading, Request, data_topic, machine, metrics_topic, parse_command, response_topic,
};
use shared_proto::ids::DeviceId;

use super::Outbox;
use crate::agent::{Agent, Gathered, News, Refused, fnv1a};
use crate::time::MonoTime;

/// How far apart two messages are at least, whatever is to be told: EdgeX cannot take more of a fleet.
const LEAST_GAP_MS: u64 = 100;
/// How often the machine is told of.
const MACHINE_EVERY_MS: u64 = 10_000;
/// Answers that are given at once, and commands that are remembered.
const ANSWERS: usize = 64;

/// How this wire is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EdgexSettings {
    /// Time between messages in milliseconds, at least 100.
    pub report_ms: u64,
    /// How long a commanded mode holds, in milliseconds; without one until the next command.
    pub lease_ms: Option<u32>,
}

impl Default for EdgexSettings {
    fn default() -> Self {
        Self { report_ms: 1_000, lease_ms: None }
    }
}

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("allowed are command/DEVICE/RESOURCE/get/UUID and .../set/UUID, for resources of the profile")]
    Topic,
    #[error("only the mode can be set")]
    ReadOnly,
    #[error(transparent)]
    Unreadable(#[from] DecodeError),
}

impl Refusal {
    /// How it is counted.
    pub(super) fn kind(&self) -> Refused {
        match self {
            Self::Topic | Self::ReadOnly => Refused::Malformed,
            Self::Unreadable(error) => super::kind(error),
        }
    }
}

/// A message beside those that are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extra {
    None,
    /// Somebody believes another mode.
    Wanted,
    /// The last one.
    Last,
}

/// What one device says to EdgeX and hears from it.
#[derive(Debug)]
pub(super) struct Edgex {
    device: DeviceId,
    settings: EdgexSettings,
    /// The latest message.
    said: Option<Metrics>,
    said_at: Option<MonoTime>,
    due: Option<MonoTime>,
    machine_due: Option<MonoTime>,
    extra: Extra,
    answers: Vec<Message>,
    /// Hashes of the identifiers of the latest commands that were applied.
    applied: Vec<u64>,
}

impl Edgex {
    pub(super) fn new(device: DeviceId, settings: EdgexSettings) -> Self {
        Self {
            device,
            settings,
            said: None,
            said_at: None,
            due: None,
            machine_due: None,
            extra: Extra::None,
            answers: Vec::new(),
            applied: Vec::new(),
        }
    }

    /// Takes in a message. One that cannot be done is answered by silence, which EdgeX reports as a failure: there is no
    /// other way to refuse.
    pub(super) fn message(
        &mut self,
        message: &Received,
        agent: &mut Agent<Token>,
        now: MonoTime,
    ) -> Result<(), Refusal> {
        let Request { resource, method, uuid } = parse_command(&self.device, &message.topic).ok_or(Refusal::Topic)?;
        match method {
            Method::Get => {
                if let Some(reading) = self.reading(resource, agent, now)? {
                    self.answer(uuid, reading.to_string());
                }
            }
            Method::Set if resource != MODE => return Err(Refusal::ReadOnly),
            Method::Set => {
                self.set(uuid, &message.payload, agent, now).inspect_err(|_| self.extra = self.extra.or_wanted())?;
                self.answer(uuid, "{}".to_owned());
            }
        }
        Ok(())
    }

    fn set(&mut self, uuid: &str, payload: &[u8], agent: &mut Agent<Token>, now: MonoTime) -> Result<(), DecodeError> {
        let hash = fnv1a(uuid);
        if self.applied.contains(&hash) {
            agent.repeated();
            return Ok(());
        }
        let command = decode_edgex_set(payload)?;
        agent.edgex_command(command, self.settings.lease_ms, now);
        if self.applied.len() == ANSWERS {
            self.applied.remove(0);
        }
        self.applied.push(hash);
        if !agent.is_switching() && agent.effective().mode != command.mode {
            // Overruled: EdgeX takes the answer for a yes.
            self.extra = self.extra.or_wanted();
        }
        Ok(())
    }

    fn answer(&mut self, uuid: &str, payload: String) {
        if self.answers.len() < ANSWERS
            && let Some(topic) = response_topic(uuid)
        {
            self.answers.push(message(&topic, payload));
        }
    }

    /// A resource as in the latest message, but mode and times as they are now; nothing if the machine does not tell it.
    fn reading(&self, name: &str, agent: &Agent<Token>, now: MonoTime) -> Result<Option<Reading>, Refusal> {
        let Some(gathered) = agent.gathered() else { return Ok(None) };
        if let Some(place) = MACHINE.iter().position(|told| *told == name) {
            return Ok(machine(&gathered.host).into_iter().nth(place).flatten());
        }
        let metrics = as_of(now, self.said.clone().unwrap_or_else(|| of_windows(gathered)), agent);
        metrics.reading(name).map(Some).ok_or(Refusal::Topic)
    }

    /// Publishes what is due, as far as the connection takes it.
    pub(super) fn send(&mut self, agent: &mut Agent<Token>, outbox: &mut dyn Outbox, now: MonoTime) {
        // One that is not taken now would come too late: EdgeX keeps what it no longer waits for.
        while let Some(answer) = self.answers.pop() {
            let _ = outbox.try_publish(answer);
        }
        let Some(gathered) = agent.gathered() else { return };
        if !self.is_due(gathered.news, agent, now) {
            return;
        }
        let seq = self.said.as_ref().map_or(0, |said| said.seq) + 1;
        let metrics = as_of(now, Metrics { seq, ..of_windows(gathered) }, agent);
        if outbox.try_publish(message(&metrics_topic(&self.device), metrics.to_string())).is_err() {
            return;
        }
        if self.machine_due.is_none_or(|due| due <= now) {
            self.machine_due = Some(now.plus_nanos(MACHINE_EVERY_MS * 1_000_000));
            for reading in machine(&gathered.host).into_iter().flatten() {
                // At most once: the next one comes soon.
                let _ = outbox.try_publish(message(&data_topic(&self.device, reading.name), reading.to_string()));
            }
        }
        agent.gathered_told();
        self.said = Some(metrics);
        self.said_at = Some(now);
        self.extra = Extra::None;
        // On a grid, so that lateness does not add up; after a pause on a new one.
        let period_ns = self.settings.report_ms * 1_000_000;
        self.due = Some(match self.due {
            Some(due) if due > now => due,
            Some(due) if due.plus_nanos(period_ns) > now => due.plus_nanos(period_ns),
            _ => now.plus_nanos(period_ns),
        });
    }

    fn is_due(&self, news: News, agent: &Agent<Token>, now: MonoTime) -> bool {
        if self.extra == Extra::Last {
            return true;
        }
        if self.said_at.is_some_and(|said| now.millis_since(said) < LEAST_GAP_MS) {
            return false;
        }
        let another_mode = self.said.as_ref().is_some_and(|said| said.mode != agent.effective().mode);
        let in_time = news == News::Windows && self.due.is_none_or(|due| due <= now);
        in_time || another_mode || self.extra == Extra::Wanted
    }

    /// The device goes: what was gathered is told now.
    pub(super) fn departed(&mut self) {
        self.extra = Extra::Last;
    }

    /// The connection ended, and with it everybody's hope for an answer.
    pub(super) fn down(&mut self) {
        self.answers.clear();
    }
}

impl Extra {
    fn or_wanted(self) -> Self {
        if self == Self::Last { self } else { Self::Wanted }
    }
}

fn of_windows(gathered: &Gathered) -> Metrics {
    gathered.metrics.clone().with_latencies(&gathered.wakeup, &gathered.response)
}

/// Mode, task and times as they are at `now`; counts and durations stay those of the windows.
fn as_of(now: MonoTime, metrics: Metrics, agent: &Agent<Token>) -> Metrics {
    let (effective, plan, up_ms) = (agent.effective(), agent.plan(), agent.up_ms(now));
    let task = plan.task(plan.timing.period_ns(effective.mode));
    let since_ns = up_ms.saturating_sub(metrics.up_ms).saturating_mul(1_000_000);
    Metrics {
        mode: effective.mode,
        mode_source: effective.source,
        period_us: u32::try_from(task.period_us).unwrap_or(u32::MAX),
        deadline_us: u32::try_from(task.deadline_us).unwrap_or(u32::MAX),
        workload: plan.load(effective.mode),
        dev_time_ns: metrics.dev_time_ns.saturating_add_unsigned(since_ns),
        up_ms,
        ..metrics
    }
}

/// EdgeX listens with QoS 0, and would take a retained message again with each of its connections.
fn message(topic: &str, payload: String) -> Message {
    Message { topic: topic.to_owned(), payload: payload.into_bytes(), qos: Qos::AtMostOnce, retain: Retain::No }
}
