//! Times for people.

/// Milliseconds since 1970 as `2026-03-01 14:05 UTC` (the civil calendar, computed by days from 1 March of the year 0).
pub(super) fn date(unix_ms: u64) -> String {
    let minutes = unix_ms / 60_000;
    let days = minutes / 1440 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", minutes / 60 % 24, minutes % 60)
}

/// A length in seconds, or in minutes if it is long.
pub(super) fn length(ms: f64) -> String {
    if ms < 600_000.0 { format!("{:.1} s", ms / 1000.0) } else { format!("{:.1} min", ms / 60_000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(date(0), "1970-01-01 00:00 UTC");
        assert_eq!(date(951_782_400_000), "2000-02-29 00:00 UTC");
        assert_eq!(date(1_772_373_900_000), "2026-03-01 14:05 UTC");
        assert!(!date(u64::MAX).is_empty());
        assert_eq!((length(20_040.0).as_str(), length(900_000.0).as_str()), ("20.0 s", "15.0 min"));
    }
}
