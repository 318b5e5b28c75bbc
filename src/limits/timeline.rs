//! What a timeline shows of one maildrop.

use crate::time::Duration;

/// Rows of a timeline: a household has five, an office mailbox twenty. All others are of strangers
/// who try a name from everywhere.
pub const TIMELINE_ROWS_MAX: usize = 30;

/// Logins in the picture of a timeline: two programs that check each minute for a week. They are
/// drawn within 100 ms.
pub const TIMELINE_DRAWN_MAX: usize = 20_000;

/// Logins in a timeline as JSON, at some 500 octets each: what happens in a busy maildrop within a
/// day.
pub const TIMELINE_LISTED_MAX: usize = 2_000;

/// The shortest wait and delay that a timeline shows: a lock that is free takes some microseconds,
/// and a wait for another session takes an answer of the backend.
pub const SHOWN_WAIT_MIN: Duration = Duration::from_millis(1);

/// Lines in a timeline's picture that join a wait to the hold that it waited for. Two programs that
/// wait for each other all week have two hundred.
pub const TIMELINE_LINKS_MAX: usize = 1_000;
