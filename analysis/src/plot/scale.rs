//! From values to places: linear and logarithmic, with ticks at round values.

/// A scale over a range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    kind: Kind,
    low: f64,
    high: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Linear,
    Log,
}

/// A marked value.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// The value.
    pub value: f64,
    /// As it is written.
    pub label: String,
}

impl Scale {
    /// Linear over at least `low` to `high`, widened to round values. What is no number counts as 0 to 1.
    #[must_use]
    pub fn linear(low: f64, high: f64) -> Self {
        let (low, high) = ordered(low, high).unwrap_or((0.0, 1.0));
        let (low, high) = if high > low {
            (low, high)
        } else {
            (low.min(0.0), if high > 0.0 { high * 1.2 } else { low.min(0.0) + 1.0 })
        };
        let step = step((high - low) / 5.0);
        Self { kind: Kind::Linear, low: (low / step).floor() * step, high: (high / step - 1e-9).ceil() * step }
    }

    /// Linear over exactly `low` to `high`; 0 to 1 if that is no range.
    #[must_use]
    pub fn exact(low: f64, high: f64) -> Self {
        let (low, high) = ordered(low, high).filter(|(low, high)| high > low).unwrap_or((0.0, 1.0));
        Self { kind: Kind::Linear, low, high }
    }

    /// Logarithmic over at least `low` to `high`, both above 0, widened to 1, 2 or 5 times a power of ten, and to half a
    /// decade at least. What is no such range counts as 1 to 10.
    #[must_use]
    pub fn log(low: f64, high: f64) -> Self {
        let (low, high) = ordered(low, high).filter(|(low, _)| *low > 0.0).unwrap_or((1.0, 10.0));
        let (mut low, mut high) = (round_below(low), round_above(high));
        if high / low < 3.0 {
            (low, high) = (round_below(low * 0.99), round_above(high * 1.01));
        }
        Self { kind: Kind::Log, low, high }
    }

    /// The least value.
    #[must_use]
    pub fn low(&self) -> f64 {
        self.low
    }

    /// The greatest value.
    #[must_use]
    pub fn high(&self) -> f64 {
        self.high
    }

    /// Where a value lies: 0 at the low end, 1 at the high end, and not beyond. `None` of what is no number.
    #[must_use]
    pub fn place(&self, value: f64) -> Option<f64> {
        if value.is_nan() {
            return None;
        }
        let place = match self.kind {
            Kind::Linear => (value - self.low) / (self.high - self.low),
            Kind::Log if value <= 0.0 => 0.0,
            Kind::Log => (value / self.low).ln() / (self.high / self.low).ln(),
        };
        Some(place.clamp(0.0, 1.0))
    }

    /// Marked values, ascending, some `about` of them.
    #[must_use]
    pub fn ticks(&self, about: u32) -> Vec<Tick> {
        match self.kind {
            Kind::Linear => self.linear_ticks(about),
            Kind::Log => self.log_ticks(about),
        }
    }

    fn linear_ticks(&self, about: u32) -> Vec<Tick> {
        let step = step((self.high - self.low) / f64::from(about.max(1)));
        let first = (self.low / step - 1e-9).ceil();
        (0..64u32)
            .map(|i| (first + f64::from(i)) * step)
            .take_while(|value| *value <= self.high + step * 1e-6)
            .map(|value| Tick { value, label: number(if value.abs() < step * 1e-6 { 0.0 } else { value }, step) })
            .collect()
    }

    fn log_ticks(&self, about: u32) -> Vec<Tick> {
        let decades = (self.high / self.low).log10();
        let wanted = f64::from(about.max(2));
        let (multiples, every): (&[f64], i32) = if decades * 3.0 <= wanted {
            (&[1.0, 2.0, 5.0], 1)
        } else if decades <= wanted {
            (&[1.0], 1)
        } else {
            (&[1.0], 2)
        };
        let (from, to) = (exponent(self.low) - 1, exponent(self.high) + 1);
        let inside = |value: &f64| *value >= self.low * (1.0 - 1e-9) && *value <= self.high * (1.0 + 1e-9);
        (from..=to)
            .filter(|power| power.rem_euclid(every) == 0)
            .flat_map(|power| multiples.iter().map(move |multiple| multiple * 10f64.powi(power)))
            .filter(inside)
            .map(|value| Tick { value, label: number(value, value) })
            .collect()
    }
}

fn ordered(low: f64, high: f64) -> Option<(f64, f64)> {
    (low.is_finite() && high.is_finite()).then(|| (low.min(high), low.max(high)))
}

/// 1, 2 or 5 times a power of ten, not below `rough`.
fn step(rough: f64) -> f64 {
    if !(rough.is_finite() && rough > 0.0) {
        return 1.0;
    }
    round_above(rough * (1.0 - 1e-9))
}

#[expect(clippy::cast_possible_truncation, reason = "the logarithm of a finite number is below 400")]
fn exponent(value: f64) -> i32 {
    value.log10().floor() as i32
}

fn round_below(value: f64) -> f64 {
    let power = 10f64.powi(exponent(value * (1.0 + 1e-12)));
    let multiple = [5.0, 2.0, 1.0].into_iter().find(|multiple| multiple * power <= value * (1.0 + 1e-9));
    multiple.unwrap_or(1.0) * power
}

fn round_above(value: f64) -> f64 {
    let power = 10f64.powi(exponent(value));
    let multiple = [1.0, 2.0, 5.0].into_iter().find(|multiple| multiple * power >= value * (1.0 - 1e-9));
    multiple.unwrap_or(10.0) * power
}

/// A number with the decimals that its step needs, in groups of three digits, narrow blanks between them.
fn number(value: f64, step: f64) -> String {
    if value != 0.0 && (value.abs() < 0.000_99 || value.abs() >= 1e7) {
        return format!("{value:.0e}");
    }
    let decimals = usize::try_from((-exponent(step.abs().max(1e-9))).clamp(0, 6)).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    if digits.len() < 5 {
        return text;
    }
    let mut grouped = String::from(sign);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(scale: Scale, about: u32) -> Vec<String> {
        scale.ticks(about).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn linear_ticks_are_round() {
        assert_eq!(labels(Scale::linear(0.0, 29.7), 6), ["0", "5", "10", "15", "20", "25", "30"]);
        assert_eq!(labels(Scale::linear(0.0, 0.031), 4), ["0.00", "0.01", "0.02", "0.03", "0.04"]);
        assert_eq!(labels(Scale::exact(0.0, 60.0), 6), ["0", "10", "20", "30", "40", "50", "60"]);
        assert_eq!(labels(Scale::linear(7.0, 7.0), 4).first().unwrap(), "0");
    }

    #[test]
    fn log_ticks_are_round() {
        assert_eq!(labels(Scale::log(0.9, 2_100.0), 6), ["1", "10", "100", "1000"]);
        assert_eq!(labels(Scale::log(20.0, 180.0), 6), ["20", "50", "100", "200"]);
        assert_eq!(labels(Scale::log(1e-5, 100.0), 5), ["1e-4", "0.01", "1", "100"]);
        assert_eq!(labels(Scale::log(10.0, 123_456.0), 8), ["10", "100", "1000", "10\u{202f}000", "100\u{202f}000"]);
    }

    #[test]
    fn what_is_no_range_still_gives_a_scale() {
        for (low, high) in [(f64::NAN, 1.0), (0.0, f64::INFINITY), (-1.0, 5.0), (0.0, 0.0)] {
            for scale in [Scale::linear(low, high), Scale::log(low, high), Scale::exact(low, high)] {
                assert!(scale.high() > scale.low(), "{low} {high}");
                assert!(!scale.ticks(5).is_empty());
            }
        }
        assert_eq!(Scale::linear(0.0, 1.0).place(f64::NAN), None);
        assert_eq!(Scale::log(1.0, 10.0).place(0.0), Some(0.0));
    }

    proptest! {
        #[test]
        fn the_range_holds_what_it_was_made_for(a in 1e-6f64..1e9, b in 1e-6f64..1e9, about in 1u32..12) {
            let (low, high) = (a.min(b), a.max(b));
            for scale in [Scale::linear(low, high), Scale::log(low, high)] {
                prop_assert!(scale.low() <= low * (1.0 + 1e-6) && scale.high() >= high * (1.0 - 1e-6));
                let places: Vec<f64> = scale.ticks(about).iter().map(|tick| scale.place(tick.value).unwrap()).collect();
                prop_assert!(places.is_sorted(), "{places:?}");
                prop_assert!(places.len() <= 40);
                prop_assert!(scale.place(low).unwrap() <= scale.place(high).unwrap());
            }
        }
    }
}
