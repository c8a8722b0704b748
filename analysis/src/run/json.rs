//! The JSON shape of a distribution.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use shared_proto::units::{micros_to_ns, ns_to_micros as us};

use super::{BadDistribution, Bucket, Distribution};

#[derive(Serialize)]
struct Written {
    count: u64,
    min: Option<f64>,
    p50: Option<f64>,
    p99: Option<f64>,
    p99_9: Option<f64>,
    max: Option<f64>,
    hist: Vec<(f64, f64, u64)>,
}

/// The quantiles are not read: they follow from the buckets.
#[derive(Deserialize)]
struct Read {
    count: u64,
    min: Option<f64>,
    max: Option<f64>,
    #[serde(default)]
    hist: Vec<(f64, f64, u64)>,
}

impl Serialize for Distribution {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written {
            count: self.count(),
            min: self.min_us(),
            p50: self.p50_us(),
            p99: self.p99_us(),
            p99_9: self.p99_9_us(),
            max: self.max_us(),
            hist: self.buckets().map(|b| (us(b.lower_ns), us(b.upper_ns), b.count)).collect(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Distribution {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Read::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
    }
}

impl TryFrom<Read> for Distribution {
    type Error = BadDistribution;

    fn try_from(read: Read) -> Result<Self, BadDistribution> {
        let mut buckets = Vec::with_capacity(read.hist.len());
        for (lower_us, upper_us, count) in read.hist {
            let lower_ns = ns("hist: a lower bound", lower_us)?;
            let upper_ns = ns("hist: an upper bound", upper_us)?;
            buckets.push(Bucket { lower_ns, upper_ns, count });
        }
        let min_ns = read.min.map(|value_us| ns("min", value_us)).transpose()?;
        let max_ns = read.max.map(|value_us| ns("max", value_us)).transpose()?;
        let distribution = Self::new(min_ns, max_ns, buckets)?;
        if distribution.count() == read.count {
            Ok(distribution)
        } else {
            Err(BadDistribution::Count { count: read.count, in_buckets: distribution.count() })
        }
    }
}

/// Microseconds as whole nanoseconds.
fn ns(what: &'static str, value_us: f64) -> Result<u64, BadDistribution> {
    micros_to_ns(value_us).ok_or(BadDistribution::Time { what, value_us })
}
