//! From facts to causes: what is the matter, how likely that is, and what speaks for it. Pure.
//!
//! `RULES` is the table; what it asks is answered by `Signs`.

use super::evidence::CauseEvidence;
use super::facts::ReportFacts;
use super::signs::Signs;
use crate::str_enum::str_enum;

str_enum! {
    /// What may be the matter.
    Cause {
        /// The user database or the storage of the backend is down.
        StorageDown = "storage_down",
        /// A stranger tries passwords.
        Guessing = "guessing",
        /// A program has a password that is not the right one any more.
        StalePassword = "stale_password",
        /// Nobody has got in yet: the name, the password or the user database is wrong.
        NeverLetIn = "never_let_in",
        /// Somebody is in the maildrop who does not come through popgate.
        LockedElsewhere = "locked_elsewhere",
        /// A client stays in the maildrop and never says QUIT.
        PhoneWithoutQuit = "phone_without_quit",
        /// A scanner or checker logs in beside the mail program.
        ScannerTwin = "scanner_twin",
        /// Two programs look for mail at the same time.
        TwoPrograms = "two_programs",
        /// A program looks for mail too often.
        CheckingTooOften = "checking_too_often",
        /// The client's line breaks.
        ShakyLine = "shaky_line",
        /// A message was asked for that is deleted already.
        MessageGone = "message_gone",
        /// Messages were marked as deleted, and are still there.
        DeletionsNotDone = "deletions_not_done",
    }
}

str_enum! {
    /// How likely a cause is.
    Likelihood {
        /// It has been seen, and explains the incident.
        High = "high",
        /// It explains the incident, and so may something else.
        Medium = "medium",
        /// It has been seen, and may have nothing to do with the incident.
        Low = "low",
    }
}

str_enum! {
    /// What to do; its name is that of its message, behind `advice-`.
    CauseAdvice {
        /// Leave the password, ask the operator.
        LeavePassword = "leave-password",
        /// Leave the password if it is a strong one.
        KeepPassword = "keep-password",
        /// Enter the current password.
        EnterPassword = "enter-password",
        /// Check the name, then the password, then the user database.
        CheckName = "check-name",
        /// Look for who logs in past popgate.
        SendThrough = "send-through",
        /// Have the device look for mail less often.
        FetchLessOften = "fetch-less-often",
        /// Switch off the scanner for this account.
        SwitchOffScanner = "switch-off-scanner",
        /// Set longer and different intervals.
        DifferentIntervals = "different-intervals",
        /// Let a long session have a time of its own.
        AnotherTime = "another-time",
        /// Set a longer interval.
        LongerInterval = "longer-interval",
        /// Use another network.
        AnotherNetwork = "another-network",
        /// Let the program fetch again.
        FetchAgain = "fetch-again",
        /// Let the program end its session with QUIT.
        LetItQuit = "let-it-quit",
        /// Ask the operator for the maildrop's disk.
        CheckStorage = "check-storage",
    }
}

/// A cause that something speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundCause {
    /// What it is.
    pub cause: Cause,
    /// How likely it is.
    pub likelihood: Likelihood,
    /// What speaks for it; never empty.
    pub evidence: Vec<CauseEvidence>,
    /// What to do.
    pub advice: CauseAdvice,
}

/// When a cause is how likely: the first of these that holds says it.
struct CauseRule {
    cause: Cause,
    high: fn(&Signs) -> bool,
    medium: fn(&Signs) -> bool,
    low: fn(&Signs) -> bool,
    evidence: fn(&Signs) -> Vec<CauseEvidence>,
    advice: fn(&Signs) -> CauseAdvice,
}

/// Of two that are as likely, the one that comes first is told first: it explains the other.
const RULES: &[CauseRule] = &[
    CauseRule {
        cause: Cause::StorageDown,
        high: |it| {
            it.backend_failed() && it.others_fail() || it.password_refused() && it.nobody_gets_in()
        },
        medium: |it| {
            let was_right = it.password_refused() && it.password_was_right();
            it.backend_failed() || was_right && it.nobody_got_in_since()
        },
        low: |it| it.password_refused() && it.password_was_right(),
        evidence: |it| it.of_backend(),
        advice: |_| CauseAdvice::LeavePassword,
    },
    CauseRule {
        cause: Cause::Guessing,
        high: |it| it.is_guess() && it.somebody_got_in() && !it.nobody_gets_in(),
        medium: |it| it.is_guess(),
        low: |it| it.some_guess(),
        evidence: |it| it.of_guessing(),
        advice: |_| CauseAdvice::KeepPassword,
    },
    CauseRule {
        cause: Cause::StalePassword,
        high: |it| {
            let is_refused = it.owners_password_refused() && !it.nobody_gets_in();
            is_refused && it.somebody_knows_right_password() && it.client_is_known()
        },
        medium: |it| {
            let is_refused = it.owners_password_refused() && !it.nobody_gets_in();
            let is_wrong = it.wrong_passwords() >= 3 || it.somebody_knows_right_password();
            is_refused && is_wrong || it.owner_blocked_for_password()
        },
        low: |it| it.owners_password_refused() || it.owners_wrong_passwords() >= 3,
        evidence: |it| it.of_password(),
        advice: |_| CauseAdvice::EnterPassword,
    },
    CauseRule {
        cause: Cause::NeverLetIn,
        high: |it| it.newcomer_refused() && it.others_get_in(),
        medium: |it| it.newcomer_refused() && !it.nobody_gets_in(),
        low: |it| it.newcomer_refused(),
        evidence: |it| it.of_password(),
        advice: |_| CauseAdvice::CheckName,
    },
    CauseRule {
        cause: Cause::LockedElsewhere,
        high: |it| it.locked_elsewhere_to_the_end(),
        medium: |it| it.met_lock_elsewhere(),
        low: |it| it.some_met_lock_elsewhere(),
        evidence: |it| it.of_lock_elsewhere(),
        advice: |_| CauseAdvice::SendThrough,
    },
    CauseRule {
        cause: Cause::PhoneWithoutQuit,
        high: |it| it.silent_client_never_quits(),
        medium: |it| it.blocker_fell_silent() || it.was_preempted(),
        low: |it| it.some_client_never_quits(),
        evidence: |it| it.of_silent_client(),
        advice: |_| CauseAdvice::FetchLessOften,
    },
    CauseRule {
        cause: Cause::ScannerTwin,
        high: |it| it.blocker_is_twin() && it.twins() >= 2,
        medium: |it| it.blocker_is_twin() || it.twins() >= 3 && it.twins_are_involved(),
        low: |it| it.twins() > 0,
        evidence: |it| it.of_twins(),
        advice: |_| CauseAdvice::SwitchOffScanner,
    },
    CauseRule {
        cause: Cause::TwoPrograms,
        high: |it| it.blocker_is_healthy() && it.has_two_programs() && it.contended() >= 2,
        medium: |it| it.blocker_is_other() && !it.blocker_is_twin(),
        low: |it| it.contended() >= 2 && it.clients() >= 2 && !it.blocker_is_twin(),
        evidence: |it| it.of_two_programs(),
        advice: |it| match it.blocker_takes_long() {
            true => CauseAdvice::AnotherTime,
            false => CauseAdvice::DifferentIntervals,
        },
    },
    CauseRule {
        cause: Cause::CheckingTooOften,
        high: |it| it.came_too_early(),
        medium: |it| it.comes_far_too_often() && it.busiest_is_involved() || it.overlaps_itself(),
        low: |it| it.comes_often(),
        evidence: |it| it.of_frequency(),
        advice: |_| CauseAdvice::LongerInterval,
    },
    CauseRule {
        cause: Cause::ShakyLine,
        high: |it| it.broke_off_or_waited() && it.breaks() >= 3,
        medium: |it| it.broke_off_or_waited() && it.breaks() >= 2 || it.broke_off() || it.stalled(),
        low: |it| it.breaks() >= 1,
        evidence: |it| it.of_line(),
        advice: |_| CauseAdvice::AnotherNetwork,
    },
    CauseRule {
        cause: Cause::MessageGone,
        high: |it| it.message_gone(),
        medium: |it| it.messages_gone_again(),
        low: |it| it.messages_gone_in_day() > 0,
        evidence: |it| it.of_message(),
        advice: |_| CauseAdvice::FetchAgain,
    },
    CauseRule {
        cause: Cause::DeletionsNotDone,
        high: |it| it.deletions_failed(),
        medium: |it| it.deletions_lost(),
        low: |it| it.deletions_failed_in_day() > 0,
        evidence: |it| it.of_deletions(),
        advice: |it| match it.deletions_failed() || !it.deletions_lost() {
            true => CauseAdvice::CheckStorage,
            false => CauseAdvice::LetItQuit,
        },
    },
];

/// What may be the matter, the most likely first; nothing where no cause is known, or nothing is
/// wrong.
#[must_use]
pub fn causes(facts: &ReportFacts<'_>) -> Vec<FoundCause> {
    let Some(signs) = Signs::of(facts) else {
        return Vec::new();
    };
    let mut found: Vec<_> = RULES.iter().filter_map(|it| it.apply(&signs)).collect();
    found.sort_by_key(|it| it.likelihood as u8);
    found
}

impl CauseRule {
    fn apply(&self, signs: &Signs<'_>) -> Option<FoundCause> {
        let likelihood = match signs {
            it if (self.high)(it) => Likelihood::High,
            it if (self.medium)(it) => Likelihood::Medium,
            it if (self.low)(it) => Likelihood::Low,
            _ => return None,
        };
        Some(FoundCause {
            cause: self.cause,
            likelihood,
            evidence: (self.evidence)(signs),
            advice: (self.advice)(signs),
        })
    }
}
