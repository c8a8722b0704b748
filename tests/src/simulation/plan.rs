//! What a seed makes of the world: who is in it, how they are set, and what goes wrong when.

use device_agent::rt::Timing;
use device_agent::window::WindowConfig;
use shared_proto::policy::PolicyConfig;
use shared_proto::wire::OverrunPolicy;

use super::broker::{Habits, Store};
use super::client::Patience;
use super::dice::Dice;
use super::faults::{Fault, Way, draw_fault};
use super::network::Latency;
use super::task::Load;
use super::time::Time;
use super::trace::Node;
use super::{Options, Trouble};

const MS: u64 = 1_000_000;

/// Everything that is settled before the world begins.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) agents: Vec<DevicePlan>,
    pub(super) report_ms: u64,
    pub(super) window: WindowConfig,
    pub(super) policy: PolicyConfig,
    pub(super) lease_ms: u32,
    pub(super) retry_ms: u32,
    pub(super) ttl_ms: u32,
    pub(super) spool_capacity: usize,
    pub(super) ring_capacity: usize,
    pub(super) patience: Patience,
    pub(super) latency: Latency,
    pub(super) habits: Habits,
    /// Whether the controller gets every message: then its own counts are held to the last job.
    pub(super) gateway: GatewayFate,
    pub(super) faults: Vec<(Time, Fault)>,
    /// All trouble ends here.
    pub(super) heals: Time,
    /// From here on everything must be as it should.
    pub(super) calm: Time,
    /// The end.
    pub(super) ends: Time,
}

/// Whether trouble befalls the controller too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GatewayFate {
    /// It and its connection are never touched.
    Spared,
    /// It is killed, cut off and held up like the devices.
    Shared,
}

/// Whether an agent has a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StorePlan {
    /// What it holds ends with the process.
    None,
    /// In memory at once, on the disk when the oldest report has waited `after_ms`, then so often.
    Kept { after_ms: u64, every_ms: u64 },
}

/// One device.
#[derive(Debug, Clone, Copy)]
pub(super) struct DevicePlan {
    pub(super) timing: Timing,
    /// What its clock shows when the world begins, and how long it takes for a second.
    pub(super) clock_zero_ns: u64,
    pub(super) clock_us_per_s: u64,
    /// Whether its agent has a store.
    pub(super) store: StorePlan,
    /// When it is switched on.
    pub(super) starts: Time,
}

impl Plan {
    pub(super) fn draw(options: &Options, dice: &mut Dice) -> Self {
        let report_ms = dice.one_of(200, &[500, 1_000]);
        let policy = PolicyConfig {
            degrade_after: dice.one_of(1, &[1, 2]),
            recover_after: dice.one_of(3, &[5, 10]),
            dwell_ms: dice.one_of(1_000, &[2_000, 5_000]),
            backoff_limit: 3,
            ..PolicyConfig::default()
        };
        let retry_ms = dice.one_of(100, &[300, 500]);
        let patience = Patience {
            connect_ms: 2_000,
            keep_alive_ms: dice.one_of(1_000, &[2_000, 4_000]),
            ack_ms: dice.one_of(1_000, &[3_000]),
            backoff_least_ms: 200,
            backoff_most_ms: dice.one_of(1_000, &[4_000]),
        };
        let latency = dice.one_of(
            Latency { least_us: 200, most_us: 3_000 },
            &[Latency { least_us: 1_000, most_us: 40_000 }, Latency { least_us: 20_000, most_us: 250_000 }],
        );
        let a_while = Time::from_ms(dice.between(20_000..=60_000));
        let heals = match options.trouble {
            Trouble::OfAllKinds => a_while,
            Trouble::Outage(minutes) => a_while.plus_ms(minutes * 60_000),
        };
        let calm = heals.plus_ms(patience.longest_reconnect_ms() + 3_000 + 4 * report_ms);
        let count = options.agents.unwrap_or_else(|| dice.one_of(1, &[1, 2, 2, 3, 4]));
        let mut plan = Self {
            agents: Vec::new(),
            report_ms,
            window: WindowConfig { miss_window: dice.one_of(10, &[30, 100]), burst_jobs: 10 },
            policy,
            lease_ms: dice.one_of(2_000, &[5_000, 10_000]),
            retry_ms,
            ttl_ms: dice.one_of(500, &[1_000, 5_000, 10_000]),
            spool_capacity: dice.one_of(2, &[4, 10, 40]),
            ring_capacity: dice.one_of(32, &[1_024]),
            patience,
            latency,
            habits: Habits { repeat: dice.one_of(0, &[2, 10]), late_will: dice.one_of(0, &[30]) },
            gateway: dice.one_of(GatewayFate::Spared, &[GatewayFate::Shared]),
            faults: Vec::new(),
            heals,
            calm,
            ends: calm.plus_ms(20_000),
        };
        plan.agents = (0..count).map(|_| DevicePlan::draw(dice)).collect();
        match options.trouble {
            Trouble::OfAllKinds => plan.draw_faults(dice),
            Trouble::Outage(minutes) => plan.draw_outage(minutes * 60_000, dice),
        }
        plan.draw_loads(dice);
        plan.faults.sort_by_key(|(at, _)| *at);
        plan
    }

    /// Two changes by policy are at least so far apart, in milliseconds.
    pub(super) fn least_between_changes_ms(&self) -> u64 {
        u64::from(self.policy.dwell_ms)
    }

    /// Once all is well, device and controller agree on the mode after this time, in milliseconds: a report, the command and
    /// its repetition, the next release, and the way of each.
    pub(super) fn longest_disagreement_ms(&self) -> u64 {
        2 * self.report_ms + 3 * u64::from(self.retry_ms) + 8 * self.latency.most_us.div_ceil(1_000) + 500
    }

    fn draw_faults(&mut self, dice: &mut Dice) {
        let pace_ms = dice.one_of(1_000, &[3_000, 6_000]);
        let mut at = Time::from_ms(dice.between(1..=pace_ms));
        while at < self.heals {
            let fault = draw_fault(self.agents.len(), self.gateway, dice);
            self.faults.push((at, fault));
            at = at.plus_ms(dice.between(1..=2 * pace_ms));
        }
    }

    /// The broker is gone; or, if the controller is to get every message, no device reaches it. Both end together.
    fn draw_outage(&mut self, ms: u64, dice: &mut Dice) {
        let begins = Time::from_ms(dice.between(8_000..=15_000));
        match self.gateway {
            GatewayFate::Shared => {
                let store = dice.one_of(Store::Kept, &[Store::Lost]);
                self.faults.push((begins, Fault::Broker { store, ms }));
                let middle = begins.plus_ms(ms / 2);
                self.faults.push((middle, Fault::GatewayKill { back_ms: dice.between(10..=8_000) }));
            }
            GatewayFate::Spared => {
                for device in 0..self.agents.len() {
                    let way = dice.one_of(Way::Both, &[Way::ToBroker, Way::ToClient]);
                    self.faults.push((begins, Fault::Partition { node: Node::Device(device), way, ms }));
                }
            }
        }
    }

    fn draw_loads(&mut self, dice: &mut Dice) {
        for device in 0..self.agents.len() {
            let mut at = Time::from_ms(dice.between(0..=8_000));
            while at < self.ends {
                self.faults.push((at, Fault::Load { device, load: draw_load(dice) }));
                at = at.plus_ms(dice.between(3_000..=20_000));
            }
        }
    }
}

impl DevicePlan {
    fn draw(dice: &mut Dice) -> Self {
        let kept = StorePlan::Kept { after_ms: dice.between(500..=5_000), every_ms: dice.between(1_000..=10_000) };
        let period_ms = dice.one_of(20, &[50, 100]);
        let normal_period_ns = period_ms * MS;
        let timing = Timing {
            normal_period_ns,
            degraded_period_ns: normal_period_ns * dice.one_of(1, &[2]),
            deadline_ns: Some(normal_period_ns / 5 * 4),
            overrun: dice.one_of(OverrunPolicy::SkipNext, &[OverrunPolicy::SkipNext, OverrunPolicy::CatchUp]),
        };
        Self {
            timing,
            clock_zero_ns: dice.between(1..=1_000_000) * MS,
            // Up to 100 ppm off.
            clock_us_per_s: dice.between(999_900..=1_000_100),
            store: if dice.percent(50) { kept } else { StorePlan::None },
            starts: Time::from_ms(dice.between(0..=3_000)),
        }
    }
}

fn draw_load(dice: &mut Dice) -> Load {
    match dice.between(0..=9) {
        0..=3 => Load::default(),
        // An overload that DEGRADED cures.
        4..=7 => Load { normal: dice.between(8..=60), degraded: 0 },
        8 => Load { normal: dice.between(1..=6), degraded: 0 },
        _ => Load { normal: dice.between(20..=60), degraded: dice.between(1..=30) },
    }
}
