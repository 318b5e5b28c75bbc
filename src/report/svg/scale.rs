//! From times to places in the picture, and the times that its axis names.

use crate::report::timeline::Axis;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// From times to places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// What it shows.
    pub(super) axis: Axis,
    /// Where it begins, in pixels.
    pub(super) left: f64,
    /// Where it ends.
    pub(super) right: f64,
}

/// A time that the axis names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tick {
    /// It.
    pub(super) at: Timestamp,
    /// The time of day; none where whole days are named.
    pub(super) time: Option<String>,
    /// The date, where it is another than that of the tick before.
    pub(super) date: Option<String>,
}

/// A label of eight characters and some room beside it, in pixels.
const TICK_ROOM: f64 = 80.0;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Seconds between two ticks: what clocks and calendars have marks for.
const STEPS: &[i64] = &[
    1,
    2,
    5,
    10,
    15,
    30,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
];

impl Scale {
    /// Where `at` is; what is before or behind the axis is at its end.
    pub(super) fn x(&self, at: Timestamp) -> f64 {
        let since = self.axis.since();
        let share = seconds(since, at) / seconds(since, self.axis.until());
        self.left + share.clamp(0.0, 1.0) * (self.right - self.left)
    }

    /// Whether something from `from` to `until` is on it.
    pub(super) fn shows(&self, from: Timestamp, until: Timestamp) -> bool {
        self.axis.meets(from, until)
    }

    /// What the axis names, by the clocks of `zone`.
    pub(super) fn ticks(&self, zone: &TimeZone) -> Vec<Tick> {
        let step = self.step();
        // Where a zone changes its clocks in between, what follows is named as it is: not round.
        let east = i64::from(zone.to_offset(self.axis.since()).seconds());
        let first = (self.axis.since().as_second() + east).div_euclid(step) * step - east;
        let times = (0..)
            .map_while(|index| Timestamp::from_second(first + index * step).ok())
            .skip_while(|at| *at < self.axis.since())
            .take_while(|at| *at < self.axis.until());
        let mut last_date = None;
        times
            .map(|at| {
                let local = zone.to_datetime(at);
                let is_new = last_date.replace(local.date()) != Some(local.date());
                let format = if step < MINUTE { "%H:%M:%S" } else { "%H:%M" };
                Tick {
                    at,
                    time: (step < DAY).then(|| local.strftime(format).to_string()),
                    date: is_new.then(|| local.date().to_string()),
                }
            })
            .collect()
    }

    /// Seconds between two ticks.
    fn step(&self) -> i64 {
        let most = (self.right - self.left) / TICK_ROOM;
        let least = seconds(self.axis.since(), self.axis.until()) / most;
        let days = || (least / DAY as f64).ceil() as i64 * DAY;
        STEPS
            .iter()
            .copied()
            .find(|step| *step as f64 >= least)
            .unwrap_or_else(days)
    }
}

fn seconds(from: Timestamp, until: Timestamp) -> f64 {
    SignedDuration::as_secs_f64(&until.duration_since(from))
}
