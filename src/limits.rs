//! Every bound of the program that no setting changes, each with its reason. Those of the settings
//! themselves, and those of the doctor, are in rooms of their own.

mod doctor;
mod settings;

pub use doctor::*;
pub use settings::*;

use crate::time::Duration;

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
/// read ([`RELAY_CHUNK`]) for it, some 32 KiB.
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

/// Octets that a backend sends after login and nobody asked for: second thoughts on an error, a
/// farewell, a few lines in all. One that goes on keeps its session looking busy for ever.
pub const UNASKED_MAX: usize = 64 * 1024;

/// How long a backend is silent, in the middle of a body and after its client has sent the next
/// command, until the body counts as whole. Disks that spin up and virus scanners take seconds.
pub const REPLY_PRESUMED_WHOLE: Duration = Duration::from_secs(10);

/// The same where nothing at all has come of the body: some servers leave it out where a maildrop
/// is empty.
pub const REPLY_PRESUMED_EMPTY: Duration = Duration::from_secs(2);

/// How long octets that may be the beginning of a body's end wait for the rest, at least, and
/// [`RELAY_TICK`] longer at most: a server writes both at once, or nearly so.
pub const TORN_END: Duration = Duration::from_millis(200);

/// How long a client that has shut its sending side keeps a maildrop from those who wait for it,
/// where a reply to it is still due.
pub const HALF_CLOSED: Duration = Duration::from_secs(5);

/// How long a client that has shut its sending side waits for a backend that says nothing, though
/// nobody else wants the maildrop. Most such clients are gone.
pub const HALF_CLOSED_SILENCE: Duration = Duration::from_secs(60);

/// How much longer than its due time a holder that only asks again is left alone, so that it is
/// cut between two replies and not in the middle of one.
pub const PREEMPT_BETWEEN: Duration = Duration::from_secs(5);

/// How often it is looked meanwhile whether it is between two replies.
pub const PREEMPT_AGAIN: Duration = Duration::from_millis(100);

/// Octets of a backend's CAPA reply. The longest known has 400; one that is longer than this has
/// no end.
pub const CAPABILITIES_MAX: usize = 64 * 1024;

/// Failed logins on one connection. Thunderbird tries three mechanisms for one failure, alpine
/// three times each of two: six keeps both on their connection.
pub const LOGIN_ATTEMPTS_MAX: u32 = 6;

/// Commands before login that are unknown, malformed or out of place; those behind a login that
/// was refused were sent ahead of its answer, and are not counted. mutt and alpine probe a handful
/// of mechanisms; who sends garbage sends dozens of lines.
pub const BAD_COMMANDS_MAX: u32 = 10;

/// From the connection's start to a complete login command, waiting not counted. RFC 1939
/// section 3 speaks of sessions; Dovecot gives a login 180 s, Courier 60 s.
pub const BEFORE_LOGIN: Duration = Duration::from_secs(60);

/// A TLS handshake. Slow mobile lines need five round trips at 2 s each at most.
pub const TLS_HANDSHAKE: Duration = Duration::from_secs(20);

/// Bytes of a client kept while it waits for its login: mpop sends a hundred commands at once. The
/// login itself has been taken out by then.
pub const PIPELINED_BYTES_MAX: usize = 16 * 1024;

/// Commands that await their replies at a time; more are left in the client's socket.
/// mpop pipelines a hundred.
pub const AWAITED_REPLIES_MAX: usize = 256;

/// One read of the relay. 16 KiB is also a TLS record.
pub const RELAY_CHUNK: usize = 16 * 1024;

/// Bytes that wait for a client before no more is read of it: one read of the backend, and the
/// client can still be seen to leave while it takes its time over that.
pub const RELAY_BACKLOG_MAX: usize = 2 * RELAY_CHUNK;

/// Reads that a relay makes each way before it looks at the time, at who waits and at a stop:
/// while both peers are quicker than popgate there is always another.
pub const RELAY_ROUNDS: u32 = 8;

/// A client that takes no byte for so long while a reply waits for it is cut: it holds a lock.
pub const CLIENT_WRITE_STALL: Duration = Duration::from_secs(120);

/// How long the lock stays after the backend answered QUIT, until its end is seen: Courier and
/// XMail unlock after the answer.
pub const EOF_AFTER_QUIT: Duration = Duration::from_secs(1);

/// How long a backend has to close by itself after it answered QUIT, before popgate's side is shut
/// as a mail program's would be: some wait for that. Who closes first keeps the address pair for a
/// minute (TIME_WAIT), and a gate has fewer of those than a server has clients.
pub const SHUT_AFTER_QUIT: Duration = Duration::from_millis(50);

/// How long the lock stays after popgate shut a backend connection without QUIT, until its end
/// is seen.
pub const EOF_AFTER_SHUTDOWN: Duration = Duration::from_secs(2);

/// How long a backend that sends something other than a reply to a password has to close the
/// connection as well: one whose process died does so at once.
pub const EOF_AFTER_NOISE: Duration = Duration::from_secs(1);

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

/// A session with a DELE that was not committed, or one that is opaque, is pre-empted after so
/// long at the earliest: fetchmail delivers between commands.
pub const PREEMPT_IDLE_LONG: Duration = Duration::from_secs(300);

/// How long a proven password stays proven.
pub const AUTH_CACHE_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Accepted passwords that are remembered, by tags of 32 octets. 200 octets each with the index:
/// 20 MB in all.
pub const AUTH_CACHE_MAX: usize = 100_000;

/// Between two looks at a backend that is up.
pub const PROBE_UP: Duration = Duration::from_secs(30);

/// Between two looks at a backend that is down.
pub const PROBE_DOWN: Duration = Duration::from_secs(2);

/// Turns of the main lane between two of the unproven one while both have waiters: at most one
/// turn in four goes to a password that nobody has tested.
pub const MAIN_TURNS_BETWEEN: u8 = 3;

/// Sessions and hand-overs that the demo's server remembers one by one; its counts go on.
pub const DEMO_LOG_MAX: usize = 10_000;

/// Maildrops that the demo's server makes for users that nobody named: a load of that many.
pub const DEMO_MAILDROPS_MAX: usize = 100_000;

/// How long a client of the demo's comparison waits for a reply: what Outlook, Thunderbird for
/// Android and the Mail programs of Apple and Windows wait.
pub const COMPARISON_TIMEOUT: Duration = Duration::from_secs(60);

/// Octets of one reply that a client of the comparison keeps: its messages have some 30 KB.
pub const COMPARISON_REPLY_MAX: usize = 16 * 1024 * 1024;

/// Tenants with metric series of their own; the others share `other`. A
/// tenant has some twenty series, and those with a session end more.
pub const TENANT_LABELS_MAX: usize = 200;

/// Messages of a UIDL listing that says whose it is: fewer are the same in two maildrops sooner, as
/// where each has the same welcome in it.
pub const UIDL_MESSAGES_MIN: u64 = 5;

/// Octets of one line of a listing that are looked at: RFC 1939 section 7 allows unique-ids of 70,
/// and the longest that any server is known to give has some 200.
pub const LISTING_LINE_MAX: usize = 512;

/// Digits of an id that may be a server's count of one maildrop's messages; ten are a time.
pub const UIDL_COUNTER_DIGITS: usize = 9;

/// Pairs of names that look like one maildrop and were logged: an operator who has not acted on a
/// thousand needs no more. Some 200 octets each.
pub const TWINS_TOLD_MAX: usize = 1_000;

/// Connections to the admin port at a time. Two scrapers, a probe and an operator use four;
/// more wait in the kernel.
pub const ADMIN_CONNECTIONS_MAX: usize = 32;

/// A request's head on the admin port: browsers send 2 KiB, tokens are short.
pub const ADMIN_HEAD_MAX: usize = 16 * 1024;

/// From a connection to the admin port to its request's complete head.
pub const ADMIN_HEAD: Duration = Duration::from_secs(5);

/// From a connection to the admin port to the end of its answer: Prometheus gives a scrape 10 s.
pub const ADMIN_REQUEST: Duration = Duration::from_secs(15);

/// Between a probe and the one that a failed login asks for: a failing backend is not hammered.
pub const PROBE_AGAIN: Duration = Duration::from_millis(250);

/// An answer that is no part of a login and is missed by nobody: to XCLIENT or XOIP on a connection
/// that is opened in advance, and to what the doctor sends at once.
pub const PROBE_REPLY: Duration = Duration::from_secs(10);

/// How long a backend that has greeted has for CAPA before it is used without: the answer needs no
/// look-up, and servers give it at once. It is also what a login waits for the list of after login.
pub const CAPA_PROMPT: Duration = Duration::from_secs(2);

/// How long a backend that nothing is known of may keep clients from their greeting: until its
/// first look is over. Mail programs wait 29 s and more for any line; beyond this bound clients are
/// greeted, and their login waits for the backend itself.
pub const FIRST_LOOK: Duration = Duration::from_secs(10);

/// One address of a backend's name; the next is tried while its `connect_timeout` lasts. Three
/// SYNs.
pub const CONNECT_ADDRESS: Duration = Duration::from_secs(5);

/// A PROXY protocol header. Its specification (section 2.2) asks receivers of version 2 to take
/// 536 octets, the smallest segment; version 1 has 107 at most.
pub const PROXY_HEADER_MAX: usize = 536;

/// From the connection's start to its whole PROXY protocol header: the sender is a machine next
/// door, and its specification forbids it to wait.
pub const PROXY_HEADER: Duration = Duration::from_secs(5);

/// Connections that the kernel completes ahead of popgate: a thousand phones that reconnect at
/// once fit, and the kernel caps it at `net.core.somaxconn`.
pub const LISTEN_BACKLOG: u32 = 4_096;

/// The first pause after accepting failed for want of descriptors or memory; it doubles up to
/// [`ACCEPT_PAUSE_MAX`].
pub const ACCEPT_PAUSE_MIN: Duration = Duration::from_millis(10);

/// The longest pause after accepting failed: sessions end meanwhile, and give descriptors back.
pub const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Descriptors of a session: its client and its backend, or the connection that waits for it.
pub const SESSION_DESCRIPTORS: usize = 2;

/// Descriptors that sessions leave to others: [`ADMIN_CONNECTIONS_MAX`], standard streams, polling
/// and signals (10), certificates and name look-ups (20), and a connection that is turned away.
pub const DESCRIPTORS_RESERVED: usize = 64;

/// Telling a client that there is no room for it. A new socket takes a line at once; whoever
/// comes behind waits for it.
pub const TURNED_AWAY: Duration = Duration::from_millis(100);

/// How long a TCP connection is silent before its peer is probed, and between probes, while
/// nobody waits for it. Middleboxes forget idle connections after some minutes.
pub const KEEPALIVE: KeepAlive = KeepAlive {
    idle: Duration::from_secs(60),
    interval: Duration::from_secs(15),
    retries: 4,
    user_timeout: Duration::from_secs(120),
};

/// The same while a waiter wants the holder's maildrop: a peer that is gone
/// is found in 15 s, a mobile one that lost its network for 10 s is kept.
pub const KEEPALIVE_HARD: KeepAlive = KeepAlive {
    idle: Duration::from_secs(5),
    interval: Duration::from_secs(5),
    retries: 2,
    user_timeout: Duration::from_secs(15),
};

/// How TCP looks after a peer that says nothing.
#[derive(Clone, Copy, Debug)]
pub struct KeepAlive {
    /// Silence before the first probe.
    pub idle: Duration,
    /// Between probes.
    pub interval: Duration,
    /// Probes without an answer before the connection counts as dead.
    pub retries: u32,
    /// How long sent bytes may stay unacknowledged (`TCP_USER_TIMEOUT`).
    pub user_timeout: Duration,
}

/// Plain text that a TLS connection takes ahead of its socket: one full record (RFC 8446
/// section 5.1). rustls has 64 KiB.
pub const TLS_UNSENT_MAX: usize = 16 * 1024;

/// Writing one short reply to a client before login: it fits into every socket buffer, so only a
/// client that takes nothing at all needs longer.
pub const REPLY_WRITE: Duration = Duration::from_secs(10);

/// How long a client's last bytes are read and thrown away after popgate has closed its side, so
/// that the last reply is not lost to a reset.
pub const FAREWELL: Duration = Duration::from_secs(2);

/// How soon after the last byte a relay looks whether the client's kernel has acknowledged all,
/// and how often while somebody waits: pre-emption counts in seconds.
pub const RELAY_TICK: Duration = Duration::from_secs(1);

/// How long a stop waits, at its very end, for tasks that have been told to end.
pub const LAST_WORDS: Duration = Duration::from_secs(5);

/// Sessions and maildrops that a stop names where they did not end in its time: enough to see what
/// they have in common, and few enough for a line of the log.
pub const LEFT_BEHIND_NAMED_MAX: usize = 10;

/// Two logins to one maildrop from one address, asked for within so long, are a mail program and
/// the scanner that logs in beside it: they count once.
pub const POLL_TWIN: Duration = Duration::from_secs(2);

/// How long a login that popgate refused for want of a turn gives the next one free: a mail
/// program that shows an error is asked to try again, and does so within a minute or two.
pub const POLL_AFTER_REFUSAL: Duration = Duration::from_secs(120);

/// How long a session that deleted something gives the next login free: fetchmail with `expunge`
/// logs in again at once, but may find its servers slow or have other maildrops in between.
pub const POLL_AFTER_DELETION: Duration = Duration::from_secs(60);

/// Clients of one maildrop whose logins are remembered one by one. A family has ten devices; a
/// phone that changes networks comes with some addresses a day.
pub const POLL_CLIENTS_MAX: usize = 64;

/// Entries of the block list, some 300 octets each. Beyond that the released ones go first, then
/// those whose last fault is the oldest: a botnet of more addresses is slowed down, not listed.
pub const BLOCKS_MAX: usize = 50_000;

/// Offences that are counted, but not yet enough for a block: so many counters for addresses, and
/// as many for addresses with a maildrop. Some 400 octets each, and [`KEPT_NAME_MAX`] of the
/// maildrop's name at most; the counter that was quiet longest is evicted.
pub const OFFENDERS_MAX: usize = 50_000;

/// Guesses or abuses that one counter remembers, whatever higher threshold is set.
pub const OFFENCES_EACH_MAX: usize = 1_000;

/// Addresses from which a login was accepted lately. 140 octets each and 16 for each of its
/// maildrops, up to [`SHARED_ADDRESS_MAILDROPS`]: 65 MB if all of them are shared by that many.
pub const ACCEPTED_ADDRESSES_MAX: usize = 100_000;

/// How long an accepted login speaks for its address, and how long a right password keeps its
/// maildrop out of the blocks of its address: most people's programs poll every day.
pub const ACCEPTED_ADDRESS_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Maildrops that were accepted from an address within [`ACCEPTED_ADDRESS_AGE`] for it to be one
/// that many share, as an office or a carrier's NAT: no household has so many, and a block of all
/// of them would be worse than what one of them does.
pub const SHARED_ADDRESS_MAILDROPS: usize = 32;

/// The longest block that protects no password. What it keeps out costs a connection each time, and
/// a program that was mended must not be kept out for long: minutes.
pub const MINOR_BLOCK_MAX: Duration = Duration::from_secs(10 * 60);

/// The time from one trial login under a block to the next: a right password can lift the block. A
/// guesser gets 1,440 of them a day; a server without any block gives as many in minutes.
pub const TRIAL_INTERVAL: Duration = Duration::from_secs(60);

/// A password that the backend refused within this time is no trial login under a block: a phone
/// with a stale one polls each minute, and would leave none to the others behind its address.
pub const REFUSED_LATELY: Duration = Duration::from_secs(60 * 60);

/// Maildrops, each from one address, that a right password keeps out of that address's blocks. Some
/// 200 octets each and the maildrop's name; the one that was lifted longest ago is evicted first.
pub const LIFTED_MAILDROPS_MAX: usize = 10_000;

/// How long a wrong password counts after its last use. The rules for wrong passwords speak of ten
/// minutes: a person who mistypes has found the right one by then, a program has come again.
pub const FAILURE_WINDOW: Duration = Duration::from_secs(10 * 60);

/// Different wrong logins that are kept of one address. The delay doubles with each: from the
/// shortest delay worth the name, 1 ms, the 16th has half a minute.
pub const PENALTY_LOGINS_MAX: usize = 16;

/// Addresses whose wrong logins are remembered. One with a few of them takes 310 octets, one with
/// all of them 890: 20 MiB, and 56 MiB if somebody spends a million logins on it.
pub const PENALTY_ADDRESSES_MAX: usize = 65_536;

/// Refused passwords that are remembered, at 290 octets: 18 MiB, and 30 MiB if each was refused ten
/// times. A mail client with a stale password is one of them, and stays while it comes back before
/// that many others were refused.
pub const NEGATIVE_AUTH_CACHE_MAX: usize = 65_536;

/// Times that a backend took to refuse a password, of which one is drawn: enough to show the
/// spread, few enough to follow a backend that has become slow.
pub const TEMPLATE_TIMES_MAX: usize = 32;

/// Between two rounds of forgetting what does not matter any more. The shortest memory is that of
/// minutes.
pub const UPKEEP: Duration = Duration::from_secs(60);

/// How long an entry of the block list that has no effect any more is shown, where no `[journal]`
/// says it: as long as that keeps it by default.
pub const BLOCKS_KEPT: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// `blocks.passwords_per_address`; `check` warns below it. As many as one maildrop has by default:
/// with fewer one person who mistypes blocks the others, and a check with a stale password counts.
pub const PASSWORDS_PER_ADDRESS_ADVISED: u32 = 10;

/// `connections.per_address`; `check` warns below it. Mail programs of two people open four at
/// once, and a health check comes each few seconds.
pub const CHECK_CONNECTIONS_ADVISED: usize = 5;

/// What health checks wait for an answer: HAProxy 2 s by default, keepalived 5 s, Nagios 10 s.
pub const CHECK_PATIENCE: Duration = Duration::from_secs(10);

/// Random octets of a token that the gate makes: a 256-bit key is past all guessing.
pub const TOKEN_OCTETS: usize = 32;

/// Characters of a token that an operator wrote: 32 hexadecimal digits are 128 bits.
pub const TOKEN_LENGTH_MIN: usize = 32;

/// Octets of a token file that are read: a header line of the admin port has to carry it.
pub const TOKEN_FILE_MAX: u64 = 1_024;

/// A request's body on the admin port: a selection of some thousand numbers.
pub const ADMIN_BODY_MAX: usize = 64 * 1024;

/// Entries of the block list in one answer: more is no list that a person reads.
pub const BLOCKS_SHOWN_MAX: usize = 10_000;

/// An answer of the gate that a command reads: [`BLOCKS_SHOWN_MAX`] entries of 800 octets.
pub const COMMAND_ANSWER_MAX: usize = 8 * 1024 * 1024;

/// Mistakes in how a configuration is written that are looked for: each costs a reading of the
/// whole file, of which a large one takes a tenth of a second.
pub const MISTAKES_SOUGHT: usize = 100;

/// A command's whole talk with a gate: [`ADMIN_REQUEST`], and the way there.
pub const COMMAND_PATIENCE: Duration = Duration::from_secs(20);

/// How long a reload waits for what it finds at backends that are new. Who asked for it at the
/// admin port is answered within [`ADMIN_REQUEST`], or cut, and would take the gate for gone.
pub const LOOK_AROUND: Duration = Duration::from_secs(10);

/// Of what a reload changed in many tenants, users or domains, so many are named: an operator
/// reads them, and ten thousand would hide the rest.
pub const CHANGES_NAMED_MAX: usize = 5;

/// Entries of the block list whose change has not been written yet: all of them may be released, or
/// run out, at one moment. Some 300 octets each.
pub const JOURNAL_QUEUE_MAX: usize = BLOCKS_MAX;

/// Events kept for those who read along: as many as happen in some seconds of a busy morning, which
/// is longer than a reader that works rests. At most some 500 octets each, and none while nobody
/// reads. A power of two, as the ring is.
pub const EVENTS_KEPT: usize = 1024;

/// How long a stop waits for the journal: a disk that takes longer has a fault.
pub const JOURNAL_FLUSH: Duration = Duration::from_secs(5);

/// How long the journal waits for another process that writes to its file, as somebody with
/// `sqlite3` does. Less than [`JOURNAL_FLUSH`].
pub const JOURNAL_BUSY: Duration = Duration::from_secs(2);

/// How long every mail program waits for the answer to PASS (all 27 families
/// still listen after 29 s). Who leaves later has not given up early.
pub const PATIENCE_MIN: Duration = Duration::from_secs(29);
