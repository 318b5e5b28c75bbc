//! Lines, names and replies of POP3.

/// A command line of a client, its line end included, but for those that log in. RFC 2449 section
/// 4 allows 255 octets.
pub const COMMAND_LINE_MAX: usize = 512;

/// Octets in a login's name, by whatever command, in a password behind PASS, in a `[[tenant.user]]`
/// and in the doctor's password file. Access tokens that stand in for passwords have one to three
/// thousand octets.
pub const LOGIN_LENGTH_MAX: usize = 4_096;

/// A line of USER or PASS, its line end included: the longest name or password behind it.
pub const LOGIN_LINE_MAX: usize = LOGIN_LENGTH_MAX + 7;

/// A line of AUTH or of its exchange, its line end included: `AUTH PLAIN ` and two names and a
/// password of 4 KiB each, with a NUL between, in base64. RFC 4954 section 4.5 asks for 12288
/// octets at least. A client that has not logged in makes popgate hold no more than this and one
/// read ([`RELAY_CHUNK`](super::RELAY_CHUNK)) for it, some 32 KiB.
pub const SASL_LINE_MAX: usize = 11 + (3 * LOGIN_LENGTH_MAX + 2).div_ceil(3) * 4 + 2;

/// A line that a backend takes for sure, its line end included (RFC 2449 section 4). A longer
/// response of SASL waits until the backend asks for it (RFC 5034 section 4), and is no command.
pub const BACKEND_LINE_MAX: usize = 255;

/// A line that a backend takes in practice, its line end included: Dovecot closes the connection at
/// a line of USER or PASS that is longer.
pub const BACKEND_BUFFER_MAX: usize = 1_024;

/// Octets of a maildrop's name that locks, limits, the block list and the journal keep; of a longer
/// one they keep its beginning and a hash. Fifty thousand of 4 KiB would be 200 MiB.
pub const KEPT_NAME_MAX: usize = 505;

/// Octets of a login that are shown in a log line or a message.
pub const SHOWN_NAME_MAX: usize = 505;

/// A status line of a backend. RFC 2449 section 4 allows 512 octets; some servers put a session
/// name or a whole sentence behind it, and some repeat the login.
pub const REPLY_LINE_MAX: usize = LOGIN_LENGTH_MAX + 4_096;

/// Empty lines of a backend before a status line. One is all that has been seen; more than this is
/// a server that has no answer and does not say so.
pub const BLANK_LINES_MAX: usize = 16;

/// Octets of one line of a listing that are looked at: RFC 1939 section 7 allows unique-ids of 70,
/// and the longest that any server is known to give has some 200.
pub const LISTING_LINE_MAX: usize = 512;

/// Octets of a unique-id (RFC 1939 section 7).
pub const UNIQUE_ID_MAX: usize = 70;

/// Messages of a listing that is kept: some 400 KB, and 780 KB with the longest ids. Programs that
/// see more list them by minutes, and hold the maildrop meanwhile in any case.
pub const LISTED_MESSAGES_MAX: usize = 10_000;

/// Octets of a backend's CAPA reply. The longest known has 400; one that is longer than this has
/// no end.
pub const CAPABILITIES_MAX: usize = 64 * 1024;

/// Messages of a UIDL listing that says whose it is: fewer are the same in two maildrops sooner, as
/// where each has the same welcome in it.
pub const UIDL_MESSAGES_MIN: u64 = 5;

/// Digits of an id that may be a server's count of one maildrop's messages; ten are a time.
pub const UIDL_COUNTER_DIGITS: usize = 9;

/// Pairs of names that look like one maildrop and were logged: an operator who has not acted on a
/// thousand needs no more. Some 200 octets each.
pub const TWINS_TOLD_MAX: usize = 1_000;
