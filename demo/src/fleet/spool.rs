//! Windows wait for their PUBACK; full, neighbours that were never sent merge. The latest delivered ones are kept, in case nobody heard them.

use std::collections::VecDeque;

use shared_proto::wire::Missing;

use super::window::{Stretch, Window};

/// Reports that wait before neighbours merge.
const ROOM: usize = 8;
/// Delivered reports that are kept.
const KEPT: usize = 16;

/// Reports of one device, oldest first.
#[derive(Debug, Default)]
pub(super) struct Spool {
    waiting: VecDeque<Waiting>,
    delivered: VecDeque<Stretch>,
}

#[derive(Debug)]
struct Waiting {
    stretch: Stretch,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Never sent.
    Fresh,
    /// It may have arrived: what it says stays as it is.
    Sealed,
    /// Under way.
    Sent { packet: u16, at_us: u64 },
}

/// Which of those that are not under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Newest,
    Oldest,
}

/// A report to be sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Next<'a> {
    pub(super) stretch: &'a Stretch,
    /// Whether it was sent before.
    pub(super) again: bool,
}

impl Spool {
    /// A window is closed. Tells how many merges that took.
    pub(super) fn push(&mut self, window: Window) -> u64 {
        self.waiting.push_back(Waiting { stretch: Stretch { first: window, more: Vec::new() }, state: State::Fresh });
        if self.waiting.len() > ROOM { u64::from(self.merge()) } else { 0 }
    }

    /// Makes one report of the two oldest neighbours that can become one.
    fn merge(&mut self) -> bool {
        let fits = |(a, b): (&Waiting, &Waiting)| {
            a.state == State::Fresh && b.state == State::Fresh && a.stretch.joins(&b.stretch)
        };
        let Some(at) = self.waiting.iter().zip(self.waiting.iter().skip(1)).position(fits) else { return false };
        let Some(next) = self.waiting.remove(at + 1) else { return false };
        let Some(into) = self.waiting.get_mut(at) else { return false };
        into.stretch.more.push(next.stretch.first);
        into.stretch.more.extend(next.stretch.more);
        true
    }

    /// Takes one that is not under way, which from now on is.
    pub(super) fn send(&mut self, which: Which, packet: u16, at_us: u64) -> Option<Next<'_>> {
        let idle = |waiting: &&mut Waiting| !matches!(waiting.state, State::Sent { .. });
        let mut all = self.waiting.iter_mut();
        let waiting = match which {
            Which::Oldest => all.find(idle),
            Which::Newest => all.rfind(idle),
        }?;
        let again = waiting.state == State::Sealed;
        waiting.state = State::Sent { packet, at_us };
        Some(Next { stretch: &waiting.stretch, again })
    }

    /// The broker has taken the packet; tells when it was sent, if it was one of these.
    pub(super) fn acked(&mut self, packet: u16) -> Option<u64> {
        let is_it = |waiting: &Waiting| matches!(waiting.state, State::Sent { packet: sent, .. } if sent == packet);
        let at = self.waiting.iter().position(is_it)?;
        let waiting = self.waiting.remove(at)?;
        self.delivered.push_back(waiting.stretch);
        if self.delivered.len() > KEPT {
            self.delivered.pop_front();
        }
        match waiting.state {
            State::Sent { at_us, .. } => Some(at_us),
            State::Fresh | State::Sealed => None,
        }
    }

    /// The connection is gone: what was under way is sent again on the next, as it is.
    pub(super) fn lose_link(&mut self) {
        for waiting in &mut self.waiting {
            if matches!(waiting.state, State::Sent { .. }) {
                waiting.state = State::Sealed;
            }
        }
    }

    /// The controller never received these windows: what is left of them is sent again. Tells how many reports.
    pub(super) fn resend(&mut self, missing: &Missing) -> usize {
        let (asked, kept): (Vec<_>, Vec<_>) = self.delivered.drain(..).partition(|stretch| {
            let (first, last) = (stretch.first.seq, stretch.last().seq);
            stretch.first.boot == missing.boot && first <= missing.up_to && last > missing.after
        });
        self.delivered = kept.into();
        let count = asked.len();
        self.wait_again(asked);
        count
    }

    /// Sends the latest delivered one again, as a connection that breaks at the wrong moment would. Tells whether there was one.
    pub(super) fn duplicate(&mut self) -> bool {
        let latest = self.delivered.pop_back();
        let any = latest.is_some();
        self.wait_again(latest);
        any
    }

    fn wait_again(&mut self, stretches: impl IntoIterator<Item = Stretch, IntoIter: DoubleEndedIterator>) {
        for stretch in stretches.into_iter().rev() {
            self.waiting.push_front(Waiting { stretch, state: State::Sealed });
        }
    }

    /// Reports that wait for their PUBACK.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// When the oldest packet under way was sent.
    pub(super) fn oldest_sent_us(&self) -> Option<u64> {
        let sent = |waiting: &Waiting| match waiting.state {
            State::Sent { at_us, .. } => Some(at_us),
            State::Fresh | State::Sealed => None,
        };
        self.waiting.iter().filter_map(sent).min()
    }
}
