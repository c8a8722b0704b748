//! What the core has to say: orders, messages, and how things stand.

use shared_proto::dialect::lab;
use shared_proto::text::Reason;
use shared_proto::units::Ratio;
use shared_proto::wire::{Ack, Report, Totals};

use super::{Agent, CommandCounts, Identity, Order, TaskPlan};
use crate::mode::{Decision, GatewayHold};
use crate::spool::Spool;
use crate::time::MonoTime;

impl<T: Copy + PartialEq> Agent<T> {
    /// A new order for the real-time thread, if there is one.
    pub fn take_order(&mut self) -> Option<Order> {
        self.order.take()
    }

    /// Whether an order has not taken effect yet.
    #[must_use]
    pub fn is_switching(&self) -> bool {
        self.switching.is_some()
    }

    /// The next answer to a command, if it may be sent now: it is in the store before.
    #[must_use]
    pub fn next_ack(&self) -> Option<&Ack> {
        self.answers.next(self.spool.journalled())
    }

    /// The answer of [`Self::next_ack`] is now under way as `token`.
    pub fn ack_sent(&mut self, token: T) {
        self.answers.sent(token);
    }

    /// The answer of [`Self::next_ack`] cannot be sent.
    pub fn give_up_ack(&mut self) {
        self.answers.give_up_next();
    }

    /// The broker has the publish `token`; whether it was a report.
    pub fn acknowledged(&mut self, token: T) -> bool {
        !self.answers.acknowledged(token) && self.spool.acknowledged(token)
    }

    /// A connection is there: reports from now on go before older ones.
    pub fn connection_made(&mut self) {
        self.spool.connection_made();
    }

    /// A connection is gone: what was under way on it waits again.
    pub fn connection_lost(&mut self, was_on_it: impl Fn(T) -> bool) {
        self.answers.connection_lost(&was_on_it);
        self.spool.connection_lost(was_on_it);
    }

    /// The reports that wait.
    pub fn spool(&mut self) -> &mut Spool<T> {
        &mut self.spool
    }

    /// The oldest window that waits for the broker: its run, and its number there.
    #[must_use]
    pub fn oldest_window(&self) -> Option<(u64, u64)> {
        self.spool.oldest_window()
    }

    /// Serial number of the note that reports may be sent, while there is a connection.
    #[must_use]
    pub fn sending_since(&self) -> Option<u64> {
        self.spool.sending_since()
    }

    /// Whether a report or an answer that is due waits for the store.
    #[must_use]
    pub fn waits_for_store(&self) -> bool {
        self.spool.is_held() || self.answers.are_held(self.spool.journalled())
    }

    /// The classroom's message of the latest window, once.
    pub fn take_lab_metrics(&mut self) -> Option<lab::Metrics> {
        self.lab.take()
    }

    /// Whether mode, source or reason have changed since the last call.
    pub fn take_status_news(&mut self) -> bool {
        std::mem::take(&mut self.status_is_news)
    }

    /// The decision in effect.
    #[must_use]
    pub fn effective(&self) -> &Decision {
        &self.effective
    }

    /// The danger that the device protects itself against, if there is one.
    #[must_use]
    pub fn danger_seen(&self) -> Option<&Reason> {
        self.arbiter.danger()
    }

    /// The gateway's hold on the device at `now`.
    #[must_use]
    pub fn gateway(&self, now: MonoTime) -> GatewayHold {
        self.arbiter.gateway(now)
    }

    /// What became of the commands so far.
    #[must_use]
    pub fn counts(&self) -> &CommandCounts {
        &self.counts
    }

    /// Counts since the start.
    #[must_use]
    pub fn total(&self) -> Totals {
        self.window.total()
    }

    /// Miss rate of the latest report.
    #[must_use]
    pub fn miss_rate(&self) -> Ratio {
        self.miss_rate
    }

    /// Device time at `now`: milliseconds since the agent's start.
    #[must_use]
    pub fn up_ms(&self, now: MonoTime) -> u64 {
        now.millis_since(self.started)
    }

    /// How long the mode has held at `now`, in milliseconds.
    #[must_use]
    pub fn mode_age_ms(&self, now: MonoTime) -> u64 {
        now.millis_since(self.effective_since)
    }

    /// Reports that wait for the broker.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.spool.len()
    }

    /// Whether the broker has every report and every answer.
    #[must_use]
    pub fn nothing_waits(&self) -> bool {
        self.spool.is_empty() && self.answers.len() == 0
    }

    /// Windows given up since the start, those of earlier runs among them.
    #[must_use]
    pub fn given_up(&self) -> u64 {
        self.spool.given_up()
    }

    /// Those reports, in no order.
    pub fn waiting_reports(&self) -> impl Iterator<Item = &Report> {
        self.spool.reports()
    }

    /// Answers to commands that wait for the broker, or are under way: at most 64 and what the transport has under way.
    #[must_use]
    pub fn answers_held(&self) -> usize {
        self.answers.len()
    }

    /// Commands that are remembered, or wait for the next release: at most 48.
    #[must_use]
    pub fn commands_held(&self) -> usize {
        self.commands.len() + self.pending.len()
    }

    /// Who this is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.setup.identity
    }

    /// The task, as reports describe it.
    #[must_use]
    pub fn plan(&self) -> &TaskPlan {
        &self.setup.plan
    }

    /// Number of the latest report.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }
}
