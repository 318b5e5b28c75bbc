//! What a report looks at, and how much of it.

use crate::time::Duration;

/// How far before an incident a report looks for what led to it: whatever comes each day, came.
pub const REPORT_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How far back a report looks for an incident where nobody says when it was: somebody who is back
/// from a week's journey calls about the first day.
pub const REPORT_SPAN: Duration = Duration::from_secs(8 * 24 * 60 * 60);

/// How far behind the time that somebody says a report looks for an incident: people remember when
/// they noticed it, which is later. A day of a program that looks for mail each second would leave
/// no place among [`REPORT_ENTRIES_MAX`] for the time itself.
pub const REPORT_AFTER: Duration = Duration::from_secs(60 * 60);

/// How long before an incident other maildrops are looked at: an outage that hurts a user in one
/// login hurts others within minutes. Logins of the maildrop itself and notices so long after it
/// count too.
pub const REPORT_NEIGHBOURS_AROUND: Duration = Duration::from_secs(10 * 60);

/// Entries of a maildrop that a report reads: those of a phone that looks for mail each minute, for
/// a week. Some 100 ms to read them from the file.
pub const REPORT_ENTRIES_MAX: usize = 10_000;

/// Entries of a maildrop that are read to say why its last login went as it did: those of a day of
/// a program that looks for mail every two minutes. The page asks each five seconds.
pub const EXPLAIN_ENTRIES_MAX: usize = 1_000;

/// Entries of other maildrops that a report reads, the last ones before the incident: enough to
/// know whether others get in.
pub const REPORT_NEIGHBOURS_MAX: usize = 1_000;

/// Notices of the gate that a report reads, of the day before the incident: an operator's script
/// may end some hundred sessions.
pub const REPORT_NOTICES_MAX: usize = 1_000;

/// Sessions that a report lists one by one: those that a reader compares with the incident.
pub const REPORT_SESSIONS_LISTED: usize = 12;

/// Sessions in the way of a login that a report names.
pub const REPORT_OCCUPANTS_LISTED: usize = 5;

/// How long before and behind an incident the picture of a report shows: an hour in all, in which a
/// wait of some seconds can be seen.
pub const REPORT_PICTURE_AROUND: Duration = Duration::from_secs(30 * 60);

/// Notices of the gate that a report tells: an outage is two of them.
pub const REPORT_NOTICES_LISTED: usize = 6;

/// A client that has said nothing for so long has not broken off in the middle of something:
/// programs that work say something each second or two, and a line that breaks does so meanwhile.
pub const SILENT_AT_END: Duration = Duration::from_secs(10);

/// A client that is back so soon after it broke off has lost its line, and has not been closed by
/// its user: programs connect again at once, or after a few tries.
pub const BACK_AT_ONCE: Duration = Duration::from_secs(30);

/// How much farther from a time a login of a stranger counts as: a user who says when it was, says
/// it to some minutes, and strangers try passwords at any time.
pub const STRANGERS_DISTANCE: Duration = Duration::from_secs(10 * 60);

/// How long behind a session of this gate a backend may call its maildrop locked without anybody
/// else in it: some take a moment to free it (RFC 1939 section 4 asks for a lock, not for haste).
pub const BACKEND_FREES_WITHIN: Duration = Duration::from_secs(2);

/// A wait that a user notices.
pub const NOTICED_WAIT: Duration = Duration::from_secs(2);

/// Logins of one client within an hour that are many: one every five minutes, which is what mail
/// programs offer as their shortest interval.
pub const MANY_LOGINS_AN_HOUR: usize = 12;

/// Logins of one client within an hour that are too many by any provider's rules.
pub const TOO_MANY_LOGINS_AN_HOUR: usize = 30;
