//! From a connection to its login: attempts, waiting, the lock, tries at the backend.

use crate::time::Duration;

/// From the connection's start to a complete login command, waiting not counted. RFC 1939
/// section 3 speaks of sessions; Dovecot gives a login 180 s, Courier 60 s.
pub const BEFORE_LOGIN: Duration = Duration::from_secs(60);

/// Failed logins on one connection. Thunderbird tries three mechanisms for one failure, alpine
/// three times each of two: six keeps both on their connection.
pub const LOGIN_ATTEMPTS_MAX: u32 = 6;

/// Commands before login that are unknown, malformed or out of place; those behind a login that
/// was refused were sent ahead of its answer, and are not counted. mutt and alpine probe a handful
/// of mechanisms; who sends garbage sends dozens of lines.
pub const BAD_COMMANDS_MAX: u32 = 10;

/// Bytes of a client kept while it waits for its login: mpop sends a hundred commands at once. The
/// login itself has been taken out by then.
pub const PIPELINED_BYTES_MAX: usize = 16 * 1024;

/// How long every mail program waits for the answer to PASS (all 27 families
/// still listen after 29 s). Who leaves later has not given up early.
pub const PATIENCE_MIN: Duration = Duration::from_secs(29);

/// Turns of the main lane between two of the unproven one while both have waiters: at most one
/// turn in four goes to a password that nobody has tested.
pub const MAIN_TURNS_BETWEEN: u8 = 3;

/// Logins tried again after `locked`: at first in [`QUICK_RETRIES`] where a
/// session has just ended, then in growing pauses as long as the longest `wait`.
pub const LOCKED_RETRIES_MAX: u32 = 12;

/// When a login that is `locked` is tried again right after a session of ours in that maildrop,
/// from the first such answer on. Many servers unlock a moment after they close: Dovecot and
/// qpopper when their process has ended, milliseconds later.
pub const QUICK_RETRIES: [Duration; 4] = [
    Duration::from_millis(20),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
];

/// A session of ours that ended longer ago than this is not why a maildrop is `locked` now.
pub const UNLOCKS_WITHIN: Duration = Duration::from_secs(2);

/// Ends of sessions that are remembered for [`UNLOCKS_WITHIN`]: of 8,000 sessions a second, with
/// some 200 octets each.
pub const RECENT_ENDS_MAX: usize = 16_000;

/// Logins tried again after `temp` or `too_many`.
pub const TEMP_RETRIES_MAX: u32 = 2;

/// How often a login that has no place under a backend's `connections` takes one that was opened
/// in advance for another: not at once, since each costs that other its head start.
pub const MAKE_ROOM: Duration = Duration::from_millis(250);

/// The first pause before a login is tried again; it doubles up to [`RETRY_PAUSE_MAX`].
pub const RETRY_PAUSE_MIN: Duration = Duration::from_millis(500);

/// The longest pause before a login is tried again.
pub const RETRY_PAUSE_MAX: Duration = Duration::from_secs(5);

/// How long a proven password stays proven.
pub const AUTH_CACHE_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Accepted passwords that are remembered, by tags of 32 octets. 200 octets each with the index:
/// 20 MB in all.
pub const AUTH_CACHE_MAX: usize = 100_000;
