//! What happens at a device: its task, its supervisor, its connection.

use shared_host::json;
use shared_host::lab_sign::Wall;
use shared_host::mqtt::{Event as Transport, Received};
use shared_proto::ids::BootId;
use shared_proto::mode::ModeSource;
use shared_proto::wire::Totals;

use super::faults::Power;
use super::happenings::Happening;
use super::judge::{Answers, Broken, Fate, Law, Remains, Verdict};
use super::network::WireId;
use super::packet::Packet;
use super::run::IN_FLIGHT;
use super::time::Time;
use super::trace::Node;
use super::watch::Wish;
use super::world::{Event, World};

/// How often a supervisor reads the ring, and how often while a mode waits for the next release.
const DRAIN_MS: u64 = 20;
const DRAIN_SWITCHING_MS: u64 = 1;
/// Reports that may have been sent and wait again, and those under way, at most: see the spool.
const MOST_SENT: usize = 256 + 3 * IN_FLIGHT;
/// Answers that an agent keeps for the connection, and commands that it remembers, at most.
const MOST_ANSWERS: usize = 64 + IN_FLIGHT;
const MOST_COMMANDS: usize = 32 + 16;

impl World {
    pub(super) fn start_device(&mut self, index: usize) {
        let now = self.now;
        let Some(device) = self.devices.get_mut(index).filter(|device| device.alive.is_none()) else { return };
        let Some(boot) = device.start(&self.plan, now) else { return };
        let start = device.starts;
        let release = device.next_release().unwrap_or(now);
        self.trace.note(now, Node::Device(index), "starts", &boot.0.to_le_bytes(), || format!("run {boot}"));
        if let Some(watch) = self.watches.get_mut(index) {
            watch.starts.insert(boot, start);
            watch.modes.restarted();
            watch.leases = Default::default();
        }
        self.at(release, Event::Release { device: index, start });
        self.drain_at(index, now.plus_ms(DRAIN_MS));
        self.at(now.plus_ms(self.plan.report_ms), Event::Report { device: index, start });
    }

    /// What the running agent's thread has counted, if that run is running.
    pub(super) fn counted(&self, index: usize, boot: BootId) -> Option<Totals> {
        let device = self.devices.get(index)?;
        let alive = device.alive.as_ref().filter(|alive| alive.run.boot == boot)?;
        Some(alive.run.task.counted_at(device.clock.read(self.now)))
    }

    fn is_current(&self, index: usize, start: u64) -> bool {
        let device = self.devices.get(index).filter(|device| device.starts == start);
        device.and_then(|device| device.alive.as_ref()).is_some_and(|alive| alive.leaves.is_none())
    }

    pub(super) fn release(&mut self, index: usize, start: u64) {
        if !self.is_current(index, start) {
            return;
        }
        let Some(device) = self.devices.get_mut(index) else { return };
        let Some(alive) = &mut device.alive else { return };
        let next = alive.run.task.release(device.load, &mut device.dice);
        let lost = alive.run.task.take_lost();
        let next = device.clock.when(next).max(self.now);
        self.seen.note(Happening::Job);
        self.seen.add(Happening::RingFull, lost);
        self.at(next, Event::Release { device: index, start });
    }

    pub(super) fn drain(&mut self, index: usize, start: u64) {
        if !self.is_current(index, start) {
            return;
        }
        let Some(device) = self.devices.get_mut(index).filter(|device| device.drain_due == self.now) else { return };
        if device.stalled_until > self.now {
            let late = device.stalled_until.plus_us(self.dice.between(1..=1_000));
            return self.drain_at(index, late);
        }
        let device_now = device.clock.read(self.now);
        let Some(alive) = &mut device.alive else { return };
        alive.run.drain(device_now);
        let pause_ms = if alive.run.agent.is_switching() { DRAIN_SWITCHING_MS } else { DRAIN_MS };
        self.drain_at(index, self.now.plus_ms(pause_ms));
        self.judge_lease(index);
        self.settle_device(index);
    }

    pub(super) fn report(&mut self, index: usize, start: u64) {
        if !self.is_current(index, start) {
            return;
        }
        let Some(device) = self.devices.get_mut(index) else { return };
        if device.stalled_until > self.now {
            let late = device.stalled_until.plus_us(self.dice.between(0..=1_000));
            return self.at(late, Event::Report { device: index, start });
        }
        let device_now = device.clock.read(self.now);
        let Some(alive) = &mut device.alive else { return };
        alive.run.report(device_now);
        let run = &mut alive.run;
        let counted = run.task.counted();
        let news = counted.since(&std::mem::replace(&mut run.told, counted));
        self.seen.add(Happening::Skipped, news.skipped);
        self.seen.add(Happening::Miss, news.misses);
        self.seen.add(Happening::Epoch, u64::from(run.task.take_epochs()));
        if let Some(watch) = self.watches.get_mut(index) {
            let report_ms = self.plan.report_ms;
            let alone = watch.leases.window_closed(&run.agent, news.jobs, &self.plan.policy, report_ms, device_now);
            self.judge(Node::Device(index), alone);
        }
        // Missed ticks are skipped, the grid stays.
        let period_ms = self.plan.report_ms;
        self.at(self.now.plus_ms(period_ms), Event::Report { device: index, start });
        self.settle_device(index);
    }

    pub(super) fn packet_at_device(&mut self, index: usize, wire: WireId, packet: Packet) {
        let Some(alive) = self.devices.get_mut(index).and_then(|device| device.alive.as_mut()) else { return };
        alive.client.packet(&mut self.network, wire, packet, self.now);
        self.settle_device(index);
    }

    /// Hands over what happened on the connection, carries out what follows from it, and looks at what came of it.
    pub(super) fn settle_device(&mut self, index: usize) {
        loop {
            let Some(device) = self.devices.get_mut(index) else { return };
            let device_now = device.clock.read(self.now);
            let Some(alive) = &mut device.alive else { return };
            alive.run.work_store(&mut device.dice);
            let event = alive.client.next_event();
            let idle = event.is_none();
            match event {
                Some(Transport::Message(message)) => self.message_at_device(index, &message),
                Some(event) => {
                    match &event {
                        Transport::Up { .. } => self.seen.note(Happening::DeviceUp),
                        Transport::Down { .. } if alive.run.session.is_up() => self.seen.note(Happening::DeviceDown),
                        _ => {}
                    }
                    self.trace.note(self.now, Node::Device(index), "link", &[], || format!("{event:?}"));
                    alive.handle(event, device_now);
                }
                None => {}
            }
            let Some(alive) = self.devices.get_mut(index).and_then(|device| device.alive.as_mut()) else { return };
            let switching = alive.run.agent.is_switching();
            alive.run.carry_out(&mut alive.client, self.now, device_now);
            alive.client.flush(&mut self.network, self.now);
            if !switching && self.is_switching(index) {
                self.drain_at(index, self.now.plus_ms(DRAIN_SWITCHING_MS));
            }
            self.judge_device(index);
            if idle {
                return;
            }
        }
    }

    /// The supervisor reads the ring next at this time, and no other.
    fn drain_at(&mut self, index: usize, at: Time) {
        let Some(device) = self.devices.get_mut(index) else { return };
        device.drain_due = at;
        let start = device.starts;
        self.at(at, Event::Drain { device: index, start });
    }

    fn is_switching(&self, index: usize) -> bool {
        let alive = self.devices.get(index).and_then(|device| device.alive.as_ref());
        alive.is_some_and(|alive| alive.run.agent.is_switching())
    }

    /// A command: its effect is compared with what it should be.
    fn message_at_device(&mut self, index: usize, message: &Received) {
        let node = Node::Device(index);
        self.trace.note(self.now, node, "hears", &message.payload, || String::from_utf8_lossy(&message.payload).into());
        let Some(device) = self.devices.get_mut(index) else { return };
        let device_now = device.clock.read(self.now);
        let (Some(alive), Some(watch)) = (&mut device.alive, self.watches.get_mut(index)) else { return };
        let run = &mut alive.run;
        let command = match json::decode_command(&message.payload) {
            Ok(command) => command,
            Err(error) => return self.judge(node, Err(Broken::new(Law::Understood, error.to_string()))),
        };
        let up_ms = run.agent.up_ms(device_now);
        let settled = watch.modes.settled(&run.agent, device_now, self.plan.policy.dwell_ms.into());
        let verdict = watch.answers.delivered(run.boot, up_ms, &command, settled, self.now);
        let before = (*run.agent.counts(), run.agent.effective().clone(), run.agent.gateway(device_now));
        run.session.message(message, &mut run.agent, device_now, Wall::Unknown);
        let after = (*run.agent.counts(), run.agent.effective().clone(), run.agent.gateway(device_now));
        self.seen.note(Happening::Command);
        match verdict {
            Verdict::Taken => watch.leases.taken(&command, device_now),
            Verdict::Repeated => self.seen.note(Happening::DuplicateCommand),
            Verdict::TakenBefore => self.seen.note(Happening::TakenBefore),
            Verdict::Late => self.seen.note(Happening::LateCommand),
            Verdict::Foreign => self.seen.note(Happening::ForeignCommand),
            Verdict::TooSoon => self.seen.note(Happening::TooSoon),
            Verdict::Ahead => {}
        }
        self.judge(node, Answers::counted(verdict, &command.id, &before.0, &after.0));
        if verdict.changes_nothing() && (&before.1, before.2) != (&after.1, after.2) {
            let how = format!("command {} is {verdict:?}: {before:?}, then {after:?}", command.id);
            self.judge(node, Err(Broken::new(Law::Expired, how)));
        }
    }

    fn judge_lease(&mut self, index: usize) {
        let Some(device) = self.devices.get(index) else { return };
        let (Some(alive), Some(watch)) = (&device.alive, self.watches.get_mut(index)) else { return };
        let checked = watch.leases.check(&alive.run.agent, device.clock.read(self.now));
        if matches!(checked, Ok(true)) {
            self.seen.note(Happening::LeaseEnd);
        }
        self.judge(Node::Device(index), checked.map(drop));
    }

    /// Looks at mode and memory after every step.
    fn judge_device(&mut self, index: usize) {
        let Some(device) = self.devices.get(index) else { return };
        let (Some(alive), Some(watch)) = (&device.alive, self.watches.get_mut(index)) else { return };
        let agent = &alive.run.agent;
        let device_now = device.clock.read(self.now);
        let node = Node::Device(index);

        let up_ms = agent.up_ms(device_now);
        let boot = alive.run.boot;
        let told = if watch.closed.0 == boot { watch.closed.1 } else { 0 };
        watch.closes.extend((told + 1..=agent.seq()).map(|seq| ((boot, seq), up_ms)));
        watch.closed = (boot, agent.seq());
        let effective = agent.effective();
        if watch.wish == Wish::Active || agent.danger_seen().is_some() {
            watch.modes.meddled(up_ms);
        }
        watch.modes.switching(agent.is_switching(), up_ms);
        let since_ms = up_ms.saturating_sub(agent.mode_age_ms(device_now));
        let least_ms = self.plan.least_between_changes_ms();
        let changed = watch.modes.see(effective, since_ms, least_ms);
        if let Ok(Some(change)) = changed {
            self.trace.note(self.now, node, "mode", change.to.as_str().as_bytes(), || {
                format!("{} by {}: {}", change.to, change.source, effective.reason)
            });
            self.seen.note(match change.source {
                ModeSource::Operator => Happening::Hold,
                ModeSource::Safety => Happening::Safety,
                ModeSource::Gateway => Happening::GatewayChange,
                ModeSource::Local | ModeSource::Default => Happening::LocalChange,
            });
        }
        let held = [
            (agent.waiting(), self.plan.spool_capacity + MOST_SENT, "reports"),
            (agent.answers_held(), MOST_ANSWERS, "answers"),
            (agent.commands_held(), MOST_COMMANDS, "commands"),
        ];
        let too_much = held.into_iter().find(|(held, most, _)| held > most);
        let bounded = too_much.map_or(Ok(()), |(held, most, what)| {
            Err(Broken::new(Law::Bounded, format!("{held} {what} are held, at most {most} may be")))
        });
        self.judge(node, changed.map(drop));
        self.judge(node, bounded);
    }

    pub(super) fn look_at_device(&mut self, index: usize) {
        let Some(device) = self.devices.get_mut(index).filter(|device| device.stalled_until <= self.now) else {
            return;
        };
        let Some(alive) = &mut device.alive else { return };
        let session = &alive.run.session;
        let will = |conn| session.testament().will(session.status(), conn);
        alive.client.look(&mut self.network, self.now, will);
        let leaves = alive.leaves.is_some_and(|leaves| leaves.by <= self.now || alive.run.agent.waiting() == 0);
        self.settle_device(index);
        if leaves {
            self.leave(index);
        }
    }

    /// The end of a run: what it leaves behind goes into the balance.
    pub(super) fn bury(&mut self, index: usize, end: RunEnd) {
        let Some(device) = self.devices.get_mut(index) else { return };
        let device_now = device.clock.read(self.now);
        let Some(mut alive) = device.alive.take() else { return };
        alive.run.task.finish(device_now);
        let fate = match (&device.disks, end) {
            (None, _) => Fate::Lost,
            (Some(_), RunEnd::PowerCut) => Fate::Torn,
            (Some(_), RunEnd::Killed) => Fate::Kept { safe: alive.run.safe },
            (Some(_), RunEnd::Stopped) => {
                alive.run.finish_store(device_now);
                Fate::Kept { safe: alive.run.safe }
            }
        };
        let remains = Remains::of(&alive.run.agent, alive.run.task.counted(), fate);
        if let Some(disks) = &mut device.disks {
            let power = if end == RunEnd::PowerCut { Power::Fails } else { Power::Stays };
            disks.crash(power, &mut device.dice);
        }
        self.seen.add(Happening::GivenUp, remains.given_up());
        let Some(watch) = self.watches.get_mut(index) else { return };
        watch.totals.ended(remains);
    }
}

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunEnd {
    Stopped,
    Killed,
    PowerCut,
}
