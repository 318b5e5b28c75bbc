//! What speaks for a cause: something that was seen, with the figures, times, addresses and words
//! of it. Its sentences are in the catalogues.

use super::facts::{Occupant, PastLogin};
use crate::history::CauseName;
use crate::policy::refusal::LoginRule;
use crate::program::ProgramGuess;
use crate::str_enum::str_enum;
use crate::time::Duration;
use jiff::Timestamp;
use std::net::IpAddr;

str_enum! {
    /// What was seen; its name is that of its message, behind `evidence-`.
    EvidenceKind {
        /// A client gave a password that was refused.
        WrongPassword = "wrong-password",
        /// A client gave several.
        WrongPasswords = "wrong-passwords",
        /// The block list has a client that gave many different passwords.
        Guessed = "guessed",
        /// Nobody has got in to the maildrop, in the days that are kept.
        NobodyGotIn = "nobody-got-in",
        /// Somebody logged in with the right password.
        RightPassword = "right-password",
        /// The backend had accepted the same password within the last day.
        PasswordWasRight = "password-was-right",
        /// How other maildrops on the same backend fared.
        Neighbours = "neighbours",
        /// A backend could not be reached.
        BackendDown = "backend-down",
        /// The backend's own words.
        BackendSaid = "backend-said",
        /// How the login ended.
        Ended = "ended",
        /// The backend said that the maildrop is locked, while no session of this gate was in it.
        LockedReplies = "locked-replies",
        /// A session was in the maildrop.
        Held = "held",
        /// A session was silent at its end, or is.
        Silent = "silent",
        /// A client never said QUIT within the day.
        NeverQuits = "never-quits",
        /// A session was closed for a waiter.
        Preempted = "preempted",
        /// Two sessions of one client within two seconds.
        Twins = "twins",
        /// Logins that waited for another session, or waited in vain.
        Contended = "contended",
        /// A login came before its time.
        TooEarly = "too-early",
        /// A login came sooner than the backend allows, and that says not by how much.
        TooSoon = "too-soon",
        /// Logins of a client within the hour before.
        Often = "often",
        /// A client broke off in the middle of its work and was back at once.
        Breaks = "breaks",
        /// A client took no more data.
        Stalled = "stalled",
        /// Messages were marked as deleted and not deleted.
        Undeleted = "undeleted",
    }
}

/// Something that was seen, and what of it can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CauseEvidence {
    /// What it is.
    pub kind: EvidenceKind,
    /// What stands for the variables of its message.
    pub facts: Vec<(&'static str, Fact)>,
}

/// A value in a sentence, exact and in no language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// When.
    Time(Timestamp),
    /// For how long.
    Length(Duration),
    /// How many.
    Count(u64),
    /// Who.
    Client(SeenClient),
    /// What somebody said, with any character.
    Quote(Box<str>),
    /// How a login ended.
    Ending {
        /// By what.
        cause: CauseName,
        /// By which rule, where one refused it.
        rule: Option<LoginRule>,
        /// In the words of the log, which can hold any character.
        sentence: Box<str>,
    },
}

/// A client, as it is named to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenClient {
    /// Where it is.
    pub address: IpAddr,
    /// What it is thought to be.
    pub program: ProgramGuess,
}

impl CauseEvidence {
    pub(super) fn new<const N: usize>(
        kind: EvidenceKind,
        facts: [(&'static str, Fact); N],
    ) -> Self {
        Self {
            kind,
            facts: facts.into(),
        }
    }
}

impl Fact {
    pub(super) fn count(count: usize) -> Self {
        Self::Count(count as u64)
    }

    pub(super) fn ending(past: PastLogin<'_>) -> Self {
        Self::Ending {
            cause: past.entry.cause,
            rule: past.login.rule,
            sentence: past.entry.sentence.clone(),
        }
    }

    pub(super) fn client(who: impl Into<SeenClient>) -> Self {
        Self::Client(who.into())
    }
}

impl From<PastLogin<'_>> for SeenClient {
    fn from(past: PastLogin<'_>) -> Self {
        Self {
            address: past.entry.client.ip(),
            program: past.entry.program,
        }
    }
}

impl From<&Occupant> for SeenClient {
    fn from(occupant: &Occupant) -> Self {
        Self {
            address: occupant.client.ip(),
            program: occupant.program,
        }
    }
}
