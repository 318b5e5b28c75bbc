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
        /// A program has a password that is not the right one any more.
        StalePassword = "stale_password",
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

/// A cause that something speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundCause {
    /// What it is.
    pub cause: Cause,
    /// How likely it is.
    pub likelihood: Likelihood,
    /// What speaks for it; never empty.
    pub evidence: Vec<CauseEvidence>,
}

/// When a cause is how likely: the first of these that holds says it.
struct CauseRule {
    cause: Cause,
    high: fn(&Signs) -> bool,
    medium: fn(&Signs) -> bool,
    low: fn(&Signs) -> bool,
    evidence: fn(&Signs) -> Vec<CauseEvidence>,
}

/// Of two that are as likely, the one that comes first is told first: it explains the other.
const RULES: &[CauseRule] = &[
    CauseRule {
        cause: Cause::StorageDown,
        high: |it| {
            it.backend_failed() && it.others_fail() || it.password_refused() && it.nobody_gets_in()
        },
        medium: |it| it.backend_failed(),
        low: |it| it.password_refused() && it.password_was_right(),
        evidence: |it| it.of_backend(),
    },
    CauseRule {
        cause: Cause::StalePassword,
        high: |it| {
            it.password_refused() && it.somebody_knows_right_password() && !it.nobody_gets_in()
        },
        medium: |it| it.password_refused() && it.wrong_passwords() >= 3 && !it.nobody_gets_in(),
        low: |it| it.password_refused() || it.wrong_passwords() >= 3,
        evidence: |it| it.of_password(),
    },
    CauseRule {
        cause: Cause::LockedElsewhere,
        high: |it| it.locked_elsewhere_to_the_end(),
        medium: |it| it.locked_replies() > 0,
        low: |it| it.locked_replies_in_day() > 0,
        evidence: |it| it.of_lock_elsewhere(),
    },
    CauseRule {
        cause: Cause::PhoneWithoutQuit,
        high: |it| it.silent_client_never_quits(),
        medium: |it| it.blocker_fell_silent() || it.was_preempted(),
        low: |it| it.some_client_never_quits(),
        evidence: |it| it.of_silent_client(),
    },
    CauseRule {
        cause: Cause::ScannerTwin,
        high: |it| it.blocker_is_twin() && it.twins() >= 2,
        medium: |it| it.blocker_is_twin() || it.twins() >= 3,
        low: |it| it.twins() > 0,
        evidence: |it| it.of_twins(),
    },
    CauseRule {
        cause: Cause::TwoPrograms,
        high: |it| it.blocker_is_healthy() && it.contended() >= 2,
        medium: |it| it.blocker_is_other() && !it.blocker_is_twin(),
        low: |it| it.contended() >= 2 && it.clients() >= 2 && !it.blocker_is_twin(),
        evidence: |it| it.of_two_programs(),
    },
    CauseRule {
        cause: Cause::CheckingTooOften,
        high: |it| it.came_too_early(),
        medium: |it| it.comes_far_too_often(),
        low: |it| it.comes_often(),
        evidence: |it| it.of_frequency(),
    },
    CauseRule {
        cause: Cause::ShakyLine,
        high: |it| it.broke_off_or_waited() && it.breaks() >= 3,
        medium: |it| it.broke_off_or_waited() && it.breaks() >= 2 || it.stalled(),
        low: |it| it.breaks() >= 1,
        evidence: |it| it.of_line(),
    },
    CauseRule {
        cause: Cause::MessageGone,
        high: |it| it.message_gone(),
        medium: |it| it.messages_gone_in_day() >= 2,
        low: |it| it.messages_gone_in_day() == 1,
        evidence: |it| it.of_message(),
    },
    CauseRule {
        cause: Cause::DeletionsNotDone,
        high: |it| it.deletions_failed(),
        medium: |it| it.deletions_lost(),
        low: |it| it.deletions_failed_in_day() > 0,
        evidence: |it| it.of_deletions(),
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
        })
    }
}
