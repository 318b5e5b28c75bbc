//! Listings of maildrops that are kept for sharing.

use crate::time::Duration;

/// Listings of one maildrop, one for each login that was shown it: a household has two or three
/// programs.
pub const LISTINGS_PER_MAILDROP: usize = 4;

/// How long after a login was shown a listing the next one is compared with it: a program that
/// comes more seldom waits for new mail in any case.
pub const LISTING_SHOWN_FOR: Duration = Duration::from_secs(3600);

/// Octets of all listings that are kept, and of what is known besides of their maildrops: those of
/// 40,000 maildrops with 40 messages each, and no more than a small server can spare.
pub const SHARING_MEMORY: usize = 64 * 1024 * 1024;

/// Unique-ids of deleted messages that are remembered of a maildrop, to see whether one comes
/// again: a program that deletes what it has fetched does so by the hundred.
pub const DELETED_IDS_MAX: usize = 1_000;

/// How long they are remembered after the last deletion: a server that uses ids again does so for
/// the next mail, and most maildrops get some within a day.
pub const DELETED_IDS_KEPT_FOR: Duration = Duration::from_secs(24 * 3600);

/// How long after the last octet a session keeps the reply to LIST for the one to UIDL, or the
/// other way round, up to 780 KB: a program that asks for both does so one behind the other, and
/// one that asks for one of them may stay for hours.
pub const LISTING_PART_KEPT_FOR: Duration = Duration::from_secs(10);

/// The longest LOGIN-DELAY (RFC 2449 section 6.5) of a server whose listings can be shown again,
/// in seconds: who fetches from a listing of this age must be let in.
pub const SHAREABLE_LOGIN_DELAY: u64 = 60;

/// How long a session has been idle that is not taken for one about to delete messages: a program
/// that deletes sends its commands one behind the other.
pub const RESTS_AFTER: Duration = Duration::from_secs(2);

/// The same of one that has fetched messages: before a program deletes what it has fetched it
/// stores or filters that, which takes some seconds for each message.
pub const RESTS_AFTER_FETCHING: Duration = Duration::from_secs(8);

/// How soon after a close without QUIT the maildrop must be free, so that a holder can be closed
/// for who waits: the waiter must not lose more by it than it would by waiting.
pub const SHAREABLE_RELEASE: Duration = Duration::from_secs(1);

/// A listing that takes longer is not asked for by popgate itself: the server reads all messages
/// for it, and the client would wait.
pub const SLOW_LISTING: Duration = Duration::from_secs(3);

/// How often in a row all messages of a maildrop vanish after they were fetched, though no QUIT
/// deleted them, until the server is taken for one that deletes what it has sent: once, somebody
/// may have deleted them elsewhere.
pub const VANISHED_MAX: u8 = 2;

/// How long a maildrop that cannot be shared is not looked at again.
pub const NOT_SHAREABLE_FOR: Duration = Duration::from_secs(24 * 3600);

/// Maildrops that the journal remembers not to be shareable, a row for each reason: some megabytes.
/// Of those beyond, a gate finds it out again at their next login.
pub const UNSHAREABLE_KEPT_MAX: u32 = 20_000;

/// Of the room for listings one tenant has this part, or its even share where there are fewer
/// tenants: one whose users have large mailboxes must not take it all.
pub const SHARING_TENANTS: usize = 10;

/// Octets of a reply to LIST or UIDL that popgate asks for by itself:
/// [`LISTED_MESSAGES_MAX`](crate::limits::LISTED_MESSAGES_MAX) lines with the longest ids.
pub const LISTING_MAX: usize = 1024 * 1024;

/// Messages of a listing that popgate tells a client at a time, some 16 KB with the longest ids: a
/// whole one is 780 KB, and thousands of clients may ask for one and read nothing.
pub const LISTING_PIECE: usize = 200;
