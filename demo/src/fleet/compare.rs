//! Whether the controller counted what the devices did, to the last job.

use std::collections::HashMap;

use gateway_controller::fleet::DeviceView;
use serde::Serialize;
use shared_proto::ids::DeviceId;
use shared_proto::wire::Totals;

/// Devices of each kind that are named.
const NAMED: usize = 5;

/// How the counts compare.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Devices whose counts agree.
    pub agree: usize,
    /// Devices whose counts do not.
    pub differ: usize,
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
            let counted = totals(view).since(&before.get(id).map(totals).unwrap_or_default());
            sum.jobs_received += counted.jobs;
            sum.misses_received += counted.misses;
            sum.duplicates += view.duplicates;
            if counted == own {
                sum.agree += 1;
                continue;
            }
            sum.differ += 1;
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
