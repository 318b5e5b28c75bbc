//! Bounds of the configuration that more than its declarations need, each with its reason. The
//! other ranges stand where the key is declared: `config/schema`.

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

/// Octets in the name of a listener, backend or tenant: it is a metric label and stands in every
/// log line.
pub const NAME_LENGTH_MAX: usize = 64;

/// Octets in a line of `capabilities`. RFC 2449 section 3 allows 512 with CRLF.
pub const CAPABILITY_LENGTH_MAX: usize = 510;

/// Refusals that are kept of one password, and so the most that `same_password` can ask for. Who
/// wants more than ten has no use for the rule.
pub const SAME_PASSWORD_MAX: u32 = 10;

/// `retry` of the rules for wrong passwords at its longest: a trial login less than once a day
/// would leave a mended password out for longer than anybody waits.
pub const RETRY_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Mistakes of a configuration that are shown: more than one mends before looking again.
pub const MISTAKES_SHOWN: usize = 20;
