//! What is in a signed message, once the signature is known to be right.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared_proto::dialect::lab;
use shared_proto::ids::DeviceId;
use shared_proto::mode::Mode;
use shared_proto::units::Ratio;

use super::canonical::{self, Members};
use super::{Nonce, Refusal, Stamp};

/// Names under which classroom programs write the mode.
const MODE_NAMES: [&str; 2] = ["Mode", "mode"];
/// Latest time that a 64-bit floating point number still counts in milliseconds.
const MAX_TS_MS: u64 = 1 << 53;

/// A message whose signature and device are right.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    stamp: Stamp,
    top: Members<'a>,
    data: Members<'a>,
}

/// Metrics to be signed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricsMessage {
    /// The device that sends them.
    pub device_id: DeviceId,
    /// Wall clock in milliseconds since 1970.
    pub ts_ms: u64,
    /// Never used before by this device.
    pub nonce: Nonce,
    /// What was measured.
    pub data: Data,
}

/// What signed metrics hold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Data {
    /// Mean over the window of |time between the ends of two jobs − period|, in milliseconds.
    pub jitter_ms: f64,
    /// Misses per job.
    pub miss_rate: Ratio,
    /// CPU time of a job as a share of the period.
    pub workload: Ratio,
    /// Effective mode; classroom programs ignore it.
    pub mode: Mode,
}

impl From<&lab::Metrics> for Data {
    fn from(metrics: &lab::Metrics) -> Self {
        let lab::Metrics { jitter_mean, miss_rate, workload, mode, .. } = *metrics;
        Self { jitter_ms: jitter_mean, miss_rate, workload, mode }
    }
}

/// A command to be signed. The mode is at the top, where programs that know no signatures look for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CommandMessage {
    /// The device that it is for.
    pub device_id: DeviceId,
    /// Wall clock in milliseconds since 1970.
    pub ts_ms: u64,
    /// Never used before for this device.
    pub nonce: Nonce,
    /// The mode to take.
    #[serde(rename = "Mode")]
    pub mode: Mode,
}

impl<'a> Message<'a> {
    pub(super) fn read(top: Members<'a>, device: &DeviceId) -> Result<Self, Refusal> {
        let claimed: String = member(&top, "device_id", "a device name")?;
        if claimed != device.as_str() {
            return Err(Refusal::OtherDevice);
        }
        let ts_ms = ts_ms(&top)?;
        let nonce: String = member(&top, "nonce", "8 hexadecimal digits")?;
        let stamp = Stamp { ts_ms, nonce: nonce.parse()? };
        let data = match top.get("data") {
            Some(value) => read::<Option<Members<'a>>>(value, "data", "an object")?.unwrap_or_default(),
            None => Members::new(),
        };
        Ok(Self { stamp, top, data })
    }

    /// Time and nonce, for [`super::ReplayGuard::admit`].
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// The command that the message is: `Mode` or `mode`, at the top or in `data`.
    ///
    /// # Errors
    /// [`Refusal::Member`] if there is no mode, an unknown one, or two that differ.
    pub fn command(&self) -> Result<lab::Command, Refusal> {
        let problem = || "missing: \"NORMAL\" or \"DEGRADED\" at the top or in data".to_owned();
        let mode = self.mode()?.ok_or_else(|| Refusal::Member { name: "Mode", problem: problem() })?;
        Ok(lab::Command { mode })
    }

    /// The metrics that the message holds, in `data` or at the top.
    ///
    /// # Errors
    /// [`Refusal::Member`] if there is no miss rate from 0 to 1, an unknown mode, or two values that differ.
    pub fn observed(&self) -> Result<lab::Observed, Refusal> {
        let name = "miss_rate";
        let rate = self.one(&[name], name, "a number from 0 to 1")?;
        let problem = || "missing: a number from 0 to 1 at the top or in data".to_owned();
        let miss_rate = rate.ok_or_else(|| Refusal::Member { name, problem: problem() })?;
        Ok(lab::Observed { mode: self.mode()?, miss_rate })
    }

    fn mode(&self) -> Result<Option<Mode>, Refusal> {
        self.one(&MODE_NAMES, "Mode", "\"NORMAL\" or \"DEGRADED\"")
    }

    /// A value that may stand under several names and in two places, but must not say two things.
    fn one<T>(&self, names: &[&str], name: &'static str, allowed: &str) -> Result<Option<T>, Refusal>
    where
        T: for<'de> Deserialize<'de> + PartialEq,
    {
        let places = names.iter().flat_map(|name| [self.top.get(*name), self.data.get(*name)]).flatten();
        let mut found = None;
        for place in places {
            let value = read::<T>(place, name, allowed)?;
            if found.as_ref().is_some_and(|other| *other != value) {
                return Err(Refusal::Member { name, problem: "two values that differ".to_owned() });
            }
            found = Some(value);
        }
        Ok(found)
    }
}

/// Milliseconds since 1970. Python programs that forget to round them write decimals; they are cut.
fn ts_ms(top: &Members<'_>) -> Result<u64, Refusal> {
    let (name, allowed) = ("ts_ms", "milliseconds since 1970");
    let time: f64 = member(top, name, allowed)?;
    #[expect(clippy::cast_precision_loss, reason = "a power of two")]
    let range = 0.0..=MAX_TS_MS as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    let whole = range.contains(&time).then_some(time as u64);
    whole.ok_or_else(|| Refusal::Member { name, problem: format!("allowed: {allowed}, 0 to {MAX_TS_MS}") })
}

fn member<T: for<'de> Deserialize<'de>>(
    members: &Members<'_>,
    name: &'static str,
    allowed: &str,
) -> Result<T, Refusal> {
    let missing = || Refusal::Member { name, problem: format!("missing: {allowed}") };
    read(members.get(name).ok_or_else(missing)?, name, allowed)
}

fn read<'a, T: Deserialize<'a>>(value: &'a RawValue, name: &'static str, allowed: &str) -> Result<T, Refusal> {
    canonical::read(value).map_err(|_| Refusal::Member { name, problem: format!("allowed: {allowed}") })
}
