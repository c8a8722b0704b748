//! Whether the controller counted what the devices did, to the last job.

use std::collections::HashMap;

use gateway_controller::fleet::DeviceView;
use serde::Serialize;
use shared_proto::ids::DeviceId;
use shared_proto::wire::Totals;

/// Devices of each kind that are named.
const NAMED: usize = 5;

/// How the counts compare, from the start of the devices to their end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Devices whose counts agree.
    pub agree: usize,
    /// Devices whose counts do not.
    pub differ: usize,
    /// Of these, devices that have counted more jobs than the controller.
    pub behind: usize,
    /// Devices that the controller does not know.
    pub unknown: usize,
    /// Jobs of all devices, counted by themselves.
    pub jobs: u64,
    /// The same, counted by the controller.
    pub jobs_received: u64,
    /// Misses of all devices, counted by themselves.
    pub misses: u64,
    /// The same, counted by the controller.
    pub misses_received: u64,
    /// Reports that the controller received more than once.
    pub duplicates: u64,
    /// Some of those that differ, in words.
    pub examples: Vec<String>,
}

impl Comparison {
    /// Compares the devices' own counts with the controller's, less what it had counted before they started.
    pub(super) fn of<'a>(
        own: impl Iterator<Item = (&'a DeviceId, Totals)>,
        before: &HashMap<DeviceId, DeviceView>,
        after: &HashMap<DeviceId, DeviceView>,
    ) -> Self {
        let mut sum = Self {
            agree: 0,
            differ: 0,
            behind: 0,
            unknown: 0,
            jobs: 0,
            jobs_received: 0,
            misses: 0,
            misses_received: 0,
            duplicates: 0,
            examples: Vec::new(),
        };
        for (id, own) in own {
            sum.jobs += own.jobs;
            sum.misses += own.misses;
            let Some(view) = after.get(id) else {
                // A device that was never up for a whole window has told nothing.
                if own.jobs == 0 {
                    sum.agree += 1
                } else {
                    sum.unknown += 1
                }
                continue;
            };
            let earlier = before.get(id);
            let counted = totals(view).since(&earlier.map(totals).unwrap_or_default());
            sum.jobs_received += counted.jobs;
            sum.misses_received += counted.misses;
            sum.duplicates += view.duplicates.saturating_sub(earlier.map_or(0, |view| view.duplicates));
            if counted == own {
                sum.agree += 1;
                continue;
            }
            sum.differ += 1;
            sum.behind += usize::from(own.jobs > counted.jobs);
            if sum.examples.len() < NAMED {
                let missing = view.missing_jobs;
                sum.examples.push(format!("{id}: own {own:?}, controller {counted:?}, {missing} jobs missing there"));
            }
        }
        sum
    }

    /// Whether all agree.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.differ == 0 && self.unknown == 0
    }
}

fn totals(view: &DeviceView) -> Totals {
    Totals { jobs: view.jobs, misses: view.misses, skipped: view.skipped }
}

#[cfg(test)]
mod tests {
    use gateway_controller::fleet::{DialectView, PresenceView, WantedBy};

    use super::*;

    fn view(jobs: u64, duplicates: u64) -> DeviceView {
        DeviceView {
            device: "sim-1".parse().unwrap(),
            presence: PresenceView::Online,
            dialect: DialectView::Native,
            boot: None,
            version: None,
            mode: None,
            mode_source: None,
            reason: "".into(),
            wanted: None,
            wanted_by: WantedBy::Policy,
            miss_rate: None,
            jobs,
            misses: 0,
            skipped: 0,
            missing_jobs: 0,
            duplicates,
            counted: Default::default(),
            wakeup_us: None,
            age_ms: 0,
        }
    }

    /// One device that has counted 100 jobs, at a controller that knew it from a run before.
    fn compared(after: DeviceView) -> Comparison {
        let id: DeviceId = "sim-1".parse().unwrap();
        let own = Totals { jobs: 100, ..Totals::default() };
        let (before, after) = ([(id.clone(), view(50, 4))].into(), [(id.clone(), after)].into());
        Comparison::of([(&id, own)].into_iter(), &before, &after)
    }

    #[test]
    fn what_the_controller_counted_before_is_no_part() {
        let sum = compared(view(150, 5));
        assert_eq!((sum.agree, sum.jobs_received, sum.duplicates), (1, 100, 1));
    }

    #[test]
    fn who_counted_less_is_told() {
        let (less, more) = (compared(view(140, 4)), compared(view(160, 4)));
        assert_eq!(((less.differ, less.behind), (more.differ, more.behind)), ((1, 1), (1, 0)));
    }
}
