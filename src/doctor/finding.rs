//! One thing that the doctor says, and how bad it is.

use super::certificate::Certificate;
use super::irregular::Irregular;
use super::observations::{Attempt, CaseForm, ClassifiedLine, ObservedGreeting, Unreached};
use super::verdict::SharingVerdict;
use crate::backend::Shareable;
use crate::limits::{DOCTOR_GREETING, RELEASE_SOON};
use crate::net::TlsMode;
use crate::time::Duration;
use jiff::Timestamp;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Ok,
    /// It works; somebody should know of it.
    Warn,
    /// It does not work.
    Fault,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fault => "fault",
        }
    }
}

/// After which end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// QUIT, answered.
    Quit,
    /// A connection that ended without QUIT.
    Close,
}

/// What the doctor says of a backend.
#[derive(Clone, Debug)]
pub enum Finding {
    /// It can be reached.
    Reached(ObservedGreeting),
    /// It cannot.
    Unreached(Unreached),
    /// No TLS; `stls`: it would have it; `near`: it is on this host.
    InClear {
        /// Whether CAPA lists STLS.
        stls: bool,
        /// Whether the address is a loopback one.
        near: bool,
    },
    /// TLS of this version, after STLS or from the first byte.
    Secured(TlsMode, &'static str),
    /// Its certificate is not verified.
    Unverified,
    /// Its certificate, as of this time.
    Certificate(Certificate, Timestamp),
    /// Its certificate cannot be read.
    CertificateUnreadable(String),
    /// What CAPA lists, and what popgate will offer of it.
    Capabilities {
        /// As the backend writes them.
        listed: Vec<String>,
        /// As clients will see them.
        offered: Vec<String>,
    },
    /// The configuration's `capabilities` stand for CAPA.
    CapabilitiesSet(Vec<String>),
    /// It does not know CAPA.
    NoCapa(String),
    /// Its answer to CAPA cannot be used.
    CapaBroken(String),
    /// It takes as many connections at a time as were tried.
    TakesConnections(usize),
    /// It takes so many connections at a time, and one more met this.
    TakesNoMore(usize, Unreached),
    /// The configuration's `connections` is not above what it takes.
    WithinConnections(usize),
    /// It announces so many seconds between logins.
    LoginDelay {
        /// As CAPA says.
        seconds: u64,
        /// Whether it refuses who comes earlier, where that was seen.
        insists: Option<bool>,
    },
    /// No account was given.
    NoAccount,
    /// The account is in, after so long and so many tries.
    LoggedIn {
        /// From the password to the answer.
        after: Duration,
        /// How many logins it took.
        tries: u32,
    },
    /// The account is not let in.
    NotLoggedIn(Attempt),
    /// CAPA after the login is answered, or refused, and harmless.
    CapaInside {
        /// Whether it is answered.
        answered: bool,
    },
    /// CAPA lists other things after the login that clients are told of.
    CapaDiffers {
        /// The lines before it.
        before: Vec<String>,
        /// The lines after it.
        after: Vec<String>,
    },
    /// CAPA after the login breaks the session.
    CapaBreaks,
    /// A second session is let in.
    NoLock,
    /// A second session is refused, in words that popgate knows.
    Locks {
        /// The words.
        line: ClassifiedLine,
        /// From its password to them.
        after: Duration,
    },
    /// A second session is refused in words that popgate takes for something else.
    LockMisread(ClassifiedLine),
    /// A second session is let in and refused at its first command.
    LockLate(ClassifiedLine),
    /// A second session is told that it comes too soon, so nothing is known of the lock.
    SecondTooSoon(ClassifiedLine),
    /// A second session waits.
    SecondWaits(Duration),
    /// A second session is cut without a word.
    SecondCut(String),
    /// A second connection is not greeted while the first is open.
    SecondTurnedAway(Unreached),
    /// Whether a refused session may try again on its connection.
    RefusedStays(bool),
    /// The second session ends the first one.
    FirstThrownOut,
    /// A connection beside the session was refused or did not hold.
    SpareFailed(Unreached),
    /// How long it took to close after QUIT.
    ClosesAfterQuit(Option<Duration>),
    /// It did not close after the client had.
    KeepsOpen,
    /// The lock went after so long.
    LockGone(EndedBy, Duration),
    /// The lock stayed for more than so long, with these words.
    LockStays(EndedBy, Duration, ClassifiedLine),
    /// The next login failed otherwise.
    NextFailed(EndedBy, Attempt),
    /// It does not know UIDL.
    NoUidl(String),
    /// There was no message whose id could be compared.
    UidlEmpty,
    /// All of so many ids were the same.
    UidlSame(usize),
    /// So many of so many ids were others.
    UidlChanges {
        /// That the other session did not have.
        changed: usize,
        /// In all.
        messages: usize,
    },
    /// PIPELINING is not announced.
    NoPipelining,
    /// PIPELINING is announced and true.
    Pipelining,
    /// PIPELINING is announced, and true but for what stands behind PASS.
    PipeliningLosesBehindPass,
    /// PIPELINING is announced and not true.
    PipeliningLies(String),
    /// PIPELINING could not be tried.
    PipeliningUnclear(String),
    /// These forms of the account's name are one maildrop.
    FormsSame {
        /// The forms.
        forms: Vec<String>,
        /// What gives them one lock, where they have not.
        aliases: Option<String>,
    },
    /// The name without its domain, which is this one, is let in, and has a lock of its own.
    FormNeedsDomain(String),
    /// These are let in, and are another maildrop.
    FormsOther(Vec<String>),
    /// These are let in, and no maildrop had a message that would tell whose it is.
    FormsIncomparable(Vec<String>),
    /// These are refused.
    FormsRefused(Vec<String>),
    /// At this one the rest was given up.
    FormsStopped(String),
    /// The account's name in other case, and whether popgate takes it for the same (`fold_case`).
    Case(CaseForm, bool),
    /// Whether sessions may stand on listings, and what the configuration says of it.
    Sharing(SharingVerdict, Shareable),
    /// LIST or UIDL takes so long.
    ListingSlow(Duration),
    /// LIST and RETR tell of different sizes of message 1.
    SizeDiffers {
        /// By LIST.
        listed: u64,
        /// By RETR.
        sent: u64,
    },
    /// Status lines are not quite what RFC 1939 says.
    Irregular(Irregular),
    /// There was no time for the rest.
    OutOfTime,
}

impl Finding {
    /// Whether it is a fault of the configuration, and not of the backend.
    #[must_use]
    pub fn is_misconfigured(&self) -> bool {
        matches!(self, Self::Sharing(..)) && self.severity() == Severity::Fault
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        use Finding::*;
        let warn_if = |bad: bool| if bad { Severity::Warn } else { Severity::Ok };
        match self {
            Unreached(_) | NotLoggedIn(_) => Severity::Fault,
            Sharing(verdict, set) => of_sharing(verdict, *set),
            Case(form, folds) => warn_if(form.is_misfolded(*folds)),
            Reached(reached) => warn_if(reached.greeted > DOCTOR_GREETING),
            InClear { near, .. } => warn_if(!near),
            Certificate(certificate, now) => warn_if(!certificate.is_fresh(*now)),
            LoggedIn { tries, .. } => warn_if(*tries > 1),
            LoginDelay { insists, .. } => warn_if(*insists != Some(false)),
            ClosesAfterQuit(after) => warn_if(after.is_none()),
            FormsSame { aliases, .. } => warn_if(aliases.is_some()),
            LockGone(_, after) => warn_if(*after > RELEASE_SOON),
            Secured(..)
            | Capabilities { .. }
            | CapabilitiesSet(_)
            | NoCapa(_)
            | NoAccount
            | CapaInside { .. }
            | CapaDiffers { .. }
            | NoLock
            | Locks { .. }
            | RefusedStays(_)
            | UidlEmpty
            | UidlSame(_)
            | NoPipelining
            | Pipelining
            | PipeliningLosesBehindPass
            | FormsOther(_)
            | FormsRefused(_)
            | SizeDiffers { .. }
            | TakesConnections(_)
            | WithinConnections(_) => Severity::Ok,
            Unverified
            | TakesNoMore(..)
            | CertificateUnreadable(_)
            | CapaBroken(_)
            | CapaBreaks
            | LockMisread(_)
            | LockLate(_)
            | SecondTooSoon(_)
            | SecondWaits(_)
            | SecondCut(_)
            | SecondTurnedAway(_)
            | FirstThrownOut
            | SpareFailed(_)
            | KeepsOpen
            | LockStays(..)
            | NextFailed(..)
            | NoUidl(_)
            | UidlChanges { .. }
            | PipeliningLies(_)
            | PipeliningUnclear(_)
            | FormNeedsDomain(_)
            | FormsIncomparable(_)
            | FormsStopped(_)
            | ListingSlow(_)
            | Irregular(_)
            | OutOfTime => Severity::Warn,
        }
    }

    /// What it is about, in a word.
    #[must_use]
    pub fn topic(&self) -> &'static str {
        use Finding::*;
        match self {
            Reached(_) | Unreached(_) => "reach",
            InClear { .. } | Secured(..) | Unverified => "tls",
            Certificate(..) | CertificateUnreadable(_) => "certificate",
            Capabilities { .. }
            | CapabilitiesSet(_)
            | NoCapa(_)
            | CapaBroken(_)
            | CapaInside { .. }
            | CapaDiffers { .. }
            | CapaBreaks => "capa",
            LoginDelay { .. } | NoAccount | LoggedIn { .. } | NotLoggedIn(_) => "login",
            NoLock
            | Locks { .. }
            | LockMisread(_)
            | LockLate(_)
            | SecondTooSoon(_)
            | SecondWaits(_)
            | SecondCut(_)
            | RefusedStays(_)
            | FirstThrownOut => "lock",
            SecondTurnedAway(_) | SpareFailed(_) | TakesConnections(_) | TakesNoMore(..)
            | WithinConnections(_) => "connections",
            ClosesAfterQuit(_)
            | LockGone(EndedBy::Quit, _)
            | LockStays(EndedBy::Quit, ..)
            | NextFailed(EndedBy::Quit, _) => "after QUIT",
            KeepsOpen
            | LockGone(EndedBy::Close, _)
            | LockStays(EndedBy::Close, ..)
            | NextFailed(EndedBy::Close, _) => "after a cut",
            NoUidl(_) | UidlEmpty | UidlSame(_) | UidlChanges { .. } => "uidl",
            Sharing(..) | ListingSlow(_) | SizeDiffers { .. } => "sharing",
            NoPipelining
            | Pipelining
            | PipeliningLosesBehindPass
            | PipeliningLies(_)
            | PipeliningUnclear(_) => "pipelining",
            FormsSame { .. }
            | FormNeedsDomain(_)
            | FormsOther(_)
            | FormsIncomparable(_)
            | FormsRefused(_)
            | Case(..)
            | FormsStopped(_) => "forms",
            Irregular(_) => "replies",
            OutOfTime => "doctor",
        }
    }
}

/// What is set wrongly is a fault: the gate believes the operator.
fn of_sharing(verdict: &SharingVerdict, set: Shareable) -> Severity {
    match (verdict, set) {
        (SharingVerdict::Not(_), Shareable::Yes) => Severity::Fault,
        (SharingVerdict::Not(_), Shareable::Ask) => Severity::Warn,
        _ => Severity::Ok,
    }
}
