//! Real-time settings: each that the configuration asks for is really tried, in a thread of its own that ends at once.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::finding::{Findings, Outcome};
use crate::rt::{self, Asked, Granted, SchedulerAsked};
use crate::supervisor::settings;

/// The service's user, by the unit that comes with the agent.
const SERVICE_USER: &str = "device-agent";

/// What came of the attempt.
pub(super) struct Facts {
    tried: io::Result<Granted>,
    who: Who,
    /// Microseconds of each second that real-time threads may have; -1 for no limit.
    bandwidth_us: Option<i64>,
}

/// Who tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// The service's user, or there is none.
    Service,
    /// Somebody else, with this number.
    Other(u32),
}

pub(super) fn gather(root: &Path, asked: Asked) -> Facts {
    Facts { tried: rt::try_settings(asked), who: who(root), bandwidth_us: bandwidth(root) }
}

fn who(root: &Path) -> Who {
    let own = fs::metadata("/proc/self").map_or(0, |process| process.uid());
    let users = fs::read_to_string(root.join("etc/passwd")).unwrap_or_default();
    let service = users.lines().find_map(|line| line.strip_prefix(SERVICE_USER)?.strip_prefix(':')?.split(':').nth(1));
    match service {
        Some(number) if number.parse() != Ok(own) => Who::Other(own),
        _ => Who::Service,
    }
}

fn bandwidth(root: &Path) -> Option<i64> {
    fs::read_to_string(root.join("proc/sys/kernel/sched_rt_runtime_us")).ok()?.trim().parse().ok()
}

pub(super) fn judge(facts: &Facts, asked: &Asked, to: &mut Findings) {
    match &facts.tried {
        Ok(granted) => settings(&granted.settings, &granted.advice, to),
        Err(error) => {
            to.failure(
                "realtime.scheduler",
                format_args!("cannot try: {error}"),
                format_args!("free some memory or threads"),
            );
        }
    }
    if let Who::Other(number) = facts.who {
        to.add(
            "realtime.user",
            Outcome::Skipped,
            format_args!(
                "tried as user {number} (root is 0); what the service's user {SERVICE_USER} may is in its unit, and not tried here"
            ),
            format_args!(
                "systemctl show device-agent -p User,AmbientCapabilities,LimitRTPRIO,LimitMEMLOCK; sudo device-agent status   # of the \
                 running agent"
            ),
        );
    }
    if matches!(asked.scheduler, SchedulerAsked::Other { .. }) {
        return;
    }
    let mend = format_args!("sudo sysctl kernel.sched_rt_runtime_us=950000");
    match facts.bandwidth_us {
        Some(0) => {
            let found = format_args!("kernel.sched_rt_runtime_us is 0: real-time threads get no time on this machine");
            to.failure("realtime.bandwidth", found, mend);
        }
        Some(-1) => {
            let found =
                format_args!("kernel.sched_rt_runtime_us is -1: a real-time thread that runs away takes its whole CPU");
            to.warning("realtime.bandwidth", found, mend);
        }
        Some(us) => to.ok("realtime.bandwidth", format_args!("kernel.sched_rt_runtime_us is {us}")),
        None => to.skipped("realtime.bandwidth", "the kernel has no limit to tell"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Outcome::{Failure, Ok as Good, Skipped, Warning};
    use super::super::tests::{machine, outcomes, told as collected};
    use super::*;
    use shared_proto::wire::{Setting, SettingOutcome};

    fn setting(name: &str, outcome: SettingOutcome) -> Setting {
        Setting { name: name.into(), asked: "as configured".into(), outcome, why: "Operation not permitted".into() }
    }

    #[test]
    fn what_is_refused_comes_with_its_advice() {
        let refused = |name| setting(name, SettingOutcome::Refused);
        let asked = [setting("cpu", SettingOutcome::Granted), refused("scheduler"), refused("no_deep_sleep")];
        let told = collected(|to| settings(&asked, &[("scheduler".into(), "give CAP_SYS_NICE".to_owned())], to));
        let wanted = [("realtime.cpu", Good), ("realtime.scheduler", Failure), ("realtime.no_deep_sleep", Warning)];
        assert_eq!(outcomes(&told), wanted);
        assert_eq!(told[1].mend.as_deref(), Some("give CAP_SYS_NICE"));
        assert!(told[1].found.contains("as configured") && told[1].found.contains("not permitted"));
    }

    #[test]
    fn for_whom_it_holds_is_told() {
        let fifo = Asked { scheduler: SchedulerAsked::Fifo(80), cpu: None, lock_memory: false, no_deep_sleep: false };
        let facts = |who, bandwidth_us| Facts { tried: Err(io::ErrorKind::OutOfMemory.into()), who, bandwidth_us };
        let told = |who, bandwidth_us| collected(|to| judge(&facts(who, bandwidth_us), &fifo, to));
        let wanted = [("realtime.scheduler", Failure), ("realtime.user", Skipped), ("realtime.bandwidth", Failure)];
        assert_eq!(outcomes(&told(Who::Other(0), Some(0))), wanted);
        assert!(told(Who::Other(0), None)[1].found.contains("as user 0"));
        assert!(told(Who::Other(7), None)[1].found.contains("as user 7"));
        for (us, outcome) in [(None, Skipped), (Some(-1), Warning), (Some(950_000), Good)] {
            assert_eq!(outcomes(&told(Who::Service, us))[1], ("realtime.bandwidth", outcome));
        }
        let other = Asked { scheduler: SchedulerAsked::Other { nice: 0 }, ..fifo };
        assert_eq!(collected(|to| judge(&facts(Who::Service, Some(0)), &other, to)).len(), 1);
    }

    #[test]
    fn the_services_user_is_known_by_name() {
        let own = fs::metadata("/proc/self").unwrap().uid();
        let user =
            |number: u32| machine(&[("etc/passwd", &format!("root:x:0:0::/:\ndevice-agent:x:{number}:7::/:\n"))]);
        assert_eq!(who(user(own).path()), Who::Service);
        assert_eq!(who(user(own + 1).path()), Who::Other(own));
        assert_eq!(who(machine(&[("etc/passwd", "device-agents:x:1:1::/:\n")]).path()), Who::Service);
        assert_eq!(bandwidth(machine(&[("proc/sys/kernel/sched_rt_runtime_us", "-1\n")]).path()), Some(-1));
    }

    #[test]
    fn trying_leaves_this_thread_as_it_was() {
        let before = crate::sys::current_schedule().unwrap();
        let nice = SchedulerAsked::Other { nice: 5 };
        let asked = Asked { scheduler: nice, cpu: Some(0), lock_memory: true, no_deep_sleep: true };
        let facts = gather(Path::new("/"), asked);
        assert!(facts.tried.is_ok_and(|granted| granted.settings.len() >= 4));
        assert_eq!(crate::sys::current_schedule().unwrap(), before);
        let status = fs::read_to_string("/proc/self/status").unwrap();
        assert!(status.lines().any(|line| line.starts_with("VmLck:") && line.contains(" 0 kB")), "{status}");
    }
}
