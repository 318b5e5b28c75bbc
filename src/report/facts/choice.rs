//! Which login of a maildrop a report is about.

use super::{Harm, Occupant, PastLogin, later};
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

/// The one that is nearest to what was typed, among those that did not end well; where several are
/// in it, one that was asked or ended then comes before one that only covers it. A second that a
/// login was asked in is that login's, however it ended: reports print it.
fn nearest(entries: &[StoredEntry], at: Timestamp) -> Option<PastLogin<'_>> {
    let known = KnownClients::of(entries);
    let typed = TypedTime::of(at);
    logins(entries).min_by_key(|it| {
        let harm = it.harm();
        (
            !(typed.names(*it) && known.has(*it)),
            harm == Harm::None,
            typed.distance(*it) + known.more_distance(*it),
            !typed.touches(*it),
            !typed.begins_with(*it),
            Reverse(harm),
            it.entry.ended.duration_since(at).unsigned_abs(),
        )
    })
}

/// What somebody means who types a time: its whole second, and on a whole minute that minute. A
/// time with a fraction is a moment.
#[derive(Clone, Copy)]
struct TypedTime {
    at: Timestamp,
    length: Duration,
}

impl TypedTime {
    fn of(at: Timestamp) -> Self {
        let length = match (at.subsec_nanosecond(), at.as_second() % 60) {
            (0, 0) => Duration::from_secs(60),
            (0, _) => Duration::from_secs(1),
            _ => Duration::ZERO,
        };
        Self { at, length }
    }

    fn has(self, time: Timestamp) -> bool {
        let end = later(self.at, self.length);
        time == self.at || time > self.at && time < end
    }

    /// Whether `past` was asked in its first second, which is how its time is printed.
    fn begins_with(self, past: PastLogin<'_>) -> bool {
        past.login.asked.as_second() == self.at.as_second() && self.has(past.login.asked)
    }

    /// A whole minute may well be typed by somebody who does not know the second.
    fn names(self, past: PastLogin<'_>) -> bool {
        self.length < Duration::from_secs(60) && self.begins_with(past)
    }

    /// Whether `past` was asked or ended in it.
    fn touches(self, past: PastLogin<'_>) -> bool {
        self.has(past.login.asked) || self.has(past.entry.ended)
    }

    fn distance(self, past: PastLogin<'_>) -> Duration {
        let end = later(self.at, self.length);
        match past {
            _ if self.touches(past) => Duration::ZERO,
            _ if past.login.asked >= end => past.login.asked.duration_since(end).unsigned_abs(),
            _ if past.entry.ended < self.at => {
                self.at.duration_since(past.entry.ended).unsigned_abs()
            }
            _ => Duration::ZERO,
        }
    }
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
