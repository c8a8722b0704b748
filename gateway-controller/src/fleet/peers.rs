//! Which commands of the group to one device were heard, so that one that is repeated by whoever owns the broker counts once.

use std::collections::VecDeque;

/// Controllers that are remembered, those heard last: more than a group has, with some that were started anew.
const CONTROLLERS: usize = 8;

/// The greatest number heard of each controller, by its random number.
#[derive(Debug, Default)]
pub(super) struct Peers(VecDeque<(u32, u64)>);

impl Peers {
    /// Takes in a command; whether it comes after all that were heard of its sender.
    pub(super) fn is_news(&mut self, epoch: u32, number: u64) -> bool {
        let at = self.0.iter().position(|(known, _)| *known == epoch);
        if at.and_then(|at| self.0.get(at)).is_some_and(|(_, greatest)| number <= *greatest) {
            return false;
        }
        match at {
            Some(at) => drop(self.0.remove(at)),
            None if self.0.len() >= CONTROLLERS => drop(self.0.pop_front()),
            None => {}
        }
        self.0.push_back((epoch, number));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_controller_s_commands_count_once_and_in_their_order() {
        let mut peers = Peers::default();
        assert!(peers.is_news(1, 5) && peers.is_news(2, 3) && peers.is_news(1, 6));
        assert!(!peers.is_news(1, 6) && !peers.is_news(1, 5) && !peers.is_news(2, 3));
        (10..10_000).for_each(|epoch| assert!(peers.is_news(epoch, 1)));
        assert_eq!(peers.0.len(), CONTROLLERS);
    }
}
