//! A program's day as a strip: a character for each hour.

use super::diary::Diary;
use super::result::ProgramDay;
use crate::time::Duration;
use serde::Serialize;

const HOUR: u64 = 3600;

/// From no wait to [`MUCH_SECONDS`].
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const MUCH_SECONDS: f64 = 15.0;
const ERROR: char = '✗';
const NOT_THERE: char = ' ';

/// An hour of a program.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct HourOfProgram {
    /// Logins with the right password.
    pub logins: u32,
    /// From the password to its answer, on average.
    pub mean_wait_seconds: f64,
    /// What it showed as errors.
    pub errors: u32,
}

impl HourOfProgram {
    /// Each hour of a day of that length, in order.
    pub(super) fn all(diary: &Diary, length: Duration) -> Vec<Self> {
        (0..length.as_secs().div_ceil(HOUR))
            .map(|hour| Self::of(diary, hour))
            .collect()
    }

    fn of(diary: &Diary, hour: u64) -> Self {
        let is_then = |at: Duration| at.as_secs() / HOUR == hour;
        let waits = diary.waits.iter().filter(|wait| is_then(wait.asked));
        let mut logins = 0;
        let mut waited = Duration::ZERO;
        for wait in waits {
            logins += 1;
            waited += wait.took;
        }
        let errors = diary.troubles.iter().filter(|(at, _)| is_then(*at));
        Self {
            logins,
            mean_wait_seconds: waited.as_secs_f64() / f64::from(logins.max(1)),
            errors: u32::try_from(errors.count()).unwrap_or(u32::MAX),
        }
    }

    fn symbol(&self) -> char {
        if self.errors > 0 {
            return ERROR;
        }
        if self.logins == 0 {
            return NOT_THERE;
        }
        let highest = LEVELS.len() - 1;
        let share = (self.mean_wait_seconds / MUCH_SECONDS).min(1.0);
        let level = (1..=highest)
            .rev()
            .find(|level| share >= *level as f64 / highest as f64);
        LEVELS[level.unwrap_or_default()]
    }
}

/// Its hours, and what they come to.
pub(super) fn strip(program: &ProgramDay) -> String {
    let hours: String = program.hours.iter().map(HourOfProgram::symbol).collect();
    format!(
        "{hours}  {:>7.0} s waited  {:>4} errors",
        program.waited_seconds, program.errors
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_shows_its_errors_or_its_waits() {
        let hour = |mean_wait_seconds, logins, errors| HourOfProgram {
            logins,
            mean_wait_seconds,
            errors,
        };
        let hours = [
            hour(0.0, 0, 0),
            hour(0.3, 4, 0),
            hour(7.6, 4, 0),
            hour(40.0, 4, 0),
            hour(0.3, 4, 1),
        ];
        let shown: String = hours.iter().map(HourOfProgram::symbol).collect();
        assert_eq!(shown, " ▁▄█✗");
    }
}
