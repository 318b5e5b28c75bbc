//! What the settings of the configuration can be, each bound with its reason.

use crate::time::Duration;
use std::ops::RangeInclusive;

/// Lines of `capabilities`. The longest CAPA reply known has 20.
pub const CAPABILITY_LINES_MAX: usize = 100;

/// Entries of a tenant's `aliases`: a site has a handful of forms, and each login goes through all.
pub const ALIASES_MAX: usize = 32;

/// A pattern of `aliases`, compiled, and the room to run it: those of the presets fit,
/// and a login that matches against a huge one holds a thread for milliseconds.
pub const ALIAS_COMPILED_MAX: usize = 64 * 1024;

/// The name of a maildrop that `aliases` make of a login: twice the longest login, so that a rule
/// that doubles each name does not fill the memory.
pub const MAILDROP_NAME_MAX: usize = 8 * 1024;

/// A tenant's `wait`. Of 27 families of mail programs, 13 still listen 60 s after PASS and all
/// 29 s; the least is what the `login_reserve` of its backends leaves.
pub const WAIT_MAX: Duration = Duration::from_secs(55);

/// A tenant's `queue`. With none, every second program would be refused, which is what popgate is
/// there to prevent; a thousand waiters of one maildrop are no household any more.
pub const QUEUE: RangeInclusive<usize> = 1..=1024;

/// A tenant's `preempt_idle`. Below a second a mail program that thinks between two commands
/// would lose its session; past an hour "off" says it better.
pub const PREEMPT_IDLE: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(60 * 60);

/// A tenant's `idle_timeout`. Phones on slow lines pause for seconds; a session that is idle for
/// a day holds a lock that nobody uses.
pub const IDLE_TIMEOUT: RangeInclusive<Duration> =
    Duration::from_secs(10)..=Duration::from_secs(24 * 60 * 60);

/// What RFC 1939 section 3 asks of an autologout timer; `check` warns below it.
pub const IDLE_TIMEOUT_ADVISED: Duration = Duration::from_secs(10 * 60);

/// `[server] grace`. Longer than a day is no end any more.
pub const GRACE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);

/// A backend's `connect_timeout`. inetd-run servers greet at once; reverse DNS look-ups of old ones
/// take up to 10 s, and some make strangers wait for half a minute. No login has longer than
/// [`WAIT_MAX`] for it.
pub const CONNECT_TIMEOUT: RangeInclusive<Duration> = Duration::from_secs(1)..=WAIT_MAX;

/// A backend's `login_timeout`. A PASS takes 10 to 15 s on some servers, so
/// operators may want minutes; nobody waits for more than ten.
pub const LOGIN_TIMEOUT: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(10 * 60);

/// A backend's `connections`. One address of ours has no more ports to one of its.
pub const BACKEND_CONNECTIONS_MAX: usize = 65_535;

/// `every` of a poll limit. Below a second it limits nothing; past a day it is a ban.
pub const POLL_EVERY: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(24 * 60 * 60);

/// `burst` of a poll limit. None would let nobody in; a thousand logins at once are no limit.
pub const POLL_BURST: RangeInclusive<u32> = 1..=1000;

/// `[journal] keep`. A helpdesk needs yesterday's; ten years are past every retention rule.
pub const JOURNAL_KEEP: RangeInclusive<Duration> =
    Duration::from_secs(60 * 60)..=Duration::from_secs(3_653 * 24 * 60 * 60);

/// Octets in the name of a listener, backend or tenant: it is a metric label and stands in every
/// log line.
pub const NAME_LENGTH_MAX: usize = 64;

/// Octets in a line of `capabilities`. RFC 2449 section 3 allows 512 with CRLF.
pub const CAPABILITY_LENGTH_MAX: usize = 510;

/// Refusals that are kept of one password, and so the most that `same_password` can ask for. Who
/// wants more than ten has no use for the rule.
pub const SAME_PASSWORD_MAX: u32 = 10;

/// `retry` of the rules for wrong passwords at its longest: a real try less than once a day would
/// leave a mended password out for longer than anybody waits.
pub const RETRY_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Any of the `connections` that count clients. Linux gives a process no more descriptors
/// (`fs.nr_open`).
pub const CONNECTIONS: RangeInclusive<usize> = 0..=1_048_576;

/// `failures.delay` and `failures.max_delay`. After 29 s some mail programs have given up, and
/// would ask for the password as if no answer had come.
pub const FAILURE_DELAY: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(29);

/// `failures.same_password`. Servers that lock an account do so after three to ten.
pub const SAME_PASSWORD: RangeInclusive<u32> = 0..=SAME_PASSWORD_MAX;

/// `failures.retry`. More often than mail programs come it would spare the backend nothing.
pub const FAILURE_RETRY: RangeInclusive<Duration> = Duration::from_secs(10)..=RETRY_MAX;

/// How many faults of a kind `blocks` lets pass:
/// [`OFFENCES_EACH_MAX`](crate::limits::OFFENCES_EACH_MAX) are remembered, and who did
/// a thousand will do more.
pub const BLOCK_FAULTS: RangeInclusive<u32> = 0..=1000;

/// `blocks.window`. Below a minute only machines are quick enough to be caught, and those wait
/// it out; past a day the mistakes of honest people add up.
pub const BLOCK_WINDOW: RangeInclusive<Duration> =
    Duration::from_secs(60)..=Duration::from_secs(24 * 60 * 60);

/// `blocks.duration` and `blocks.max_duration`. Below a second it is no block; after a month the
/// address may be somebody else's.
pub const BLOCK_DURATION: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(30 * 24 * 60 * 60);

/// Mistakes of a configuration that are shown: more than one mends before looking again.
pub const MISTAKES_SHOWN: usize = 20;
