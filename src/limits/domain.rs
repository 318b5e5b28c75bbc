//! The look at a user's domain and its mail servers, for a report.

use crate::time::Duration;

/// A whole look at a domain. A person waits for the report, and it must fit into
/// [`ADMIN_REQUEST`](super::ADMIN_REQUEST).
pub const DOMAIN_CHECK: Duration = Duration::from_secs(8);

/// One question to a DNS server, which is asked twice: a busy one answers within a second, and the
/// rest of [`DOMAIN_CHECK`] is the mail server's.
pub const DOMAIN_LOOKUP: Duration = Duration::from_millis(1_500);

/// Connecting to a mail server and its greeting. Some keep senders waiting for longer; to be
/// connected to is most of what is asked.
pub const DOMAIN_GREETING: Duration = Duration::from_secs(4);

/// Domains that are looked at at a time: a helpdesk makes one report after the other, and a script
/// must not make popgate a scanner.
pub const DOMAIN_CHECKS_MAX: usize = 4;

/// Mail servers of a domain that are asked, until one greets: more do not fit into
/// [`DOMAIN_CHECK`] where none does.
pub const MX_HOSTS_ASKED_MAX: usize = 3;

/// Mail servers of a domain that are named: large providers have five.
pub const MX_HOSTS_NAMED_MAX: usize = 10;

/// Addresses of one mail server that are asked.
pub const MX_ADDRESSES_ASKED_MAX: usize = 2;

/// Octets of a line of a mail server that are read: more are no SMTP (RFC 5321 section 4.5.3.1.5).
pub const SMTP_LINE_MAX: usize = 512;

/// Octets of a whole greeting that are read: a notice of some thirty lines.
pub const SMTP_GREETING_MAX: u64 = 4_096;
