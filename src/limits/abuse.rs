//! Polls, wrong passwords and the block list.

use crate::time::Duration;

/// Two logins to one maildrop from one address, asked for within so long, are a mail program and
/// the scanner that logs in beside it: they count once.
pub const POLL_TWIN: Duration = Duration::from_secs(2);

/// How long a login that popgate refused for want of a turn gives the next one free: a mail
/// program that shows an error is asked to try again, and does so within a minute or two.
pub const POLL_AFTER_REFUSAL: Duration = Duration::from_secs(120);

/// How long a session that deleted something gives the next login free: fetchmail with `expunge`
/// logs in again at once, but may find its servers slow or have other maildrops in between.
pub const POLL_AFTER_DELETION: Duration = Duration::from_secs(60);

/// Clients of one maildrop whose logins are remembered one by one. A family has ten devices; a
/// phone that changes networks comes with some addresses a day.
pub const POLL_CLIENTS_MAX: usize = 64;

/// How long a wrong password counts after its last use. The rules for wrong passwords speak of ten
/// minutes: a person who mistypes has found the right one by then, a program has come again.
pub const FAILURE_WINDOW: Duration = Duration::from_secs(10 * 60);

/// Different wrong logins that are kept of one address. The delay doubles with each: from the
/// shortest delay worth the name, 1 ms, the 16th has half a minute.
pub const PENALTY_LOGINS_MAX: usize = 16;

/// Addresses whose wrong logins are remembered. One with a few of them takes 310 octets, one with
/// all of them 890: 20 MiB, and 56 MiB if somebody spends a million logins on it.
pub const PENALTY_ADDRESSES_MAX: usize = 65_536;

/// Refused passwords that are remembered, at 290 octets: 18 MiB, and 30 MiB if each was refused ten
/// times. A mail client with a stale password is one of them, and stays while it comes back before
/// that many others were refused.
pub const NEGATIVE_AUTH_CACHE_MAX: usize = 65_536;

/// Times that a backend took to refuse a password, of which one is drawn: enough to show the
/// spread, few enough to follow a backend that has become slow.
pub const TEMPLATE_TIMES_MAX: usize = 32;

/// Entries of the block list, some 400 octets each. Beyond that the released ones go first, then
/// those whose last fault is the oldest: a botnet of more addresses is slowed down, not listed.
pub const BLOCKS_MAX: usize = 50_000;

/// Entries of the block list that an operator changes before a login may look at it again: some
/// hundred microseconds.
pub const BLOCKS_CHANGED_AT_ONCE: usize = 128;

/// Offences that are counted, but not yet enough for a block: so many counters for addresses, and
/// as many for addresses with a maildrop. Some 400 octets each, and
/// [`KEPT_NAME_MAX`](super::KEPT_NAME_MAX) of the maildrop's name at most; the counter that was
/// quiet longest is evicted.
pub const OFFENDERS_MAX: usize = 50_000;

/// Guesses or abuses that one counter remembers, whatever higher threshold is set.
pub const OFFENCES_EACH_MAX: usize = 1_000;

/// Addresses from which a login was accepted lately. 140 octets each and 16 for each of its
/// maildrops, up to [`SHARED_ADDRESS_MAILDROPS`]: 65 MB if all of them are shared by that many.
pub const ACCEPTED_ADDRESSES_MAX: usize = 100_000;

/// How long an accepted login speaks for its address, and how long a right password keeps its
/// maildrop out of the blocks of its address: most people's programs poll every day.
pub const ACCEPTED_ADDRESS_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Maildrops that were accepted from an address within [`ACCEPTED_ADDRESS_AGE`] for it to be one
/// that many share, as an office or a carrier's NAT: no household has so many, and a block of all
/// of them would be worse than what one of them does.
pub const SHARED_ADDRESS_MAILDROPS: usize = 32;

/// The longest block that protects no password. What it keeps out costs a connection each time, and
/// a program that was mended must not be kept out for long: minutes.
pub const MINOR_BLOCK_MAX: Duration = Duration::from_secs(10 * 60);

/// The time from one trial login under a block to the next: a right password can lift the block. A
/// guesser gets 1,440 of them a day; a server without any block gives as many in minutes.
pub const TRIAL_INTERVAL: Duration = Duration::from_secs(60);

/// A password that the backend refused within this time is no trial login under a block: a phone
/// with a stale one polls each minute, and would leave none to the others behind its address.
pub const REFUSED_LATELY: Duration = Duration::from_secs(60 * 60);

/// Maildrops, each from one address, that a right password keeps out of that address's blocks. Some
/// 200 octets each and the maildrop's name; the one that was lifted longest ago is evicted first.
pub const LIFTED_MAILDROPS_MAX: usize = 10_000;

/// Between two rounds of forgetting what does not matter any more. The shortest memory is that of
/// minutes.
pub const UPKEEP: Duration = Duration::from_secs(60);

/// How long an entry of the block list that has no effect any more is shown, where no `[journal]`
/// says it: as long as that keeps it by default.
pub const BLOCKS_KEPT: Duration = Duration::from_secs(14 * 24 * 60 * 60);
