//! What a running agent says of what it holds, for the doctor: its connection, its lines, its thread.

use shared_proto::text::Name;
use shared_proto::wire::{Setting, SettingOutcome};

use super::Answer;
use crate::finding::{Findings, Outcome};
use crate::keeper::Health;
use crate::mode::GatewayHold;

/// The first finding of an agent that has a connection.
pub(crate) const CONNECTED: &str = "broker.session\tok";

/// What the agent can say of what it holds, as lines: types would make the program some kB larger.
pub(crate) fn held(answer: &Answer, advice: &[(Name, String)]) -> String {
    let mut findings = Findings::default();
    let to = &mut findings;
    let link = &answer.link;
    if link.up {
        let (conn, delivered) = (link.conn, link.reports_delivered);
        to.ok(
            "broker.session",
            format_args!("the running agent is connected (attempt {conn}), {delivered} reports delivered"),
        );
        // The other wires give no lease, as a rule, and prove nothing for this one.
        if matches!(answer.gateway, GatewayHold::Leased { .. }) {
            for check in ["rights.command", "rights.report"] {
                to.ok(check, format_args!("the gateway leads this device, by what it reports"));
            }
        }
    } else {
        let found = format_args!("the running agent is not connected: {}", link.last_down);
        to.failure("broker.agent", found, format_args!("see the other findings on broker and rights"));
    }
    settings(&answer.settings, advice, to);
    if let Some(lines) = &answer.gpio {
        to.ok("gpio.lines", format_args!("{lines}: the running agent has them"));
    }
    for (check, place) in
        [("store.volatile.health", &answer.store.volatile), ("store.durable.health", &answer.store.durable)]
    {
        if let Some(place) = place
            && let Health::Failing { why } = &place.health
        {
            let found = format_args!("{}: {why}; the running agent tries again and again", place.directory);
            to.failure(check, found, format_args!("see the other findings on the store; dmesg | tail"));
        }
    }
    findings.to_lines()
}

/// A finding for each setting that was asked for.
pub(crate) fn settings(settings: &[Setting], advice: &[(Name, String)], to: &mut Findings) {
    for Setting { name, asked, outcome, why } in settings {
        let check = format!("realtime.{name}");
        match outcome {
            SettingOutcome::Granted => to.ok(&check, format_args!("{asked}")),
            SettingOutcome::Refused => {
                let advice = advice.iter().find(|(of, _)| of == name).map_or("", |(_, advice)| advice);
                // These two cost microseconds; the others are what the task relies on.
                let outcome = match name.as_str() {
                    "no_deep_sleep" | "timer_slack" => Outcome::Warning,
                    _ => Outcome::Failure,
                };
                to.add(&check, outcome, format_args!("{asked}: refused: {why}"), format_args!("{advice}"));
            }
        }
    }
}
