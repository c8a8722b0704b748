//! A fleet from its first connection to the comparison at the end.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fastrand::Rng;
use gateway_controller::fleet::DeviceView;
use shared_host::mqtt::BrokerUrl;
use shared_proto::histogram::Latency;
use shared_proto::ids::{DeviceId, TopicRoot};
use shared_proto::limits::MAX_REPORT;
use shared_proto::policy::PolicyConfig;
use shared_proto::wire::Totals;
use tokio::sync::watch;
use tokio::task::{JoinHandle, LocalSet};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::compare::Comparison;
use super::connection::Connection;
use super::controller::{Controller, devices, until_up};
use super::device::{Common, Device};
use super::limits::allow_connections;
use super::options::Options;
use super::outcome::{Outcome, Spread, figures, per_second};
use super::process::{Usage, Used};
use super::scenario::Span;
use super::shared::{Counters, Phase, Shared, Trace};
use super::wire::SCRATCH;
use super::workload::Spreads;
use crate::broker::{Broker, BrokerError, Kind, open_broker};
use crate::error::ShowError;
use crate::interrupts::Interrupts;

/// Connections that the embedded broker takes from here.
const EMBEDDED_MOST: u32 = 900;
/// With which the names of the devices begin.
const PREFIX: &str = "sim-";
/// How long the last devices may take to connect, and at the end the last reports to be delivered and counted.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LINE_EVERY: Duration = Duration::from_secs(1);

/// Who is there besides the devices.
struct Around {
    url: BrokerUrl,
    broker: Option<Broker>,
    /// Held to the end.
    _controller: Option<Controller>,
    socket: Option<PathBuf>,
    broker_pid: Option<u32>,
    controller_pid: Option<u32>,
    root: TopicRoot,
    before: HashMap<DeviceId, DeviceView>,
}

type Tasks = Vec<JoinHandle<io::Result<Vec<Device>>>>;

/// Runs a fleet.
///
/// # Errors
/// [`ShowError`] says which part failed. Counts that disagree are no error here: [`Outcome::is_good`] tells.
pub async fn fleet(options: &Options) -> Result<Outcome, ShowError> {
    LocalSet::new().run_until(run(options)).await
}

async fn run(options: &Options) -> Result<Outcome, ShowError> {
    let mut interrupts = Interrupts::new()?;
    let connections = options.connections.map_or(options.devices, |given| given.get().min(options.devices));
    allow_connections(connections)?;
    let around = Around::prepare(options, connections).await?;
    let shared = Rc::new(shared(options, &around).await?);
    let (phase, phases) = watch::channel(Phase::Running);
    let tasks = start(options, connections, &shared, &phases);

    if let Err(error) = until_connected(options, &shared, &mut interrupts).await {
        // Those that are there leave in good order.
        let _ = phase.send(Phase::Leaving);
        let _ = timeout(PATIENCE, ended(tasks)).await;
        return Err(error);
    }
    {
        // What it took to come up is no part of the measurement.
        let mut counters = shared.counters.borrow_mut();
        (counters.puback, counters.decision) = (Latency::default(), Latency::default());
    }
    let before = (shared.counters.borrow().clone(), Instant::now(), around.usages());
    watch_for(options, &shared, &around, &mut interrupts).await;
    let after = (shared.counters.borrow().clone(), around.usages());
    let seconds = before.1.elapsed().as_secs_f64();

    let _ = phase.send(Phase::Draining);
    let undelivered = drained(connections, &shared).await;
    // The devices stay connected meanwhile: what the controller misses it can ask for.
    let told = tell_totals(&around, &phase, tasks).await?;
    let (counters, [fleet, controller, broker]) = after;
    let used = |now: Option<Usage>, then: Option<Usage>| Some(now?.since(&then?));
    let counters = counters.since(&before.0);
    let (sent_per_s, acked_per_s, report_bytes) = figures(&counters, seconds);
    let [fleet_before, controller_before, broker_before] = before.2;
    Ok(Outcome {
        devices: options.devices,
        connections,
        interval_ms: shared.common.interval_us / 1_000,
        seconds,
        sent_per_s,
        acked_per_s,
        report_bytes,
        puback: Spread::of(&counters.puback),
        commands: counters.commands,
        bad_commands: counters.bad_commands,
        expired: counters.expired,
        decision: Spread::of(&counters.decision),
        late: counters.late,
        degraded: counters.degraded,
        recovered: counters.recovered,
        reconnects: counters.reconnects,
        lost: counters.lost,
        failed: counters.failed,
        last_trouble: counters.last_trouble,
        restarts: counters.restarts,
        resent: counters.resent,
        asked_for: counters.asked_for,
        merged: counters.merged,
        controller: used(controller, controller_before),
        broker: used(broker, broker_before),
        fleet: used(fleet, fleet_before),
        undelivered,
        totals: told,
    })
}

impl Around {
    async fn prepare(options: &Options, connections: u32) -> Result<Self, ShowError> {
        let (broker, url) = open(options, connections)?;
        let root = match &options.root {
            Some(root) => root.clone(),
            None => format!("fleet-{}", std::process::id()).parse().map_err(io::Error::other)?,
        };
        let mut controller = if options.with_controller {
            let program = options.controller_program.as_deref();
            Some(Controller::start(program, &url, &root, options.devices, &options.set)?)
        } else {
            None
        };
        let socket = controller.as_ref().map(Controller::socket).or_else(|| options.control_socket.clone());
        let before = match &socket {
            Some(socket) => {
                until_up(&mut controller, socket).await?;
                devices(socket).await?
            }
            None => HashMap::new(),
        };
        let broker_pid = broker.as_ref().and_then(Broker::pid).or(options.broker_pid.map(Into::into));
        let controller_pid = controller.as_ref().map(Controller::pid).or(options.controller_pid.map(Into::into));
        Ok(Self { url, broker, _controller: controller, socket, broker_pid, controller_pid, root, before })
    }

    /// This program, the controller, the broker.
    fn usages(&self) -> [Option<Usage>; 3] {
        let pids = [Some(std::process::id()), self.controller_pid, self.broker_pid];
        pids.map(|pid| pid.and_then(Usage::of))
    }
}

/// As in deploy/mosquitto: beyond its own 1,000 messages Mosquitto drops what a reader, the controller, has not taken yet.
const QUEUES: &str = "allow_anonymous true\nmax_queued_messages 20000\nmax_queued_bytes 33554432";

/// The broker that was named; else Mosquitto; else, where that is not installed, the embedded one.
fn open(options: &Options, connections: u32) -> Result<(Option<Broker>, BrokerUrl), ShowError> {
    if options.broker.is_some() {
        return Ok(open_broker(options.broker.as_ref())?);
    }
    match Broker::start(Kind::Mosquitto { extra: Some(QUEUES.to_owned()) }) {
        Ok(broker) => {
            let url = broker.url().parse().map_err(|why| BrokerError::Url { url: broker.url(), why })?;
            Ok((Some(broker), url))
        }
        Err(BrokerError::Start { why, .. }) if why.kind() == io::ErrorKind::NotFound => {
            if connections > EMBEDDED_MOST {
                return Err(ShowError::SmallBroker(EMBEDDED_MOST));
            }
            Ok(open_broker(None)?)
        }
        Err(error) => Err(error.into()),
    }
}

async fn shared(options: &Options, around: &Around) -> Result<Shared, ShowError> {
    let address = (around.url.host(), around.url.port());
    let resolved = tokio::task::spawn_blocking(move || address.to_socket_addrs().map(Vec::from_iter)).await;
    let addresses: Vec<SocketAddr> = resolved.map_err(io::Error::other)??;
    let broker = addresses.first().copied().ok_or_else(|| io::Error::other("the broker has no address"))?;
    let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Shared {
        broker,
        root: around.root.clone(),
        common: Common {
            interval_us: u64::try_from(options.interval().as_micros()).unwrap_or(u64::MAX),
            policy: PolicyConfig::default(),
            spreads: Spreads::default(),
            epoch_ms: u64::try_from(epoch.as_millis()).unwrap_or(u64::MAX),
        },
        trace: if around.broker.is_some() { Trace::Stays } else { Trace::Cleared },
        counters: RefCell::new(Counters::default()),
        read: RefCell::new(vec![0; SCRATCH]),
        write: RefCell::new(vec![0; MAX_REPORT]),
        drained: Cell::new(0),
        start: Instant::now(),
    })
}

/// Starts the connections, so many devices a second.
fn start(options: &Options, connections: u32, shared: &Rc<Shared>, phases: &watch::Receiver<Phase>) -> Tasks {
    let mut rng = Rng::with_seed(options.seed);
    // A controller that still knows a run from before would take it for that.
    let mut boots = Rng::new();
    let at_us = |number: u32| u64::from(number) * 1_000_000 / u64::from(options.ramp.get());
    let span = Span {
        begin_us: at_us(options.devices) + 1_000_000,
        length_us: options.seconds.get().saturating_mul(1_000_000),
    };
    let mut devices = (0..options.devices).filter_map(|number| {
        let mut rng = rng.fork();
        let plan = options.scenario.plan(number, span, &mut rng);
        let id = format!("{PREFIX}{:05}", number + 1).parse().ok()?;
        let begin_us = at_us(number) + rng.u64(..shared.common.interval_us);
        let mut device = Device::new(id, plan, begin_us, rng, boots.fork());
        device.begin(begin_us, &shared.common);
        Some(device)
    });
    let mut tasks = Tasks::new();
    let mut left = options.devices;
    let mut begun = 0;
    for number in 0..connections {
        let size = left.div_ceil(connections - number);
        let own: Vec<Device> = devices.by_ref().take(size.try_into().unwrap_or(usize::MAX)).collect();
        let (shared, seed) = (Rc::clone(shared), Rng::with_seed(options.seed ^ u64::from(number) << 32));
        let connection = Connection::new(tasks.len(), own, shared, phases.clone(), seed);
        tasks.push(tokio::task::spawn_local(connection.live(at_us(begun))));
        left -= size;
        begun += size;
    }
    tasks
}

async fn until_connected(options: &Options, shared: &Shared, interrupts: &mut Interrupts) -> Result<(), ShowError> {
    let ramp = Duration::from_secs(u64::from(options.devices / options.ramp.get()));
    let begin = Instant::now();
    loop {
        let (up, trouble) = {
            let counters = shared.counters.borrow();
            (counters.ever_connected, counters.last_trouble.clone())
        };
        if up == usize::try_from(options.devices).unwrap_or(usize::MAX) {
            return Ok(());
        }
        if begin.elapsed() > ramp + PATIENCE {
            return Err(ShowError::NotUp { up, devices: options.devices, trouble: trouble.unwrap_or_default() });
        }
        tokio::select! {
            () = sleep(LOOK_EVERY) => {}
            () = interrupts.next() => return Err(ShowError::Interrupted),
        }
    }
}

/// Lets the time of the measurement pass, with a line a second.
async fn watch_for(options: &Options, shared: &Shared, around: &Around, interrupts: &mut Interrupts) {
    let mut ticks = interval(LINE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    let mut before = (shared.counters.borrow().clone(), Instant::now(), around.usages());
    for second in 1..=options.seconds.get() {
        tokio::select! {
            _ = ticks.tick() => {}
            () = interrupts.next() => return,
        }
        let now = (shared.counters.borrow().clone(), Instant::now(), around.usages());
        let passed_s = now.1.duration_since(before.1).as_secs_f64();
        let [sent, acked, commands] = [
            now.0.reports_sent - before.0.reports_sent,
            now.0.reports_acked - before.0.reports_acked,
            now.0.commands - before.0.commands,
        ]
        .map(|count| per_second(count, passed_s));
        let [_, controller, broker] = [0, 1, 2].map(|at| {
            let (now, then) = (now.2.get(at)?.as_ref()?, before.2.get(at)?.as_ref()?);
            Some(now.since(then))
        });
        let cpu = |used: Option<Used>| {
            used.map_or("-".to_owned(), |used| format!("{:.0} % {} MiB", used.cpu_percent, used.rss_kib / 1024))
        };
        let counters = &now.0;
        // A closed standard error is no reason to stop.
        let _ = writeln!(
            io::stderr(),
            "{second:>5} s  {:>5} up  {sent:>6.0} sent/s  {acked:>6.0} acked/s  {commands:>5.0} commands/s  {} degraded, {} recovered  \
             {} reconnects  controller {}  broker {}",
            counters.connected,
            counters.degraded,
            counters.recovered,
            counters.reconnects,
            cpu(controller),
            cpu(broker)
        );
        before = now;
    }
}

/// Waits until everything is delivered; tells how many connections have something left.
async fn drained(connections: u32, shared: &Shared) -> usize {
    let all = usize::try_from(connections).unwrap_or(usize::MAX);
    let patience = Instant::now() + PATIENCE;
    while shared.drained.get() < all && Instant::now() < patience {
        sleep(LOOK_EVERY).await;
    }
    all.saturating_sub(shared.drained.get())
}

/// Ends the devices and compares their counts with the controller's, which may take a moment to read what the broker has for it.
async fn tell_totals(
    around: &Around,
    phase: &watch::Sender<Phase>,
    tasks: Tasks,
) -> Result<Option<Comparison>, ShowError> {
    if let Some(socket) = &around.socket {
        until_settled(socket).await?;
    }
    let _ = phase.send(Phase::Leaving);
    let own = timeout(PATIENCE, ended(tasks)).await.map_err(io::Error::other)??;
    let Some(socket) = &around.socket else { return Ok(None) };
    let after = devices(socket).await?;
    Ok(Some(Comparison::of(own.iter().map(|(id, totals)| (id, *totals)), &around.before, &after)))
}

/// Waits for all devices; what each has counted.
async fn ended(tasks: Tasks) -> io::Result<Vec<(DeviceId, Totals)>> {
    let mut own = Vec::new();
    for task in tasks {
        let devices = task.await.map_err(io::Error::other)??;
        own.extend(devices.into_iter().map(|device| (device.id, device.lifetime)));
    }
    Ok(own)
}

/// Waits until the controller counts no more and misses nothing, while the devices are still there to be asked.
async fn until_settled(socket: &Path) -> Result<(), ShowError> {
    let patience = Instant::now() + PATIENCE;
    let mut before = None;
    loop {
        let views = devices(socket).await?;
        let own = views.values().filter(|view| view.device.as_str().starts_with(PREFIX));
        let sum = own.fold((0u64, 0u64), |(jobs, missing), view| {
            (jobs.saturating_add(view.jobs), missing.saturating_add(view.missing_jobs))
        });
        let settled = before == Some(sum) && sum.1 == 0;
        if settled || Instant::now() > patience {
            return Ok(());
        }
        before = Some(sum);
        sleep(LOOK_EVERY * 5).await;
    }
}
