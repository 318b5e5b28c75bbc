//! The file of the history and of the block list.

use super::BLOCKS_MAX;
use crate::time::Duration;

/// Changes of the block list that have not been written yet: all entries may be released, or run
/// out, at one moment. Some 400 octets each.
pub const JOURNAL_CHANGES_MAX: usize = 2 * BLOCKS_MAX;

/// Entries of the history that have not been written yet: a minute of a disk that hangs, at two
/// hundred logins a second. Memory has most of them too; those that it has not are some 700 octets
/// each.
pub const JOURNAL_ENTRIES_MAX: usize = 16_384;

/// Notices that have not been written yet: backends go up and down a few times a minute.
pub const JOURNAL_NOTICES_MAX: usize = 1_024;

/// Facts about sharing that have not been written yet: after a start each mailbox of a server that
/// cannot be shared brings one.
pub const JOURNAL_FACTS_MAX: usize = 4_096;

/// Entries that are written in one transaction: some ten milliseconds, for which a change of the
/// block list may have to wait.
pub const JOURNAL_BATCH: usize = 2_000;

/// Entries that are written in the transaction of a change of the block list, which is not to wait
/// for more.
pub const JOURNAL_BATCH_WITH_CHANGES: usize = JOURNAL_BATCH / 10;

/// How long an entry waits for others, so that a transaction has more than one.
pub const JOURNAL_BATCH_AGE: Duration = Duration::from_secs(1);

/// The pause after a failed attempt to write; it doubles with each that follows.
pub const JOURNAL_RETRY: Duration = Duration::from_secs(1);

/// The longest pause between two attempts to write: a disk that has room again is noticed soon.
pub const JOURNAL_RETRY_MAX: Duration = Duration::from_secs(60);

/// How long a stop waits for the journal: a disk that takes longer has a fault.
pub const JOURNAL_FLUSH: Duration = Duration::from_secs(5);

/// How long the journal waits for another process that writes to its file, as somebody with
/// `sqlite3` does. Less than [`JOURNAL_FLUSH`].
pub const JOURNAL_BUSY: Duration = Duration::from_secs(2);

/// How many times popgate asks for a file that another popgate has, which may be at its end: for
/// two seconds.
pub const JOURNAL_LOCK_TRIES: u32 = 40;

/// The pause between two of these.
pub const JOURNAL_LOCK_PAUSE: Duration = Duration::from_millis(50);

/// Connections by which the file is read and that are kept open: as many as read at a time.
pub const JOURNAL_READERS_KEPT: usize = super::ADMIN_READS_MAX;

/// Rows of a segment of the history. The newest has no index and is read whole, which takes some
/// 20 ms; and ten million rows have two hundred segments, in each of which a query looks.
pub const HISTORY_SEGMENT_ROWS: u64 = 50_000;

/// Octets of a row with its indexes, about.
pub const HISTORY_ROW_OCTETS: u64 = 280;

/// Rows of a segment where few are kept: fewer are not worth a table and four indexes.
pub const HISTORY_SEGMENT_ROWS_MIN: u64 = 1_000;

/// Fewest rows that an operator may have kept: of each kind some segments, so that one that leaves
/// is no large part of them.
pub const HISTORY_ROWS_MIN: usize = 10_000;

/// Into how many segments what is kept is divided: a segment leaves when all of it is too old, so
/// that entries stay up to a fiftieth longer than they have to.
pub const HISTORY_SEGMENTS_EACH: u32 = 50;

/// Rows of which it is known between which times and sessions they lie: a query for a time reads as
/// many for nothing at its two ends.
pub const HISTORY_SPAN_ROWS: u64 = 1_000;

/// Notices, and changes of the block list, that the file keeps: some hundred megabytes of each at
/// most. Years of them, unless somebody has himself blocked from ever new addresses.
pub const HISTORY_REMARKS_MAX: u64 = 500_000;

/// Octets of a notice or of a change of the block list, with its indexes, about.
pub const HISTORY_REMARK_OCTETS: u64 = 400;

/// What of `size` notices may use, and as much again changes of the block list: a sixteenth.
/// Strangers who have themselves blocked push out no logins.
pub const HISTORY_REMARKS_SHARE: u64 = 16;

/// What of `size` the history may use; the rest is for indexes in the making and for the list of
/// blocks: a sixteenth.
pub const JOURNAL_SIZE_RESERVE: u64 = 16;

/// Words that the file has by number, with those that clients bring (their commands, the names that
/// they give in TLS); beyond that a row has such a text itself. Some 60 octets each, and a megabyte
/// for each that reads the file.
pub const JOURNAL_WORDS_MAX: usize = 16_384;

/// Octets of a hash that stands for a name: two names in ten million meet by chance with a
/// probability of 10^-25.
pub const NAME_HASH_OCTETS: usize = 16;

/// Octets of the key of those hashes: as many as SHA-256 gives.
pub const NAME_KEY_OCTETS: usize = 32;
