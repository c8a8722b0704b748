//! Leases, as the device's clock counts them, and what a device does without one.

use device_agent::agent::Agent;
use device_agent::mode::GatewayHold;
use device_agent::time::MonoTime;
use shared_host::mqtt::Token;
use shared_proto::mode::{Mode, ModeSource};
use shared_proto::policy::PolicyConfig;
use shared_proto::wire::SetMode;

use super::{Broken, Law};

/// The lease of one run.
#[derive(Debug, Default)]
pub(in super::super) struct Leases {
    lease: Lease,
    /// Since when nobody else decides.
    alone_since: Option<MonoTime>,
    /// Windows in a row that called for DEGRADED while the device was alone in NORMAL.
    hot_alone: u32,
}

#[derive(Debug, Clone, Copy, Default)]
enum Lease {
    /// No command came, or the last one let go.
    #[default]
    None,
    Until(MonoTime),
    /// Its end was seen.
    Ended,
}

impl Leases {
    /// A command was taken at `now`.
    pub(in super::super) fn taken(&mut self, command: &SetMode, now: MonoTime) {
        self.lease = match command.lease_ms.millis() {
            Some(ms) => Lease::Until(now.plus_nanos(u64::from(ms) * 1_000_000)),
            None => Lease::None,
        };
    }

    /// After the agent has looked at the time; whether a lease was just seen to have ended.
    pub(in super::super) fn check(&mut self, agent: &Agent<Token>, now: MonoTime) -> Result<bool, Broken> {
        let broken = |how: String| Err(Broken::new(Law::LeaseEnds, how));
        let by_gateway = agent.effective().source == ModeSource::Gateway;
        let hold = agent.gateway(now);
        match self.lease {
            Lease::Until(end) if now < end => match hold {
                GatewayHold::Leased { left_ms } if left_ms == end.millis_since(now) => Ok(false),
                _ => broken(format!("the lease goes on for {} ms, the device says {hold:?}", end.millis_since(now))),
            },
            Lease::Until(_) | Lease::Ended => {
                if !matches!(hold, GatewayHold::Ended { .. }) {
                    return broken(format!("the lease is over, the device says {hold:?}"));
                }
                // Another mode waits for the next release.
                if by_gateway && !agent.is_switching() {
                    return broken("the lease is over, and the gateway still decides".to_owned());
                }
                let just = matches!(self.lease, Lease::Until(_));
                self.lease = Lease::Ended;
                Ok(just)
            }
            Lease::None => {
                let idle = hold == GatewayHold::None && (!by_gateway || agent.is_switching());
                if idle { Ok(false) } else { broken(format!("there is no lease, and the device says {hold:?}")) }
            }
        }
    }

    /// A window was closed in which `jobs` were counted; one without is no evidence.
    pub(in super::super) fn window_closed(
        &mut self,
        agent: &Agent<Token>,
        jobs: u64,
        policy: &PolicyConfig,
        report_ms: u64,
        now: MonoTime,
    ) -> Result<(), Broken> {
        let decision = agent.effective();
        if jobs == 0 {
            return Ok(());
        }
        let alone = matches!(decision.source, ModeSource::Local | ModeSource::Default) && !agent.is_switching();
        let hot = decision.mode == Mode::Normal && agent.miss_rate() > policy.degrade_above;
        self.alone_since = alone.then(|| self.alone_since.unwrap_or(now));
        let alone_ms = self.alone_since.map_or(0, |since| now.millis_since(since));
        // What was decided and overruled just before counts as a change too.
        let may_change = agent.mode_age_ms(now).min(alone_ms) > u64::from(policy.dwell_ms) + 2 * report_ms;
        self.hot_alone = if alone && hot { self.hot_alone + u32::from(may_change) } else { 0 };
        if self.hot_alone > u32::from(policy.degrade_after) + 1 {
            let how = format!("miss rate {}, in NORMAL for {} ms", agent.miss_rate(), agent.mode_age_ms(now));
            return Err(Broken::new(Law::OwnPolicy, how));
        }
        Ok(())
    }
}
