//! What is remembered for operators, and the stream by which they watch locks.

use crate::time::Duration;

/// Between two samples of the charts: what a person sees as it happens, and a fifteenth of the
/// price of a scrape.
pub const SAMPLE_INTERVAL: Duration = Duration::from_secs(5);

/// Samples that are kept: 15 minutes of them, as long as an operator asks back who has just been
/// called. 56 octets each.
pub const SAMPLES_KEPT: usize = 180;

/// Maildrops whose last logins are remembered: all that poll within half an hour at most
/// providers that popgate is for. With [`RECENT_LOGINS_EACH`] logins of 200 octets each 40 MB, and
/// 64 MB if all of them end with a sentence of [`RECENT_SENTENCE_MAX`].
pub const RECENT_MAILDROPS_MAX: usize = 20_000;

/// Names that no backend has let in, and whose last logins are remembered: a guesser has any number
/// of them, people who mistype their name are few. 10 MB, and 16 MB at most.
pub const RECENT_STRANGERS_MAX: usize = 5_000;

/// Logins of one maildrop that are remembered: a phone and a PC that poll each few minutes, and
/// still the one that failed a quarter of an hour ago.
pub const RECENT_LOGINS_EACH: usize = 10;

/// How long the last logins of a maildrop are remembered after the last of them: who calls on
/// Monday speaks of Friday.
pub const RECENT_LOGINS_AGE: Duration = Duration::from_secs(4 * 24 * 60 * 60);

/// Octets of the sentence that says how a login ended: a backend's line may be of kilobytes, and
/// repeat the name that somebody typed.
pub const RECENT_SENTENCE_MAX: usize = 200;

/// Readers of the stream of lock changes at a time: each operator has a page open, some a terminal,
/// and each costs the making of all that it is sent.
pub const STREAM_READERS_MAX: usize = 32;

/// How long changes are gathered before they are sent: a person takes it for at once, and a lock
/// that goes round a household is sent ten times a second at most.
pub const STREAM_GATHER: Duration = Duration::from_millis(100);

/// Between two events that say how the gate is.
pub const STREAM_STATUS: Duration = Duration::from_secs(1);

/// Between two comments that keep a stream open: proxies close what is silent for 30 s or more.
pub const STREAM_COMMENT: Duration = Duration::from_secs(15);

/// A reader that takes nothing for so long is cut: it has two comments and thirty events to take.
pub const STREAM_STALL: Duration = Duration::from_secs(30);

/// How long changes are gathered after the last reader has gone: one that lost its line comes
/// again, and needs no snapshot.
pub const STREAM_LINGER: Duration = Duration::from_secs(60);

/// Octets of a stream that are written at once: small enough that a slow line takes one within
/// [`STREAM_STALL`].
pub const STREAM_CHUNK: usize = 16 * 1024;

/// Locks in a snapshot: more than anybody reads, at some 700 octets each.
pub const LOCKS_AT_ONCE_MAX: usize = 2_000;

/// Locks whose last change is known: what happens within [`STREAM_LINGER`] at 60 sessions a second.
/// A reader that comes from further back needs a snapshot.
pub const LOCK_CHANGES_KEPT: usize = 4_096;

/// Changes of locks that are kept within [`STREAM_GATHER`]: a hundred thousand sessions a second
/// would have so many. 32 octets each.
pub const CHANGED_LOCKS_MAX: usize = 65_536;

/// Commands of a session that tell which program it is: some ten before login and as many after it
/// show all that programs differ in. An octet each for every open session, and another one for
/// those in a maildrop, whose relay has a copy.
pub const TRACE_STEPS_MAX: usize = 30;

/// Octets of each text that the history keeps and that repeats others' words, as the sentence of an
/// end does: the longest lines of servers that are known have 150.
pub const HISTORY_TEXT_MAX: usize = 300;

/// Octets of an error line that the history keeps: a ticket wants it exact, and RFC 2449 section 4
/// allows 512 with its end.
pub const HISTORY_LINE_MAX: usize = 512;

/// Maildrops, each from one address, whose programs are remembered: as many as have their last
/// logins remembered ([`RECENT_MAILDROPS_MAX`]). With one program some 500 octets each, 10 MB.
pub const PROGRAM_CLIENTS_MAX: usize = 20_000;

/// Programs that are remembered of one maildrop and address: a phone, a PC, a scanner and a script,
/// at 80 octets each.
pub const PROGRAMS_EACH: usize = 4;

/// How long it is remembered what a program is: each polls once in a week, and one that was
/// replaced by another must not be named for ever.
pub const PROGRAM_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Sessions of one maildrop and address that a twin is looked for in: those of [`TWIN_WITHIN`], of
/// which a household has three or four.
pub const PROGRAM_VISITS_EACH: usize = 4;

/// A session is a twin if it comes so soon after another: a checker starts the mail program at its
/// own end, and a scanner logs in beside it; two programs that poll by a clock of their own meet
/// seldom.
pub const TWIN_WITHIN: Duration = Duration::from_secs(2);
