//! After login: the relay, pre-emption and the end of a session.

use crate::time::Duration;

/// One read of the relay. 16 KiB is also a TLS record.
pub const RELAY_CHUNK: usize = 16 * 1024;

/// One read of a backend that owes a body, for a client that has taken all so far: most mails in
/// one read and one write, and fewer system calls for larger ones.
pub const RELAY_BULK_CHUNK: usize = 4 * RELAY_CHUNK;

/// Bytes that wait for a client before no more is read of it: one read of the backend, and the
/// client can still be seen to leave while it takes its time over that.
pub const RELAY_BACKLOG_MAX: usize = RELAY_BULK_CHUNK + RELAY_CHUNK;

/// Reads of [`RELAY_CHUNK`] that a relay makes each way before it looks at the time, at who waits
/// and at a stop: while both peers are quicker than popgate there is always another. A larger read
/// counts for as many as it holds.
pub const RELAY_ROUNDS: usize = 8;

/// How soon after the last byte a relay looks whether the client's kernel has acknowledged all,
/// and how often while somebody waits: pre-emption counts in seconds.
pub const RELAY_TICK: Duration = Duration::from_secs(1);

/// Commands that await their replies at a time; more are left in the client's socket.
/// mpop pipelines a hundred.
pub const AWAITED_REPLIES_MAX: usize = 256;

/// Whole listings that a client may ask popgate for in one read, or have waiting for their turn:
/// each has up to 780 KB, and programs ask for two of them ahead.
pub const WHOLE_LISTINGS_DUE_MAX: usize = 4;

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

/// A session with a DELE that was not committed, or one that is opaque, is pre-empted after so
/// long at the earliest: fetchmail delivers between commands.
pub const PREEMPT_IDLE_LONG: Duration = Duration::from_secs(300);

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

/// How long a client's last bytes are read and thrown away after popgate has closed its side, so
/// that the last reply is not lost to a reset.
pub const FAREWELL: Duration = Duration::from_secs(2);
