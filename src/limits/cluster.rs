//! Several gates and their engine.

use crate::time::Duration;
use std::ops::RangeInclusive;

/// Octets of a text that comes from the engine and is kept: what people read of a gate or a
/// maildrop, sealed, takes some hundred.
pub const CLUSTER_TEXT_MAX: usize = 4096;

/// Octets of a message from gate to gate: the locks of a gate are told in parts of some hundred
/// each.
pub const CLUSTER_MESSAGE_MAX: usize = 64 * 1024;

/// Octets of a reply of the engine: the longest is a beat's with [`CLUSTER_BLOCKS_EACH`] entries of
/// at most [`CLUSTER_TEXT_MAX`] each.
pub const CLUSTER_REPLY_MAX: usize = 4 * 1024 * 1024;

/// Items of a reply of the engine, those of lists in it included: the parser makes room for as many
/// as the engine says that there are. A beat's reply has some thousand.
pub const CLUSTER_REPLY_ITEMS_MAX: usize = 65_536;

/// Changes of the block list that one beat brings: after an hour away a gate has the whole list of
/// 50,000 entries in some minutes, and no beat is longer than a few milliseconds.
pub const CLUSTER_BLOCKS_EACH: usize = 500;

/// From one sign of life of a gate to the next: its lease is renewed, and what changed in the block
/// list comes.
pub const CLUSTER_BEAT: Duration = Duration::from_secs(1);

/// What a gate's lease loses at its end on the gate's own side: clocks of two machines go apart by
/// less in any lease.
pub const CLUSTER_LEASE_MARGIN: Duration = Duration::from_millis(500);

/// A new epoch gives no turn away for so long, so that gates can say what they hold. The script
/// knows the same figure.
pub const CLUSTER_GRACE: Duration = Duration::from_secs(2);

/// No answer for so long, and the engine counts as away. A failover takes longer in any case, and a
/// login must not wait for one.
pub const CLUSTER_AWAY: Duration = Duration::from_secs(1);

/// A gate that starts looks for the engine for so long before it serves without it: that takes some
/// seconds where names are resolved and networks come up, and others may be in a mailbox meanwhile.
/// Its clients wait, as they do for a lock.
pub const CLUSTER_JOIN: Duration = Duration::from_secs(10);

/// A gate that looks at its clock so much later than it wanted to stood still itself, as a frozen
/// process does: a busy one is late by some milliseconds.
pub const CLUSTER_LATE: Duration = Duration::from_millis(100);

/// Who waits for a turn asks again so often: pushes may be lost.
pub const CLUSTER_ASK_AGAIN: Duration = Duration::from_secs(1);

/// The most by which that varies, so that gates do not ask in step.
pub const CLUSTER_JITTER: Duration = Duration::from_millis(100);

/// A holder for whom somebody waits at another gate asks so often whether that is still so.
pub const CLUSTER_LOOK_AGAIN: Duration = Duration::from_secs(2);

/// That somebody waits elsewhere counts for so long without being told again.
pub const CLUSTER_ELSEWHERE: Duration = Duration::from_secs(6);

/// A holder for whom nobody waits says so often that it is there: the engine sweeps up what was not
/// mentioned for two hours.
pub const CLUSTER_REPEAT: Duration = Duration::from_secs(30 * 60);

/// A call that was not answered is made again after so long, and up to twice that.
pub const CLUSTER_RETRY: Duration = Duration::from_millis(100);

/// Calls about maildrops that a gate makes at a time. An engine with three gates that are back from
/// an outage answers the last of so many in a tenth of a second, and the next beat behind them in
/// time.
pub const CLUSTER_CALLS_MAX: usize = 256;

/// A gate that has taken part for so long has seen the others: one with another secret that was
/// first at an empty engine has to yield to it. As long as the longest lease.
pub const CLUSTER_ESTABLISHED: Duration = Duration::from_secs(60);

/// Pings that do not come back for so long: the connection for pushes is made anew.
pub const CLUSTER_UNHEARD: Duration = Duration::from_secs(3);

/// Octets of the secret that all gates share: as many as its longest use takes, AES-256.
pub const CLUSTER_SECRET_OCTETS: usize = 32;

/// Octets of a file with a secret or a password that are read: longer passwords are nobody's, and
/// such a file may be a device without an end.
pub const CLUSTER_SECRET_FILE_MAX: usize = 4096;

/// A lease shorter than this would run out with some beats that are late; a longer one keeps a dead
/// gate's mailboxes from everybody.
pub const CLUSTER_LEASE: RangeInclusive<Duration> =
    Duration::from_secs(6)..=Duration::from_secs(60);

/// Octets of the prefix of all names in the engine: it stands in each of them.
pub const CLUSTER_PREFIX_MAX: usize = 64;

/// A call of the engine has its answer by then, or none: on one host it takes a tenth of a
/// millisecond, and a fork of the engine some tens.
pub const CLUSTER_CALL: Duration = Duration::from_millis(250);

/// So often the engine's settings are looked at: its operator may change them while it runs.
pub const CLUSTER_DOUBT: Duration = Duration::from_secs(60);

/// A connection to the engine stands by then, TLS and the login included.
pub const CLUSTER_CONNECT: Duration = Duration::from_secs(1);

/// So often the engine's server is asked whether it is the primary, and the Sentinels who is.
pub const CLUSTER_CHECK: Duration = Duration::from_millis(500);

/// So many times in a row it may leave that unanswered, as one that is frozen for a moment does;
/// then a new connection is tried.
pub const CLUSTER_CHECKS_UNANSWERED: u32 = 4;

/// Between two attempts to connect, at first: a server that was restarted is there again soon.
pub const CLUSTER_RECONNECT_MIN: Duration = Duration::from_millis(50);

/// Between two attempts to connect, in the end.
pub const CLUSTER_RECONNECT_MAX: Duration = Duration::from_millis(500);

/// Things that the engine tells, and that are not looked at yet: a push for each maildrop of a busy
/// gate.
pub const CLUSTER_EVENTS_MAX: usize = 65_536;

/// Messages of other gates are taken in as long as fewer things than these wait before them, and as
/// many of them wait to be read: 16 MiB of the longest. An answer to an operator takes a few.
pub const CLUSTER_MESSAGES_MAX: usize = 256;

/// Orders to the task that speaks with the engine: a stop gives one.
pub const CLUSTER_COMMANDS_MAX: usize = 4;

/// A stop waits so long for the engine to hear that all is given back; else the lease runs out.
pub const CLUSTER_LEAVE: Duration = Duration::from_secs(2);

/// Logins that ask the engine at a time whether their password was accepted at another gate: a
/// busy gate has some tens, somebody who guesses has more.
pub const CLUSTER_LOOKUPS_MAX: usize = 256;

/// Passwords to which backends said something that the engine has not heard: some minutes of a busy
/// gate without an engine, at some 100 octets each. Beyond that the oldest is not told.
pub const CLUSTER_ACCEPTANCES_MAX: usize = 65_536;

/// A gate believes another one that a password was accepted for so long without asking again: a
/// refusal at a third gate is heard by then.
pub const CLUSTER_ACCEPTANCE_BELIEVED: Duration = Duration::from_secs(60);

/// A gate tells again after so long that a password was accepted: the engine forgets after a day.
pub const CLUSTER_ACCEPTANCE_AGAIN: Duration = Duration::from_secs(12 * 60 * 60);

/// Entries of the block list that the engine keeps, and each gate for it: twice as many as a gate's
/// list has, since one that a gate forgets stays for two weeks. Some 700 octets each: 70 MB where
/// somebody with many addresses fills it.
pub const CLUSTER_BLOCKS_MAX: usize = 100_000;

/// Answers with changes of the block list that are not looked at yet; one more is asked for again.
pub const CLUSTER_BLOCK_NEWS_MAX: usize = 8;

/// A stop waits so long until the engine has heard of the last changes of the block list, and of
/// the last passwords: part of [`CLUSTER_LEAVE`].
pub const CLUSTER_LAST_NEWS: Duration = Duration::from_secs(1);

/// A message of another gate is read for so long after it was sent: longer than it takes, and than
/// clocks that are kept differ.
pub const CLUSTER_MESSAGE_AGE: Duration = Duration::from_secs(10);

/// That the clocks of two gates are further apart is told so often at most: pages that are open ask
/// every few seconds.
pub const CLUSTER_CLOCKS_TOLD: Duration = Duration::from_secs(60);

/// Another gate has answered a question of an operator by then, or is named as one that did not.
pub const CLUSTER_ANSWER: Duration = Duration::from_secs(1);

/// Locks that a gate tells another one: more than anybody reads, and less than a second's work.
pub const CLUSTER_LOCKS_TOLD: usize = 2_000;

/// Parts of one answer: with [`CLUSTER_MESSAGE_MAX`] 4 MiB of each gate.
pub const CLUSTER_ANSWER_PARTS: usize = 64;

/// Questions of other gates that are answered at a time; one more has no answer.
pub const CLUSTER_ANSWERS_MAX: usize = 4;
