//! Matches acknowledgements to publishes.
//!
//! The client library does not say which packet identifier a publish gets. It takes publishes in the order in which
//! they were handed over and names the identifier when it sends one, so the order is the link between the two.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::Token;

/// The QoS 1 publishes of one connection from the oldest without acknowledgement on, in the order of their sending.
#[derive(Debug, Default)]
pub(super) struct Window {
    slots: VecDeque<Slot>,
    /// How many went out, from the oldest on; all after them are queued. Thousands may be in flight: nothing here looks at all.
    gone: usize,
}

#[derive(Debug)]
struct Slot {
    token: Token,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Queued,
    Sent {
        packet: u16,
        at: Instant,
    },
    /// Keeps its place behind an older one, so that a full window can never span all packet identifiers.
    Acked,
}

impl Window {
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(super) fn queued(&mut self, token: Token) {
        self.slots.push_back(Slot { token, stage: Stage::Queued });
    }

    /// The oldest queued publish went out as `packet`.
    pub(super) fn sent(&mut self, packet: u16, at: Instant) {
        if let Some(slot) = self.slots.get_mut(self.gone) {
            slot.stage = Stage::Sent { packet, at };
            self.gone += 1;
        }
    }

    /// The publish that the broker acknowledged as `packet`: the oldest one, as brokers acknowledge in order (MQTT 3.1.1,
    /// section 4.6), or else it is looked for; and when it went out.
    pub(super) fn acked(&mut self, packet: u16) -> Option<(Token, Instant)> {
        let sent_at = |slot: &Slot| match slot.stage {
            Stage::Sent { packet: sent, at } if sent == packet => Some(at),
            _ => None,
        };
        let (slot, at) = self.slots.iter_mut().take(self.gone).find_map(|slot| sent_at(slot).map(|at| (slot, at)))?;
        slot.stage = Stage::Acked;
        let token = slot.token;
        while self.slots.pop_front_if(|slot| matches!(slot.stage, Stage::Acked)).is_some() {
            self.gone -= 1;
        }
        Some((token, at))
    }

    /// When the oldest publish without acknowledgement went out.
    pub(super) fn oldest_sent(&self) -> Option<Instant> {
        // What is acknowledged does not stay in front.
        match self.slots.front()?.stage {
            Stage::Sent { at, .. } => Some(at),
            Stage::Queued | Stage::Acked => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn token(number: u64) -> Token {
        Token::new(1, number)
    }

    fn window(queued: u64) -> Window {
        let mut window = Window::default();
        (1..=queued).for_each(|number| window.queued(token(number)));
        window
    }

    /// Which one was acknowledged.
    fn acked(window: &mut Window, packet: u16) -> Option<Token> {
        window.acked(packet).map(|(token, _)| token)
    }

    #[test]
    fn packet_identifiers_are_given_in_order() {
        let mut window = window(3);
        let now = Instant::now();
        window.sent(7, now);
        window.sent(8, now);
        assert_eq!(acked(&mut window, 7), Some(token(1)));
        window.sent(1, now);
        assert_eq!(acked(&mut window, 8), Some(token(2)));
        assert_eq!(acked(&mut window, 1), Some(token(3)));
        assert!(window.is_empty());
    }

    #[test]
    fn acknowledgements_out_of_order_find_their_publish_and_keep_the_place() {
        let mut window = window(3);
        let now = Instant::now();
        for packet in [1, 2, 3] {
            window.sent(packet, now);
        }
        assert_eq!(acked(&mut window, 3), Some(token(3)));
        assert_eq!(acked(&mut window, 2), Some(token(2)));
        assert_eq!(window.len(), 3);
        assert_eq!(acked(&mut window, 1), Some(token(1)));
        assert_eq!(window.len(), 0);
    }

    #[test]
    fn an_identifier_that_was_not_sent_or_was_acknowledged_before_is_nobody() {
        let mut window = window(2);
        window.sent(1, Instant::now());
        assert_eq!(acked(&mut window, 2), None);
        assert_eq!(acked(&mut window, 0), None);
        assert_eq!(acked(&mut window, 1), Some(token(1)));
        assert_eq!(acked(&mut window, 1), None);
        assert_eq!(window.len(), 1);
    }

    #[test]
    fn an_identifier_can_be_used_again() {
        let mut window = window(1);
        window.sent(1, Instant::now());
        window.acked(1);
        window.queued(token(2));
        window.sent(1, Instant::now());
        assert_eq!(acked(&mut window, 1), Some(token(2)));
    }

    /// The least of several times that it takes to send and acknowledge so many, in nanoseconds.
    fn time_of(count: u16) -> u128 {
        let run = || {
            let start = std::time::Instant::now();
            let (mut window, now) = (window(count.into()), Instant::now());
            for packet in 1..=count {
                window.sent(packet, now);
                assert!(window.oldest_sent().is_some());
            }
            (1..=count).for_each(|packet| assert!(window.acked(packet).is_some()));
            start.elapsed().as_nanos()
        };
        (0..5).map(|_| run()).min().unwrap()
    }

    #[test]
    fn sixteen_times_as_many_in_flight_take_nowhere_near_the_square_of_it() {
        // 16 if every step costs the same, 256 if every step looks at all.
        let (few, many) = (time_of(2_000), time_of(32_000));
        assert!(many < 80 * few, "{few} ns, {many} ns");
    }

    #[test]
    fn the_wait_counts_from_the_oldest_without_acknowledgement() {
        let mut window = window(3);
        let start = Instant::now();
        let later = start + Duration::from_secs(1);
        assert_eq!(window.oldest_sent(), None);
        window.sent(1, start);
        window.sent(2, later);
        assert_eq!(window.oldest_sent(), Some(start));
        assert_eq!(window.acked(1), Some((token(1), start)));
        assert_eq!(window.oldest_sent(), Some(later));
        window.acked(2);
        assert_eq!(window.oldest_sent(), None);
    }
}
