//! What a comparison showed, in numbers and side by side.

use super::comparison::ClientOutcome;
use crate::time::{Duration, Instant};
use serde::{Serialize, Serializer};

/// What one run showed, as the mail clients saw it. In JSON the times are seconds.
#[derive(Clone, Debug, Serialize)]
pub struct ComparisonReport {
    /// Mail clients that took part.
    pub programs: u64,
    /// Sessions that fetched all and whose QUIT was answered `+OK`.
    pub succeeded: u64,
    /// Clients that were told that the maildrop is locked.
    pub lock_errors: u64,
    /// Clients that failed in another way.
    pub other_errors: u64,
    /// What the first client that failed was told.
    pub first_error: Option<String>,
    /// From PASS to its answer, of the sessions that succeeded; none where none did.
    pub wait: Option<Spread>,
    /// From one session's end to the next one's login; none where no session followed another.
    pub handover: Option<Spread>,
    /// Logins that the server heard of, those that it refused among them.
    pub backend_logins: u64,
    /// The whole run.
    #[serde(rename = "total_seconds", serialize_with = "as_seconds")]
    pub total: Duration,
}

/// How a time is spread over the sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// Half of them took no longer.
    #[serde(rename = "median_seconds", serialize_with = "as_seconds")]
    pub median: Duration,
    /// 99 of 100 took no longer.
    #[serde(rename = "p99_seconds", serialize_with = "as_seconds")]
    pub p99: Duration,
    /// None took longer.
    #[serde(rename = "longest_seconds", serialize_with = "as_seconds")]
    pub longest: Duration,
}

/// A session that succeeded.
#[derive(Clone, Copy, Debug)]
pub(super) struct FetchTimes {
    /// From PASS written to its answer read.
    pub(super) wait: Duration,
    /// When the answer to PASS was read.
    pub(super) login: Instant,
    /// When the answer to QUIT was read.
    pub(super) end: Instant,
}

/// Runs in a table for a person, each under its name: lines, the last with its end.
#[must_use]
pub fn side_by_side(runs: &[(&str, &ComparisonReport)]) -> String {
    let columns: Vec<Vec<String>> = [ROWS.map(str::to_owned).to_vec()]
        .into_iter()
        .chain(runs.iter().map(|(name, run)| run.column(name)))
        .collect();
    (0..ROWS.len())
        .map(|row| table_line(&columns, row))
        .collect()
}

/// The first column to the left, the others to the right.
fn table_line(columns: &[Vec<String>], row: usize) -> String {
    let mut line = String::new();
    for (place, column) in columns.iter().enumerate() {
        let width = column.iter().map(|cell| cell.chars().count()).max();
        let width = width.unwrap_or_default();
        let cell = &column[row];
        line += &match place {
            0 => format!("{cell:<width$}"),
            _ => format!("   {cell:>width$}"),
        };
    }
    line + "\n"
}

/// What a table has, below the names of its runs.
const ROWS: [&str; 10] = [
    "",
    "sessions that succeeded",
    "lock errors",
    "other errors",
    "wait for the login, median",
    "wait for the login, 99th percentile",
    "wait for the login, longest",
    "one session's end to the next one's login, median",
    "logins at the server",
    "total time",
];

impl ComparisonReport {
    /// Sums up; the outcomes come in the order in which the programs finished.
    pub(super) fn new(outcomes: &[ClientOutcome], total: Duration) -> Self {
        let count =
            |test: fn(&ClientOutcome) -> bool| outcomes.iter().filter(|o| test(o)).count() as u64;
        let stays: Vec<_> = outcomes.iter().filter_map(ClientOutcome::stay).collect();
        Self {
            programs: outcomes.len() as u64,
            succeeded: stays.len() as u64,
            lock_errors: count(|o| matches!(o, ClientOutcome::LockError(_))),
            other_errors: count(|o| matches!(o, ClientOutcome::OtherError(_))),
            first_error: outcomes.iter().find_map(ClientOutcome::error),
            wait: Spread::of(stays.iter().map(|stay| stay.wait).collect()),
            handover: Spread::of(handovers(stays)),
            backend_logins: 0,
            total,
        }
    }

    /// Its cells of [`ROWS`].
    fn column(&self, name: &str) -> Vec<String> {
        let wait = |part: fn(&Spread) -> Duration| human(self.wait.as_ref().map(part));
        vec![
            name.to_owned(),
            format!("{} of {}", self.succeeded, self.programs),
            self.lock_errors.to_string(),
            self.other_errors.to_string(),
            wait(|it| it.median),
            wait(|it| it.p99),
            wait(|it| it.longest),
            human(self.handover.map(|it| it.median)),
            self.backend_logins.to_string(),
            human(Some(self.total)),
        ]
    }
}

impl ClientOutcome {
    fn stay(&self) -> Option<FetchTimes> {
        match self {
            Self::Succeeded(stay) => Some(*stay),
            Self::LockError(_) | Self::OtherError(_) => None,
        }
    }

    fn error(&self) -> Option<String> {
        match self {
            Self::Succeeded(_) => None,
            Self::LockError(text) | Self::OtherError(text) => Some(text.clone()),
        }
    }
}

impl Spread {
    pub(super) fn of(mut times: Vec<Duration>) -> Option<Self> {
        times.sort_unstable();
        Some(Self {
            median: percentile(&times, 50)?,
            p99: percentile(&times, 99)?,
            longest: *times.last()?,
        })
    }
}

/// The smallest time that `percent` of the sorted `times` do not exceed (nearest rank).
fn percentile(times: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (times.len() * percent).div_ceil(100);
    times.get(rank.checked_sub(1)?).copied()
}

/// From each end to the next login; none where the next one was in before.
fn handovers(mut stays: Vec<FetchTimes>) -> Vec<Duration> {
    // They come in the order in which the clients finished.
    stays.sort_unstable_by_key(|stay| stay.login);
    stays
        .windows(2)
        .filter_map(|pair| pair[1].login.checked_duration_since(pair[0].end))
        .collect()
}

/// A time for a table; a dash where there is none.
pub(super) fn human(time: Option<Duration>) -> String {
    let Some(time) = time else {
        return "-".to_owned();
    };
    let ms = time.as_secs_f64() * 1000.0;
    match ms {
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 1000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.2} s", ms / 1000.0),
    }
}

fn as_seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcomes: &[ClientOutcome]) -> ComparisonReport {
        ComparisonReport::new(outcomes, Duration::from_millis(1650))
    }

    /// A session that waits until `login` and goes at `end`, in ms from `start`.
    fn stay(start: Instant, login: u64, end: u64) -> ClientOutcome {
        ClientOutcome::Succeeded(FetchTimes {
            wait: Duration::from_millis(login),
            login: start + Duration::from_millis(login),
            end: start + Duration::from_millis(end),
        })
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let times: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 50), Some(Duration::from_millis(100)));
        assert_eq!(percentile(&times, 99), Some(Duration::from_millis(198)));
        assert_eq!(percentile(&times[..1], 50), Some(Duration::from_millis(1)));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn handovers_are_taken_in_the_order_of_logins() {
        let t = Instant::now();
        let report = report(&[stay(t, 210, 400), stay(t, 5, 200), stay(t, 404, 600)]);
        let median = report.handover.unwrap();
        assert_eq!(
            (median.median, median.longest),
            (Duration::from_millis(4), Duration::from_millis(10))
        );
    }

    #[test]
    fn the_table_is_aligned() {
        let t = Instant::now();
        let locked = || ClientOutcome::LockError("-ERR [IN-USE] locked".to_owned());
        let direct = report(&[
            locked(),
            stay(t, 2, 200),
            ClientOutcome::OtherError("x".to_owned()),
        ]);
        let gated = report(&[stay(t, 2, 200), stay(t, 203, 401), stay(t, 1403, 1650)]);
        let expected =
            "                                                    direct   through popgate
sessions that succeeded                             1 of 3            3 of 3
lock errors                                              1                 0
other errors                                             1                 0
wait for the login, median                          2.0 ms            203 ms
wait for the login, 99th percentile                 2.0 ms            1.40 s
wait for the login, longest                         2.0 ms            1.40 s
one session's end to the next one's login, median        -            3.0 ms
logins at the server                                     0                 0
total time                                          1.65 s            1.65 s
";
        let runs = [("direct", &direct), ("through popgate", &gated)];
        assert_eq!(side_by_side(&runs), expected);
    }

    #[test]
    fn json_names_its_units() {
        let json = serde_json::to_value(report(&[stay(Instant::now(), 500, 900)])).unwrap();
        assert_eq!(json["wait"]["median_seconds"], 0.5);
        assert_eq!(json["total_seconds"], 1.65);
        assert!(json["handover"].is_null() && json["first_error"].is_null());
    }
}
