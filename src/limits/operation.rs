//! The admin port, commands, metrics, reload, stop, and the demo.

use crate::time::Duration;

/// Sessions and hand-overs that the demo's server remembers one by one; its counts go on.
pub const DEMO_LOG_MAX: usize = 10_000;

/// Maildrops that the demo's server makes for users that nobody named: a load of that many.
pub const DEMO_MAILDROPS_MAX: usize = 100_000;

/// How long a mail client of the demo waits for a reply: what Outlook, Thunderbird for
/// Android and the Mail programs of Apple and Windows wait.
pub const DEMO_CLIENT_TIMEOUT: Duration = Duration::from_secs(60);

/// Octets of one reply that a mail client of the demo keeps: the largest message has a megabyte.
pub const DEMO_CLIENT_REPLY_MAX: usize = 16 * 1024 * 1024;

/// Octets that a mail client of the demo reads at once of a message that it does not keep: few
/// enough that a slow line shows as one.
pub const DEMO_CLIENT_READ: usize = 16 * 1024;

/// Tenants with metric series of their own; the others share `other`. A
/// tenant has some twenty series, and those with a session end more.
pub const TENANT_LABELS_MAX: usize = 200;

/// Connections to the admin port at a time. Two scrapers, a probe and an operator use four;
/// more wait in the kernel.
pub const ADMIN_CONNECTIONS_MAX: usize = 32;

/// Answers of the admin port that are made at a time, each on a thread of its own: popgate has
/// workers for two cores, and sessions need them more. What waits costs a task.
pub const ADMIN_READS_MAX: usize = 3;

/// Octets that the kernel keeps of an answer of the admin port: a second's worth of a slow line, so
/// that a reader that takes nothing is noticed soon.
pub const ADMIN_SEND_BUFFER: usize = 64 * 1024;

/// Keys in the query of a request: four times as many as any list has, with room for `id` lists.
pub const QUERY_PAIRS_MAX: usize = 64;

/// A request's head on the admin port: browsers send 2 KiB, tokens are short.
pub const ADMIN_HEAD_MAX: usize = 16 * 1024;

/// From a connection to the admin port to its request's complete head.
pub const ADMIN_HEAD: Duration = Duration::from_secs(5);

/// From a connection to the admin port to the end of its answer: Prometheus gives a scrape 10 s.
pub const ADMIN_REQUEST: Duration = Duration::from_secs(15);

/// How long a stop waits for an answer of the admin port that is under way: it may be the one to a
/// drain. Far below [`LAST_WORDS`].
pub const ADMIN_LAST_ANSWER: Duration = Duration::from_millis(500);

/// How long a client that is about to log in when a stop begins may still give its password. Mail
/// programs say `USER` and `PASS` within some round trips.
pub const LAST_LOGIN: Duration = Duration::from_secs(1);

/// How long a stop waits, at its very end, for tasks that have been told to end.
pub const LAST_WORDS: Duration = Duration::from_secs(5);

/// Sessions and maildrops that a stop names where they did not end in its time: enough to see what
/// they have in common, and few enough for a line of the log.
pub const LEFT_BEHIND_NAMED_MAX: usize = 10;

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

/// Items on one page of the API where the request does not say: more than a screen shows.
pub const PAGE_DEFAULT: usize = 100;

/// Items on one page of the API: more is no list that a person reads, and a program asks again.
pub const PAGE_MAX: usize = 1_000;

/// An answer of the gate that a command reads: [`PAGE_MAX`] locks with thirty waiters each.
pub const COMMAND_ANSWER_MAX: usize = 8 * 1024 * 1024;

/// Mistakes in how a configuration is written that are looked for: each costs a reading of the
/// whole file, of which a large one takes a tenth of a second.
pub const MISTAKES_SOUGHT: usize = 100;

/// From one look of a command that shows a running gate to the next: what a person can follow.
pub const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// Contended mailboxes that `popgate top` fetches: ten screens of a large terminal.
pub const TOP_LOCKS_MAX: usize = 200;

/// What the rates of `popgate top` are of: long enough for a steady figure, and short enough that
/// the end of a storm is seen.
pub const TOP_RATE_WINDOW: Duration = Duration::from_secs(10);

/// How long `popgate top` shows what came of a key, or that the gate was restarted.
pub const TOP_NOTICE: Duration = Duration::from_secs(15);

/// Without an answer for so long, `popgate top` says that what it shows is old.
pub const TOP_SILENCE: Duration = Duration::from_secs(3);

/// What `popgate top` has for its end when it is told to: then its process is ended all the same.
/// It needs a fifth of it, unless its terminal is gone.
pub const TOP_END: Duration = Duration::from_secs(1);

/// How often `popgate top` looks whether its terminal is there: seldom enough to cost nothing.
pub const TOP_LOOK: Duration = Duration::from_secs(1);

/// A command's whole talk with a gate: [`ADMIN_REQUEST`], and the way there.
pub const COMMAND_PATIENCE: Duration = Duration::from_secs(20);

/// How long a reload waits for what it finds at backends that are new. Who asked for it at the
/// admin port is answered within [`ADMIN_REQUEST`], or cut, and would take the gate for gone.
pub const LOOK_AROUND: Duration = Duration::from_secs(10);

/// Of what a reload changed in many tenants, users or domains, so many are named: an operator
/// reads them, and ten thousand would hide the rest.
pub const CHANGES_NAMED_MAX: usize = 5;

/// Events kept for those who read along: as many as happen in some seconds of a busy morning, which
/// is longer than a reader that works rests. At most some 500 octets each, and none while nobody
/// reads. A power of two, as the ring is.
pub const EVENTS_KEPT: usize = 1024;

/// Octets of a log filter that an operator sets: a dozen modules, each with a level.
pub const LOG_FILTER_MAX: usize = 400;

/// Characters of the reason that an operator gives: a sentence, which stands in lines of the log.
pub const OPERATOR_REASON_MAX: usize = 200;

/// The longest that a drain may let sessions go on: whoever wants more than a day forgot it.
pub const DRAIN_GRACE_MAX: Duration = Duration::from_secs(24 * 3600);
