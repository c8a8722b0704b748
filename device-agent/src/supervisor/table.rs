//! How a running agent is, as a table for people.

use std::fmt::Write;

use shared_proto::units::Ratio;
use shared_proto::wire::SettingOutcome;

use super::control::Answer;
use crate::host::{Platform, throttle_in_words};
use crate::keeper::{Health, PlaceStatus};
use crate::mode::GatewayHold;

pub(super) fn table(answer: &Answer) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<16} {value}");
    };
    row("device", format!("{} (boot {}, version {})", answer.device, answer.boot, answer.version));
    row("mode", format!("{} by {} for {} ms: {}", answer.mode, answer.mode_source, answer.mode_age_ms, answer.reason));
    if let Some(danger) = &answer.danger {
        row("danger", danger.clone());
    }
    row(
        "task",
        format!(
            "{}, period {} us, deadline {} us, overhead {} ns",
            answer.task.name, answer.task.period_us, answer.task.deadline_us, answer.self_overhead_ns
        ),
    );
    row(
        "gateway",
        match answer.gateway {
            GatewayHold::None => "commands no mode".to_owned(),
            GatewayHold::Leased { left_ms } => format!("leads, lease of {left_ms} ms left"),
            GatewayHold::Unlimited => "leads until its next command".to_owned(),
            GatewayHold::Ended { ago_ms } => format!("silent: its lease ended {ago_ms} ms ago"),
        },
    );
    let total = &answer.total;
    row("jobs", format!("{} ({} run, {} skipped, {} misses)", total.jobs, total.run(), total.skipped, total.misses));
    row("miss rate", format!("{:.4}", answer.miss_rate.get()));
    let link = &answer.link;
    let state =
        if link.up { format!("connected (attempt {})", link.conn) } else { format!("down: {}", link.last_down) };
    row("broker", format!("{} {state}", link.url));
    row("reports", format!("{} delivered, {} waiting", link.reports_delivered, link.reports_waiting));
    for (name, place) in [("store, volatile", &answer.store.volatile), ("store, durable", &answer.store.durable)] {
        row(name, place.as_ref().map_or_else(|| "none".to_owned(), place_line));
    }
    let commands = &answer.commands;
    row(
        "commands",
        format!(
            "{} taken, {} repeated; refused: {} malformed, {} oversize, {} of another version, {} retained, {} expired, {} unsigned, {} forged",
            commands.accepted,
            commands.duplicate,
            commands.malformed,
            commands.oversize,
            commands.version,
            commands.retained,
            commands.expired,
            commands.unsigned,
            commands.forged
        ),
    );
    for setting in &answer.settings {
        let outcome = match setting.outcome {
            SettingOutcome::Granted => "granted".to_owned(),
            SettingOutcome::Refused => format!("refused: {}", setting.why),
        };
        row(&setting.name.to_string(), format!("{} {outcome}", setting.asked));
    }
    let Platform { model, kernel, preempt_rt } = &answer.platform;
    let preemption = if *preempt_rt == Some(true) { " (PREEMPT_RT)" } else { "" };
    row("board", model.clone().unwrap_or_else(|| "?".to_owned()));
    row("kernel", format!("{}{preemption}", kernel.as_deref().unwrap_or("?")));
    if let Some(gpio) = &answer.gpio {
        row("gpio", gpio.to_string());
    }
    let host = &answer.host;
    if let Some(flags) = host.throttled {
        row("power", throttle_in_words(flags));
    }
    let percent = |share: Option<Ratio>| share.map_or("?".into(), |share| format!("{:.0} %", share.get() * 100.0));
    row(
        "machine",
        format!(
            "cpu {}, stolen {}, clock {}, {}, resident {}",
            percent(host.cpu),
            percent(host.steal),
            host.freq_mhz.map_or("?".into(), |mhz| format!("{mhz} MHz")),
            host.temp_c.map_or("no thermometer".into(), |temp| format!("{temp:.1} C")),
            host.rss_kb.map_or("?".into(), |kb| format!("{kb} KiB"))
        ),
    );
    for (line, level) in &answer.sim_lines {
        row(&format!("line {line} (sim)"), level.to_string());
    }
    text
}

fn place_line(place: &PlaceStatus) -> String {
    let health = match &place.health {
        Health::Opening => "opening".to_owned(),
        Health::Ok => "ok".to_owned(),
        Health::Failing { why } => format!("failing: {why}"),
    };
    let PlaceStatus { directory, writes, bytes, syncs, failures, damaged, .. } = place;
    let mut line = format!("{health} ({directory}; {writes} writes, {bytes} bytes, {syncs} syncs");
    for (count, what) in [(failures, "failures"), (damaged, "damaged files")] {
        if *count > 0 {
            // Writing to a string cannot fail.
            let _ = write!(line, ", {count} {what}");
        }
    }
    line + ")"
}
