//! The clock: certificates and classroom signatures are judged by it, and reports carry its time.

use std::path::Path;
use std::time::SystemTime;

use super::Findings;
use crate::sys;

/// What the machine says.
pub(super) struct Facts {
    now: SystemTime,
    /// When the program was installed or built: it cannot be earlier now.
    installed: Option<SystemTime>,
    synchronised: bool,
}

pub(super) fn gather(root: &Path) -> Facts {
    Facts {
        now: SystemTime::now(),
        installed: root.join("proc/self/exe").metadata().and_then(|program| program.modified()).ok(),
        synchronised: sys::wall_clock_synced(),
    }
}

pub(super) fn judge(facts: &Facts, to: &mut Findings) {
    let now = humantime::format_rfc3339_seconds(facts.now.max(SystemTime::UNIX_EPOCH));
    if facts.installed.is_some_and(|installed| facts.now < installed) {
        to.failure(
            "clock.set",
            format_args!("{now}: before this program was installed, so no certificate can be judged"),
            format_args!("sudo timedatectl set-ntp true   # or, without a network: sudo date -s 'YYYY-MM-DD HH:MM'"),
        );
    } else {
        to.ok("clock.set", format_args!("{now}"));
    }
    if facts.synchronised {
        to.ok("clock.synchronised", format_args!("the kernel says so"));
    } else {
        to.warning(
            "clock.synchronised",
            format_args!("the kernel says that nothing keeps it right"),
            format_args!("sudo timedatectl set-ntp true; timedatectl timesync-status"),
        );
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Outcome::{Failure, Ok, Warning};
    use super::super::tests::{outcomes, told};
    use super::*;

    #[test]
    fn a_clock_behind_the_program_is_not_set() {
        let at = |days: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(days * 86_400);
        let judged =
            |now, installed, synchronised| told(|to| judge(&Facts { now: at(now), installed, synchronised }, to));
        let findings = judged(20_000, Some(at(19_999)), true);
        assert_eq!(outcomes(&findings), [("clock.set", Ok), ("clock.synchronised", Ok)]);
        let findings = judged(1, Some(at(19_999)), false);
        assert_eq!(outcomes(&findings), [("clock.set", Failure), ("clock.synchronised", Warning)]);
        assert_eq!(judged(1, None, true)[0].outcome, Ok);
        let told = judged(1, Some(at(2)), true);
        assert!(told[0].found.starts_with("1970-01-02T00:00:00Z"), "{told:?}");
    }

    #[test]
    fn this_machine_tells_when_the_program_was_built() {
        assert!(gather(Path::new("/")).installed.is_some());
    }
}
