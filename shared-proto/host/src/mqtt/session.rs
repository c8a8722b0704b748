//! One connection, from CONNECT to its end.

use std::pin::pin;
use std::time::Duration;

use rumqttc::{
    AsyncClient, Event as Packet, EventLoop, Incoming, MqttOptions, NetworkOptions, Outgoing, Publish, SubscribeFilter,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::events::{Queued, Sink};
use super::publisher::{Control, Shared};
use super::reason::Stage;
use super::{CONNECT_TIMEOUT, Options, after, reason};

/// How long the socket may take to swallow DISCONNECT.
const DISCONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// It did not come about or broke.
    Failed(String),
    /// Its user closed it.
    Closed,
    /// All handles are gone.
    Abandoned,
}

/// How far the connection is.
#[derive(Debug)]
enum Phase {
    Connecting,
    /// A broker may send messages before it confirms the subscriptions; they wait for [`Phase::Up`].
    Subscribing {
        since: Instant,
        early: Vec<Queued>,
    },
    Up {
        since: Instant,
    },
    /// DISCONNECT is on its way.
    Leaving {
        since: Instant,
    },
}

pub(super) struct Session<'a> {
    conn: u64,
    options: &'a Options,
    filters: Vec<SubscribeFilter>,
    shared: &'a Shared,
    sink: &'a Sink,
    client: AsyncClient,
    phase: Phase,
    /// Set by an order to close.
    close_by: Option<Instant>,
    /// When the client library last did anything.
    progress: Instant,
}

impl<'a> Session<'a> {
    /// A new client with a new event loop: nothing of an earlier connection can be sent again.
    pub(super) fn new(
        conn: u64,
        options: &'a Options,
        (client_options, filters): (MqttOptions, Vec<SubscribeFilter>),
        shared: &'a Shared,
        sink: &'a Sink,
    ) -> (Self, EventLoop) {
        let (client, mut event_loop) = AsyncClient::new(client_options, shared.queue_capacity());
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        network.set_connection_timeout(CONNECT_TIMEOUT.as_secs());
        event_loop.set_network_options(network);
        let (phase, progress) = (Phase::Connecting, Instant::now());
        (Self { conn, options, filters, shared, sink, client, phase, close_by: None, progress }, event_loop)
    }

    /// Whether it has been up for at least `least`.
    pub(super) fn was_up_for(&self, least: Duration) -> bool {
        matches!(self.phase, Phase::Up { since } if since.elapsed() >= least)
    }

    fn stage(&self) -> Stage {
        if matches!(self.phase, Phase::Connecting) { Stage::Connecting } else { Stage::Connected }
    }

    /// Whether its user ordered it to close.
    pub(super) fn is_closing(&self) -> bool {
        self.close_by.is_some()
    }

    pub(super) async fn run(
        &mut self,
        mut event_loop: EventLoop,
        control: &mut mpsc::UnboundedReceiver<Control>,
    ) -> End {
        let mut timer = pin!(sleep_until(self.deadline()));
        let reason = loop {
            // One poll lives until it is done, whatever else happens meanwhile: a dropped poll can lose a packet.
            let mut poll = pin!(event_loop.poll());
            let polled = loop {
                let deadline = self.deadline();
                if deadline < timer.deadline() {
                    timer.as_mut().reset(deadline);
                }
                tokio::select! {
                    polled = &mut poll => break polled,
                    order = control.recv() => {
                        let Some(Control::Close { until }) = order else { return End::Abandoned };
                        if matches!(self.phase, Phase::Connecting) {
                            return End::Closed;
                        }
                        self.close_by = Some(self.close_by.map_or(until, |earlier| earlier.min(until)));
                        self.leave_when_settled();
                    }
                    () = timer.as_mut() => {
                        if let Err(end) = self.check_overdue() {
                            return end;
                        }
                        timer.as_mut().reset(self.deadline());
                    }
                }
            };
            match polled {
                Ok(packet) => {
                    self.progress = Instant::now();
                    if let Err(end) = self.handle(packet) {
                        return end;
                    }
                }
                Err(error) => break reason::of(&error, self.options, self.stage()),
            }
        };
        // What was read together with the end of the connection still counts.
        while let Some(packet) = event_loop.state.events.pop_front() {
            if let Err(end) = self.handle(packet) {
                return end;
            }
        }
        End::Failed(reason)
    }

    fn handle(&mut self, packet: Packet) -> Result<(), End> {
        match packet {
            Packet::Incoming(Incoming::ConnAck(_)) => self.connected()?,
            Packet::Incoming(Incoming::SubAck(answer)) => {
                reason::of_subscriptions(&self.options.filters, &answer.return_codes).map_err(End::Failed)?;
                self.up();
            }
            Packet::Incoming(Incoming::Publish(publish)) => self.received(publish),
            Packet::Incoming(Incoming::PubAck(ack)) => {
                if let Some(token) = self.shared.acked(ack.pkid, self.progress) {
                    self.sink.acked(token);
                }
                self.leave_when_settled();
            }
            Packet::Outgoing(Outgoing::Publish(packet)) => self.shared.sent(packet, self.progress),
            // The library would wait for an acknowledgement that may never come, and hold back all publishes.
            Packet::Outgoing(Outgoing::AwaitAck(packet)) => {
                return Err(End::Failed(format!("protocol error: packet identifier {packet} is still in use")));
            }
            // Another poll would connect again.
            Packet::Outgoing(Outgoing::Disconnect) => return Err(End::Closed),
            Packet::Incoming(_) | Packet::Outgoing(_) => {}
        }
        Ok(())
    }

    fn connected(&mut self) -> Result<(), End> {
        self.phase = Phase::Subscribing { since: self.progress, early: Vec::new() };
        if self.filters.is_empty() {
            self.up();
            return Ok(());
        }
        let filters = std::mem::take(&mut self.filters);
        self.client.try_subscribe_many(filters).map_err(|error| End::Failed(format!("subscription: {error}")))
    }

    fn up(&mut self) {
        let Phase::Subscribing { early, .. } = &mut self.phase else { return };
        let early = std::mem::take(early);
        self.phase = Phase::Up { since: self.progress };
        self.shared.up(self.conn, self.client.clone());
        self.sink.up(self.conn);
        early.into_iter().for_each(|message| self.sink.deliver(message));
    }

    fn received(&mut self, packet: Publish) {
        let Some(message) = self.sink.admit(packet) else { return };
        match &mut self.phase {
            Phase::Subscribing { early, .. } => early.push(message),
            Phase::Connecting | Phase::Up { .. } | Phase::Leaving { .. } => self.sink.deliver(message),
        }
    }

    /// Says DISCONNECT as soon as an order to close allows it.
    fn leave_when_settled(&mut self) {
        let may_leave = self.close_by.is_some_and(|until| self.shared.settled() || until <= Instant::now());
        if may_leave && !matches!(self.phase, Phase::Leaving { .. }) {
            self.phase = Phase::Leaving { since: Instant::now() };
            // The queue keeps room for it; should it fail, the time limit of leaving ends the connection.
            let _not_taken = self.client.try_disconnect();
        }
    }

    /// A healthy connection sends a ping every keep-alive time, so silence of the library means that it hangs in a
    /// write.
    fn longest_silence(&self) -> Duration {
        Duration::from_secs(self.options.keep_alive_secs().into()) + 2 * CONNECT_TIMEOUT
    }

    /// When something is overdue at the earliest.
    fn deadline(&self) -> Instant {
        let acks = match self.phase {
            Phase::Leaving { since } => return after(since, DISCONNECT_TIMEOUT),
            Phase::Subscribing { since, .. } => Some(since),
            Phase::Connecting | Phase::Up { .. } => self.shared.oldest_sent(),
        };
        let silence = after(self.progress, self.longest_silence());
        let acks = acks.map(|since| after(since, self.options.ack_timeout));
        [acks, self.close_by].into_iter().flatten().fold(silence, Instant::min)
    }

    fn check_overdue(&mut self) -> Result<(), End> {
        let now = Instant::now();
        let unanswered = |since: Instant| after(since, self.options.ack_timeout) <= now;
        let timeout = self.options.ack_timeout;
        match self.phase {
            Phase::Leaving { since } if after(since, DISCONNECT_TIMEOUT) <= now => return Err(End::Closed),
            Phase::Leaving { .. } => return Ok(()),
            Phase::Subscribing { since, .. } if unanswered(since) => {
                return Err(End::Failed(format!("the broker did not confirm the subscriptions within {timeout:?}")));
            }
            _ => {}
        }
        if self.shared.oldest_sent().is_some_and(unanswered) {
            return Err(End::Failed(format!("the broker did not acknowledge a publish within {timeout:?}")));
        }
        let silence = self.longest_silence();
        if after(self.progress, silence) <= now {
            return Err(End::Failed(format!("the connection stood still for {silence:?}")));
        }
        self.leave_when_settled();
        Ok(())
    }
}
