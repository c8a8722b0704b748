//! What happens at the controller.

use gateway_controller::event::{DecisionSource, Event as Told};
use gateway_controller::fleet::Action;
use shared_host::json;
use shared_host::mqtt::{Event as Transport, Received};
use shared_proto::ids::DeviceId;

use super::gateway::Gateway;
use super::happenings::Happening;
use super::judge::{Broken, Law, Presence};
use super::network::WireId;
use super::packet::Packet;
use super::recorder::{Names, Taken};
use super::trace::{Node, digest};
use super::watch::{GatewayWatch, Wish};
use super::world::{Event, World};

impl World {
    pub(super) fn start_gateway(&mut self) {
        if self.gateway.is_some() {
            return;
        }
        self.trace.note(self.now, Node::Gateway, "starts", &[], String::new);
        self.gateway = Gateway::start(&self.plan, self.now, &mut self.dice);
        self.gateway_watches = self.devices.iter().map(|_| GatewayWatch::default()).collect();
        self.gateway_stalled_until = self.now;
        self.gateway_wake = None;
    }

    fn index_of(&self, name: &DeviceId) -> Option<usize> {
        self.devices.iter().position(|device| device.name == *name)
    }

    pub(super) fn packet_at_gateway(&mut self, wire: WireId, packet: Packet) {
        let Some(gateway) = &mut self.gateway else { return };
        gateway.client.packet(&mut self.network, wire, packet, self.now);
        self.settle_gateway();
    }

    pub(super) fn wake_gateway(&mut self) {
        if self.gateway_wake != Some(self.now) {
            return;
        }
        if self.gateway_stalled_until > self.now {
            return self.wake_gateway_at(self.gateway_stalled_until);
        }
        self.gateway_wake = None;
        if let Some(gateway) = &mut self.gateway {
            gateway.tick(self.now);
        }
        self.settle_gateway();
    }

    fn wake_gateway_at(&mut self, at: super::Time) {
        self.gateway_wake = Some(at);
        self.at(at, Event::GatewayWake);
    }

    pub(super) fn look_at_gateway(&mut self) {
        if self.gateway_stalled_until > self.now {
            return;
        }
        if let Some(gateway) = &mut self.gateway {
            gateway.client.look(&mut self.network, self.now, |_| None);
        }
        self.settle_gateway();
    }

    /// Hands over what happened on the connection, and does what the fleet wants done.
    pub(super) fn settle_gateway(&mut self) {
        loop {
            self.act();
            let Some(gateway) = &mut self.gateway else { return };
            let Some(event) = gateway.client.next_event() else { break };
            match event {
                Transport::Message(message) => self.message_at_gateway(message),
                event => {
                    match &event {
                        Transport::Up { .. } => self.seen.note(Happening::GatewayUp),
                        Transport::Down { .. } => self.seen.note(Happening::GatewayDown),
                        _ => {}
                    }
                    if !matches!(event, Transport::Acked(_)) {
                        self.trace.note(self.now, Node::Gateway, "link", &[], || format!("{event:?}"));
                    }
                    // Only a message can be refused.
                    let _ = gateway.handle(event, self.now);
                }
            }
        }
        let wake = self.gateway.as_ref().and_then(|gateway| gateway.fleet.next_wake().map(|wake| gateway.when(wake)));
        match wake.map(|wake| wake.max(self.now.plus_us(1))) {
            Some(wake) if self.gateway_wake != Some(wake) => self.wake_gateway_at(wake),
            Some(_) => {}
            None => self.gateway_wake = None,
        }
    }

    fn act(&mut self) {
        let Some(gateway) = &mut self.gateway else { return };
        let actions = gateway.take_actions();
        for action in &actions {
            gateway.carry_out(action, self.now);
        }
        gateway.client.flush(&mut self.network, self.now);
        for action in actions {
            match action {
                Action::Tell(Told::Decision(decision)) => {
                    let from = (decision.boot.zip(decision.seq), decision.source);
                    self.trace.note(self.now, Node::Gateway, "decides", &[], || {
                        format!("{}: {:?} to {:?}: {}", decision.device, decision.from, decision.to, decision.reason)
                    });
                    if let (Some(report), DecisionSource::Policy) = from {
                        self.judge_decision(&decision.device, report);
                    }
                }
                Action::Tell(Told::Report(_)) | Action::ClearStatus(_) | Action::Share(_) => {}
                Action::Tell(event) => {
                    self.trace.note(self.now, Node::Gateway, "tells", &[], || format!("{event:?}"));
                }
                Action::Send(command) => {
                    self.trace.note(self.now, Node::Gateway, "sends", &[], || format!("{:?}", command.payload));
                }
            }
        }
    }

    fn judge_decision(&mut self, device: &DeviceId, (boot, seq): (shared_proto::ids::BootId, u64)) {
        let Some(index) = self.index_of(device) else { return };
        let closed = self.watches.get(index).and_then(|watch| watch.closes.get(&(boot, seq)).copied());
        let (Some(up_ms), Some(watch)) = (closed, self.gateway_watches.get(index)) else { return };
        self.judge(Node::Device(index), watch.decisions.decided(boot, up_ms, self.now));
    }

    fn message_at_gateway(&mut self, message: Received) {
        let mut levels = message.topic.split('/').skip(1);
        let device = levels.next().and_then(|name| name.parse().ok()).and_then(|name| self.index_of(&name));
        let kind = levels.next().unwrap_or_default().to_owned();
        if let Some(index) = device {
            match kind.as_str() {
                "report" => self.watch_report(index, &message.payload),
                "status" => return self.status_at_gateway(index, message),
                _ => {}
            }
        }
        self.hand_over(message);
    }

    fn hand_over(&mut self, message: Received) {
        let Some(gateway) = &mut self.gateway else { return };
        let taken = gateway.handle(Transport::Message(message), self.now);
        self.judge(Node::Gateway, taken.map_err(|why| Broken::new(Law::Understood, why)));
    }

    fn watch_report(&mut self, index: usize, payload: &[u8]) {
        // Whether it can be read is for the controller to say.
        let (Ok(report), Some(watch)) = (json::decode_report(payload), self.gateway_watches.get_mut(index)) else {
            return;
        };
        let names = self.watches.get(index).map_or(Names::OneContent, |watch| watch.totals.names());
        let taken = watch.received.take(&report, digest(payload), names);
        if watch.decisions.is_old(&report, self.now) {
            self.seen.note(Happening::OldReport);
        }
        watch.decisions.report(&report, self.now);
        if report.policy.backoff > 0 && report.policy.in_mode_ms.is_some_and(|ms| ms <= report.span_ms) {
            self.seen.note(Happening::Relapse);
        }
        match taken {
            Ok(Taken::Duplicate) => self.seen.note(Happening::DuplicateAtGateway),
            Ok(Taken::Late) => self.seen.note(Happening::LateReport),
            _ => {}
        }
        self.judge(Node::Gateway, taken.map(drop));
    }

    fn status_at_gateway(&mut self, index: usize, message: Received) {
        self.trace.note(self.now, Node::Gateway, "hears", &message.payload, || {
            format!("{:?} {}", message.retained, String::from_utf8_lossy(&message.payload))
        });
        let status = json::decode_status(&message.payload);
        let before = self.presence(index);
        self.hand_over(message);
        let after = self.presence(index);
        let (Ok(status), Some(watch)) = (status, self.gateway_watches.get_mut(index)) else { return };
        watch.decisions.status(&status, self.now);
        let start = self.watches.get(index).and_then(|watch| watch.starts.get(&status.boot).copied());
        let old = watch.presence.status(start.unwrap_or(0), &status, before, after);
        self.judge(Node::Device(index), old);
    }

    fn presence(&self, index: usize) -> Option<gateway_controller::fleet::PresenceView> {
        let (gateway, device) = (self.gateway.as_ref()?, self.devices.get(index)?);
        Some(gateway.fleet.view_of(&device.name, gateway.moment(self.now))?.presence)
    }

    /// When all has been well for long: who is there, and which mode it has.
    pub(super) fn judge_agreement(&mut self) {
        if self.now < self.plan.calm {
            return;
        }
        let Some(gateway) = &self.gateway else { return };
        let mut results = Vec::new();
        for (device, watch) in self.devices.iter().zip(&mut self.watches) {
            let node = Node::Device(device.index);
            let view = gateway.fleet.view_of(&device.name, gateway.moment(self.now));
            let alive = device.alive.as_ref().map(|alive| alive.run.boot);
            results.push((node, Presence::settled(alive, view.as_ref())));
            let Some(alive) = &device.alive else { continue };
            let effective = alive.run.agent.effective();
            if watch.wish == Wish::Active || alive.run.agent.danger_seen().is_some() {
                watch.agreement.reset();
                continue;
            }
            let wanted = view.and_then(|view| view.wanted);
            let longest_ms = self.plan.longest_disagreement_ms();
            results.push((node, watch.agreement.see(effective.mode, wanted, self.now, longest_ms)));
        }
        results.into_iter().for_each(|(node, result)| self.judge(node, result));
    }
}
