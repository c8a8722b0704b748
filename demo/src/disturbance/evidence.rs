//! Whether an arm was in its state and did what it is there for, by the agent's own word.

use std::time::Duration;

use device_agent::agent::CommandCounts;
use device_agent::keeper::PlaceStatus;
use device_agent::supervisor::{Answer, LinkState, Summary};

use super::arm::{BrokerIs, Commands, Conditions, Kept};
use super::trouble::Trouble;

/// What the agent did besides its loop, while it was in its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Evidence {
    /// Reports that the broker acknowledged.
    pub delivered: u64,
    /// Windows that became part of another report because the spool was full.
    pub merged: u64,
    /// Commands that arrived, valid or not.
    pub commands: u64,
    /// Attempts to connect.
    pub attempts: u64,
    /// Calls of fsync for the durable place of its spool.
    pub syncs: u64,
    /// Time in which this was counted.
    pub elapsed: Duration,
}

impl Evidence {
    /// Commands a second.
    #[must_use]
    pub fn command_rate(&self) -> f64 {
        self.per_second(self.commands)
    }

    /// Reports delivered a second.
    #[must_use]
    pub fn delivery_rate(&self) -> f64 {
        self.per_second(self.delivered)
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^53")]
    fn per_second(&self, count: u64) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
    }

    /// Adds another run of the arm.
    pub(super) fn add(&mut self, other: &Self) {
        self.delivered += other.delivered;
        self.merged += other.merged;
        self.commands += other.commands;
        self.attempts += other.attempts;
        self.syncs += other.syncs;
        self.elapsed += other.elapsed;
    }
}

/// How the agent is, by its own word.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) link: LinkState,
    pub(super) commands: CommandCounts,
    pub(super) disk: Option<PlaceStatus>,
}

impl From<&Answer> for Look {
    fn from(answer: &Answer) -> Self {
        Self { link: answer.link.clone(), commands: answer.commands, disk: answer.store.durable.clone() }
    }
}

impl Look {
    fn syncs(&self) -> u64 {
        self.disk.as_ref().map_or(0, |place| place.syncs)
    }

    /// What is still missing until the agent is in its state.
    pub(super) fn missing(&self, conditions: &Conditions) -> Option<String> {
        let Self { link, commands, .. } = self;
        if conditions.kept == Kept::OnDisk && self.syncs() == 0 {
            return Some("nothing was written to the disk".into());
        }
        match conditions.broker {
            BrokerIs::There | BrokerIs::Secured if !link.up => {
                return Some(format!("the agent has no connection: {}", link.last_down));
            }
            BrokerIs::Away if link.last_down.is_empty() => return Some("no connection was refused".into()),
            BrokerIs::There | BrokerIs::Secured | BrokerIs::Away => {}
        }
        match conditions.commands {
            Commands::Flood if commands.accepted == 0 => Some("no valid command arrived".into()),
            Commands::Flood if commands.malformed == 0 => Some("no malformed command arrived".into()),
            Commands::Flood | Commands::None => None,
        }
    }
}

/// How the agent was when it had got into its state, and at the end.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) before: Look,
    pub(super) after: Look,
    pub(super) elapsed: Duration,
}

impl Seen {
    /// What it did; `summary` is its last word.
    ///
    /// # Errors
    /// [`Trouble::Idle`] if that is not what the arm is there for.
    pub(super) fn judge(&self, conditions: &Conditions, summary: &Summary) -> Result<Evidence, Trouble> {
        let Self { before, after, elapsed } = self;
        let waiting = u64::try_from(after.link.reports_waiting).unwrap_or(0);
        // The last report is made when the agent ends, after the look at what waits.
        let last = 1;
        let evidence = Evidence {
            delivered: after.link.reports_delivered.saturating_sub(before.link.reports_delivered),
            merged: summary
                .reports
                .saturating_sub(summary.reports_delivered.max(after.link.reports_delivered) + waiting + last),
            commands: after.commands.arrived().saturating_sub(before.commands.arrived()),
            attempts: after.link.conn,
            syncs: after.syncs().saturating_sub(before.syncs()),
            elapsed: *elapsed,
        };
        let idle = |what: String| Err(Trouble::Idle(what));
        match conditions.broker {
            BrokerIs::There | BrokerIs::Secured if !after.link.up || after.link.conn != before.link.conn => {
                idle(format!("the agent lost its connection on the way ({})", after.link.last_down))
            }
            BrokerIs::There | BrokerIs::Secured if evidence.delivered == 0 => idle("no report was delivered".into()),
            BrokerIs::Away if after.link.up || summary.reports_delivered > 0 => {
                idle(format!("the agent reached a broker at {}, where there should be none", after.link.url))
            }
            _ if conditions.commands == Commands::Flood && evidence.commands == 0 => idle("no command arrived".into()),
            _ if conditions.kept == Kept::OnDisk && evidence.syncs == 0 => {
                idle("nothing was written to the disk".into())
            }
            BrokerIs::There | BrokerIs::Secured | BrokerIs::Away => Ok(evidence),
        }
    }
}

#[cfg(test)]
mod tests {
    use device_agent::keeper::Health;
    use shared_proto::ids::BootId;
    use shared_proto::wire::Totals;

    use super::*;
    use crate::disturbance::Arm;

    fn connected(delivered: u64, commands: u64) -> Look {
        let link = LinkState {
            url: "mqtt://127.0.0.1:1".into(),
            up: true,
            conn: 1,
            last_down: String::new(),
            reports_delivered: delivered,
            reports_waiting: 0,
        };
        let commands = CommandCounts { accepted: commands, malformed: commands, ..CommandCounts::default() };
        Look { link, commands, disk: None }
    }

    fn refused(attempts: u64, waiting: usize) -> Look {
        let mut look = connected(0, 0);
        look.link.up = false;
        look.link.conn = attempts;
        look.link.last_down = "refused".into();
        look.link.reports_waiting = waiting;
        look
    }

    fn written(syncs: u64) -> Look {
        let health = Health::Ok;
        let directory = String::new();
        let disk = PlaceStatus { directory, health, writes: syncs, bytes: syncs, syncs, failures: 0, damaged: 0 };
        Look { disk: Some(disk), ..refused(1, 0) }
    }

    fn judge(arm: Arm, before: Look, after: Look, reports: u64) -> Result<Evidence, String> {
        let summary = Summary {
            device: "device".parse().unwrap(),
            boot: BootId(1),
            total: Totals::default(),
            reports,
            reports_delivered: after.link.reports_delivered,
        };
        let seen = Seen { before, after, elapsed: Duration::from_secs(2) };
        seen.judge(&arm.conditions().unwrap(), &summary).map_err(|trouble| trouble.to_string())
    }

    #[test]
    fn what_was_done_is_counted_from_the_state_on() {
        let flood = judge(Arm::Flood, connected(1, 50), connected(11, 8_050), 12).unwrap();
        assert_eq!((flood.delivered, flood.commands, flood.merged), (10, 16_000, 0));
        assert_eq!((flood.delivery_rate(), flood.command_rate()), (5.0, 8_000.0));
        let away = judge(Arm::BrokerAway, refused(1, 0), refused(4, 4), 51).unwrap();
        assert_eq!((away.delivered, away.merged, away.attempts), (0, 46, 4));
        assert_eq!(judge(Arm::Disk, written(2), written(9), 51).unwrap().syncs, 7);
    }

    #[test]
    fn an_arm_that_did_not_do_its_part_is_refused() {
        let idle = judge(Arm::Publishing, connected(1, 0), connected(1, 0), 2).unwrap_err();
        assert_eq!(idle, "no report was delivered: its figures say nothing");
        let calm = judge(Arm::Flood, connected(1, 9), connected(5, 9), 6).unwrap_err();
        assert!(calm.contains("no command arrived"), "{calm}");
        let mut reconnected = connected(5, 0);
        reconnected.link.conn = 2;
        let lost = judge(Arm::FastReports, connected(1, 0), reconnected, 6).unwrap_err();
        assert!(lost.contains("lost its connection"), "{lost}");
        let there = judge(Arm::BrokerAway, refused(1, 0), connected(0, 0), 6).unwrap_err();
        assert!(there.contains("where there should be none"), "{there}");
        let dry = judge(Arm::Disk, written(2), written(2), 6).unwrap_err();
        assert!(dry.contains("nothing was written to the disk"), "{dry}");
    }

    #[test]
    fn each_arm_waits_for_its_own_state() {
        let missing = |arm: Arm, look: Look| look.missing(&arm.conditions().unwrap());
        assert_eq!(missing(Arm::Publishing, connected(0, 0)), None);
        assert!(missing(Arm::Publishing, refused(1, 0)).unwrap().contains("refused"));
        assert!(missing(Arm::Tls, refused(1, 0)).unwrap().contains("refused"));
        assert!(missing(Arm::Flood, connected(0, 0)).is_some());
        assert_eq!(missing(Arm::Flood, connected(0, 1)), None);
        assert_eq!(missing(Arm::BrokerAway, refused(1, 0)), None);
        assert_eq!(missing(Arm::Disk, written(1)), None);
        assert!(missing(Arm::Disk, refused(1, 0)).is_some());
        let not_yet = Look { link: LinkState { last_down: String::new(), ..refused(0, 0).link }, ..refused(0, 0) };
        assert!(missing(Arm::BrokerAway, not_yet).is_some());
    }
}
