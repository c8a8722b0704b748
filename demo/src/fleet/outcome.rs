//! What a fleet measured: a table for people, JSON for programs.

use std::fmt;

use serde::Serialize;
use shared_proto::histogram::Latency;

use super::compare::Comparison;
use super::process::Used;
use super::sent::REMEMBERED_US;
use super::shared::Counters;

/// What was measured, after all devices had connected. `undelivered` and `totals` are of the whole run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// Devices.
    pub devices: u32,
    /// TCP connections.
    pub connections: u32,
    /// Time between two reports of a device, in milliseconds.
    pub interval_ms: u64,
    /// Length of the measurement, in seconds.
    pub seconds: f64,
    /// Reports sent in a second.
    pub sent_per_s: f64,
    /// Reports acknowledged by the broker in a second.
    pub acked_per_s: f64,
    /// Bytes of a report on average, without topic and packet.
    pub report_bytes: f64,
    /// From the sending of a report to its PUBACK.
    pub puback: Spread,
    /// Commands received, renewals of leases among them.
    pub commands: u64,
    /// Commands that could not be read.
    pub bad_commands: u64,
    /// Commands that came too late to be taken: their time was over, or they were for an earlier run.
    pub expired: u64,
    /// From the first sending of the report that led to a change to the arrival of the command for it; at most 20 s.
    pub decision: Spread,
    /// Changes that are not in `decision`: the report was sent more than 20 s before, or by an earlier run.
    pub late: u64,
    /// Changes to DEGRADED by command.
    pub degraded: u64,
    /// Changes to NORMAL by command.
    pub recovered: u64,
    /// Connections made again.
    pub reconnects: u64,
    /// Connections that broke otherwise than by plan.
    pub lost: u64,
    /// Attempts to connect that failed.
    pub failed: u64,
    /// Why the last of these failed.
    pub last_trouble: Option<String>,
    /// Agents that started again.
    pub restarts: u64,
    /// Reports sent again.
    pub resent: u64,
    /// Of these, because the controller asked for them.
    pub asked_for: u64,
    /// Windows that became part of another report.
    pub merged: u64,
    /// What the controller used.
    pub controller: Option<Used>,
    /// What the broker used.
    pub broker: Option<Used>,
    /// What the fleet itself used.
    pub fleet: Option<Used>,
    /// Reports that were never acknowledged, when the time for it was over.
    pub undelivered: usize,
    /// The controller's counts beside the devices' own; `None` if nobody asked it.
    pub totals: Option<Comparison>,
}

/// A distribution in milliseconds. Quantiles are at most 4.5 % off, the greatest is exact; `null` if there was nothing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// How many.
    pub count: u64,
    /// Median.
    pub p50_ms: Option<f64>,
    /// 99th percentile.
    pub p99_ms: Option<f64>,
    /// Greatest.
    pub max_ms: Option<f64>,
}

impl Spread {
    pub(super) fn of(latency: &Latency) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "exact below 2^53 ns, which is 104 days")]
        let ms = |ns: u64| ns as f64 / 1e6;
        Self {
            count: latency.count(),
            p50_ms: latency.quantile_ns(0.5).map(ms),
            p99_ms: latency.quantile_ns(0.99).map(ms),
            max_ms: latency.max_ns().map(ms),
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(p50), Some(p99), Some(max)) = (self.p50_ms, self.p99_ms, self.max_ms) else {
            return f.write_str("none");
        };
        write!(f, "p50 {p50:.2}  p99 {p99:.2}  max {max:.2} ms  ({} of them)", self.count)
    }
}

impl Outcome {
    /// Whether all was delivered and the controller counted what the devices did, if it was asked.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.undelivered == 0 && self.totals.as_ref().is_none_or(Comparison::is_whole)
    }
}

/// What may have happened to reports that devices have sent and the controller has not counted.
const LOST_BY_BROKER: &str = "Reports that the broker acknowledged and did not deliver look like this: Mosquitto drops what is beyond \
                              max_queued_messages and max_queued_bytes for one subscriber; raise them to some seconds of reports";

/// Events in a second.
#[expect(clippy::cast_precision_loss, reason = "counts of one run")]
pub(super) fn per_second(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds.max(0.001)
}

/// Reports sent and acknowledged in a second, and their bytes, by what was counted in so many seconds.
pub(super) fn figures(counted: &Counters, seconds: f64) -> (f64, f64, f64) {
    (
        per_second(counted.reports_sent, seconds),
        per_second(counted.reports_acked, seconds),
        per_second(counted.report_bytes, seconds) / per_second(counted.reports_sent.max(1), seconds),
    )
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { devices, connections, interval_ms, seconds, .. } = self;
        writeln!(
            f,
            "{devices} devices on {connections} connections, a report every {interval_ms} ms each, for {seconds:.0} s"
        )?;
        let mut row = |name: &str, value: fmt::Arguments<'_>| writeln!(f, "  {name:<24}{value}");
        row("reports sent", format_args!("{:.0} /s of {:.0} bytes", self.sent_per_s, self.report_bytes))?;
        row("reports acknowledged", format_args!("{:.0} /s", self.acked_per_s))?;
        row("report -> PUBACK", format_args!("{}", self.puback))?;
        let most_s = REMEMBERED_US / 1_000_000;
        row("report -> SetMode", format_args!("{}; {} took more than {most_s} s", self.decision, self.late))?;
        let commands_per_s = per_second(self.commands, *seconds);
        row("commands received", format_args!("{} ({commands_per_s:.0} /s); {} expired", self.commands, self.expired))?;
        row("changes by command", format_args!("{} to DEGRADED, {} to NORMAL", self.degraded, self.recovered))?;
        row(
            "connections",
            format_args!("{} made again; {} lost, {} attempts failed", self.reconnects, self.lost, self.failed),
        )?;
        if let Some(trouble) = &self.last_trouble {
            row("last trouble", format_args!("{trouble}"))?;
        }
        row("restarts", format_args!("{}", self.restarts))?;
        row(
            "reports sent again",
            format_args!("{} ({} asked for); {} windows merged", self.resent, self.asked_for, self.merged),
        )?;
        for (name, used) in [("controller", self.controller), ("broker", self.broker), ("this program", self.fleet)] {
            if let Some(Used { cpu_percent, rss_kib, peak_kib, .. }) = used {
                let (rss, peak) = (rss_kib / 1024, peak_kib / 1024);
                row(name, format_args!("{cpu_percent:.1} % of a CPU, {rss} MiB (at most {peak})"))?;
            }
        }
        if self.undelivered > 0 {
            row("NOT DELIVERED", format_args!("the reports of {} connections", self.undelivered))?;
        }
        let Some(totals) = &self.totals else {
            return row(
                "totals",
                format_args!("not compared: no controller was asked (--with-controller, --control-socket)"),
            );
        };
        let verdict = if totals.is_whole() { "agree" } else { "DO NOT AGREE" };
        row(
            "totals",
            format_args!(
                "{verdict}: {} devices agree, {} differ, {} unknown; {} jobs and {} misses there, {} and {} here; {} duplicates",
                totals.agree,
                totals.differ,
                totals.unknown,
                totals.jobs_received,
                totals.misses_received,
                totals.jobs,
                totals.misses,
                totals.duplicates
            ),
        )?;
        for example in &totals.examples {
            row("", format_args!("{example}"))?;
        }
        if totals.behind > 0 {
            row("", format_args!("{} devices counted more than the controller. {LOST_BY_BROKER}", totals.behind))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome() -> Outcome {
        let none = Spread::of(&Latency::default());
        let totals = Comparison {
            agree: 3,
            differ: 0,
            behind: 0,
            unknown: 0,
            jobs: 300,
            jobs_received: 300,
            misses: 0,
            misses_received: 0,
            duplicates: 0,
            examples: Vec::new(),
        };
        Outcome {
            devices: 3,
            connections: 3,
            interval_ms: 1_000,
            seconds: 1.0,
            sent_per_s: 3.0,
            acked_per_s: 3.0,
            report_bytes: 1_000.0,
            puback: none,
            commands: 9,
            bad_commands: 0,
            expired: 0,
            decision: none,
            late: 0,
            degraded: 0,
            recovered: 0,
            reconnects: 0,
            lost: 0,
            failed: 0,
            last_trouble: None,
            restarts: 0,
            resent: 0,
            asked_for: 0,
            merged: 0,
            controller: None,
            broker: None,
            fleet: None,
            undelivered: 0,
            totals: Some(totals),
        }
    }

    #[test]
    fn commands_that_tell_no_latency_are_told() {
        let told = outcome().to_string();
        assert!(told.contains("none; 0 took more than 20 s") && told.contains("9 (9 /s); 0 expired"), "{told}");
        let slow = Outcome { late: 7, expired: 5, ..outcome() };
        let (told, json) = (slow.to_string(), serde_json::to_value(&slow).unwrap());
        assert!(told.contains("; 7 took more than 20 s") && told.contains("; 5 expired"), "{told}");
        assert_eq!((json["late"].as_u64(), json["expired"].as_u64()), (Some(7), Some(5)));
    }

    #[test]
    fn what_the_broker_may_have_dropped_is_told_where_the_controller_counted_less() {
        let differing = |behind| {
            let totals = outcome().totals.map(|totals| Comparison { agree: 1, differ: 2, behind, ..totals });
            Outcome { totals, ..outcome() }.to_string()
        };
        let told = differing(2);
        assert!(told.contains("DO NOT AGREE") && told.contains("2 devices counted more"), "{told}");
        assert!(told.contains("max_queued_messages"), "{told}");
        let more_there = differing(0);
        assert!(more_there.contains("DO NOT AGREE") && !more_there.contains("max_queued_messages"), "{more_there}");
    }
}
