//! The rules themselves. Order counts: the first row that matches decides.
//!
//! A phrase stands here because a server says it, and is kept as short as it can be without
//! saying something else, so that it also fits servers that nobody has looked at. Where a line
//! cannot be decided, the class is the one whose treatment does the least harm (DESIGN
//! decision 6: `locked` is tried again a few times, `temp` and `too_many` twice, `auth`, `perm`
//! and `login_delay` never).

use super::matching::{CodeRule, Rule};
use super::{Class, Stage};

const ANY: &[Stage] = &[
    Stage::Connect,
    Stage::Login,
    Stage::Session,
    Stage::Message,
    Stage::Other,
];
const NO_MESSAGE: &[Stage] = &[Stage::Connect, Stage::Login, Stage::Session, Stage::Other];
const AFTER_LOGIN: &[Stage] = &[Stage::Session, Stage::Message, Stage::Other];
const CONNECTED: &[Stage] = &[Stage::Login, Stage::Session, Stage::Message, Stage::Other];

/// What each response code means, unless the text knows better.
pub(super) const BY_CODE: &[CodeRule] = &[
    CodeRule {
        code: "LOGIN-DELAY",
        exceptions: &[],
        class: Class::LoginDelay,
    },
    // RFC 2449 section 8.1.2 means a lock by it. Dovecot up to 2.1 sends it for all that passes,
    // from 2.4.3 on for its connection limit, Cyrus from 2.4 on for a missing right.
    CodeRule {
        code: "IN-USE",
        exceptions: &[IDLE, LOGIN_DELAY, TOO_MANY, IN_USE_DENIED, IN_USE_FAULT],
        class: Class::Locked,
    },
    // RFC 3206 section 5: the credentials. Gmail puts rate limits and "use the web" under it.
    CodeRule {
        code: "AUTH",
        exceptions: &[IDLE, LOGIN_DELAY, TOO_MANY, WEB_ONLY, AUTH_FAULT],
        class: Class::Auth,
    },
    CodeRule {
        code: "SYS/TEMP",
        exceptions: SYSTEM,
        class: Class::Temp,
    },
    CodeRule {
        code: "SYS/PERM",
        exceptions: &[NO_SUCH_MESSAGE, IDLE, LOGIN_DELAY, TOO_MANY],
        class: Class::Perm,
    },
    // No POP3 document has the next three; Dovecot and mailutils send them.
    CodeRule {
        code: "UNAVAILABLE",
        exceptions: SYSTEM,
        class: Class::Temp,
    },
    CodeRule {
        code: "REFERRAL",
        exceptions: &[],
        class: Class::Temp,
    },
    CodeRule {
        code: "OUT-SYNC",
        exceptions: &[],
        class: Class::Temp,
    },
];

const SYSTEM: &[Rule] = &[NO_SUCH_MESSAGE, IDLE, LOGIN_DELAY, TOO_MANY, SYSTEM_LOCKED];

/// What the text means where no known code and no phrase of the operator decided.
///
/// `REFUSED` comes first: who is told to check his password is not to be made to wait. Delays
/// and limits come before `LOCKED` and `TEMP` (`too many connections, try later`), `LOCKED`
/// before `TEMP` (`mailbox locked, try later`), both before `AUTH` (`temporary authentication
/// failure`).
pub(super) const BY_PHRASE: &[Rule] = &[
    REFUSED,
    BEHIND_THE_SERVER,
    NO_SUCH_MESSAGE,
    IDLE,
    IDLE_AFTER_LOGIN,
    LOGIN_DELAY,
    TOO_MANY,
    LOCKED_OUT,
    LOCKED,
    MISUSED,
    DENIED_AFTER_LOGIN,
    TEMP,
    TEMP_MESSAGE,
    WEB_ONLY,
    NOT_ALLOWED,
    AUTH,
];

/// The password is wrong, or the name, and the line says so, whatever else it offers as a cause
/// (QQ: "password is incorrect, login frequency limited, or system is busy").
const REFUSED: Rule = Rule {
    both: &[
        ("bad", "password"),
        ("wrong", "password"),
        ("invalid", "password"),
        ("incorrect", "password"),
        ("unknown user", "password"),
        ("password", "not match"),
        ("password", "not accepted"),
        ("password", "error"),
    ],
    ..Rule::new(Class::Auth, &[Stage::Login])
};

/// Not the client was too slow, but what the server asks about the password.
const BEHIND_THE_SERVER: Rule = Rule {
    both: &[
        ("auth", "timed out"),
        ("auth", "timeout"),
        ("backend", "timed out"),
        ("backend", "timeout"),
        ("database", "timed out"),
        ("database", "timeout"),
        ("ldap", "timed out"),
        ("ldap", "timeout"),
    ],
    ..Rule::new(Class::Temp, &[Stage::Login])
};

/// In answer to a message number. Without a rule it is the default there; the phrases are for
/// lines with a code (Bongo: `[SYS/PERM] Message does not exist`), and for those that would
/// else be read as a failure ("cannot find message").
const NO_SUCH_MESSAGE: Rule = Rule {
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
    ..Rule::new(Class::NoSuchMessage, &[Stage::Message])
};

/// The server has ended the session because the client was silent, or is about to.
/// "timeout" alone is not enough: Dovecot's "Timeout while waiting for lock" is a lock.
const IDLE: Rule = Rule {
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
    ..Rule::new(Class::IdleTimeout, CONNECTED)
};

/// At login an inactive one is an account.
const IDLE_AFTER_LOGIN: Rule = Rule {
    has: &["inactive", "no activity"],
    ..Rule::new(Class::IdleTimeout, AFTER_LOGIN)
};

/// Logins must be further apart: Cyrus `popminpoll`, mailutils, INetSim, Hotmail (at STAT),
/// Gmail (under `[AUTH]`), QQ and 163 ("frequency").
const LOGIN_DELAY: Rule = Rule {
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
        "before logging",
        "before checking",
        "before you",
        "before your next",
        "bandwidth",
        "pop command or",
        "download limit",
    ],
    both: &[("minutes between", "login"), ("seconds between", "login")],
    ..Rule::new(Class::LoginDelay, ANY)
};

/// Too many at once, of all clients, of one address or of one user. `[IN-USE]` and `[SYS/TEMP]`
/// may stand before it (Dovecot), so it is read before the code. A rate limit in answer to RETR
/// is left to `TEMP_MESSAGE`.
const TOO_MANY: Rule = Rule {
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
        "throttl",
        "connection refused",
    ],
    starts: &["busy"],
    both: &[
        ("concurrent", "limit"),
        ("simultaneous", "limit"),
        ("maximum", "connections"),
        ("maximum", "clients"),
        ("maximum", "sessions"),
        ("connections", "exceed"),
        ("sessions", "exceed"),
        ("rate limit", "login"),
        ("rate limit", "connect"),
        ("rate limit", "request"),
    ],
    ..Rule::new(Class::TooMany, ANY)
};

/// `[IN-USE]` of Cyrus from 2.4 on (`popuseacl`) and of Dovecot 1.x ("No INBOX namespace").
const IN_USE_DENIED: Rule = Rule {
    has: &["permission denied", "not exist", "n't exist", "no inbox"],
    ..Rule::new(Class::Perm, ANY)
};

/// `[IN-USE]` of Dovecot up to 2.1. "temporarily locked" is a lock all the same.
const IN_USE_FAULT: Rule = Rule {
    has: &["internal", "temporary", "sync"],
    ..Rule::new(Class::Temp, ANY)
};

/// `[AUTH]` before a fault that the server itself calls one.
const AUTH_FAULT: Rule = Rule {
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
    ..Rule::new(Class::Temp, ANY)
};

/// `[SYS/TEMP]` before a lock: qpopper's maillock, Dovecot's mbox, another popgate. Not "No locks
/// available" (qpopper) and not "create ... session lock" (Dovecot): there the lock itself failed.
const SYSTEM_LOCKED: Rule = Rule {
    has: &[
        "maillock",
        "waiting for lock",
        "waiting for the lock",
        "lock busy",
        "in use",
        "another session",
    ],
    words: &["locked"],
    ..Rule::new(Class::Locked, NO_MESSAGE)
};

/// An account locked after wrong passwords: waiting for another program does not help, more
/// attempts may harm, and the server's own words explain it best.
const LOCKED_OUT: Rule = Rule {
    has: &[
        "too many auth",
        "too many fail",
        "too many bad",
        "too many invalid",
        "too many incorrect",
        "too many unsuccessful",
        "too many login",
        "too many logon",
        "too many attempts",
        "failed attempts",
        "failed login",
        "failed logon",
        "login attempts",
        "logon attempts",
    ],
    ..Rule::new(Class::Auth, &[Stage::Login])
};

/// Another session has the maildrop. "account is locked" may also be a lock-out; a few attempts
/// are all that it costs. UW tells the one that it throws out "Kiss of Death", and Domino
/// speaks of exclusive access.
const LOCKED: Rule = Rule {
    has: &[
        "being unlocked",
        "maillock",
        "lockfile",
        "in use",
        "being used",
        "being accessed",
        "currently accessed",
        "by another",
        "another session",
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
        "already open",
        "already has",
        "already accessing",
        "duplicate login",
        "kiss of death",
    ],
    words: &["lock", "locked", "locking", "pop-lock"],
    both: &[
        ("mailbox", "busy"),
        ("maildrop", "busy"),
        ("mail drop", "busy"),
        ("account", "busy"),
        ("inbox", "busy"),
        ("previous session", "not"),
        ("session", "already"),
    ],
    ..Rule::new(Class::Locked, NO_MESSAGE)
};

/// The command was wrong, not what it named.
const MISUSED: Rule = Rule {
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
    ..Rule::new(Class::Perm, AFTER_LOGIN)
};

/// A maildrop that may not be read or written.
const DENIED_AFTER_LOGIN: Rule = Rule {
    has: &[
        "permission denied",
        "access denied",
        "read-only",
        "read only",
    ],
    ..Rule::new(Class::Perm, AFTER_LOGIN)
};

/// The server or something behind it fails, and says that it will not last, or what it is.
const TEMP: Rule = Rule {
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
        "system error",
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
    ..Rule::new(Class::Temp, NO_MESSAGE)
};

/// The message is there, but cannot be read now: Courier, Citadel, Kopano, gromox, Stalwart.
const TEMP_MESSAGE: Rule = Rule {
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
    ..Rule::new(Class::Temp, &[Stage::Message])
};

/// Gmail and free providers: POP3 is not for this account, or not before a visit to the web site.
const WEB_ONLY: Rule = Rule {
    has: &["web login", "web browser", "webmail"],
    ..Rule::new(Class::Perm, &[Stage::Login])
};

/// "Authentication requires TLS" is not about the password, and no attempt will change it.
const NOT_ALLOWED: Rule = Rule {
    has: &[
        "requires tls",
        "requires ssl",
        "tls required",
        "ssl required",
        "encryption required",
        "plaintext",
        "plain text",
        "cleartext",
        "disabled",
        "not enabled",
        "not permitted",
        "not allowed",
    ],
    ..Rule::new(Class::Perm, &[Stage::Login])
};

/// The name or the password.
const AUTH: Rule = Rule {
    has: &[
        "password",
        "passphrase",
        "credential",
        "username",
        "user name",
        "user id",
        "userid",
        "login fail",
        "logon fail",
        "log in fail",
        "login incorrect",
        "login error",
        "login invalid",
        "login denied",
        "login refused",
        "login rejected",
        "bad login",
        "bad auth",
        "bad apop",
        "invalid auth",
        "invalid login",
        "invalid logon",
        "invalid user",
        "invalid account",
        "incorrect login",
        "incorrect user",
        "wrong login",
        "wrong user",
        "unknown user",
        "unknown account",
        "unknown mailbox",
        "unknown login",
        "user unknown",
        "account unknown",
        "mailbox unknown",
        "no such user",
        "no such account",
        "no such mailbox",
        "no mailbox for",
        "no account",
        "never heard",
        "not a valid user",
        "not a valid mailbox",
        "not a valid account",
        "unable to log",
        "cannot log",
        "can't log",
        "could not log",
        "authorization code",
        "authorized code",
    ],
    both: &[
        ("auth", "fail"),
        ("auth", "error"),
        ("auth", "invalid"),
        ("auth", "incorrect"),
        ("auth", "rejected"),
        ("auth", "denied"),
        ("auth", "unsuccessful"),
        ("unable to", "authenticate"),
        ("could not", "authenticate"),
        ("cannot", "authenticate"),
        ("user", "not found"),
        ("user", "not exist"),
        ("user", "n't exist"),
        ("user", "not known"),
        ("account", "not found"),
        ("account", "not exist"),
        ("account", "n't exist"),
        ("mailbox", "not found"),
        ("mailbox", "not exist"),
        ("mailbox", "n't exist"),
    ],
    ..Rule::new(Class::Auth, &[Stage::Login])
};
