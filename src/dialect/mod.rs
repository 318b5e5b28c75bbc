//! What a backend's error line means.
//!
//! Servers answer a failed login in their own words: `[IN-USE]` is no proof of a lock, and most
//! locks are refused without it. So a line is read in three steps, the first that knows decides:
//! its response code (RFC 2449 section 8, RFC 3206), the phrases that the operator gave for this
//! backend, and the built-in phrases. The order of the rules is in `rules`, their phrases are in
//! `contention`, `credentials` and `faults`.

mod contention;
mod credentials;
mod expected;
mod faults;
mod matching;
mod rules;
mod stages;

pub use expected::expected_classes;

use crate::pop3::reply::{ReplyTo, Status, StatusLine};
use matching::{PhraseRule, contains, is_code, plain_words};
use rules::{BY_CODE, BY_PHRASE};
use stages::ReplyStage;

/// Phrases that the operator adds for one backend; ASCII case does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Phrases {
    /// The maildrop is held by another session.
    pub locked: Vec<String>,
    /// The name or the password is wrong.
    pub auth: Vec<String>,
    /// The server cannot do it now.
    pub temp: Vec<String>,
}

/// What an answer means (the words of `popgate classify`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// `+OK`.
    Ok,
    /// Another session holds the maildrop.
    Locked,
    /// The name or the password is wrong.
    Auth,
    /// The server wants more time between logins.
    LoginDelay,
    /// Too many connections or requests.
    TooMany,
    /// It may work later.
    Temp,
    /// It will not work.
    Perm,
    /// The message is not there, or was marked deleted.
    NoSuchMessage,
    /// QUIT did not remove all that was marked.
    DeletesNotRemoved,
    /// The server ended an idle session.
    IdleTimeout,
}

impl Class {
    /// All of them, for metrics that exist from the start.
    pub const ALL: [Self; 10] = [
        Self::Ok,
        Self::Locked,
        Self::Auth,
        Self::LoginDelay,
        Self::TooMany,
        Self::Temp,
        Self::Perm,
        Self::NoSuchMessage,
        Self::DeletesNotRemoved,
        Self::IdleTimeout,
    ];

    /// The word for it, as `popgate classify` prints it and as metrics are labelled.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Locked => "locked",
            Self::Auth => "auth",
            Self::LoginDelay => "login_delay",
            Self::TooMany => "too_many",
            Self::Temp => "temp",
            Self::Perm => "perm",
            Self::NoSuchMessage => "no_such_message",
            Self::DeletesNotRemoved => "deletes_not_removed",
            Self::IdleTimeout => "idle_timeout",
        }
    }
}

/// What `line`, a backend's answer to `to`, means; the line end may be there or not.
///
/// A bare `+` is [`Class::Ok`] where it answers a step of a login: the exchange goes on (RFC 5034
/// section 4). What is no status line is [`Class::Temp`]. Everything but `+OK` to QUIT is
/// [`Class::DeletesNotRemoved`]: nobody may believe that the messages are gone.
#[must_use]
pub fn classify(to: ReplyTo, line: &str, phrases: &Phrases) -> Class {
    let reply = StatusLine::parse(line);
    match reply.status {
        Status::Ok => return Class::Ok,
        Status::Continue if to == ReplyTo::Pass => return Class::Ok,
        // Before all else: an unreadable answer to QUIT is no proof of a deletion either.
        _ if to == ReplyTo::Quit => return Class::DeletesNotRemoved,
        Status::Continue | Status::Other => return Class::Temp,
        Status::Err => {}
    }
    let stage = ReplyStage::of(to);
    // The server's authors chose the code on purpose, and the operator knows this server; the
    // built-in phrases know neither.
    let text = plain_words(reply.text);
    by_code(stage, reply.code, &text)
        .or_else(|| by_operator(stage, line, phrases))
        .or_else(|| first_match(BY_PHRASE, stage, &text))
        .unwrap_or_else(|| stage.otherwise(&text))
}

/// Whether the maildrop is about to be free, so that the next attempt need not wait: qpopper
/// says `Maildrop being unlocked; try again` while its last session ends.
#[must_use]
pub fn is_being_unlocked(line: &str) -> bool {
    contains(line, "being unlocked")
}

/// By the response code, where it is a known one; the text may make an exception of it.
fn by_code(stage: ReplyStage, code: Option<&str>, text: &str) -> Option<Class> {
    let code = code?;
    let rule = BY_CODE.iter().find(|rule| is_code(code, rule.code))?;
    Some(first_match(rule.exceptions, stage, text).unwrap_or(rule.class))
}

/// By the operator's phrases, which are looked for in the whole line.
fn by_operator(stage: ReplyStage, line: &str, phrases: &Phrases) -> Option<Class> {
    let says = |phrases: &[String]| phrases.iter().any(|phrase| contains(line, phrase));
    if says(&phrases.locked) {
        return Some(Class::Locked);
    }
    // After the login no line speaks of the password, whatever words it has.
    if stage == ReplyStage::Login && says(&phrases.auth) {
        return Some(Class::Auth);
    }
    says(&phrases.temp).then_some(Class::Temp)
}

fn first_match(rules: &[PhraseRule], stage: ReplyStage, text: &str) -> Option<Class> {
    rules
        .iter()
        .find(|rule| rule.at.contains(&stage) && rule.matches(text))
        .map(|rule| rule.class)
}
