//! Power and heat, as far as the board tells.

use shared_proto::wire::Host;

use super::{Findings, Outcome};
use crate::host::{UNDER_VOLTAGE, throttle_in_words};

/// The firmware of a Raspberry Pi slows the CPU down from 80 °C on, whatever is configured.
const FIRMWARE_LIMIT_C: f32 = 80.0;
/// So many degrees below a limit it is near.
const NEAR_C: f32 = 5.0;

/// `max_temp_c`: where the agent degrades.
pub(super) fn judge(host: &Host, max_temp_c: Option<f32>, to: &mut Findings) {
    let supply = "use the board's own supply (5 V; 3 A, for a Raspberry Pi 5 5 A) and a short cable";
    let cool = "cool it: a heat sink or a fan, or less load";
    match host.throttled {
        None => to.skipped("power.supply", "this machine does not tell"),
        Some(0) => to.ok("power.supply", format_args!("good since boot")),
        Some(flags) => {
            // The upper half is the history. The other flags are of heat, or follow from it.
            let (outcome, mend) = match (flags & UNDER_VOLTAGE, flags >> 16 & UNDER_VOLTAGE) {
                (0, 0) => (Outcome::Warning, cool),
                (0, _) => (Outcome::Warning, supply),
                _ => (Outcome::Failure, supply),
            };
            let mend = format_args!("{mend}; then reboot: the history is since boot");
            to.add("power.supply", outcome, format_args!("{}", throttle_in_words(flags)), mend);
        }
    }
    let limit = max_temp_c.map_or(FIRMWARE_LIMIT_C, |max| max.min(FIRMWARE_LIMIT_C));
    let Some(temp) = host.temp_c else { return to.skipped("power.temperature", "no thermometer") };
    let (outcome, what, mend) = if max_temp_c.is_some_and(|max| temp > max) {
        (Outcome::Failure, ", above safety.max_temp_c: the agent degrades", cool)
    } else if temp > limit - NEAR_C {
        (Outcome::Warning, ", near the limit", cool)
    } else {
        (Outcome::Ok, "", "")
    };
    to.add("power.temperature", outcome, format_args!("{temp:.1} °C{what}"), format_args!("{mend}"));
}

#[cfg(test)]
mod tests {
    use super::super::Outcome::{Failure, Ok, Skipped, Warning};
    use super::super::tests::{outcomes, told};
    use super::*;

    fn judged(throttled: Option<u32>, temp_c: Option<f32>) -> [super::super::Outcome; 2] {
        let told = told(|to| judge(&Host { throttled, temp_c, ..Host::default() }, Some(85.0), to));
        let told = outcomes(&told);
        assert_eq!([told[0].0, told[1].0], ["power.supply", "power.temperature"]);
        [told[0].1, told[1].1]
    }

    #[test]
    fn under_voltage_is_a_failure_now_and_a_warning_later() {
        for (flags, outcome) in [
            (None, Skipped),
            (Some(0), Ok),
            (Some(0x5_0005), Failure),
            (Some(0x5_0000), Warning),
            (Some(0x8_0008), Warning),
        ] {
            assert_eq!(judged(flags, None)[0], outcome, "{flags:?}");
        }
        let mend = |flags| {
            told(|to| judge(&Host { throttled: Some(flags), ..Host::default() }, None, to))[0].mend.clone().unwrap()
        };
        assert!(mend(0x1_0000).contains("supply") && mend(0x8_0008).contains("cool"));
    }

    #[test]
    fn heat_is_judged_by_the_limits() {
        for (temp, outcome) in [(None, Skipped), (Some(60.0), Ok), (Some(76.0), Warning), (Some(86.0), Failure)] {
            assert_eq!(judged(None, temp)[1], outcome, "{temp:?}");
        }
        let unguarded = told(|to| judge(&Host { temp_c: Some(90.0), ..Host::default() }, None, to));
        assert_eq!(unguarded[1].outcome, Warning);
    }
}
