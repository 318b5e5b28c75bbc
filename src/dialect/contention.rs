//! Phrases of contention: somebody else is there, there are too many, or the client came too
//! early, or was silent for too long.

use super::Class;
use super::matching::PhraseRule;
use super::stages::{AFTER_LOGIN, ANY, CONNECTED, NO_MESSAGE};

/// Logins must be further apart: Cyrus `popminpoll`, mailutils, INetSim, Hotmail (at STAT),
/// Gmail (under `[AUTH]`), QQ and 163 ("frequency").
pub(super) const LOGIN_DELAY: PhraseRule = PhraseRule {
    has: &[
        "login-delay",
        "login delay",
        "login allowed only",
        "login limit",
        "login rate",
        "login interval",
        "minimum time",
        "minimum interval",
        "minimum login",
        "minutes apart",
        "seconds apart",
        "between logins",
        "between checks",
        "between mail checks",
        "between polls",
        "frequen",
        "too often",
        "too fast",
        "too quickly",
        "too soon",
        "too recently",
        "too many logins",
        "only every",
        "once every",
        "before next",
        "before the next",
        "before logging",
        "before checking",
        "before your next",
        "bandwidth",
        "pop command or",
        "download limit",
        "download quota",
    ],
    both: &[("minutes between", "login"), ("seconds between", "login")],
    ..PhraseRule::new(Class::LoginDelay, ANY)
};

/// Too many at once, of all clients, of one address or of one user. `[IN-USE]` and `[SYS/TEMP]`
/// may stand before it (Dovecot), so it is read before the code.
pub(super) const TOO_MANY: PhraseRule = PhraseRule {
    has: &[
        "too many open",
        "too many active",
        "too many concurrent",
        "too many simultaneous",
        "too many conn",
        "too many session",
        "too many pop",
        "too many request",
        "too many user",
        "too many client",
        "too many process",
        "many connections",
        "number of connections",
        "number of concurrent",
        "number of simultaneous",
        "number of sessions",
        "number of users",
        "number of clients",
        "connection limit",
        "connections limit",
        "session limit",
        "sessions limit",
        "limit on connections",
        "limit of connections",
        "connection rate",
        "too busy",
        "system busy",
        "system is busy",
        "server busy",
        "server is busy",
        "service busy",
        "service is busy",
        "overload",
        "load is too high",
        "load too high",
        "load average",
        "resource limit",
        "throttl",
        "connection refused",
    ],
    starts: &["busy"],
    both: &[
        ("concurrent", "limit"),
        ("simultaneous", "limit"),
        ("max", "connections"),
        ("max", "clients"),
        ("max", "sessions"),
        ("connections", "exceed"),
        ("sessions", "exceed"),
    ],
    ..PhraseRule::new(Class::TooMany, ANY)
};

/// In answer to RETR it is about this message (WildDuck), and left to `TEMP_MESSAGE`.
pub(super) const RATE_LIMIT: PhraseRule = PhraseRule {
    has: &["rate limit"],
    ..PhraseRule::new(Class::TooMany, NO_MESSAGE)
};

/// Another session has the maildrop. "account is locked" may also be a lock-out; a few attempts
/// are all that it costs. UW tells the one that it throws out "Kiss of Death", and Domino
/// speaks of exclusive access.
pub(super) const LOCKED: PhraseRule = PhraseRule {
    has: &[
        "being unlocked",
        "maillock",
        "lockfile",
        "in use",
        "being used",
        "being accessed",
        "currently accessed",
        "by another",
        "another pop",
        "another process",
        "another program",
        "another client",
        "another connection",
        "another user is",
        "other session",
        "session is active",
        "session active",
        "session in progress",
        "active session",
        "existing session",
        "concurrent",
        "simultaneous",
        "exclusive access",
        "already logged",
        "already connected",
        "already open",
        "already running",
        "only one session",
        "only one connection",
        "access conflict",
        "already has",
        "already accessing",
        "duplicate login",
        "kiss of death",
    ],
    words: &["lock", "locked", "locking"],
    both: &[
        ("mailbox", "busy"),
        ("maildrop", "busy"),
        ("mail drop", "busy"),
        ("account", "busy"),
        ("inbox", "busy"),
        ("previous session", "not"),
        ("session", "already"),
    ],
    ..PhraseRule::new(Class::Locked, NO_MESSAGE)
};

/// `[SYS/TEMP]` before a lock: qpopper's maillock, Dovecot's mbox, another popgate. Not "No locks
/// available" (qpopper) and not "create ... session lock" (Dovecot): there the lock itself failed.
pub(super) const SYSTEM_LOCKED: PhraseRule = PhraseRule {
    has: &[
        "maillock",
        "waiting for lock",
        "waiting for the lock",
        "lock busy",
        "in use",
        "another session",
    ],
    words: &["locked"],
    ..PhraseRule::new(Class::Locked, NO_MESSAGE)
};

/// The server has ended the session because the client was silent, or is about to.
/// "timeout" alone is not enough: Dovecot's "Timeout while waiting for lock" is a lock.
pub(super) const IDLE: PhraseRule = PhraseRule {
    has: &[
        "inactivity",
        "autologout",
        "auto-logout",
        "timed out",
        "connection timeout",
        "session timeout",
        "session expired",
        "session duration",
        "pop timeout",
        "pop3 timeout",
        "too slow",
        "asleep",
        "connection is closed",
    ],
    words: &["idle"],
    starts: &["timeout (", "timeout,", "timeout;", "timeout:", "timeout -"],
    only: &["timeout"],
    ..PhraseRule::new(Class::IdleTimeout, CONNECTED)
};

/// At login an inactive one is an account, and a timeout may be anybody's.
pub(super) const IDLE_AFTER_LOGIN: PhraseRule = PhraseRule {
    has: &["inactive", "no activity", "timeout"],
    ..PhraseRule::new(Class::IdleTimeout, AFTER_LOGIN)
};
