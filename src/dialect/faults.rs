//! Phrases of what failed: a message, the storage, the server, the command.

use super::Class;
use super::matching::PhraseRule;
use super::stages::{AFTER_LOGIN, ANY, NO_MESSAGE, ReplyStage};

/// In answer to a message number. Without a rule it is the default there; the phrases are for
/// lines with a code (Bongo: `[SYS/PERM] Message does not exist`), and for those that would
/// else be read as a failure ("cannot find message").
pub(super) const NO_SUCH_MESSAGE: PhraseRule = PhraseRule {
    has: &[
        "no such message",
        "no message",
        "not exist",
        "n't exist",
        "not found",
        "be found",
        "out of range",
        "message number",
        "invalid message",
        "unknown message",
        "not that many",
        "is deleted",
        "message deleted",
        "marked deleted",
        "marked as deleted",
        "marked for deletion",
        "already deleted",
        "already marked",
        "been deleted",
        "expunged",
    ],
    words: &["find"],
    ..PhraseRule::new(Class::NoSuchMessage, &[ReplyStage::Message])
};

/// The message is there, but cannot be read now: Courier, Citadel, Kopano, gromox, Stalwart.
pub(super) const TEMP_MESSAGE: PhraseRule = PhraseRule {
    has: &[
        "unable to",
        "can't",
        "cannot",
        "can not",
        "could not",
        "couldn't",
        "fail",
        "error",
        "rate limit",
        "internal",
        "temporar",
        "try later",
        "again later",
        "unavailable",
        "inconsistent",
        "memory",
        "shutting down",
        "went wrong",
    ],
    words: &["locked"],
    ..PhraseRule::new(Class::Temp, &[ReplyStage::Message])
};

/// The server or something behind it fails, and says that it will not last, or what it is.
pub(super) const TEMP: PhraseRule = PhraseRule {
    has: &[
        "temporar",
        "try later",
        "again later",
        "again in a",
        "in a few",
        "wait a few",
        "unavailable",
        "not available",
        "not ready",
        "maintenance",
        "internal",
        "server error",
        "server failure",
        "system error",
        "system failure",
        "system problem",
        "fatal error",
        "unexpected error",
        "database",
        "i/o error",
        "storage error",
        "backend",
        "back end",
        "upstream",
        "unable to fork",
        "unable to contact",
        "could not contact",
        "unable to scan",
        "unable to connect",
        "unable to open mail",
        "cannot connect",
        "can't connect",
        "can't contact",
        "could not connect",
        "could not open",
        "could not be opened",
        "cannot open",
        "failed to open",
        "error opening",
        "error reading",
        "error accessing",
        "failed to access",
        "fail to access",
        "failed to execute",
        "fail to execute",
        "can't open your",
        "can't get",
        "cannot get",
        "can't go on",
        "memory",
        "out of resources",
        "crashed",
        "not connected",
        "unreachable",
        "not reachable",
        "offline",
        "shutting down",
        "session invalidated",
        "gone fishing",
        "went wrong",
        "something odd",
    ],
    both: &[("server", " down")],
    ..PhraseRule::new(Class::Temp, NO_MESSAGE)
};

/// A fault of no known kind. "login failed, please try again" is not one, so it comes last.
pub(super) const FAULT: PhraseRule = PhraseRule {
    has: &[
        "try again",
        "retry",
        "unexpected",
        "connection failed",
        "no response",
        "no space",
        "disk full",
        "can't create",
        "cannot create",
        "could not create",
    ],
    words: &["error", "failure", "lost", "down"],
    ..PhraseRule::new(Class::Temp, NO_MESSAGE)
};

/// Not the client was too slow, but what the server asks about the password.
pub(super) const BEHIND_THE_SERVER: PhraseRule = PhraseRule {
    both: &[
        ("auth", "timed out"),
        ("auth", "timeout"),
        ("backend", "timed out"),
        ("backend", "timeout"),
        ("database", "timed out"),
        ("database", "timeout"),
        ("ldap", "timed out"),
        ("ldap", "timeout"),
        ("operation", "timed out"),
        ("request", "timed out"),
    ],
    ..PhraseRule::new(Class::Temp, &[ReplyStage::Login])
};

/// `[AUTH]` before a fault that the server itself calls one.
pub(super) const AUTH_FAULT: PhraseRule = PhraseRule {
    has: &[
        "temporary authentication",
        "temporary login",
        "temporary fail",
        "temporary error",
        "temporary problem",
        "internal error",
        "internal server error",
        "service unavailable",
    ],
    ..PhraseRule::new(Class::Temp, ANY)
};

/// `[IN-USE]` of Dovecot up to 2.1. "temporarily locked" is a lock all the same.
pub(super) const IN_USE_FAULT: PhraseRule = PhraseRule {
    has: &["internal", "temporary", "sync"],
    ..PhraseRule::new(Class::Temp, ANY)
};

/// `[IN-USE]` of Cyrus from 2.4 on (`popuseacl`) and of Dovecot 1.x ("No INBOX namespace").
pub(super) const IN_USE_DENIED: PhraseRule = PhraseRule {
    has: &["permission denied", "not exist", "n't exist", "no inbox"],
    ..PhraseRule::new(Class::Perm, ANY)
};

/// A maildrop that may not be read or written.
pub(super) const DENIED_AFTER_LOGIN: PhraseRule = PhraseRule {
    has: &[
        "permission denied",
        "access denied",
        "read-only",
        "read only",
    ],
    ..PhraseRule::new(Class::Perm, AFTER_LOGIN)
};

/// The command was wrong, not what it named.
pub(super) const MISUSED: PhraseRule = PhraseRule {
    has: &[
        "protocol error",
        "syntax",
        "unknown command",
        "unrecognized command",
        "unrecognised command",
        "invalid command",
        "bad command",
        "not implemented",
        "not supported",
        "wrong state",
        "in this state",
        "current state",
    ],
    ..PhraseRule::new(Class::Perm, AFTER_LOGIN)
};
