//! Commands through core-command: one under way for each device, few in all, and the newest wish only. What was not done is
//! not kept here: the fleet compares what is reported with what is wanted, and sends again.

use std::collections::{HashMap, VecDeque};
use std::future::ready;
use std::time::Duration;

use shared_proto::ids::DeviceId;
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

use super::health::Health;
use super::http::{Answer, Client, HttpError, Method};
use super::readings::Names;
use crate::event::CommandResult;
use crate::fleet::{EdgexAnswer, EdgexCommand};

/// How commands are sent.
#[derive(Debug, Clone)]
pub(crate) struct Sending {
    pub(crate) client: Client,
    pub(crate) names: Names,
    /// Name of the command, or of the resource, that sets the mode.
    pub(crate) command: String,
    pub(crate) timeout: Duration,
    /// Commands under way at one time.
    pub(crate) parallel: usize,
}

/// The commands of one controller.
#[derive(Debug)]
pub(crate) struct Sink {
    sending: Sending,
    health: Health,
    queue: Queue,
    tasks: JoinSet<Done>,
    under_way: HashMap<Id, (DeviceId, EdgexCommand)>,
    /// Why devices do not take commands, as it was told.
    told: HashMap<DeviceId, CommandResult>,
}

/// Which command is next.
#[derive(Debug, Default)]
struct Queue {
    turns: VecDeque<DeviceId>,
    /// With the time since which they wait.
    wanted: HashMap<DeviceId, (EdgexCommand, Instant)>,
    busy: Vec<DeviceId>,
}

impl Queue {
    /// A newer wish takes the place, and the turn, of one that waits.
    fn push(&mut self, device: DeviceId, command: EdgexCommand) {
        if self.wanted.insert(device.clone(), (command, Instant::now())).is_none() {
            self.turns.push_back(device);
        }
    }

    /// The next command that may go, if fewer than `parallel` are under way.
    fn next(&mut self, parallel: usize) -> Option<(DeviceId, EdgexCommand, Instant)> {
        if self.busy.len() >= parallel {
            return None;
        }
        let place = self.turns.iter().position(|device| !self.busy.contains(device))?;
        let device = self.turns.remove(place)?;
        let (command, since) = self.wanted.remove(&device)?;
        self.busy.push(device.clone());
        Some((device, command, since))
    }

    fn finished(&mut self, device: &DeviceId) {
        self.busy.retain(|busy| busy != device);
    }
}

impl Sink {
    pub(crate) fn new(sending: Sending) -> Self {
        let health = Health::new(sending.client.service());
        Self {
            sending,
            health,
            queue: Queue::default(),
            tasks: JoinSet::new(),
            under_way: HashMap::new(),
            told: HashMap::new(),
        }
    }

    /// Sends a command as soon as may be. Needs a tokio runtime.
    pub(crate) fn send(&mut self, device: DeviceId, command: EdgexCommand) {
        self.queue.push(device, command);
        self.pump();
    }

    /// The next answer; never without a command under way.
    pub(crate) async fn next(&mut self) -> EdgexAnswer {
        loop {
            let Some(ended) = self.tasks.join_next_with_id().await else { return std::future::pending().await };
            let (id, done) = match ended {
                Ok((id, done)) => (id, Some(done)),
                Err(error) => (error.id(), None),
            };
            let Some((device, command)) = self.under_way.remove(&id) else { continue };
            self.queue.finished(&device);
            self.pump();
            let done = done.unwrap_or_else(|| Done::new(None, "the task ended".to_owned()));
            self.tell(&device, &done);
            let Done { result, status, took, .. } = done;
            return EdgexAnswer { device, command: command.id, result, status, took };
        }
    }

    /// Tells the log, if it is news: of the service, or of the device.
    fn tell(&mut self, device: &DeviceId, done: &Done) {
        let Done { result, status, detail, .. } = done;
        if matches!(result, CommandResult::Unavailable | CommandResult::Unauthorized) {
            self.health.bad(detail);
            return;
        }
        self.health.good();
        if *result == CommandResult::Done {
            if self.told.remove(device).is_some() {
                tracing::info!(%device, "EdgeX sends commands to the device again");
            }
        } else if self.told.insert(device.clone(), *result) != Some(*result) {
            let advice = self.advice(*result);
            tracing::warn!(%device, status, detail, advice, "EdgeX did not send the command");
        }
    }

    fn advice(&self, result: CommandResult) -> String {
        let command = &self.sending.command;
        match result {
            CommandResult::Misfit => format!(
                "its profile needs a command or resource `{command}` that can be written and takes `{}`; see `gateway-controller edgex check`",
                self.sending.names.mode
            ),
            CommandResult::Locked => {
                "unlock device and device service in core-metadata (adminState), or see why it is DOWN".to_owned()
            }
            CommandResult::NoAnswer => "is its agent running, with the dialect edgex?".to_owned(),
            CommandResult::Unauthorized | CommandResult::Unavailable | CommandResult::Done => String::new(),
        }
    }

    fn pump(&mut self) {
        while let Some((device, command, since)) = self.queue.next(self.sending.parallel) {
            // What has waited for long may be wanted no more: let it be decided on anew.
            let task = if since.elapsed() > self.sending.timeout.saturating_mul(2) {
                self.tasks.spawn(ready(Done::new(None, "commands wait too long for their turn".to_owned())))
            } else {
                self.tasks.spawn(put(self.sending.clone(), device.clone(), command.clone()))
            };
            self.under_way.insert(task.id(), (device, command));
        }
    }
}

/// What became of a command.
#[derive(Debug)]
struct Done {
    result: CommandResult,
    status: Option<u16>,
    /// In words; EdgeX' own, if there are some.
    detail: String,
    took: Duration,
}

impl Done {
    fn new(status: Option<u16>, detail: String) -> Self {
        let result = status.map_or(CommandResult::Unavailable, result_of);
        Self { result, status, detail, took: Duration::ZERO }
    }

    fn of(answer: Result<Answer, HttpError>) -> Self {
        match answer {
            Err(error) => Self::new(None, error.to_string()),
            // Whatever answers a page to a command is not EdgeX.
            Ok(answer) if answer.status == 200 && !answer.body().is_empty() => match answer.json::<serde_json::Value>()
            {
                Ok(_) => Self::new(Some(200), String::new()),
                Err(why) => Self { result: CommandResult::Misfit, ..Self::new(Some(200), why) },
            },
            Ok(answer) if result_of(answer.status) == CommandResult::Done => {
                Self::new(Some(answer.status), String::new())
            }
            Ok(answer) => match answer.message() {
                words if words.is_empty() => Self::new(Some(answer.status), answer.refusal()),
                words => Self::new(Some(answer.status), words),
            },
        }
    }
}

/// What a status means.
fn result_of(status: u16) -> CommandResult {
    match status {
        200..=299 => CommandResult::Done,
        401 | 403 => CommandResult::Unauthorized,
        423 => CommandResult::Locked,
        500 => CommandResult::NoAnswer,
        429 | 502..=504 => CommandResult::Unavailable,
        _ => CommandResult::Misfit,
    }
}

async fn put(sending: Sending, device: DeviceId, command: EdgexCommand) -> Done {
    // The key is the resource's name, never the command's.
    let body = serde_json::json!({ sending.names.mode.as_str(): sending.names.word(command.mode) }).to_string();
    let path = format!("/device/name/{device}/{}", sending.command);
    let start = Instant::now();
    let answer = sending.client.send(Method::PUT, &path, Some(body), sending.timeout).await;
    Done { took: start.elapsed(), ..Done::of(answer) }
}

#[cfg(test)]
mod tests {
    use shared_proto::mode::Mode;

    use super::super::http::Service;

    use super::*;

    fn command(id: &str) -> EdgexCommand {
        EdgexCommand { id: id.parse().unwrap(), mode: Mode::Degraded }
    }

    fn device(name: &str) -> DeviceId {
        name.parse().unwrap()
    }

    fn next(queue: &mut Queue) -> Option<String> {
        queue.next(2).map(|(device, command, _)| format!("{device} {}", command.id))
    }

    #[test]
    fn one_command_for_each_device_few_in_all_and_the_newest_wish() {
        let mut queue = Queue::default();
        for (name, id) in [("a", "1"), ("a", "2"), ("b", "3"), ("c", "4")] {
            queue.push(device(name), command(id));
        }
        assert_eq!(next(&mut queue).as_deref(), Some("a 2"));
        queue.push(device("a"), command("5"));
        assert_eq!(next(&mut queue).as_deref(), Some("b 3"));
        assert_eq!(next(&mut queue), None, "two are under way");
        queue.finished(&device("b"));
        assert_eq!(next(&mut queue).as_deref(), Some("c 4"), "a is busy, others pass it");
        queue.push(device("a"), command("6"));
        queue.finished(&device("a"));
        assert_eq!(next(&mut queue).as_deref(), Some("a 6"));
        queue.finished(&device("a"));
        assert_eq!(next(&mut queue), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_waited_for_long_is_not_sent_but_decided_on_anew() {
        // It takes connections and never answers: what is sent to it takes the whole timeout.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let env = [("GATEWAY_EDGEX__CORE_COMMAND_URL".into(), url.into())];
        let config = crate::config::Config::load(None, env).unwrap().edgex;
        let timeout = Duration::from_secs(6);
        let mut sink = Sink::new(Sending {
            client: config.single_client(Service::Command),
            names: config.names.clone(),
            command: config.command.clone(),
            timeout,
            parallel: 1,
        });
        sink.queue.busy.push(device("b"));
        sink.send(device("a"), command("1"));
        tokio::time::advance(timeout * 2 + Duration::from_millis(1)).await;
        sink.queue.finished(&device("b"));
        sink.pump();
        let answer = sink.next().await;
        assert_eq!((answer.device, answer.command), (device("a"), command("1").id));
        assert_eq!((answer.result, answer.status, answer.took), (CommandResult::Unavailable, None, Duration::ZERO));
    }

    #[test]
    fn a_status_says_what_became_of_the_command() {
        let html = "<html><body><h1>Timeout</h1></body></html>";
        let words = r#"{"apiVersion":"v3","message":"request failed, status code: 500, err: x","statusCode":500}"#;
        for (status, body, result) in [
            (200, r#"{"apiVersion":"v3","statusCode":200}"#, CommandResult::Done),
            (200, "", CommandResult::Done),
            (200, html, CommandResult::Misfit),
            (400, words, CommandResult::Misfit),
            (404, words, CommandResult::Misfit),
            (405, words, CommandResult::Misfit),
            (401, "", CommandResult::Unauthorized),
            (423, words, CommandResult::Locked),
            (500, words, CommandResult::NoAnswer),
            (503, html, CommandResult::Unavailable),
            (503, words, CommandResult::Unavailable),
        ] {
            let done = Done::of(Ok(Answer::new(status, body)));
            assert_eq!((done.result, done.status), (result, Some(status)), "{status} {body}");
            assert_eq!(done.detail.is_empty(), result == CommandResult::Done, "{done:?}");
        }
        let refused = Done::of(Err(HttpError::Timeout(Duration::from_secs(6))));
        assert_eq!((refused.result, refused.status), (CommandResult::Unavailable, None));
    }
}
