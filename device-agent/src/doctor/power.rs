//! Power and heat, as far as the board tells.

use shared_proto::wire::Host;

use super::Finding;
use crate::host::{UNDER_VOLTAGE, throttle_in_words};

/// The firmware of a Raspberry Pi slows the CPU down from 80 °C on, whatever is configured.
const FIRMWARE_LIMIT_C: f32 = 80.0;
/// So many degrees below a limit it is near.
const NEAR_C: f32 = 5.0;

/// `max_temp_c`: where the agent degrades.
pub(super) fn judge(host: &Host, max_temp_c: Option<f32>) -> Vec<Finding> {
    let supply = "use the board's own supply (5 V; 3 A, for a Raspberry Pi 5 5 A) and a short cable, then reboot: the \
                  history is since boot";
    let power = match host.throttled {
        None => Finding::skipped("power.supply", "this machine does not tell"),
        Some(0) => Finding::ok("power.supply", "good since boot".to_owned()),
        Some(flags) if flags & UNDER_VOLTAGE != 0 => Finding::failure("power.supply", throttle_in_words(flags), supply),
        // Bit 16: under-voltage since boot. The others are of heat, or follow from it.
        Some(flags) if flags >> 16 & UNDER_VOLTAGE != 0 => {
            Finding::warning("power.supply", throttle_in_words(flags), supply)
        }
        Some(flags) => {
            let mend = "cool it: a heat sink or a fan, or less load; then reboot: the history is since boot";
            Finding::warning("power.supply", throttle_in_words(flags), mend)
        }
    };
    let limit = max_temp_c.map_or(FIRMWARE_LIMIT_C, |max| max.min(FIRMWARE_LIMIT_C));
    let cool = "cool it: a heat sink or a fan, or less load";
    let heat = match host.temp_c {
        None => Finding::skipped("power.temperature", "no thermometer"),
        Some(temp) if max_temp_c.is_some_and(|max| temp > max) => Finding::failure(
            "power.temperature",
            format!("{temp:.1} °C: above safety.max_temp_c, so it degrades"),
            cool,
        ),
        Some(temp) if temp > limit - NEAR_C => {
            Finding::warning("power.temperature", format!("{temp:.1} °C, and from {limit:.0} °C on it is slower"), cool)
        }
        Some(temp) => Finding::ok("power.temperature", format!("{temp:.1} °C")),
    };
    vec![power, heat]
}

#[cfg(test)]
mod tests {
    use super::super::Outcome::{Failure, Ok, Skipped, Warning};
    use super::super::tests::outcomes;
    use super::*;

    fn judged(throttled: Option<u32>, temp_c: Option<f32>) -> [super::super::Outcome; 2] {
        let told = judge(&Host { throttled, temp_c, ..Host::default() }, Some(85.0));
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
        let mend = |flags| judge(&Host { throttled: Some(flags), ..Host::default() }, None)[0].mend.clone().unwrap();
        assert!(mend(0x1_0000).contains("supply") && mend(0x8_0008).contains("cool"));
    }

    #[test]
    fn heat_is_judged_by_the_limits() {
        for (temp, outcome) in [(None, Skipped), (Some(60.0), Ok), (Some(76.0), Warning), (Some(86.0), Failure)] {
            assert_eq!(judged(None, temp)[1], outcome, "{temp:?}");
        }
        let unguarded = judge(&Host { temp_c: Some(90.0), ..Host::default() }, None);
        assert_eq!(unguarded[1].outcome, Warning);
    }
}
