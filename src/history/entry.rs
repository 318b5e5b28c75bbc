//! One login, or a session without one, as it is kept.

use super::end::{CauseName, End};
use crate::dialect::Class;
use crate::ids::{BackendName, ListenerName, MaildropKey, SessionId, TenantName, UserName};
use crate::policy::poll::PollDecision;
use crate::policy::refusal::LoginRule;
use crate::policy::sharing::LetInReason;
use crate::program::{ProgramGuess, Trace};
use crate::time::Duration;
use jiff::Timestamp;
use std::borrow::Cow;
use std::net::SocketAddr;

/// A login that is over, or a session that ended without one.
///
/// Texts that others said can hold any character; each is cut to
/// [`HISTORY_TEXT_MAX`](crate::limits::HISTORY_TEXT_MAX) octets, an error line to
/// [`HISTORY_LINE_MAX`](crate::limits::HISTORY_LINE_MAX). There is no password in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The session. Numbers begin anew with each start of popgate.
    pub session: SessionId,
    /// When the client connected.
    pub opened: Timestamp,
    /// When it was over.
    pub ended: Timestamp,
    /// Where it came in.
    pub listener: ListenerName,
    /// The TCP port that the client connected to.
    pub port: u16,
    /// Who it came from.
    pub client: SocketAddr,
    /// How the connection was encrypted.
    pub encryption: Encryption,
    /// The server name that the client asked for in TLS.
    pub server_name: Option<Box<str>>,
    /// The login; none where the session ended without one.
    pub login: Option<Box<HistoryLogin>>,
    /// How it ended, in a word that is counted.
    pub end: End,
    /// Why it ended.
    pub cause: CauseName,
    /// The same in a sentence, with what the backend or the system said.
    pub sentence: Box<str>,
    /// The last error line that the client got for it from popgate or through it, without its end;
    /// not what an opaque session was told.
    pub answer: Option<Box<str>>,
    /// For how long nothing had moved between the client and popgate at the end.
    pub idle: Duration,
    /// Commands of the client, before and after login.
    pub commands: u64,
    /// The program that it is thought to be.
    pub program: ProgramGuess,
    /// Whether another session of the same client was in the same maildrop, or had just left it:
    /// a scanner or checker that logs in beside a mail program.
    pub is_twin: bool,
    /// The first commands of the client.
    pub trace: Trace,
}

impl HistoryLogin {
    /// Whether its client was told that it is logged in: by the backend, or by popgate on a
    /// listing.
    #[must_use]
    pub fn got_in(&self) -> bool {
        self.entered || self.listing.let_in.is_some()
    }

    /// How long it had the lock while the backend said that the maildrop is locked from elsewhere,
    /// and never got in.
    #[must_use]
    pub fn waited_elsewhere(&self) -> Duration {
        match self.entered || self.locked_replies == 0 {
            true => Duration::ZERO,
            false => self.held,
        }
    }
}

impl HistoryEntry {
    /// Whether somebody was there who has a right password: the backend let the login in, or had
    /// accepted its password lately. Strangers, who can come in any number, are kept apart, so that
    /// they do not push out the others.
    #[must_use]
    pub fn is_of_owner(&self) -> bool {
        let login = self.login.as_ref();
        login.is_some_and(|login| login.entered || login.proven)
    }

    /// Whether the backend had let it in, and the client never said QUIT: it ended by the client,
    /// or to make room for another.
    #[must_use]
    pub fn left_without_quit(&self) -> bool {
        let login = self.login.as_ref();
        login.is_some_and(|login| login.entered) && self.end.is_without_quit()
    }
}

/// What an entry has where a client logged in, or tried to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryLogin {
    /// When its password came. It was held for `delayed`, then waited for `waited`.
    pub asked: Timestamp,
    /// The maildrop as typed.
    pub name: UserName,
    /// What is locked for it.
    pub key: MaildropKey,
    /// Its tenant.
    pub tenant: TenantName,
    /// Whether the backend had accepted its password within the last day, or has now.
    pub proven: bool,
    /// The backend that heard of it.
    pub backend: Option<BackendName>,
    /// Whether the backend let it in.
    pub entered: bool,
    /// What it was without the maildrop.
    pub listing: ListingUse,
    /// Waiters that were to be served before it when it came; none where the lock was free.
    pub ahead: Option<u32>,
    /// How long it was held for coming too often, or for wrong passwords.
    pub delayed: Duration,
    /// How long it waited for the lock.
    pub waited: Duration,
    /// When it was granted the lock, the first time if it was in the maildrop again and again; none
    /// where it never was.
    pub granted: Option<Timestamp>,
    /// How long it held the lock, in all.
    pub held: Duration,
    /// How often the backend said that the maildrop is locked from elsewhere.
    pub locked_replies: u32,
    /// The last error of the backend.
    pub backend_answer: Option<BackendAnswer>,
    /// The rule that refused it.
    pub rule: Option<LoginRule>,
    /// It came before its time.
    pub early: Option<EarlyLogin>,
    /// Messages listed by the last STAT, LIST or UIDL; none if it never asked.
    pub listed: Option<u64>,
    /// Messages retrieved whole.
    pub retrieved: u64,
    /// Messages deleted: QUIT was answered with `+OK`.
    pub deleted: u64,
    /// Messages marked as deleted when it ended, and not deleted.
    pub marked: u64,
    /// Octets to the client.
    pub bytes_to_client: u64,
    /// Octets to the backend.
    pub bytes_to_backend: u64,
}

/// How a session stood on a listing of its maildrop, and held no lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListingUse {
    /// Why popgate let it in by itself; none where the backend did.
    pub let_in: Option<LetInReason>,
    /// How often it was sent back to its listing because another login waited.
    pub demotions: u32,
    /// How often it went on in the maildrop.
    pub promotions: u32,
}

/// How a client connection is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// It is in clear.
    #[default]
    None,
    /// TLS, begun by STLS.
    Stls(TlsParameters),
    /// TLS from the first octet.
    Implicit(TlsParameters),
}

/// What a TLS handshake agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsParameters {
    /// `TLSv1.3` and the like.
    pub version: Cow<'static, str>,
    /// The cipher suite, by its name in the IANA registry.
    pub cipher: Cow<'static, str>,
}

/// An error line of a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendAnswer {
    /// What it means.
    pub class: Class,
    /// The line, without its end.
    pub line: Box<str>,
}

/// A login that came before its quota allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlyLogin {
    /// What became of it.
    pub decision: PollDecision,
    /// How long before its time it came.
    pub early: Duration,
}
