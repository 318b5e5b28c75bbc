//! The rules in their order: the first row that matches decides.
//!
//! A phrase stands here because a server says it, and is kept as short as it can be without
//! saying something else, so that it also fits servers that nobody has looked at. Where a line
//! cannot be decided, the class is the one whose treatment does the least harm
//! (`locked` is tried again a few times, `temp` and `too_many` twice, `auth`, `perm`
//! and `login_delay` never).

use super::Class;
use super::contention::{
    IDLE, IDLE_AFTER_LOGIN, LOCKED, LOGIN_DELAY, RATE_LIMIT, SYSTEM_LOCKED, TOO_MANY,
};
use super::credentials::{AUTH, LOCKED_OUT, NOT_ALLOWED, REFUSED, WEB_ONLY};
use super::faults::{
    AUTH_FAULT, BEHIND_THE_SERVER, DENIED_AFTER_LOGIN, FAULT, IN_USE_DENIED, IN_USE_FAULT, MISUSED,
    NO_SUCH_MESSAGE, TEMP, TEMP_MESSAGE,
};
use super::matching::{CodeRule, PhraseRule};

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

const SYSTEM: &[PhraseRule] = &[NO_SUCH_MESSAGE, IDLE, LOGIN_DELAY, TOO_MANY, SYSTEM_LOCKED];

/// What the text means where no known code and no phrase of the operator decided.
///
/// `REFUSED` comes first: who is told to check his password is not to be made to wait. Delays
/// and limits come before `LOCKED` and `TEMP` (`too many connections, try later`), `LOCKED`
/// before `TEMP` (`mailbox locked, try later`), both before `AUTH` (`temporary authentication
/// failure`).
pub(super) const BY_PHRASE: &[PhraseRule] = &[
    REFUSED,
    BEHIND_THE_SERVER,
    NO_SUCH_MESSAGE,
    IDLE,
    LOGIN_DELAY,
    TOO_MANY,
    RATE_LIMIT,
    LOCKED_OUT,
    LOCKED,
    IDLE_AFTER_LOGIN,
    MISUSED,
    DENIED_AFTER_LOGIN,
    TEMP,
    TEMP_MESSAGE,
    WEB_ONLY,
    NOT_ALLOWED,
    AUTH,
    FAULT,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn phrases(rule: &PhraseRule) -> Vec<&'static str> {
        let pairs = rule.both.iter().flat_map(|(one, other)| [*one, *other]);
        let lists = [rule.has, rule.words, rule.starts, rule.only].concat();
        lists.into_iter().chain(pairs).collect()
    }

    #[test]
    fn each_phrase_can_match_and_stands_once_in_its_row() {
        let exceptions = BY_CODE.iter().flat_map(|code| code.exceptions);
        for rule in BY_PHRASE.iter().chain(exceptions) {
            assert!(!phrases(rule).is_empty() && !rule.at.is_empty());
            for phrase in phrases(rule) {
                let plain = phrase.to_ascii_lowercase();
                assert!(phrase == plain && !phrase.contains("  "), "{phrase:?}");
            }
            for phrase in rule.has {
                let wider = |other: &&&str| *phrase != **other && phrase.contains(**other);
                assert_eq!(rule.has.iter().find(wider), None, "{phrase:?} is covered");
                assert_eq!(rule.has.iter().filter(|other| phrase == *other).count(), 1);
            }
        }
    }
}
