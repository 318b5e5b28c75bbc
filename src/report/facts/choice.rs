//! Which login of a maildrop a report is about.

use super::{Harm, Occupant, PastLogin};
use crate::history::{EntryId, StoredEntry};
use crate::ids::ClientPrefix;
use crate::limits::STRANGERS_DISTANCE;
use crate::program::Family;
use crate::time::Duration;
use jiff::Timestamp;
use std::cmp::Reverse;
use std::collections::HashSet;

/// Which login somebody means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhichLogin {
    /// The nearest to this time.
    NearestTo(Timestamp),
    /// That of this entry of the history.
    Entry(EntryId),
}

/// The login that a report is about. Where none is named, that is the last one that failed, else
/// the last one that was cut short, and where all is well the last.
#[must_use]
pub fn choose(entries: &[StoredEntry], which: Option<WhichLogin>) -> Option<PastLogin<'_>> {
    match which {
        Some(WhichLogin::Entry(id)) => with_id(entries, id),
        Some(WhichLogin::NearestTo(at)) => nearest(entries, at),
        None => last(entries),
    }
}

/// The last one that failed, else the last one that was cut short. Those of clients that have been
/// in the maildrop come before those of strangers, who try passwords on each maildrop of the
/// Internet.
fn last(entries: &[StoredEntry]) -> Option<PastLogin<'_>> {
    let known = KnownClients::of(entries);
    logins(entries).max_by_key(|it| (it.harm(), known.has(*it), it.entry.ended))
}

/// The one that covers a time or is nearest to it, among those that did not end well; where several
/// cover it, the one that ended next to it.
fn nearest(entries: &[StoredEntry], at: Timestamp) -> Option<PastLogin<'_>> {
    let known = KnownClients::of(entries);
    logins(entries).min_by_key(|it| {
        let harm = it.harm();
        let distance = it.distance(at) + known.more_distance(*it);
        let told = it.entry.ended.duration_since(at).unsigned_abs();
        (harm == Harm::None, distance, Reverse(harm), told)
    })
}

fn logins(entries: &[StoredEntry]) -> impl Iterator<Item = PastLogin<'_>> {
    entries
        .iter()
        .filter_map(PastLogin::of)
        .filter(|it| !it.is_repeat())
}

/// The login of this place; for one that only repeats the answer to another of its session, that
/// other.
fn with_id(entries: &[StoredEntry], id: EntryId) -> Option<PastLogin<'_>> {
    let named = entries.iter().find(|it| it.id == id)?;
    let login = PastLogin::of(named)?;
    let is_before = |it: &StoredEntry| {
        let is_same = it.entry.session == named.entry.session;
        is_same && it.gate_started == named.gate_started && it.id < id
    };
    entries
        .iter()
        .filter(|it| login.is_repeat() && is_before(it))
        .filter_map(PastLogin::of)
        .filter(|it| !it.is_repeat())
        .max_by_key(|it| it.login.asked)
        .or(Some(login))
}

/// Places from which somebody had a right password, or is in the maildrop.
pub(super) fn owners(entries: &[StoredEntry], open: &[Occupant]) -> HashSet<ClientPrefix> {
    let had = entries
        .iter()
        .filter_map(PastLogin::of)
        .filter(|it| it.entry.is_of_owner())
        .map(|it| it.client().prefix);
    had.chain(open.iter().map(|it| it.client_program().prefix))
        .collect()
}

/// The clients that have been in a maildrop. The programs count too: a phone has another address
/// each day.
pub(super) struct KnownClients {
    prefixes: HashSet<ClientPrefix>,
    families: HashSet<Family>,
}

impl KnownClients {
    pub(super) fn of(entries: &[StoredEntry]) -> Self {
        let mut known = Self {
            prefixes: HashSet::new(),
            families: HashSet::new(),
        };
        for login in entries.iter().filter_map(PastLogin::of) {
            if login.login.entered {
                let client = login.client();
                known.prefixes.insert(client.prefix);
                known.families.insert(client.family);
            }
        }
        known.families.remove(&Family::Unknown);
        known
    }

    /// Whether `past` is one of theirs, or of somebody who knew the password lately.
    pub(super) fn has(&self, past: PastLogin<'_>) -> bool {
        let client = past.client();
        past.entry.is_of_owner()
            || self.prefixes.contains(&client.prefix)
            || self.families.contains(&client.family)
    }

    fn more_distance(&self, past: PastLogin<'_>) -> Duration {
        match self.has(past) {
            true => Duration::ZERO,
            false => STRANGERS_DISTANCE,
        }
    }
}
