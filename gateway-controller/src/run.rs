//! The program's loop: broker, fleet, control socket and clock, in one task.

use std::time::Duration;

use shared_host::control::{self, ControlError, Incoming, Questions, Server};
use shared_host::key_file::KeyFileError;
use shared_host::mqtt::{self, Event as Transport, Events, Message, PublishError, Publisher, Received};
use shared_proto::ids::DeviceId;
use tokio::time::Instant;

use crate::config::{Below, Config, Control};
use crate::edgex::{self, BusTopics, Edgex, Happening, Source, Turn};
use crate::event::{Event, Record};
use crate::fleet::{Action, Command, Fleet, Moment, Payload};
use crate::keyring::Keyring;
use crate::kubeedge::Bridge;
use crate::link::{Topics, options};
use crate::protocol::{BrokerView, Gone, Request, answer};
use crate::refusals::{Refusals, Subject};
use crate::sink::EventSink;
use crate::sites::{SiteAction, SiteTopics, Sites};
use crate::upstream::{Ending, Upstream, UpstreamError};
use crate::wall_clock::wall_clock_ms;

/// How long the last commands may wait for the broker when the program ends.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// Runs the controller until `stop` is ready, then disconnects in good order. Devices keep their mode until their lease
/// ends: another controller, or this one again, takes over without a gap.
///
/// Needs a tokio runtime with sockets and time. A broker that is away is waited for.
///
/// # Errors
/// [`StartError`] if the control socket cannot be opened or a key cannot be read.
pub async fn run(config: Config, stop: impl Future<Output = ()>, events: impl EventSink) -> Result<(), StartError> {
    run_with(config, stop, events, None).await
}

/// The same, with questions from other threads of this process beside those of the control socket.
///
/// # Errors
/// As [`run`].
pub async fn run_with(
    config: Config,
    stop: impl Future<Output = ()>,
    events: impl EventSink,
    questions: Option<Questions<Request>>,
) -> Result<(), StartError> {
    let control = match &config.control {
        Control::Off => None,
        Control::At(path) => Some(control::serve::<Request>(path)?),
    };
    let keyring = Keyring::read(config.security.as_ref())?;
    if !keyring.is_empty() {
        tracing::info!(devices = keyring.len(), "keys of devices read");
    }
    let bus = (config.source == Source::EdgexBus).then(|| BusTopics::new(&config.edgex));
    let edgex = Edgex::start(&config.edgex, config.source, config.sink, bus.as_ref());
    let topics =
        Topics::new(config.root.clone(), config.dialects).with(keyring).with_bus(bus).in_group(config.group.as_ref());
    let kubeedge = Bridge::start(&config.kubeedge);
    let sites = match config.sites {
        Below::Ignored => None,
        Below::Heard => Some((SiteTopics::new(config.root.clone()), Sites::default())),
    };
    let upstream = match config.upstream.clone() {
        Some(settings) => Some(Box::new(Upstream::start(settings, Moment::default())?)),
        None => None,
    };
    let (publisher, transport, url) = match config.source {
        Source::EdgexRest => (None, None, config.edgex.core_data.to_string()),
        Source::Mqtt | Source::EdgexBus => {
            let mut options = options(&config, &topics);
            options.filters.extend(kubeedge.filters());
            options.filters.extend(sites.iter().flat_map(|(topics, _)| topics.filters()));
            let (publisher, transport) = mqtt::start(options, |_| None);
            (Some(publisher), Some(transport), config.mqtt.url.to_string())
        }
    };
    match config.source {
        Source::Mqtt => tracing::info!(broker = %config.mqtt.url, root = %config.root, "started"),
        Source::EdgexRest => tracing::info!(core_data = %config.edgex.core_data, "started with EdgeX"),
        Source::EdgexBus => {
            let core_data = &config.edgex.core_data;
            tracing::info!(broker = %config.mqtt.url, %core_data, "started with EdgeX and its message bus");
        }
    }
    let mut fleet =
        Fleet::new(config.fleet, fastrand::u32(..)).tied(edgex::tie(&config.edgex, config.source, config.sink));
    if let Some(group) = &config.group {
        tracing::info!(group = format_args!("{:08x}", group.mark()), "shares the reports with the others of its group");
        fleet = fleet.in_group(group.mark());
    }
    let controller = Controller {
        fleet,
        edgex,
        attempts: 0,
        topics,
        publisher: publisher.clone(),
        refusals: Refusals::default(),
        kubeedge,
        sites,
        upstream,
        events,
        url,
        down: Some("connecting".into()),
        start: Instant::now(),
        actions: Vec::new(),
    };
    let ending = controller.serve(transport, control, questions, stop).await;
    if let Some(publisher) = publisher {
        publisher.close(CLOSE_LIMIT).await;
    }
    if let Some(ending) = ending
        && tokio::task::spawn_blocking(|| ending.wait()).await.is_err()
    {
        tracing::error!("nobody knows how the thread for the site above ended");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Why a controller cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The control socket cannot be opened.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// What is to be forwarded of this site cannot be.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// A key of a device cannot be read.
    #[error("security.keys_dir: {0}")]
    Key(#[from] KeyFileError),
}

struct Controller<S> {
    fleet: Fleet,
    edgex: Edgex,
    /// Times that core-data began or ceased to answer.
    attempts: u64,
    topics: Topics,
    /// Not without a broker.
    publisher: Option<Publisher>,
    refusals: Refusals,
    kubeedge: Bridge,
    /// Not unless they are listened to.
    sites: Option<(SiteTopics, Sites)>,
    upstream: Option<Box<Upstream>>,
    events: S,
    url: String,
    /// Why there is no connection; `None` while there is one.
    down: Option<String>,
    start: Instant,
    /// Empty between two inputs; kept for its memory.
    actions: Vec<Action>,
}

impl<S: EventSink> Controller<S> {
    async fn serve(
        mut self,
        mut transport: Option<Events>,
        mut control: Option<Server<Request>>,
        mut questions: Option<Questions<Request>>,
        stop: impl Future<Output = ()>,
    ) -> Option<Ending> {
        tokio::pin!(stop);
        let mut dropped = 0;
        loop {
            let wake = self.next_wake();
            tokio::select! {
                () = &mut stop => break,
                event = next_event(&mut transport) => match event {
                    Some(event) => self.take(event),
                    None => break,
                },
                incoming = next_request(&mut control) => self.answer(incoming),
                incoming = next_question(&mut questions) => self.answer(incoming),
                happening = self.edgex.next() => self.happen(happening),
                news = self.kubeedge.next() => {
                    let now = self.now();
                    self.kubeedge.take(news, now, &mut self.fleet, &mut self.refusals, &mut self.actions);
                }
                () = sleep_until(wake) => {
                    let now = self.now();
                    self.fleet.tick(now, &mut self.actions);
                    self.kubeedge.tick(now, &mut self.fleet, self.publisher.as_ref(), &mut self.actions);
                    self.refusals.tick(now);
                    if let Some(upstream) = &mut self.upstream {
                        upstream.tick(now, wall_clock_ms(), &self.fleet);
                    }
                }
            }
            self.act();
            let dropped_now = transport.as_ref().map_or(0, Events::dropped);
            if dropped_now > dropped {
                dropped = dropped_now;
                let now = self.now();
                self.refusals.note(now, Subject::Overflow, "any", format!("{dropped} so far"));
            }
        }
        let now = self.now();
        self.upstream.map(|upstream| upstream.end(now, wall_clock_ms(), &self.fleet))
    }

    fn answer(&mut self, Incoming { request, reply }: Incoming<Request>) {
        let now = self.now();
        if let Request::Forget { device } = &request
            && self.fleet.view_of(device, now).is_none()
            && let Some(forgotten) = self.forget_site(device)
        {
            match forgotten {
                Ok(()) => reply.send(&Gone { device: device.clone() }),
                Err(error) => reply.refuse(format!("{device}: {error}")),
            }
            return;
        }
        let broker = BrokerView { url: self.url.clone(), down: self.down.clone() };
        let sites = self.sites.as_ref().map(|(_, sites)| sites);
        answer(&mut self.fleet, sites, broker, now, request, reply, &mut self.actions);
    }

    /// Forgets a site of this name; `None` if there is none.
    fn forget_site(&mut self, name: &DeviceId) -> Option<Result<(), String>> {
        let (topics, sites) = self.sites.as_mut()?;
        let site = name.as_str().parse().ok()?;
        let publisher = self.publisher.as_ref()?;
        if self.down.is_some() {
            return sites
                .knows(&site)
                .then(|| Err("no connection to the broker, which would bring it back".to_owned()));
        }
        let forgotten = sites.forget(&site)?;
        Some(forgotten.map_err(|error| error.to_string()).and_then(|()| {
            publisher.try_publish(topics.clear_status(&site)).map(drop).map_err(|error| error.to_string())
        }))
    }

    fn now(&self) -> Moment {
        Moment::from_micros(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn next_wake(&self) -> Option<Instant> {
        let upstream = self.upstream.as_ref().map(|upstream| upstream.next_wake());
        let wakes = [self.fleet.next_wake(), self.kubeedge.next_wake(), self.refusals.next_wake(), upstream];
        let soonest = wakes.into_iter().flatten().min()?;
        self.start.checked_add(Duration::from_micros(soonest.as_micros()))
    }

    fn take(&mut self, event: Transport) {
        match event {
            Transport::Up { conn } => {
                tracing::info!(conn, "connected");
                self.down = None;
                self.fleet.link_up(conn, &mut self.actions);
                if let Some((_, sites)) = &mut self.sites {
                    sites.link_up(conn);
                }
                self.kubeedge.link_up(self.now());
            }
            Transport::Down { conn, reason } => {
                // The same trouble again and again, while the broker is away, is no news.
                if self.down.as_ref() != Some(&reason) {
                    tracing::warn!(conn, reason, "no connection");
                    self.down = Some(reason.clone());
                }
                if let Some((_, sites)) = &mut self.sites {
                    sites.link_down();
                }
                self.fleet.link_down(conn, reason, &mut self.actions);
            }
            Transport::Message(received) => {
                let now = self.now();
                if self.kubeedge.take_message(&received, now, &mut self.refusals) {
                    return;
                }
                if self.take_from_below(now, &received) {
                    return;
                }
                if let Some(upstream) = &mut self.upstream {
                    upstream.heard(received.topic.len().saturating_add(received.payload.len()));
                }
                self.topics.take(&mut self.fleet, now, &received, &mut self.refusals, &mut self.actions);
            }
            Transport::Oversize { topic, bytes } => {
                let now = self.now();
                Topics::refuse_oversize(&mut self.refusals, now, &topic, bytes);
            }
            // Commands are not queued: what got lost is sent again while device and controller do not agree.
            Transport::Acked(_) => {}
        }
    }

    /// Whether it was a message of a site.
    fn take_from_below(&mut self, now: Moment, received: &Received) -> bool {
        let Some((topics, sites)) = &mut self.sites else { return false };
        let mut told = Vec::new();
        let Some(taken) = topics.take(sites, now, received, &mut told) else { return false };
        if let Err(reason) = taken {
            self.refusals.note(now, Subject::Site, &received.topic, reason);
        }
        for action in told {
            match action {
                SiteAction::Tell(event) => self.actions.push(Action::Tell(event)),
                SiteAction::Ask(site, missing) => {
                    let Some(publisher) = &self.publisher else { continue };
                    let Some(message) = topics.ask(&site, &missing) else { continue };
                    // It is asked again later.
                    if let Err(error) = publisher.try_publish(message) {
                        tracing::debug!(%site, %error, "a site is not asked for what is missing");
                    }
                }
            }
        }
        true
    }

    fn happen(&mut self, happening: Happening) {
        let now = self.now();
        match happening {
            Happening::Observed(device, observed) => {
                if let Err(refused) = self.fleet.edgex(now, &device, &observed, &mut self.actions) {
                    self.refusals.note(now, Subject::Device, device.as_str(), refused.to_string());
                }
            }
            Happening::Answered(answer) => self.fleet.edgex_answer(now, &answer, &mut self.actions),
            // Beside a broker core-data is not what the controller listens to.
            Happening::Service(_) if self.publisher.is_some() => {}
            Happening::Service(turn) => {
                self.attempts = self.attempts.saturating_add(1);
                match turn {
                    Turn::Up => {
                        self.down = None;
                        self.fleet.link_up(self.attempts, &mut self.actions);
                    }
                    Turn::Down(reason) => {
                        self.down = Some(reason.clone());
                        self.fleet.link_down(self.attempts, reason, &mut self.actions);
                    }
                }
            }
        }
    }

    fn act(&mut self) {
        let now = self.now();
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            match action {
                Action::Tell(event) => self.tell(event),
                Action::Send(Command { device, payload: Payload::Edgex(command) }) => self.edgex.send(device, command),
                Action::Send(command) => {
                    let Some(message) = self.topics.message(&command) else { continue };
                    self.publish(now, message, &command.device);
                }
                Action::Share(shared) => {
                    let Some(message) = self.topics.share(&shared) else { continue };
                    self.publish(now, message, &shared.device);
                }
                Action::ClearStatus(device) => {
                    let message = self.topics.clear_status(&device);
                    self.publish(now, message, &device);
                }
            }
        }
        self.actions = actions;
    }

    fn tell(&mut self, event: Event) {
        let t_ms = wall_clock_ms();
        if let Some(upstream) = &mut self.upstream {
            upstream.take(t_ms, &event);
        }
        self.events.take(Record { t_ms, event });
    }

    fn publish(&mut self, now: Moment, message: Message, device: &DeviceId) {
        let Some(publisher) = &self.publisher else { return };
        match publisher.try_publish(message) {
            // While the broker is away the fleet sends nothing, once it has heard of it.
            Ok(_) | Err(PublishError::Down) => {}
            // A command is sent again while it is needed.
            Err(error) => self.refusals.note(now, Subject::Command, device.as_str(), error.to_string()),
        }
    }
}

async fn next_event(transport: &mut Option<Events>) -> Option<Transport> {
    match transport {
        Some(events) => events.next().await,
        None => std::future::pending().await,
    }
}

async fn next_request(control: &mut Option<Server<Request>>) -> Incoming<Request> {
    match control {
        Some(server) => server.next().await,
        None => std::future::pending().await,
    }
}

async fn next_question(questions: &mut Option<Questions<Request>>) -> Incoming<Request> {
    match questions {
        Some(questions) => questions.next().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use shared_host::control::ask;
    use tokio::sync::oneshot;

    use super::*;
    use crate::protocol::{Devices, Health, WishWord};

    /// The demo runs it beside other tasks.
    #[test]
    fn it_can_be_spawned() {
        fn spawnable(_: impl Future<Output = Result<(), StartError>> + Send + 'static) {}
        let config = Config::embedded("mqtt://localhost".parse().unwrap()).unwrap();
        spawnable(run(config, std::future::pending(), |_| {}));
    }

    #[test]
    fn without_a_broker_it_answers_and_stops_when_asked() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control.sock");
        // Nobody listens on port 1.
        let mut config = Config::embedded("mqtt://127.0.0.1:1".parse().unwrap()).unwrap();
        config.control = Control::At(path.clone());
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, wait) = std::sync::mpsc::channel();
        let controller = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let stopped = async move { drop(stopped.await) };
            let events = move |record: Record| drop(ready.send(record));
            runtime.block_on(run(config, stopped, events))
        });
        // The first event is that the broker is away: by then the socket is open.
        assert!(matches!(wait.recv().unwrap().event, crate::event::Event::Link(_)));
        let Health { broker } = ask(&path, &Request::Health).unwrap();
        assert!(broker.down.is_some() && broker.url.ends_with(":1"), "{broker:?}");
        assert_eq!(ask::<_, Devices>(&path, &Request::Devices).unwrap().devices, []);
        let request = Request::SetMode { device: "pi-1".parse().unwrap(), wish: WishWord::Degraded };
        let refused = ask::<_, Devices>(&path, &request).unwrap_err().to_string();
        assert!(refused.contains("pi-1"), "{refused}");
        drop(stop);
        controller.join().unwrap().unwrap();
        assert!(!path.exists());
    }
}
