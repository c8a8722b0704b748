//! Lines of the text formats.

use std::fmt::{self, Write as _};

use super::Settings;
use super::accept::Format;
use super::family::Family;
use super::octaves::Octaves;

/// A number as it is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    Whole(u64),
    Real(f64),
    /// Nanoseconds, written as seconds without an error.
    Nanos(u128),
}

impl From<u64> for Number {
    fn from(whole: u64) -> Self {
        Self::Whole(whole)
    }
}

impl From<bool> for Number {
    fn from(holds: bool) -> Self {
        Self::Whole(u64::from(holds))
    }
}

impl From<f64> for Number {
    fn from(real: f64) -> Self {
        Self::Real(real)
    }
}

impl Number {
    pub(super) fn millis(ms: u64) -> Self {
        Self::Nanos(u128::from(ms).saturating_mul(1_000_000))
    }

    pub(super) fn micros(us: u64) -> Self {
        Self::Nanos(u128::from(us).saturating_mul(1_000))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(whole) => write!(f, "{whole}"),
            Self::Real(real) if real.is_nan() => f.write_str("NaN"),
            Self::Real(real) if real.is_infinite() => f.write_str(if *real > 0.0 { "+Inf" } else { "-Inf" }),
            Self::Real(real) => write!(f, "{real}"),
            Self::Nanos(ns) => {
                let fraction = format!("{:09}", ns % 1_000_000_000);
                let fraction = fraction.trim_end_matches('0');
                write!(f, "{}.{}", ns / 1_000_000_000, if fraction.is_empty() { "0" } else { fraction })
            }
        }
    }
}

/// Text of a label's value: whatever it holds, it cannot leave its quotes nor its line.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '\\' => f.write_str(r"\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str(r"\n"),
            other => f.write_char(other),
        })
    }
}

/// Writes the samples of one family, of the fleet, or of one device or site.
pub(super) struct Writer<'a> {
    pub(super) out: &'a mut String,
    pub(super) family: &'a Family,
    /// Label and name of the device or site whose samples these are.
    pub(super) subject: Option<(&'static str, &'a str)>,
    pub(super) settings: &'a Settings,
}

impl Writer<'_> {
    /// The lines before the samples.
    pub(super) fn head(out: &mut String, family: &Family, format: Format) {
        let (name, unit) = match format {
            Format::Text => (family.name, None),
            Format::OpenMetrics => (family.stem(), family.unit()),
        };
        // A string takes everything; here and below.
        let _ = writeln!(out, "# HELP {name} {}\n# TYPE {name} {}", family.help, family.kind.as_str());
        if let Some(unit) = unit {
            let _ = writeln!(out, "# UNIT {name} {unit}");
        }
    }

    /// A sample of a family without labels of its own.
    pub(super) fn value(&mut self, value: impl Into<Number>) {
        self.labelled(&[], value);
    }

    /// The same, if it is known.
    pub(super) fn known(&mut self, value: Option<impl Into<Number>>) {
        if let Some(value) = value {
            self.value(value);
        }
    }

    /// A sample with these values of the family's labels, in their order. Without a value there is no label.
    pub(super) fn labelled(&mut self, values: &[&str], value: impl Into<Number>) {
        self.line("", values, None, value.into());
    }

    /// Buckets, sum and count.
    pub(super) fn histogram<const FIRST: u8, const N: usize>(&mut self, octaves: &Octaves<FIRST, N>) {
        for (bound_us, count) in octaves.cumulative() {
            self.line("_bucket", &[], Some(Bound::Micros(bound_us)), count.into());
        }
        let count = octaves.count();
        self.line("_bucket", &[], Some(Bound::Infinite), count.into());
        self.line("_sum", &[], None, Number::Nanos(octaves.sum_ns()));
        self.line("_count", &[], None, count.into());
    }

    fn line(&mut self, suffix: &str, values: &[&str], bound: Option<Bound>, value: Number) {
        self.out.push_str(self.family.name);
        self.out.push_str(suffix);
        let mut before = '{';
        let mut label = |out: &mut String, name: &str, text: &dyn fmt::Display| {
            let _ = write!(out, "{before}{name}=\"{text}\"");
            before = ',';
        };
        if let Some((kind, name)) = self.subject {
            label(self.out, kind, &Quoted(name));
        }
        for (name, value) in self.family.labels.iter().zip(values).filter(|(_, value)| !value.is_empty()) {
            label(self.out, name, &Quoted(value));
        }
        match bound {
            Some(Bound::Micros(us)) => label(self.out, "le", &Number::micros(us)),
            Some(Bound::Infinite) => label(self.out, "le", &"+Inf"),
            None => {}
        }
        if before == ',' {
            self.out.push('}');
        }
        let _ = writeln!(self.out, " {value}");
    }
}

/// Upper bound of a bucket.
#[derive(Debug, Clone, Copy)]
enum Bound {
    Micros(u64),
    Infinite,
}
