//! Families of the fleet as a whole.

use shared_proto::mode::Mode;
use shared_proto::wire::Outcome;

use super::super::Reports;
use super::super::family::{Family, Samples::Fleet};
use super::{by, counter, gauge, histogram};
use crate::event::{CommandResult, DecisionSource, ForgottenWhy};

pub(super) const FAMILIES: &[Family] = &[
    by(
        &["state"],
        gauge(
            "edge_devices",
            "Devices that the controller knows: up, or down after a good-bye or the broker's word that they are lost.",
            Fleet(|view, out| {
                out.labelled(&["up"], view.overview.up);
                out.labelled(&["down"], view.overview.down);
            }),
        ),
    ),
    by(
        &["mode"],
        gauge(
            "edge_devices_in_mode",
            "Devices by the mode that they told last.",
            Fleet(|view, out| {
                out.labelled(&["normal"], view.overview.normal);
                out.labelled(&["degraded"], view.overview.degraded);
            }),
        ),
    ),
    gauge(
        "edge_devices_left_out",
        "Devices without series of their own, because metrics.devices have them already. They count in all that has no label device.",
        Fleet(|view, out| out.value(view.overview.left_out)),
    ),
    counter(
        "edge_jobs_total",
        "Releases of all tasks, run or skipped, in the reports received; each window once.",
        Fleet(|view, out| out.value(view.sums.counts.received.jobs)),
    ),
    counter(
        "edge_deadline_misses_total",
        "Jobs that missed their deadline, skipped releases included.",
        Fleet(|view, out| out.value(view.sums.counts.received.misses)),
    ),
    counter(
        "edge_skipped_releases_total",
        "Releases that passed while an earlier job still ran.",
        Fleet(|view, out| out.value(view.sums.counts.received.skipped)),
    ),
    gauge(
        "edge_missing_jobs",
        "Jobs that the devices known now have counted and not yet delivered. Some may still come. Not in a group of controllers.",
        Fleet(|view, out| out.known((out.settings.reports == Reports::All).then_some(view.overview.missing.jobs))),
    ),
    counter(
        "edge_reports_total",
        "Reports accepted; what came twice counts once.",
        Fleet(|view, out| out.value(view.sums.counts.reports)),
    ),
    counter(
        "edge_merged_windows_total",
        "Windows that came merged into the report of a later one, after a time offline.",
        Fleet(|view, out| out.value(view.sums.counts.merged_windows)),
    ),
    counter(
        "edge_overlapping_reports_total",
        "Reports of which some windows had come before. Their jobs count once, but twice in the histograms.",
        Fleet(|view, out| out.value(view.sums.counts.overlapping)),
    ),
    counter(
        "edge_reports_lost_total",
        "Reports that devices gave up since the controller heard of them, as they tell.",
        Fleet(|view, out| out.value(view.sums.counts.reports_lost)),
    ),
    counter(
        "edge_records_lost_total",
        "Jobs that are counted but in no histogram, because a device's ring was full.",
        Fleet(|view, out| out.value(view.sums.counts.records_lost)),
    ),
    histogram(
        "edge_wakeup_latency_seconds",
        "From release to start of the jobs that ran. Counts are exact, the sum within 5 % (from bucket middles).",
        Fleet(|view, out| out.histogram(&view.sums.wakeup)),
    ),
    histogram(
        "edge_response_time_seconds",
        "From release to end of the jobs that ran. Counts are exact, the sum within 5 % (from bucket middles).",
        Fleet(|view, out| out.histogram(&view.sums.response)),
    ),
    counter(
        "edge_mode_changes_total",
        "Changes of a device's mode that were noticed.",
        Fleet(|view, out| out.value(view.sums.counts.mode_changes)),
    ),
    counter(
        "edge_restarts_total",
        "Runs of an agent beside the first one heard of.",
        Fleet(|view, out| out.value(view.sums.counts.restarts)),
    ),
    by(
        &["to", "source"],
        counter(
            "edge_decisions_total",
            "Decisions of this controller by the mode that is wanted now and who decided; to none: the device is left to itself.",
            Fleet(|view, out| {
                for ((to, source), count) in view.sums.decisions.iter() {
                    out.labelled(&[to.map_or("none", mode), decided(source)], count);
                }
            }),
        ),
    ),
    by(
        &["result"],
        counter(
            "edge_command_answers_total",
            "Answers of devices to commands, of whomever, also those that came again.",
            Fleet(|view, out| {
                view.sums.answers.iter().for_each(|(result, count)| out.labelled(&[outcome(result)], count))
            }),
        ),
    ),
    counter(
        "edge_commands_applied_total",
        "Commands of this controller that asked for a change and were acknowledged, each once.",
        Fleet(|view, out| out.value(view.sums.applied)),
    ),
    by(
        &["result"],
        counter(
            "edge_commands_rejected_total",
            "Commands of this controller that a device did not take, each once.",
            Fleet(|view, out| {
                view.sums.rejections.iter().for_each(|(result, count)| out.labelled(&[outcome(result)], count));
            }),
        ),
    ),
    by(
        &["result"],
        counter(
            "edge_edgex_commands_total",
            "Answers of EdgeX to commands, as the log of decisions tells them: done, and each time that the result is another.",
            Fleet(|view, out| {
                view.sums.edgex.iter().for_each(|(result, count)| out.labelled(&[answer(result)], count))
            }),
        ),
    ),
    counter(
        "edge_held_total",
        "Times that something at a device, stronger than the gateway, kept another mode than the wanted one.",
        Fleet(|view, out| out.value(view.sums.held)),
    ),
    counter(
        "edge_contested_total",
        "Times that somebody else began to command another mode than is wanted here.",
        Fleet(|view, out| out.value(view.sums.contested)),
    ),
    histogram(
        "edge_receipt_to_effect_seconds",
        "On the device: from the arrival of a command to its effect.",
        Fleet(|view, out| out.histogram(&view.sums.receipt)),
    ),
    histogram(
        "edge_reaction_seconds",
        "On the device: from the close of the window that led to a command to the command's effect.",
        Fleet(|view, out| out.histogram(&view.sums.reaction)),
    ),
    histogram(
        "edge_round_trip_seconds",
        "Here: from the arrival of the report or wish that led to a command to the arrival of its acknowledgement.",
        Fleet(|view, out| out.histogram(&view.sums.round_trip)),
    ),
    by(
        &["why"],
        counter(
            "edge_devices_forgotten_total",
            "Devices that are looked after no more: by an operator's word, or to make room for others.",
            Fleet(|view, out| {
                view.sums.forgotten.iter().for_each(|(reason, count)| out.labelled(&[why(reason)], count))
            }),
        ),
    ),
];

/// A mode as a label.
pub(super) fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Normal => "normal",
        Mode::Degraded => "degraded",
    }
}

fn decided(source: DecisionSource) -> &'static str {
    match source {
        DecisionSource::Policy => "policy",
        DecisionSource::SetMode => "set-mode",
        DecisionSource::Kubeedge => "kubeedge",
    }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Applied => "applied",
        Outcome::Unchanged => "unchanged",
        Outcome::Rejected => "rejected",
        Outcome::Expired => "expired",
        Outcome::Duplicate => "duplicate",
    }
}

fn answer(result: CommandResult) -> &'static str {
    match result {
        CommandResult::Done => "done",
        CommandResult::NoAnswer => "no-answer",
        CommandResult::Locked => "locked",
        CommandResult::Misfit => "misfit",
        CommandResult::Unauthorized => "unauthorized",
        CommandResult::Unavailable => "unavailable",
    }
}

fn why(why: ForgottenWhy) -> &'static str {
    match why {
        ForgottenWhy::Room => "room",
        ForgottenWhy::Operator => "operator",
    }
}
