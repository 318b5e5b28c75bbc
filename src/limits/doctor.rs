//! The bounds of the doctor, each with its reason.

use crate::limits::LOGIN_LENGTH_MAX;
use crate::time::Duration;

/// Logins by which the doctor tries the forms of a name. fail2ban blocks after five wrong passwords
/// within ten minutes where nothing else is set, so it is only done where somebody asks for it.
pub const DOCTOR_FORMS_MAX: usize = 9;

/// Between two of them: servers that count wrong passwords count slower ones less.
pub const DOCTOR_FORM_PAUSE: Duration = Duration::from_secs(3);

/// Below so many days a certificate's end is told as a warning: authorities that renew every
/// three months do so a month ahead, and who renews by hand needs a week.
pub const CERTIFICATE_DAYS: i64 = 14;

/// How long the doctor waits for the answer to any command but PASS. UIDL may read a whole mbox.
pub const DOCTOR_REPLY: Duration = Duration::from_secs(30);

/// How long the doctor waits for the answer to the PASS of a second session: Dovecot refuses
/// after 10 s, and who waits longer than that makes it wait for the first one's end.
pub const DOCTOR_SECOND: Duration = Duration::from_secs(25);

/// How long the doctor looks whether a lock goes that has outlived its connection. Nobody waits
/// longer than [`WAIT_MAX`](crate::limits::WAIT_MAX) for it.
pub const DOCTOR_LINGER: Duration = Duration::from_secs(60);

/// The doctor's pause between two looks whether a lock has gone, for as long as a look decides
/// whether it goes in time for sessions to be shared
/// ([`SHAREABLE_RELEASE`](crate::limits::SHAREABLE_RELEASE)): of five looks the last is shortly
/// before that, where a login takes no time. Later it doubles up to
/// [`RETRY_PAUSE_MAX`](crate::limits::RETRY_PAUSE_MAX). A look is a login, so that finer ones would
/// count against the address.
pub const RELEASE_PAUSE_MIN: Duration = Duration::from_millis(220);

/// Between two logins of the doctor that need not follow at once: servers count the quick ones.
pub const DOCTOR_PAUSE: Duration = Duration::from_secs(1);

/// The doctor's whole look at one backend: a person is watching it.
pub const DOCTOR_BACKEND: Duration = Duration::from_secs(5 * 60);

/// The first login of the doctor is tried again so often where that may help, so that somebody
/// who is in the maildrop for a moment spoils nothing.
pub const DOCTOR_RETRIES_MAX: u32 = 4;

/// The pause before the second of them; it doubles. All in all half a minute.
pub const DOCTOR_FIRST_PAUSE: Duration = Duration::from_secs(2);

/// Connections that the doctor opens at a time, to see whether they are taken: Courier takes 4
/// from one address as it comes, solid-pop3d 5, and who takes 12 counts otherwise.
pub const DOCTOR_CONNECTIONS: usize = 12;

/// Octets of one listing that the doctor keeps: UIDL of 200,000 messages.
pub const DOCTOR_LISTING_MAX: usize = 16 * 1024 * 1024;

/// Octets of a password file that are read: its first line, a password of [`LOGIN_LENGTH_MAX`], and
/// a line end.
pub const PASSWORD_FILE_MAX: u64 = LOGIN_LENGTH_MAX as u64 + 2;

/// A greeting that takes longer is told as a warning: every hand-over without a connection made
/// in advance takes as long.
pub const DOCTOR_GREETING: Duration = Duration::from_secs(2);

/// A lock that outlives its session by less is found free by the second retry.
pub const RELEASE_SOON: Duration = Duration::from_secs(2);
