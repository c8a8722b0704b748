//! Which kernel, which program: nothing to mend, but what everybody asks first.

use super::Finding;
use crate::host::Platform;

pub(super) fn judge(platform: &Platform, program: &str) -> Vec<Finding> {
    let preemption = match platform.preempt_rt {
        Some(true) => ", PREEMPT_RT",
        Some(false) => ", not PREEMPT_RT",
        None => "",
    };
    let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
    let kernel = format!("{}{preemption}, on {}", known(&platform.kernel), known(&platform.model));
    let version = format!("{} for {}, {program}", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    vec![Finding::ok("system.kernel", kernel), Finding::ok("system.program", version)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_and_program_are_named() {
        let platform = |preempt_rt| Platform { kernel: Some("6.12".to_owned()), preempt_rt, model: None };
        let told = |preempt_rt| judge(&platform(preempt_rt), "/usr/local/bin/device-agent");
        assert_eq!(told(Some(true))[0].found, "6.12, PREEMPT_RT, on ?");
        assert_eq!(told(Some(false))[0].found, "6.12, not PREEMPT_RT, on ?");
        assert_eq!(told(None)[0].found, "6.12, on ?");
        assert!(told(None)[1].found.ends_with("/usr/local/bin/device-agent"));
    }
}
