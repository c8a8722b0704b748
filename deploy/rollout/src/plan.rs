//! Waves, and how many devices may be out of reach. Pure.

use crate::inventory::Policy;

/// The devices, by their place in the inventory, wave after wave: the canary, then the others.
#[must_use]
pub fn waves(devices: usize, policy: &Policy) -> Vec<Vec<usize>> {
    let canary = policy.canary.of(devices).max(1);
    let size = policy.wave.of(devices).max(1);
    let all: Vec<_> = (0..devices).collect();
    let (first, rest) = all.split_at(canary.min(devices));
    [first].into_iter().filter(|wave| !wave.is_empty()).chain(rest.chunks(size)).map(<[usize]>::to_vec).collect()
}

/// Whether a rollout may go on with these devices out of reach; of each is told whether it is of the first wave.
///
/// # Errors
/// The bound that is exceeded.
pub fn may_miss(unreachable: &[Group], devices: usize, policy: &Policy) -> Result<(), String> {
    let canary = policy.canary.of(devices).max(1);
    let of_canary = unreachable.iter().filter(|group| **group == Group::Canary).count();
    let allowed = policy.max_unreachable_canary.of(canary);
    if of_canary > allowed {
        return Err(format!(
            "{of_canary} of the first wave cannot be reached; max_unreachable_canary allows {allowed}"
        ));
    }
    let (missing, allowed) = (unreachable.len(), policy.max_unreachable.of(devices));
    if missing > allowed {
        return Err(format!("{missing} of {devices} devices cannot be reached; max_unreachable allows {allowed}"));
    }
    Ok(())
}

/// Which waves a device may be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// The first one.
    Canary,
    /// A later one.
    Rest,
}

impl Group {
    /// The group of a wave by its number, from 0.
    #[must_use]
    pub fn of_wave(wave: usize) -> Self {
        if wave == 0 { Self::Canary } else { Self::Rest }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::health::Terms;
    use crate::inventory::Amount;

    fn policy(canary: Amount, wave: Amount) -> Policy {
        let second = Duration::from_secs(1);
        Policy {
            canary,
            wave,
            max_down: 4,
            max_unreachable: Amount::Percent(10),
            max_unreachable_canary: Amount::Count(0),
            terms: Terms { probation: second, start_limit: second, margin: 0.005 },
            guard: 4 * second,
            poll: second,
        }
    }

    #[test]
    fn every_device_is_in_one_wave_in_the_order_of_the_inventory() {
        for devices in 0..60 {
            for canary in [Amount::Count(0), Amount::Count(7), Amount::Percent(5), Amount::Percent(100)] {
                for wave in [Amount::Count(0), Amount::Count(3), Amount::Percent(25)] {
                    let waves = waves(devices, &policy(canary, wave));
                    assert_eq!(waves.concat(), (0..devices).collect::<Vec<_>>());
                    assert!(waves.iter().all(|wave| !wave.is_empty()));
                }
            }
        }
    }

    #[test]
    fn shares_are_of_the_whole_fleet() {
        let sizes = |devices, policy: &Policy| waves(devices, policy).iter().map(Vec::len).collect::<Vec<_>>();
        let shares = policy(Amount::Percent(5), Amount::Percent(25));
        assert_eq!(sizes(40, &shares), [2, 10, 10, 10, 8]);
        assert_eq!(sizes(4, &shares), [1, 1, 1, 1]);
        assert_eq!(sizes(4, &policy(Amount::Count(1), Amount::Count(2))), [1, 2, 1]);
    }

    #[test]
    fn few_may_be_out_of_reach_and_none_of_the_canary() {
        let policy = policy(Amount::Count(2), Amount::Count(5));
        assert!(may_miss(&[], 20, &policy).is_ok());
        assert!(may_miss(&[Group::Rest, Group::Rest], 20, &policy).is_ok());
        assert!(may_miss(&[Group::Rest; 3], 20, &policy).unwrap_err().contains("3 of 20"));
        assert!(may_miss(&[Group::Canary], 20, &policy).unwrap_err().contains("first wave"));
        assert!(may_miss(&[Group::Rest], 9, &policy).is_err());
    }
}
