//! Wire form of [`Histogram`] (sparse pairs) and [`Latency`] (microseconds).

use core::fmt;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeSeq, SerializeStruct};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::latency::Extremes;
use super::{Histogram, Latency, MAX_BUCKET, MIN_BUCKET};
use crate::units::{micros_to_ns, ns_to_micros};

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut pairs = serializer.serialize_seq(Some(self.iter().count()))?;
        for pair in self.iter() {
            pairs.serialize_element(&pair)?;
        }
        pairs.end()
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Histogram;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of [bucket, count] pairs, bucket from {MIN_BUCKET} to {MAX_BUCKET}")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut pairs: A) -> Result<Histogram, A::Error> {
                let mut histogram = Histogram::default();
                while let Some((bucket, count)) = pairs.next_element::<(i16, u32)>()? {
                    if !histogram.add(bucket, count) {
                        return Err(A::Error::custom(format_args!(
                            "hist: bucket {bucket} with count {count}: allowed are buckets {MIN_BUCKET} to {MAX_BUCKET} \
                             and counts that fit 32 bits"
                        )));
                    }
                }
                Ok(histogram)
            }
        }
        deserializer.deserialize_seq(Pairs)
    }
}

impl Serialize for Latency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let count = self.count();
        let quantile = |q| self.quantile_of_ns(q, count).map(ns_to_micros);
        let mut fields = serializer.serialize_struct("Latency", 5)?;
        fields.serialize_field("min", &self.min_ns().map(ns_to_micros))?;
        fields.serialize_field("p50", &quantile(0.5))?;
        fields.serialize_field("p99", &quantile(0.99))?;
        fields.serialize_field("max", &self.max_ns().map(ns_to_micros))?;
        fields.serialize_field("hist", &self.histogram)?;
        fields.end()
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Field {
    Min,
    Max,
    Hist,
    #[serde(other)]
    Derived,
}

impl<'de> Deserialize<'de> for Latency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Latency;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a latency object with min, max and hist")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Latency, A::Error> {
                let (mut min, mut max, mut histogram) = (None::<f64>, None::<f64>, None);
                while let Some(field) = map.next_key::<Field>()? {
                    match field {
                        Field::Min => min = map.next_value()?,
                        Field::Max => max = map.next_value()?,
                        Field::Hist => histogram = Some(map.next_value::<Histogram>()?),
                        Field::Derived => {
                            map.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                let histogram = histogram.ok_or_else(|| A::Error::missing_field("hist"))?;
                let extremes = match (min.map(micros_to_ns), max.map(micros_to_ns)) {
                    (Some(Some(min_ns)), Some(Some(max_ns))) if min_ns <= max_ns => Some(Extremes { min_ns, max_ns }),
                    (None, None) => None,
                    _ => return Err(A::Error::custom("min and max: microseconds, 0 to 1e12, min not above max")),
                };
                if extremes.is_some() != (histogram.total() > 0) {
                    return Err(A::Error::custom("min and max are null exactly when hist is empty"));
                }
                Ok(Latency { extremes, histogram })
            }
        }
        deserializer.deserialize_struct("Latency", &["min", "p50", "p99", "max", "hist"], Fields)
    }
}
