//! What is kept of the past in memory; the file has its own bounds.

use crate::time::Duration;

/// Logins of people with a right password that memory keeps: hours of some thousand maildrops. An
/// entry is some 700 octets, so that they take 46 MB.
pub const HISTORY_OWNERS_KEPT: usize = 65_536;

/// Other logins, and sessions without one, that memory keeps: 11 MB. A flood of them pushes out its
/// like alone.
pub const HISTORY_OTHERS_KEPT: usize = 16_384;

/// Entries that are pushed out of memory at once. A reader copies as many pointers while sessions
/// wait for it, which takes some microseconds.
pub const HISTORY_CHUNK: usize = 256;

/// How long memory keeps what happened: who calls in the evening speaks of the morning.
pub const HISTORY_MEMORY_AGE: Duration = Duration::from_secs(12 * 60 * 60);

/// Changes of the block list that memory keeps: a day of guessers, at some 400 octets each.
pub const HISTORY_CHANGES_KEPT: usize = 4_096;

/// Notices that memory keeps: backends that go up and down each minute, for as long as entries.
pub const HISTORY_NOTICES_KEPT: usize = 2_048;

/// How long the history waits for its file before it answers with what memory has: a query takes
/// 50 ms, and three readers have the whole admin port.
pub const HISTORY_FILE_PATIENCE: Duration = Duration::from_secs(2);
