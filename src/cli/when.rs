//! Times as a person types them: `14:00`, `2h`, `2026-11-27 14:00`.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

/// What is no time, and what would be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a time; try `14:00`, `2h` or `3d` (ago), `2026-11-27`, `2026-11-27 14:00`, or \
     `2026-11-27T14:00:00+01:00`"
)]
pub(super) struct NotATime;

/// For `clap`: by the clock and in the time zone of this machine.
pub(super) fn time(text: &str) -> Result<Timestamp, NotATime> {
    time_at(text, &Zoned::now())
}

/// The time that somebody means who types `text` at `now`, in the time zone of `now`. What lies in
/// the hour that a clock skips in spring is an hour later; in the one that comes twice in autumn it
/// is in the first.
pub(super) fn time_at(text: &str, now: &Zoned) -> Result<Timestamp, NotATime> {
    let text = text.trim();
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    ago(text, now)
        .or_else(|| last_clock_time(text, now))
        .or_else(|| date_and_time(text, now.time_zone()))
        .ok_or(NotATime)
}

/// `2h`, `3d`, `1h30m`. A day is one of the calendar: three days ago it was as late as now.
fn ago(text: &str, now: &Zoned) -> Option<Timestamp> {
    // `Span` also reads what begins with P, and what lies ahead.
    if !text.starts_with(|first: char| first.is_ascii_digit()) || text.contains(':') {
        return None;
    }
    let span: Span = text.parse().ok()?;
    let then = now.checked_sub(span).ok()?;
    (then <= *now).then(|| then.timestamp())
}

/// `14:00` or `14:00:30`, the last one: before two in the afternoon that is yesterday's.
fn last_clock_time(text: &str, now: &Zoned) -> Option<Timestamp> {
    if text.contains('-') {
        return None;
    }
    let time: Time = text.parse().ok().filter(|_| text.contains(':'))?;
    let on = |date: Date| in_zone(date.to_datetime(time), now.time_zone());
    let today = on(now.date())?;
    if today <= now.timestamp() {
        return Some(today);
    }
    on(now.date().yesterday().ok()?)
}

/// `2026-11-27`, which is its beginning, or `2026-11-27 14:00`.
fn date_and_time(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let there: DateTime = text.parse().ok()?;
    in_zone(there, zone)
}

fn in_zone(there: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let zoned = there.to_zoned(zone.clone()).ok()?;
    Some(zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last Sunday of March has no half past two in Berlin, and that of October has two.
    fn berlin(now: &str) -> Zoned {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        now.parse::<DateTime>().unwrap().to_zoned(zone).unwrap()
    }

    #[track_caller]
    fn assert_means(text: &str, now: &str, expected: &str) {
        let time = time_at(text, &berlin(now)).map(|time| time.to_string());
        assert_eq!(time.as_deref(), Ok(expected), "{text} at {now}");
    }

    #[test]
    fn a_clock_time_is_the_last_one() {
        let now = "2026-11-28 15:30:00";
        assert_means("14:00", now, "2026-11-28T13:00:00Z");
        assert_means("14:00:05", now, "2026-11-28T13:00:05Z");
        assert_means("15:30", now, "2026-11-28T14:30:00Z");
        assert_means("15:31", now, "2026-11-27T14:31:00Z");
        assert_means("23:00", "2026-01-01 00:10:00", "2025-12-31T22:00:00Z");
    }

    #[test]
    fn a_date_is_local_and_rfc_3339_says_its_own_zone() {
        let now = "2026-11-28 15:30:00";
        assert_means("2026-11-27", now, "2026-11-26T23:00:00Z");
        assert_means("2026-11-27 14:00", now, "2026-11-27T13:00:00Z");
        assert_means(" 2026-07-01T14:00:30 ", now, "2026-07-01T12:00:30Z");
        assert_means("2026-11-27T14:00:00Z", now, "2026-11-27T14:00:00Z");
        assert_means("2026-11-27 14:00:00-05:00", now, "2026-11-27T19:00:00Z");
        // Ahead of now, as the end of a time that goes on.
        assert_means("2026-12-01", now, "2026-11-30T23:00:00Z");
    }

    #[test]
    fn a_length_of_time_is_ago_and_a_day_is_one_of_the_calendar() {
        assert_means("2h", "2026-11-28 15:30:00", "2026-11-28T12:30:00Z");
        assert_means("1h30m", "2026-11-28 15:30:00", "2026-11-28T13:00:00Z");
        assert_means("0s", "2026-11-28 15:30:00", "2026-11-28T14:30:00Z");
        // From summer to winter time a day has 25 hours.
        assert_means("1d", "2026-10-25 12:00:00", "2026-10-24T10:00:00Z");
        assert_means("24h", "2026-10-25 12:00:00", "2026-10-24T11:00:00Z");
    }

    #[test]
    fn the_hour_that_is_skipped_and_the_one_that_comes_twice_mean_one_time() {
        let spring = "2026-03-29 12:00:00";
        assert_means("02:30", spring, "2026-03-29T01:30:00Z");
        assert_means("2026-03-29 02:30", spring, "2026-03-29T01:30:00Z");
        let autumn = "2026-10-25 12:00:00";
        assert_means("02:30", autumn, "2026-10-25T00:30:00Z");
        assert_means("2026-10-25 02:30", autumn, "2026-10-25T00:30:00Z");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let now = berlin("2026-11-28 15:30:00");
        for wrong in [
            "",
            "yesterday",
            "14",
            "24:00",
            "14:60",
            "-2h",
            "2h ago",
            "in 2h",
            "P1D",
            "2x",
            "2026-11",
            "2026-02-30",
            "99999999d",
            "2026-11-27 25:00",
            "14:00Z",
        ] {
            assert_eq!(time_at(wrong, &now), Err(NotATime), "{wrong}");
        }
    }
}
