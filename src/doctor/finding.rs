//! One thing that the doctor says, and how bad it is.

use super::certificate::Certificate;
use super::seen::{Attempt, Line, Reached, Unreached};
use crate::dialect::Class;
use crate::limits::{DOCTOR_GREETING, EOF_AFTER_QUIT, RELEASE_SOON};
use crate::net::TlsMode;
use crate::time::Duration;
use jiff::Timestamp;
use std::fmt;

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
pub enum After {
    /// QUIT, answered.
    Quit,
    /// A connection that ended without QUIT.
    Close,
}

/// What the doctor says of a backend.
#[derive(Clone, Debug)]
pub enum Finding {
    /// It can be reached.
    Reached(Reached),
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
    /// It wants so many seconds between logins.
    LoginDelay(u64),
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
    /// CAPA after the login breaks the session.
    CapaBreaks,
    /// A second session is let in.
    NoLock,
    /// A second session is refused, in words that popgate knows.
    Locks {
        /// The words.
        line: Line,
        /// From its password to them.
        after: Duration,
    },
    /// A second session is refused in words that popgate takes for something else.
    LockMisread(Line),
    /// A second session is let in and refused at its first command.
    LockLate(Line),
    /// A second session is told that it comes too soon, so nothing is known of the lock.
    SecondTooSoon(Line),
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
    LockGone(After, Duration),
    /// The lock stayed for more than so long, with these words.
    LockStays(After, Duration, Line),
    /// The next login failed otherwise.
    NextFailed(After, Attempt),
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
    /// PIPELINING is announced and not true.
    PipeliningLies(String),
    /// PIPELINING could not be tried.
    PipeliningUnclear(String),
    /// There was no time for the rest.
    OutOfTime,
}

impl Finding {
    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        use Finding::*;
        let warn_if = |bad: bool| if bad { Severity::Warn } else { Severity::Ok };
        match self {
            Unreached(_) | NotLoggedIn(_) => Severity::Fault,
            Reached(reached) => warn_if(reached.greeted > DOCTOR_GREETING),
            InClear { near, .. } => warn_if(!near),
            Certificate(certificate, now) => warn_if(!certificate.is_fresh(*now)),
            LoggedIn { tries, .. } => warn_if(*tries > 1),
            ClosesAfterQuit(after) => warn_if(after.is_none()),
            LockGone(_, after) => warn_if(*after > RELEASE_SOON),
            Secured(..)
            | Capabilities { .. }
            | CapabilitiesSet(_)
            | NoAccount
            | CapaInside { .. }
            | NoLock
            | Locks { .. }
            | RefusedStays(_)
            | UidlEmpty
            | UidlSame(_)
            | NoPipelining
            | Pipelining => Severity::Ok,
            Unverified
            | CertificateUnreadable(_)
            | NoCapa(_)
            | CapaBroken(_)
            | LoginDelay(_)
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
            | CapaBreaks => "capa",
            LoginDelay(_) | NoAccount | LoggedIn { .. } | NotLoggedIn(_) => "login",
            NoLock
            | Locks { .. }
            | LockMisread(_)
            | LockLate(_)
            | SecondTooSoon(_)
            | SecondWaits(_)
            | SecondCut(_)
            | RefusedStays(_)
            | FirstThrownOut => "lock",
            SecondTurnedAway(_) | SpareFailed(_) => "connections",
            ClosesAfterQuit(_)
            | LockGone(After::Quit, _)
            | LockStays(After::Quit, ..)
            | NextFailed(After::Quit, _) => "after QUIT",
            KeepsOpen
            | LockGone(After::Close, _)
            | LockStays(After::Close, ..)
            | NextFailed(After::Close, _) => "after a cut",
            NoUidl(_) | UidlEmpty | UidlSame(_) | UidlChanges { .. } => "uidl",
            NoPipelining | Pipelining | PipeliningLies(_) | PipeliningUnclear(_) => "pipelining",
            OutOfTime => "doctor",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&plain(&self.text()))
    }
}

/// What servers say goes to a terminal: it may not steer it.
fn plain(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

impl Finding {
    fn text(&self) -> String {
        use Finding::*;
        match self {
            Reached(reached) => reached_text(reached),
            Unreached(why) => why.to_string(),
            InClear { near: true, .. } => "in clear, and on this host".to_owned(),
            InClear { stls: true, .. } => {
                "in clear, though it has STLS: who listens between reads passwords".to_owned()
            }
            InClear { .. } => "in clear: who listens between reads passwords".to_owned(),
            Secured(TlsMode::Stls, version) => format!("{version} after STLS"),
            Secured(_, version) => format!("{version} from the first byte"),
            Unverified => "the certificate is not verified (`verify = false`)".to_owned(),
            Certificate(certificate, now) => certificate_text(certificate, *now),
            CertificateUnreadable(why) => format!("cannot be read: {why}"),
            Capabilities { listed, offered } => format!(
                "lists {}; popgate offers {} of it",
                words(listed),
                words(offered)
            ),
            CapabilitiesSet(lines) => format!("{}, as the configuration says", words(lines)),
            NoCapa(line) => format!("not known ({line}); popgate takes it to know TOP and UIDL"),
            CapaBroken(why) => format!("no answer that can be used: {why}"),
            CapaInside { answered: true } => "answered after the login too".to_owned(),
            CapaInside { answered: false } => {
                "refused after the login, which does no harm".to_owned()
            }
            CapaBreaks => {
                "after the login it breaks the session, so the rest was left out".to_owned()
            }
            other => other.login_text(),
        }
    }

    fn login_text(&self) -> String {
        use Finding::*;
        match self {
            LoginDelay(seconds) => {
                format!("it wants {seconds} s between two logins, and refuses who comes earlier")
            }
            NoAccount => {
                "not looked at: give a test account by --user and --password-file".to_owned()
            }
            LoggedIn { after, tries: 1 } => format!("accepted after {}", time(*after)),
            LoggedIn { after, tries } => {
                format!("accepted after {}, at the {tries}. try", time(*after))
            }
            NotLoggedIn(attempt) => attempt_text(attempt),
            other => other.lock_text(),
        }
    }

    fn lock_text(&self) -> String {
        use Finding::*;
        match self {
            NoLock => "none: a second session is let in beside the first".to_owned(),
            Locks { line, after } => {
                format!(
                    "a second session is refused after {}: {}",
                    time(*after),
                    line.text
                )
            }
            LockMisread(line) => format!(
                "a second session is refused, which popgate takes for `{}`: {}",
                line.class.as_str(),
                line.text
            ),
            LockLate(line) => format!(
                "a second session is let in, and refused at its first command: {}",
                line.text
            ),
            SecondTooSoon(line) => {
                format!("unknown: a second session comes too soon: {}", line.text)
            }
            SecondWaits(elapsed) => format!(
                "a second session gets no answer while the first is open; given up after {}",
                time(*elapsed)
            ),
            SecondCut(why) => format!("a second session is cut without a word: {why}"),
            RefusedStays(true) => "the refused connection stays open".to_owned(),
            RefusedStays(false) => "the refused connection is closed".to_owned(),
            FirstThrownOut => "a second session ends the first one".to_owned(),
            SecondTurnedAway(why) => {
                format!("a second one is not taken: {}", why)
            }
            SpareFailed(why) => format!("one that waits beside a session does not hold: {}", why),
            other => other.release_text(),
        }
    }

    fn release_text(&self) -> String {
        use Finding::*;
        match self {
            ClosesAfterQuit(Some(elapsed)) => {
                format!("the connection is closed within {}", time(*elapsed))
            }
            ClosesAfterQuit(None) => format!(
                "the connection is not closed within {}: each hand-over is forced",
                time(EOF_AFTER_QUIT)
            ),
            KeepsOpen => {
                "the server keeps its side open: the next one's turn comes 2 s later".to_owned()
            }
            LockGone(_, elapsed) => format!("the next login is accepted within {}", time(*elapsed)),
            LockStays(_, elapsed, line) => {
                format!("still locked {} later: {}", time(*elapsed), line.text)
            }
            NextFailed(_, attempt) => format!("the next login fails: {}", attempt_text(attempt)),
            other => other.rest_text(),
        }
    }

    fn rest_text(&self) -> String {
        use Finding::*;
        match self {
            NoUidl(line) => {
                format!(
                    "not known ({line}): programs that leave mail here fetch it again and again"
                )
            }
            UidlEmpty => "nothing to compare: the maildrop is empty".to_owned(),
            UidlSame(messages) => format!("the same in two sessions, {messages} messages"),
            UidlChanges { changed, messages } => format!(
                "{changed} of {messages} ids are others in the second session: programs fetch \
                 their mail again"
            ),
            NoPipelining => "not announced: commands go one at a time".to_owned(),
            Pipelining => {
                "true: USER, PASS, STAT and LIST at once are answered in order".to_owned()
            }
            PipeliningLies(what) => format!("announced, and not true: {what}"),
            PipeliningUnclear(why) => format!("not tried: {why}"),
            _ => "the time ran out before all was looked at".to_owned(),
        }
    }
}

fn reached_text(reached: &Reached) -> String {
    let address = reached
        .address
        .map_or_else(String::new, |address| format!("{address} "));
    let (connected, greeted) = (time(reached.connected), time(reached.greeted));
    let greeting = &reached.greeting;
    format!("{address}connected after {connected}, greeted after {greeted}: {greeting}")
}

fn certificate_text(certificate: &Certificate, now: Timestamp) -> String {
    match certificate.days_left(now) {
        _ if now < certificate.not_before => format!("{certificate}: not valid yet"),
        0.. => {
            let days = certificate.days_left(now);
            format!("{certificate}, {days} days left")
        }
        past => format!("{certificate}: ended {} days ago", -past),
    }
}

fn attempt_text(attempt: &Attempt) -> String {
    match attempt {
        Attempt::Answered { line, after } => {
            let (class, after) = (line.class.as_str(), time(*after));
            format!(
                "refused after {after} ({class}): {}{}",
                line.text,
                remedy(line.class)
            )
        }
        Attempt::Unreached(why) => why.to_string(),
        Attempt::Silent(elapsed) => format!("no answer within {}", time(*elapsed)),
        Attempt::Broken(why) => format!("no answer: {why}"),
    }
}

fn remedy(class: Class) -> &'static str {
    match class {
        Class::Auth => "; is this name and password right?",
        Class::Locked => "; use an account that no program reads",
        Class::LoginDelay => "; come back later",
        _ => "",
    }
}

fn words(lines: &[String]) -> String {
    if lines.is_empty() {
        return "nothing".to_owned();
    }
    lines.join(", ")
}

/// A time as a person reads it.
#[must_use]
pub fn time(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    if seconds < 0.01 {
        format!("{:.1} ms", (seconds * 1e3).max(0.1))
    } else if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1e3)
    } else {
        format!("{seconds:.1} s")
    }
}
