//! Readings by asking core-data again and again: one task for each device, so that none is asked twice at a time, few requests
//! in all, spread over the interval.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use shared_proto::ids::DeviceId;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::Happening;
use super::arrivals::Arrivals;
use super::discovery::Discovery;
use super::freshness::{Age, Clock};
use super::health::{Budget, Health};
use super::http::Client;
use super::readings::{self, Events, MissRate, Names, NoMissRate, Reading, Readings};
use crate::fleet::EdgexObserved;

/// Requests under way at one time.
const PARALLEL: usize = 8;
/// Events that are looked through for the newest with a miss rate: others are of the machine, or of commands.
const EVENTS: u8 = 5;
/// While the bus brings readings of a device, how much less often core-data is asked for it.
pub(super) const SLOWER: u32 = 5;
/// So many intervals after the last one the bus does not bring them any more: one may be late.
const BUS_SILENT: u32 = 2;
/// Readings in a row that core-data has and the bus has not brought, before that is told.
const UNHEARD: u8 = 10;

/// How core-data is asked.
#[derive(Debug, Clone)]
pub(crate) struct Asking {
    pub(crate) client: Client,
    pub(crate) names: Names,
    pub(crate) poll: Duration,
    pub(crate) max_age: Duration,
    pub(crate) timeout: Duration,
    pub(crate) clock: Clock,
}

/// Asks until it is dropped.
#[derive(Debug)]
pub(crate) struct Poller {
    asking: Arc<Asking>,
    health: Arc<Health>,
    permits: Arc<Semaphore>,
    /// None without a bus.
    bus: Option<Arrivals>,
    out: mpsc::Sender<Happening>,
}

/// What is known of a device's readings; told when it changes.
#[derive(Debug, PartialEq, Eq)]
enum State {
    New,
    Fresh,
    /// Core-data has none.
    None,
    /// The newest is too old.
    Old,
    /// It is from the future.
    Ahead,
    /// It is no miss rate.
    Unusable(String),
}

impl Poller {
    pub(crate) fn new(asking: Asking, bus: Option<Arrivals>, out: mpsc::Sender<Happening>) -> Self {
        let health = Arc::new(Health::new(asking.client.service()));
        Self { asking: Arc::new(asking), health, permits: Arc::new(Semaphore::new(PARALLEL)), bus, out }
    }

    /// Asks for these devices.
    pub(crate) async fn run(self, devices: Vec<DeviceId>) {
        let mut tasks = JoinSet::new();
        for device in devices {
            tasks.spawn(self.watcher(device).run());
        }
        // They never end.
        while tasks.join_next().await.is_some() {}
    }

    /// Asks for whatever devices core-metadata knows.
    pub(crate) async fn discover(self, discovery: Discovery) {
        let mut tasks = JoinSet::new();
        let mut known: HashMap<DeviceId, AbortHandle> = HashMap::new();
        loop {
            let found = discovery.next().await;
            known.retain(|device, task| {
                let stays = found.contains(device);
                if !stays {
                    task.abort();
                    self.bus.iter().for_each(|bus| bus.forget(device));
                }
                stays
            });
            for device in found {
                known.entry(device.clone()).or_insert_with(|| tasks.spawn(self.watcher(device).run()));
            }
            // What was aborted is not kept.
            while tasks.try_join_next().is_some() {}
        }
    }

    fn watcher(&self, device: DeviceId) -> Watcher {
        self.bus.iter().for_each(|bus| bus.watch(&device));
        Watcher {
            device,
            asking: Arc::clone(&self.asking),
            health: Arc::clone(&self.health),
            permits: Arc::clone(&self.permits),
            bus: self.bus.clone(),
            out: self.out.clone(),
            state: State::New,
            unheard: 0,
            budget: Budget::default(),
        }
    }
}

/// Asks for one device.
struct Watcher {
    device: DeviceId,
    asking: Arc<Asking>,
    health: Arc<Health>,
    permits: Arc<Semaphore>,
    bus: Option<Arrivals>,
    out: mpsc::Sender<Happening>,
    /// As it was told.
    state: State,
    /// Fresh readings in a row that came while the bus brought none, up to [`UNHEARD`].
    unheard: u8,
    budget: Budget,
}

impl Watcher {
    async fn run(mut self) {
        let poll = self.asking.poll;
        let spread = u64::try_from(poll.as_millis()).unwrap_or(u64::MAX).max(1);
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..spread))).await;
        loop {
            let asked = Instant::now();
            self.ask().await;
            if self.out.is_closed() {
                return;
            }
            self.pause(asked).await;
        }
    }

    /// Until it is time to ask again. When the bus falls silent, that is sooner.
    async fn pause(&self, asked: Instant) {
        let poll = self.asking.poll;
        let (soon, late) = (asked + poll, asked + poll.saturating_mul(SLOWER));
        loop {
            let silent_at = self.bus_silent_at().map_or(soon, |at| at.clamp(soon, late));
            if silent_at <= Instant::now() {
                return;
            }
            // By then the bus may have brought another one.
            tokio::time::sleep_until(silent_at).await;
        }
    }

    /// When the bus will not bring readings any more, if no other comes; `None` if it never brought one.
    fn bus_silent_at(&self) -> Option<Instant> {
        let last = self.bus.as_ref().and_then(|bus| bus.last(&self.device))?;
        Some(last + self.asking.poll.saturating_mul(BUS_SILENT))
    }

    /// A fresh reading has come from core-data: did the bus bring any?
    fn note_bus(&mut self) {
        if self.bus.is_none() {
            return;
        }
        if self.bus_silent_at().is_some_and(|at| at > Instant::now()) {
            if self.unheard == UNHEARD {
                tracing::info!(device = %self.device, "the message bus brings readings");
            }
            self.unheard = 0;
            return;
        }
        let before = self.unheard;
        self.unheard = before.saturating_add(1).min(UNHEARD);
        if before < UNHEARD && self.unheard == UNHEARD {
            tracing::warn!(
                device = %self.device,
                "the message bus brings no readings, core-data does: is this its broker, and edgex.bus_topic its topic?"
            );
        }
    }

    async fn ask(&mut self) {
        let Ok(permit) = self.permits.acquire().await else { return };
        let answer = self.newest().await;
        drop(permit);
        let turn = match &answer {
            Ok(_) => self.health.good(),
            Err(reason) => self.health.bad(reason),
        };
        if let Some(turn) = turn {
            self.tell(Happening::Service(turn)).await;
        }
        let Ok(newest) = answer else { return };
        let (state, observed) = self.judge(newest);
        self.note(state);
        if let Some(observed) = observed {
            self.note_bus();
            self.tell(Happening::Observed(self.device.clone(), observed)).await;
        }
    }

    fn judge(&self, newest: Result<Option<EdgexObserved>, NoMissRate>) -> (State, Option<EdgexObserved>) {
        match newest {
            Err(error) => (State::Unusable(error.to_string()), None),
            Ok(None) => (State::None, None),
            Ok(Some(observed)) => match self.asking.clock.age(observed.origin_ns, self.asking.max_age) {
                Age::Fresh => (State::Fresh, Some(observed)),
                Age::Old => (State::Old, None),
                Age::Ahead => (State::Ahead, None),
            },
        }
    }

    /// The newest that core-data has; an error is one of the service.
    async fn newest(&self) -> Result<Result<Option<EdgexObserved>, NoMissRate>, String> {
        let Asking { client, names, timeout, .. } = &*self.asking;
        let get = async |path: String| client.get(&path, *timeout).await.map_err(|error| error.to_string());
        let events = get(format!("/event/device/name/{}?limit={EVENTS}", self.device)).await?.ok::<Events>()?;
        let events = events.events.unwrap_or_default();
        let found = readings::newest(&events, names);
        let MissRate::Named(resource) = &names.miss_rate else { return Ok(found) };
        if events.is_empty() || !matches!(found, Ok(None)) {
            return Ok(found);
        }
        // All of them tell of something else: this way there is no boot or number, but the miss rate.
        let path = format!("/reading/device/name/{}/resourceName/{resource}?limit=1", self.device);
        let readings = get(path).await?.ok::<Readings>()?;
        Ok(readings.readings.unwrap_or_default().first().map(Reading::observed).transpose())
    }

    async fn tell(&self, happening: Happening) {
        // Only fails when the controller ends.
        let _ = self.out.send(happening).await;
    }

    fn note(&mut self, state: State) {
        if state == self.state || !self.budget.allows() {
            return;
        }
        let device = &self.device;
        match &state {
            State::Fresh if self.state == State::New => tracing::info!(%device, "readings come from EdgeX"),
            State::Fresh => tracing::info!(%device, "readings come from EdgeX again"),
            State::None => tracing::warn!(
                %device,
                "EdgeX has no miss rate of the device: is it registered, and does its agent publish (topic incoming/data)?"
            ),
            State::Old => {
                tracing::warn!(%device, "the newest reading in EdgeX is too old to decide by (edgex.max_age_ms)")
            }
            State::Ahead => tracing::warn!(%device, "readings come from the future: EdgeX' clock and this one differ"),
            State::Unusable(why) => tracing::warn!(%device, why, "the miss rate in EdgeX cannot be used"),
            State::New => {}
        }
        self.state = state;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::config::Config;
    use crate::edgex::http::Service;

    const NOW: i64 = 1_763_690_000_000_000_000;
    const SECOND: i64 = 1_000_000_000;

    /// Asks nobody; its clock is in the test's hands.
    fn watcher(clock: &Arc<AtomicI64>) -> Watcher {
        let config = Config::load(None, []).unwrap().edgex;
        let clock = Arc::clone(clock);
        let asking = Asking {
            client: config.single_client(Service::Data),
            names: config.names.clone(),
            poll: config.poll,
            max_age: config.max_age,
            timeout: config.timeout,
            clock: Clock::new(move || clock.load(Ordering::Relaxed)),
        };
        let poller = Poller::new(asking, None, mpsc::channel(1).0);
        poller.watcher("pi-1".parse().unwrap())
    }

    fn reading(origin: i64) -> Result<Option<EdgexObserved>, NoMissRate> {
        let reading = serde_json::json!({"origin": origin, "resourceName": "miss_rate", "valueType": "Float64", "value": "0e+00"});
        serde_json::from_value::<Reading>(reading).unwrap().observed().map(Some)
    }

    #[tokio::test(start_paused = true)]
    async fn in_500_seconds_of_silence_the_last_reading_is_handed_on_while_it_is_fresh() {
        let clock = Arc::new(AtomicI64::new(NOW));
        let mut watcher = watcher(&clock);
        let mut states = Vec::new();
        for second in 0..500 {
            clock.store(NOW + second * SECOND, Ordering::Relaxed);
            tokio::time::advance(Duration::from_secs(1)).await;
            let (state, observed) = watcher.judge(reading(NOW));
            assert_eq!(observed.is_some(), second <= 5, "after {second} s");
            if state != watcher.state {
                states.push(second);
            }
            watcher.note(state);
        }
        assert_eq!(states, [0, 6], "two things to tell");
        assert_eq!(watcher.judge(reading(NOW + 600 * SECOND)).0, State::Ahead);
        assert_eq!(watcher.judge(Ok(None)).0, State::None);
    }

    #[tokio::test(start_paused = true)]
    async fn core_data_is_asked_less_often_while_the_bus_brings_readings_and_sooner_when_it_falls_silent() {
        let mut watcher = watcher(&Arc::new(AtomicI64::new(NOW)));
        let bus = Arrivals::default();
        bus.watch(&watcher.device);
        watcher.bus = Some(bus.clone());
        let seconds = |start: Instant| start.elapsed().as_secs();

        // A bus that is there and brings nothing changes nothing.
        let start = Instant::now();
        watcher.pause(start).await;
        assert_eq!(seconds(start), 1);

        let start = Instant::now();
        let brings = async |times: i64| {
            for second in 0..times {
                bus.note(&watcher.device, second);
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        tokio::join!(
            async {
                watcher.pause(start).await;
                assert_eq!(seconds(start), u64::from(SLOWER))
            },
            brings(6)
        );

        // The last comes after two seconds.
        let start = Instant::now();
        tokio::join!(
            async {
                watcher.pause(start).await;
                assert_eq!(seconds(start), 2 + u64::from(BUS_SILENT))
            },
            brings(3)
        );

        // Another device's are none of this one's.
        tokio::time::sleep(Duration::from_secs(60)).await;
        bus.watch(&"pi-2".parse().unwrap());
        bus.note(&"pi-2".parse().unwrap(), 0);
        let start = Instant::now();
        watcher.pause(start).await;
        assert_eq!(seconds(start), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_bus_that_brings_nothing_is_told_once_and_its_return_too() {
        let mut watcher = watcher(&Arc::new(AtomicI64::new(NOW)));
        let bus = Arrivals::default();
        bus.watch(&watcher.device);
        watcher.bus = Some(bus.clone());
        (0..UNHEARD + 5).for_each(|_| watcher.note_bus());
        assert_eq!(watcher.unheard, UNHEARD, "told at the tenth, and not again");
        bus.note(&watcher.device, 0);
        watcher.note_bus();
        assert_eq!(watcher.unheard, 0);
    }
}
