//! What came of a day of the household, in numbers, and side by side.

use super::super::report::{Spread, human};
use super::day::Home;
use super::diary::{Diary, PasswordWait, ShownError};
use super::residents::RESIDENTS;
use super::strip::{HourOfProgram, strip};
use crate::policy::sharing::{LetInReason, PromotionOutcome};
use crate::time::{Duration, Instant};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// What came so short before the end need not have reached everybody.
const TOO_LATE: Duration = Duration::from_secs(30 * 60);

/// What came of a day.
#[derive(Clone, Debug, Serialize)]
pub struct HouseholdDay {
    /// Logins with the right password.
    pub logins: u64,
    /// Logins that the server accepted.
    pub backend_logins: u64,
    /// Logins that the server refused as locked.
    pub backend_lock_errors: u64,
    /// Passwords that the server refused.
    pub backend_wrong_passwords: u64,
    /// Sessions that were in the maildrop together.
    pub overlaps: u64,
    /// From the right password to its answer, besides those of the next.
    pub wait: Option<Spread>,
    /// The same of logins during the long download.
    pub wait_in_download: Option<Spread>,
    /// From a command that asks for a message to the first line of its answer.
    pub message_wait: Option<Spread>,
    /// From the time that a message came to the time that the first phone had it.
    pub delivery: Option<Spread>,
    /// What programs showed as errors, by kind.
    pub errors: BTreeMap<&'static str, u64>,
    /// Errors that ask for the password, which is right.
    pub prompts: u64,
    /// Connections that were closed while their program said nothing.
    pub closed_while_idle: u64,
    /// Messages that a program had a second time.
    pub fetched_twice: u64,
    /// Messages that a program should have had and has not.
    pub missed: u64,
    /// Messages that are not on the server and that nobody deleted, or the other way round.
    pub lost: u64,
    /// Logins that popgate let in on a listing, by why.
    pub let_in: BTreeMap<&'static str, u64>,
    /// What became of sessions that needed the maildrop then.
    pub promotions: BTreeMap<&'static str, u64>,
    /// Holders that went back to their listing for a waiter.
    pub demoted: u64,
    /// Holders that were closed for a waiter.
    pub preempted: u64,
    /// Reasons found why the maildrop must not be shared.
    pub unshareable: u64,
    /// Each program that knows the password.
    pub programs: Vec<ProgramDay>,
}

/// What a program noticed.
#[derive(Clone, Debug, Serialize)]
pub struct ProgramDay {
    /// What it is.
    pub name: &'static str,
    /// Logins with the right password.
    pub logins: u64,
    /// What it showed as errors.
    pub errors: u64,
    /// All its waiting for the answer to its password, in seconds.
    pub waited_seconds: f64,
    /// Each hour.
    pub hours: Vec<HourOfProgram>,
}

/// A day that is over.
pub(super) struct Lived<'a> {
    pub(super) home: &'a Home,
    pub(super) came: &'a [Instant],
    pub(super) length: Duration,
    /// In the order of [`RESIDENTS`].
    pub(super) diaries: Vec<Diary>,
}

impl Lived<'_> {
    pub(super) fn sum_up(&self) -> HouseholdDay {
        let counts = self.home.server.log().counts();
        let watched = &self.home.watched;
        let errors = |trouble: &ShownError| (trouble.as_str(), self.sum(|it| it.count(*trouble)));
        let (aside, others): (Vec<_>, Vec<_>) =
            self.waits().partition(|wait| self.is_in_download(wait));
        let spread = |waits: Vec<&PasswordWait>| {
            Spread::of(waits.into_iter().map(|wait| wait.took).collect())
        };
        HouseholdDay {
            logins: self.sum(|diary| diary.logins),
            backend_logins: counts.logins,
            backend_lock_errors: counts.refusals,
            backend_wrong_passwords: counts.auth_failures,
            overlaps: counts.overlaps,
            wait: spread(others),
            wait_in_download: spread(aside),
            message_wait: Spread::of(self.all(|diary| &diary.message_waits)),
            delivery: self
                .diaries
                .first()
                .map(|it| it.delays.clone())
                .and_then(Spread::of),
            errors: ShownError::ALL.iter().map(errors).collect(),
            prompts: self.sum(Diary::prompts),
            closed_while_idle: self.sum(|diary| diary.closed_while_idle),
            fetched_twice: self.sum(|diary| diary.had_twice),
            missed: self.missed(),
            lost: self.lost(),
            let_in: of_each(LetInReason::ALL, LetInReason::as_str, &watched.let_in),
            promotions: of_each(
                PromotionOutcome::ALL,
                PromotionOutcome::as_str,
                &watched.promotions,
            ),
            demoted: watched.demoted.load(Ordering::Relaxed),
            preempted: watched.preempted.load(Ordering::Relaxed),
            unshareable: watched.unshareable.load(Ordering::Relaxed),
            programs: self.programs(),
        }
    }

    fn sum(&self, of: impl Fn(&Diary) -> u64) -> u64 {
        self.diaries.iter().map(of).sum()
    }

    fn all(&self, of: impl Fn(&Diary) -> &Vec<Duration>) -> Vec<Duration> {
        self.diaries.iter().flat_map(of).copied().collect()
    }

    fn waits(&self) -> impl Iterator<Item = &PasswordWait> {
        self.diaries.iter().flat_map(|diary| &diary.waits)
    }

    /// Whether somebody waited while the laptop had its long session, or waited for it.
    fn is_in_download(&self, wait: &PasswordWait) -> bool {
        let residents = RESIDENTS.iter().zip(&self.diaries);
        let mut downloads = residents.filter(|(resident, _)| resident.is_downloader());
        downloads.any(|(_, diary)| {
            let begun = diary.waits.first().map(|wait| wait.asked);
            begun.is_some_and(|begun| wait.asked + wait.took > begun) && wait.asked < diary.last_end
        })
    }

    fn missed(&self) -> u64 {
        let places = self
            .came
            .iter()
            .take_while(|came| came.elapsed() > TOO_LATE)
            .count();
        let missed: usize = RESIDENTS
            .iter()
            .zip(&self.diaries)
            .filter(|(resident, _)| resident.is_to_have_all())
            .map(|(_, diary)| places - diary.had.range(..places).count())
            .sum();
        missed as u64
    }

    fn lost(&self) -> u64 {
        let there = self.home.server.message_count(super::day::MAILBOX) as u64;
        let deleted = self.sum(|diary| diary.deleted);
        (self.came.len() as u64).abs_diff(there + deleted)
    }

    fn programs(&self) -> Vec<ProgramDay> {
        let residents = RESIDENTS.iter().zip(&self.diaries);
        residents
            .filter(|(resident, _)| resident.knows_password())
            .map(|(resident, diary)| ProgramDay {
                name: resident.name,
                logins: diary.logins,
                errors: diary.troubles.len() as u64,
                waited_seconds: diary.waited_in_all().as_secs_f64(),
                hours: HourOfProgram::all(diary, self.length),
            })
            .collect()
    }
}

fn of_each<T: Copy>(
    all: &[T],
    name: fn(T) -> &'static str,
    counts: &[AtomicU64],
) -> BTreeMap<&'static str, u64> {
    let counts = counts.iter().map(|count| count.load(Ordering::Relaxed));
    all.iter().map(|it| name(*it)).zip(counts).collect()
}

impl HouseholdDay {
    /// All that programs showed as errors.
    #[must_use]
    pub fn all_errors(&self) -> u64 {
        self.errors.values().sum()
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let part = |spread: Option<Spread>, part: fn(&Spread) -> Duration| {
            human(spread.as_ref().map(part))
        };
        let number = |number: u64| number.to_string();
        let error = |kinds: &[ShownError]| {
            let counts = kinds
                .iter()
                .filter_map(|kind| self.errors.get(kind.as_str()));
            number(counts.sum())
        };
        let let_in = self.let_in.values().sum();
        let promoted = self.promotions.get(PromotionOutcome::Promoted.as_str());
        let promoted = promoted.copied().unwrap_or_default();
        let promotions: u64 = self.promotions.values().sum();
        vec![
            ("logins of programs", number(self.logins)),
            ("logins at the server", number(self.backend_logins)),
            ("wait at PASS, median", part(self.wait, |it| it.median)),
            (
                "wait at PASS, 99th percentile",
                part(self.wait, |it| it.p99),
            ),
            ("wait at PASS, longest", part(self.wait, |it| it.longest)),
            (
                "wait at PASS during the download, longest",
                part(self.wait_in_download, |it| it.longest),
            ),
            (
                "wait at RETR, 99th percentile",
                part(self.message_wait, |it| it.p99),
            ),
            (
                "wait at RETR, longest",
                part(self.message_wait, |it| it.longest),
            ),
            (
                "new mail on the phone after, median",
                part(self.delivery, |it| it.median),
            ),
            ("lock errors", error(&[ShownError::LockError])),
            (
                "other refusals",
                error(&[ShownError::Refused, ShownError::CommandRefused]),
            ),
            (
                "connections closed at a command",
                error(&[ShownError::Closed, ShownError::NoAnswer]),
            ),
            (
                "wrong answers",
                error(&[ShownError::Senseless, ShownError::WrongMessage]),
            ),
            ("prompts for a right password", number(self.prompts)),
            (
                "connections closed while idle",
                number(self.closed_while_idle),
            ),
            ("messages fetched twice", number(self.fetched_twice)),
            ("messages missed or lost", number(self.missed + self.lost)),
            ("sessions that overlapped", number(self.overlaps)),
            ("let in on a listing", number(let_in)),
            ("sent back to their listing", number(self.demoted)),
            ("promoted to the mailbox", number(promoted)),
            ("not promoted", number(promotions - promoted)),
        ]
    }
}

/// Both days in a table for a person, and each program's hours below; the last line without its
/// end.
#[must_use]
pub fn compared(off: &HouseholdDay, on: &HouseholdDay) -> String {
    let rows = off.rows().into_iter().zip(on.rows());
    let table: String = [("sharing".to_owned(), "off".to_owned(), "on".to_owned())]
        .into_iter()
        .chain(rows.map(|((name, off), (_, on))| (name.to_owned(), off, on)))
        .map(|(name, off, on)| format!("{name:<42}{off:>10}{on:>10}\n"))
        .collect();
    let programs = off.programs.iter().zip(&on.programs);
    let strips: Vec<_> = programs
        .map(|(off, on)| {
            format!(
                "{:<20} off {}\n{:<20} on  {}",
                off.name,
                strip(off),
                "",
                strip(on)
            )
        })
        .collect();
    format!(
        "{table}\n\
         Mean wait at PASS in each hour, ▁ none to █ 15 s or more; ✗ an error in that hour:\n{}",
        strips.join("\n")
    )
}
