//! What the doctor saw of a backend, without a judgement.

use super::certificate::Certificate;
use super::irregular::Irregular;
use super::listings::SharingObservations;
use crate::backend::BackendOptions;
use crate::dialect::Class;
use crate::ids::TenantName;
use crate::pop3::capability::Capabilities;
use crate::time::Duration;
use std::fmt;
use std::net::SocketAddr;

/// All of it. What is `None` was not looked at, or not reached in time.
#[derive(Debug, Default)]
pub struct Observations {
    /// Connection and greeting, or why there is none.
    pub reach: Option<Result<ObservedGreeting, Unreached>>,
    /// The certificate that it showed, or why that cannot be read.
    pub certificate: Option<Result<Certificate, String>>,
    /// The lines of its CAPA.
    pub capa: Option<Capa>,
    /// How many connections it takes at a time.
    pub connections: Option<ConnectionCapacity>,
    /// What the test account met.
    pub account: Option<AccountObservations>,
    /// Which forms of the account's name are one maildrop, where that was asked for.
    pub forms: Option<FormObservations>,
    /// What was irregular about its status lines.
    pub irregular: Vec<Irregular>,
    /// Whether the time ran out before all was looked at.
    pub out_of_time: bool,
}

/// A connection that was greeted.
#[derive(Clone, Debug)]
pub struct ObservedGreeting {
    /// Where the name led to.
    pub address: Option<SocketAddr>,
    /// From the look-up of the name to the connection.
    pub connected: Duration,
    /// From there to the greeting, and to the end of TLS where that comes after it.
    pub greeted: Duration,
    /// The greeting's line.
    pub greeting: String,
    /// The version of TLS; `None` in clear.
    pub tls: Option<&'static str>,
}

/// Why there is no greeted connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreached {
    /// It said so in its greeting.
    TurnedAway(ClassifiedLine),
    /// All else.
    Failed(String),
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TurnedAway(line) => {
                let class = line.class.as_str();
                write!(f, "the greeting refuses ({class}): {}", line.text)
            }
            Self::Failed(why) => f.write_str(why),
        }
    }
}

/// A line of the backend and what popgate takes it for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassifiedLine {
    /// What it means.
    pub class: Class,
    /// The line without its end.
    pub text: String,
}

/// What it answered to CAPA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Capa {
    /// These lines.
    Lists(Vec<String>),
    /// It does not know CAPA, and said this.
    Unknown(String),
    /// No answer that could be used.
    Broken(String),
}

/// How many connections it takes at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionCapacity {
    /// As many as were tried.
    AtLeast(usize),
    /// So many, and one more met this.
    AtMost(usize, Unreached),
}

/// How a login ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// With an answer, so long after the password.
    Answered {
        /// The answer.
        line: ClassifiedLine,
        /// From the password to it.
        after: Duration,
    },
    /// There was no greeting to log in behind.
    Unreached(Unreached),
    /// Without an answer for so long.
    Silent(Duration),
    /// The connection ended or broke instead, for this reason.
    Broken(String),
}

/// What the test account met.
#[derive(Debug, Default)]
pub struct AccountObservations {
    /// The first login, after so many tries.
    pub login: Option<(Attempt, u32)>,
    /// Whether a CAPA in the session does it harm.
    pub capa_inside: Option<CapaInside>,
    /// What a second session met while the first was open.
    pub second: Option<Second>,
    /// Whether a connection could be opened and held while the first session was open.
    pub spare: Option<Result<(), Unreached>>,
    /// How the maildrop came free after QUIT.
    pub after_quit: Option<LockRelease>,
    /// How the maildrop came free after a close without QUIT.
    pub after_close: Option<LockRelease>,
    /// The unique ids of two sessions.
    pub uidl: Option<Uidl>,
    /// How several commands in one segment were answered.
    pub pipelining: Option<Pipelining>,
    /// What one session after the other was shown.
    pub sharing: SharingObservations,
}

/// What other forms of the account's name met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormObservations {
    /// The tenant of the account, whose settings they lead to.
    pub tenant: Option<TenantName>,
    /// Let in, and the same messages.
    pub same: Vec<String>,
    /// Let in, and other messages.
    pub other: Vec<String>,
    /// Let in, but neither maildrop had a message.
    pub incomparable: Vec<String>,
    /// Refused.
    pub refused: Vec<String>,
    /// The name in other case, where it was tried.
    pub case: Option<CaseForm>,
    /// Whether the tenant takes that for the same name: `fold_case`.
    pub folds_case: bool,
    /// The login at which the rest was given up: it met no answer about its password.
    pub stopped: Option<String>,
    /// The `aliases` that give the same ones one lock. `None` where they have one.
    pub aliases: Option<String>,
    /// The domain that the name without one has, where no default domain is set.
    pub default_domain: Option<String>,
}

/// The account's name in other case, and what it met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseForm {
    /// The name.
    pub form: String,
    /// What it met.
    pub met: FormMet,
}

impl CaseForm {
    /// Whether `fold_case` should be the other.
    #[must_use]
    pub fn is_misfolded(&self, folds: bool) -> bool {
        match self.met {
            FormMet::Same => !folds,
            FormMet::Other => folds,
            FormMet::Incomparable | FormMet::Refused => false,
        }
    }
}

/// What a form of the account's name met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormMet {
    /// It was let in, and has the same messages.
    Same,
    /// It was let in, and has other messages.
    Other,
    /// It was let in, but neither maildrop had a message.
    Incomparable,
    /// It was refused.
    Refused,
}

/// A CAPA between other commands after the login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CapaInside {
    /// It is answered with these lines.
    Lists(Vec<String>),
    /// It is refused, and the session goes on.
    Refused,
    /// The session did not go on.
    Breaks,
}

/// A second session while the first is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Second {
    /// Its login.
    pub attempt: Attempt,
    /// The error that its first command got, where the login was accepted.
    pub refused_late: Option<ClassifiedLine>,
    /// Whether a refused one may try again on the same connection.
    pub stays_open: Option<bool>,
    /// Whether the first session still answered afterwards.
    pub first_lives: bool,
}

/// The end of a session and of its lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockRelease {
    /// How long the backend took to close; `None`: it did not within the gate's bound.
    pub closed: Option<Duration>,
    /// When the next login got in, counted from that close or bound; `None` where none was tried.
    pub freed: Option<Freed>,
}

/// When the next login got in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Freed {
    /// After so long, what a login takes anyway taken off.
    After(Duration),
    /// Not within so long; this was the last answer.
    Not(Duration, ClassifiedLine),
    /// It was refused for another reason, or not answered.
    Otherwise(Attempt),
}

/// The unique ids of two sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uidl {
    /// It does not know UIDL, and said this.
    Unknown(String),
    /// There was no message in both.
    Empty,
    /// So many messages were there both times, of which so many had other ids.
    Compared {
        /// Messages of the shorter listing.
        messages: usize,
        /// Ids of it that the other did not have.
        changed: usize,
    },
}

/// USER, PASS, STAT and LIST in one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pipelining {
    /// Not announced, so not tried.
    NotOffered,
    /// Each had its answer, in order.
    Honest,
    /// What stands behind PASS in its segment is lost; otherwise it is honest.
    LostBehindPass,
    /// Something else happened.
    Dishonest(String),
    /// The login was refused, so nothing is known.
    Unclear(String),
}

/// What the doctor is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeStep {
    /// Connecting, TLS, CAPA.
    Reach,
    /// Several connections.
    Connections,
    /// The first login.
    Login,
    /// A second session.
    Second,
    /// The maildrop after a close without QUIT.
    AfterClose,
    /// The maildrop after QUIT.
    AfterQuit,
    /// The maildrop after a message was fetched.
    AfterFetch,
    /// Several commands in one segment.
    Pipelining,
}

impl ProbeStep {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::Reach,
        Self::Connections,
        Self::Login,
        Self::Second,
        Self::AfterClose,
        Self::AfterQuit,
        Self::AfterFetch,
        Self::Pipelining,
    ];
}

impl fmt::Display for ProbeStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reach => "connecting",
            Self::Connections => "several connections at a time",
            Self::Login => "logging in",
            Self::Second => "a second session beside the first",
            Self::AfterClose => "what a broken connection leaves behind",
            Self::AfterQuit => "what QUIT leaves behind",
            Self::AfterFetch => "what a download leaves behind",
            Self::Pipelining => "several commands at once",
        })
    }
}

impl AccountObservations {
    /// Whether it was let in.
    #[must_use]
    pub fn is_in(&self) -> bool {
        let login = self.login.as_ref();
        login.is_some_and(|(attempt, _)| attempt.is_in())
    }
}

impl Observations {
    /// What the gate would take the backend to be able to do.
    #[must_use]
    pub fn capabilities_for(&self, options: &BackendOptions) -> Capabilities {
        match (&options.capabilities, &self.capa) {
            (Some(names), _) => Capabilities::from_names(names),
            (None, Some(Capa::Lists(lines))) => Capabilities::from_names(lines),
            (None, _) => Capabilities::assumed(),
        }
    }
}

impl AccountObservations {
    /// Whether the second session was turned away, at once or at its first command.
    #[must_use]
    pub fn second_was_refused(&self) -> bool {
        let second = self.second.as_ref();
        second.is_some_and(|second| !second.attempt.is_in() || second.refused_late.is_some())
    }

    /// What a login takes while nobody is in the way.
    #[must_use]
    pub fn usual_login(&self) -> Duration {
        let login = self.login.as_ref();
        login
            .and_then(|(attempt, _)| attempt.took())
            .unwrap_or_default()
    }

    /// How long the maildrop took at most to come free.
    #[must_use]
    pub fn longest_release(&self) -> Duration {
        let releases = [&self.after_quit, &self.after_close];
        releases
            .into_iter()
            .flatten()
            .filter_map(|release| match release.freed {
                Some(Freed::After(elapsed)) => Some(elapsed),
                _ => None,
            })
            .max()
            .unwrap_or_default()
    }
}

impl Attempt {
    /// Whether it is in.
    #[must_use]
    pub fn is_in(&self) -> bool {
        self.line().is_some_and(|line| line.class == Class::Ok)
    }

    /// The answer, if one came.
    #[must_use]
    pub fn line(&self) -> Option<&ClassifiedLine> {
        match self {
            Self::Answered { line, .. } => Some(line),
            Self::Unreached(Unreached::TurnedAway(line)) => Some(line),
            _ => None,
        }
    }

    /// How long the answer to the password took.
    #[must_use]
    pub fn took(&self) -> Option<Duration> {
        match self {
            Self::Answered { after, .. } => Some(*after),
            _ => None,
        }
    }
}
