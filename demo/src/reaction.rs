//! How long the loop takes, measured over many mode changes.
//!
//! The task misses every deadline in NORMAL and none in DEGRADED, and the policy waits for nothing: so the device flips with
//! every other report, and each flip is one measurement on the device's one clock.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::time::Duration;

use gateway_controller::config::{Config, Control, SCHEMA};
use gateway_controller::event::{Applied, Event, Record};
use serde::Serialize;
use shared_proto::wire::Outcome;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use crate::broker::open_broker;
use crate::cast::topic_root;
use crate::cleanup::clear_retained;
use crate::cli::Reaction;
use crate::error::ShowError;
use crate::interrupts::Interrupts;
use crate::stage::{agent_config, start_agent, start_controller};

/// Longest wait for the next change.
const PATIENCE: Duration = Duration::from_secs(20);

/// Distribution of one span of time over all changes, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Distribution {
    /// Median.
    pub p50_us: f64,
    /// 99th percentile, nearest rank: of fewer than 100 changes it is the greatest.
    pub p99_us: f64,
    /// Greatest.
    pub max_us: f64,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// Mode changes.
    pub changes: usize,
    /// Close of the window whose report led to the change → GPIO lines and workload switched.
    pub reaction: Distribution,
    /// Of that: close of the window → SetMode received, that is twice through the broker and the decision between.
    pub report_to_receipt: Distribution,
    /// Of that: SetMode received → effect, that is the wait for the job under way and for the next release.
    pub receipt_to_effect: Distribution,
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} mode changes, period 20 ms; in milliseconds          p50      p99      max", self.changes)?;
        let rows = [
            ("report -> effect (reaction)", self.reaction),
            ("  report -> SetMode received (broker, decision)", self.report_to_receipt),
            ("  SetMode received -> effect (the next release)", self.receipt_to_effect),
        ];
        for (name, Distribution { p50_us, p99_us, max_us }) in rows {
            writeln!(f, "{name:<48} {:>8.3} {:>8.3} {:>8.3}", p50_us / 1e3, p99_us / 1e3, max_us / 1e3)?;
        }
        Ok(())
    }
}

/// Measures.
///
/// # Errors
/// [`ShowError`] says which part failed.
pub async fn reaction(options: &Reaction) -> Result<Measured, ShowError> {
    let mut interrupts = Interrupts::new()?;
    let (_broker, url) = open_broker(options.broker.as_ref())?;
    let (sender, mut events) = unbounded_channel();
    let restless = [("policy.dwell_ms", "0"), ("policy.recover_after", "1"), ("policy.backoff_limit", "0")];
    let env = restless.map(|(key, value)| (OsString::from(SCHEMA.variable(key)), OsString::from(value)));
    let mut config = Config::load(None, env)?;
    // Topics of this run alone: on a broker that others use, nobody else's devices are commanded or measured.
    let root = topic_root();
    config.mqtt.url = url.clone();
    config.mqtt.client_id = format!("{root}-controller");
    config.root = root.parse().map_err(io::Error::other)?;
    config.control = Control::Off;
    let controller = start_controller(config, move |record| {
        // Nobody listens any more at the very end.
        let _ = sender.send(record);
    })?;
    let agent = start_agent(agent_config(&[
        ("device.name", "reaction".into()),
        ("mqtt.url", url.to_string()),
        ("mqtt.client_id", format!("{root}-device")),
        ("topics.root", root.clone()),
        // A deadline that 70 % of the period always misses and 30 % always meets.
        ("task.deadline_ms", "10".into()),
        ("report.miss_window", "5".into()),
        // Not a multiple of the period: reports are closed in every phase of it.
        ("report.interval_ms", "207".into()),
        ("safety.max_temp_c", "0".into()),
        ("realtime.lock_memory", "false".into()),
        ("realtime.no_deep_sleep", "false".into()),
    ])?)?;

    let mut spans = Vec::new();
    while spans.len() < usize::from(options.changes.get()) {
        let change = tokio::select! {
            change = next_change(&mut events) => change,
            () = interrupts.next() => None,
        };
        match change {
            Some(span) => spans.push(span),
            None => break,
        }
    }
    let ended = (agent.stop().await, controller.stop().await);
    if options.broker.is_some() {
        clear_retained(&url, &format!("{root}-cleanup"), vec![format!("{root}/reaction/status")]).await;
    }
    ended.0??;
    ended.1??;
    if spans.len() < options.changes.get().into() {
        return Err(ShowError::TooFewChanges(spans.len()));
    }
    let of = |span: fn(&Span) -> f64| distribution(spans.iter().map(span).collect());
    let measured = of(|span| span.reaction_us).zip(of(|s| s.reaction_us - s.receipt_us)).zip(of(|s| s.receipt_us));
    let ((reaction, report_to_receipt), receipt_to_effect) = measured.ok_or(ShowError::Silent(1, 1))?;
    Ok(Measured { changes: spans.len(), reaction, report_to_receipt, receipt_to_effect })
}

#[derive(Debug, Clone, Copy)]
struct Span {
    reaction_us: f64,
    receipt_us: f64,
}

/// The next change that was measured whole; `None` if none comes.
async fn next_change(events: &mut UnboundedReceiver<Record>) -> Option<Span> {
    loop {
        let record = timeout(PATIENCE, events.recv()).await.ok()??;
        if let Event::Applied(Applied {
            result: Outcome::Applied,
            reaction_us: Some(reaction_us),
            receipt_to_effect_us: Some(receipt_us),
            ..
        }) = record.event
        {
            return Some(Span { reaction_us, receipt_us });
        }
    }
}

fn distribution(mut values: Vec<f64>) -> Option<Distribution> {
    values.sort_by(f64::total_cmp);
    let at = |percent: usize| values.get((values.len() * percent).div_ceil(100).max(1) - 1).copied();
    Some(Distribution { p50_us: at(50)?, p99_us: at(99)?, max_us: at(100)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let values = (1..=100).rev().map(f64::from).collect();
        assert_eq!(distribution(values), Some(Distribution { p50_us: 50.0, p99_us: 99.0, max_us: 100.0 }));
        assert_eq!(distribution(vec![]), None);
    }
}
