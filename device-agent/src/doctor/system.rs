//! Which kernel, which program: nothing to mend, but what everybody asks first.

use super::Findings;
use crate::host::Platform;

pub(super) fn judge(platform: &Platform, program: &str, to: &mut Findings) {
    let preemption = match platform.preempt_rt {
        Some(true) => ", PREEMPT_RT",
        Some(false) => ", not PREEMPT_RT",
        None => "",
    };
    let (kernel, model) = (platform.kernel.as_deref().unwrap_or("?"), platform.model.as_deref().unwrap_or("?"));
    to.ok("system.kernel", format_args!("{kernel}{preemption}, on {model}"));
    let (version, arch) = (env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    to.ok("system.program", format_args!("{version} for {arch}, {program}"));
}

#[cfg(test)]
mod tests {
    use super::super::tests::told as collected;
    use super::*;

    #[test]
    fn kernel_and_program_are_named() {
        let platform = |preempt_rt| Platform { kernel: Some("6.12".to_owned()), preempt_rt, model: None };
        let told = |preempt_rt| collected(|to| judge(&platform(preempt_rt), "/usr/local/bin/device-agent", to));
        assert_eq!(told(Some(true))[0].found, "6.12, PREEMPT_RT, on ?");
        assert_eq!(told(Some(false))[0].found, "6.12, not PREEMPT_RT, on ?");
        assert_eq!(told(None)[0].found, "6.12, on ?");
        assert!(told(None)[1].found.ends_with("/usr/local/bin/device-agent"));
    }
}
