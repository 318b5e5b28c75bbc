//! Times and amounts as a person reads them.

use crate::time::Duration;
use jiff::Timestamp;

/// A length of time: `0.8 s`, `12 s`, `2 m 05 s`, `3 h 04 m`, `5 d 02 h`.
pub(super) fn duration(seconds: f64) -> String {
    if seconds < 9.95 {
        return format!("{:.1} s", seconds.max(0.0));
    }
    let whole = Duration::try_from_secs_f64(seconds.round()).map_or(u64::MAX, |it| it.as_secs());
    match whole {
        0..60 => format!("{whole} s"),
        60..3_600 => format!("{} m {:02} s", whole / 60, whole % 60),
        3_600..86_400 => format!("{} h {:02} m", whole / 3_600, whole % 3_600 / 60),
        _ => format!("{} d {:02} h", whole / 86_400, whole % 86_400 / 3_600),
    }
}

/// From `from` to `to`; clocks that differ a little give none.
pub(super) fn between(from: Timestamp, to: Timestamp) -> String {
    duration(to.duration_since(from).as_secs_f64())
}

/// An amount of data: `512 B`, `1.2 kB`, `34 MB`.
pub(super) fn octets(amount: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if amount < 1_000 {
        return format!("{amount} B");
    }
    let mut tenths = amount / 100;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1_000;
        unit += 1;
    }
    match tenths {
        0..100 => format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]),
        _ => format!("{} {}", tenths / 10, UNITS[unit]),
    }
}

/// A time as the log has it, in UTC, to the second: `2026-03-01 10:05:12 UTC`.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `1 lock`, `2 locks`.
pub(super) fn count(number: impl TryInto<u64>, one: &str, several: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let noun = if number == 1 { one } else { several };
    format!("{number} {noun}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_two_units_at_most() {
        for (seconds, text) in [
            (-1.0, "0.0 s"),
            (0.84, "0.8 s"),
            (9.96, "10 s"),
            (59.4, "59 s"),
            (59.6, "1 m 00 s"),
            (125.0, "2 m 05 s"),
            (11_040.0, "3 h 04 m"),
            (439_200.0, "5 d 02 h"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn an_amount_has_the_unit_that_it_is_read_in() {
        for (amount, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_234, "1.2 kB"),
            (34_400_000, "34 MB"),
            (1_000_000, "1.0 MB"),
            (u64::MAX, "18446744 TB"),
        ] {
            assert_eq!(octets(amount), text);
        }
    }
}
