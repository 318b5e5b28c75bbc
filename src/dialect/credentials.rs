//! Phrases about who logs in: the name, the password, and what an account may do.

use super::Class;
use super::matching::PhraseRule;
use super::stages::ReplyStage;

/// The password is wrong, or the name, and the line says so, whatever else it offers as a cause
/// (QQ: "password is incorrect, login frequency limited, or system is busy").
pub(super) const REFUSED: PhraseRule = PhraseRule {
    has: &["no mailbox for", "no such user"],
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
    ..PhraseRule::new(Class::Auth, &[ReplyStage::Login])
};

/// An account locked after wrong passwords: waiting for another program does not help, more
/// attempts may harm, and the server's own words explain it best.
pub(super) const LOCKED_OUT: PhraseRule = PhraseRule {
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
    ..PhraseRule::new(Class::Auth, &[ReplyStage::Login])
};

/// The name or the password.
pub(super) const AUTH: PhraseRule = PhraseRule {
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
        "sign in fail",
        "sign-in fail",
        "login incorrect",
        "login error",
        "login invalid",
        "login denied",
        "login refused",
        "login rejected",
        "logon denied",
        "logon refused",
        "logon rejected",
        "bad login",
        "bad auth",
        "bad apop",
        "bad user",
        "bad pass",
        "wrong pass",
        "invalid pass",
        "incorrect pass",
        "invalid auth",
        "invalid login",
        "invalid logon",
        "invalid user",
        "invalid account",
        "incorrect login",
        "incorrect user",
        "wrong login",
        "wrong user",
        "unknown account",
        "unknown mailbox",
        "unknown login",
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
    words: &["unauthorized"],
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
        ("user", "unknown"),
        ("account", "not found"),
        ("account", "not exist"),
        ("account", "n't exist"),
        ("mailbox", "not found"),
        ("mailbox", "not exist"),
        ("mailbox", "n't exist"),
    ],
    ..PhraseRule::new(Class::Auth, &[ReplyStage::Login])
};

/// "Authentication requires TLS" is not about the password, and no attempt will change it.
pub(super) const NOT_ALLOWED: PhraseRule = PhraseRule {
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
    ..PhraseRule::new(Class::Perm, &[ReplyStage::Login])
};

/// Gmail and free providers: POP3 is not for this account, or not before a visit to the web site.
pub(super) const WEB_ONLY: PhraseRule = PhraseRule {
    has: &["web login", "web browser", "webmail"],
    ..PhraseRule::new(Class::Perm, &[ReplyStage::Login])
};
