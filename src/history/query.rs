//! Which entries somebody asks for.

use super::end::End;
use super::entry::HistoryEntry;
use crate::ids::{ClientPrefix, MaildropKey, SessionId, TenantName, UserName};
use jiff::Timestamp;
use std::sync::Arc;

/// The place of an entry among all: later ones have higher numbers, also where the clock was set
/// back. A gate goes on behind the last one of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId(pub u64);

/// An entry and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its place.
    pub id: EntryId,
    /// When the process began that had its session: together with the number it names the session.
    pub gate_started: Timestamp,
    /// What happened.
    pub entry: Arc<HistoryEntry>,
}

/// The entries that meet all of these conditions, the latest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Logins to the maildrop of this canonical name, on whatever backends.
    pub maildrop: Option<UserName>,
    /// Logins that may be to the maildrop of this lock: of its name, on a backend that it has. So a
    /// maildrop keeps its past where a backend is added or taken away.
    pub key: Option<MaildropKey>,
    /// No condition: the login as the one who asks has it. Where the file has hashes for names, it
    /// is put back in the place of its own.
    pub typed: Option<UserName>,
    /// Those of this client.
    pub client: Option<ClientPrefix>,
    /// Logins of this tenant.
    pub tenant: Option<TenantName>,
    /// Those that were not over yet at this time.
    pub since: Option<Timestamp>,
    /// Those that began before this time.
    pub until: Option<Timestamp>,
    /// Those that ended in one of these ways; empty: in any.
    pub ends: Vec<End>,
    /// Those of this session, of whatever start of popgate.
    pub session: Option<SessionId>,
    /// Those before this place.
    pub before: Option<EntryId>,
    /// At most so many.
    pub limit: usize,
}

impl HistoryQuery {
    /// Whether an entry meets all conditions on what happened; `typed`, `before` and
    /// `limit` are none.
    #[must_use]
    pub fn matches(&self, entry: &HistoryEntry) -> bool {
        self.is_in_time(entry)
            && self.is_by_login(entry)
            && meets(self.client, |it| it == entry.client.ip().into())
            && meets(self.session, |it| it == entry.session)
            && (self.ends.is_empty() || self.ends.contains(&entry.end))
    }

    /// Whether `stored` meets all conditions but `limit`.
    #[must_use]
    pub fn selects(&self, stored: &StoredEntry) -> bool {
        meets(self.before, |it| stored.id < it) && self.matches(&stored.entry)
    }

    fn is_in_time(&self, entry: &HistoryEntry) -> bool {
        meets(self.since, |it| entry.ended >= it) && meets(self.until, |it| entry.opened < it)
    }

    fn is_by_login(&self, entry: &HistoryEntry) -> bool {
        let Some(login) = &entry.login else {
            return self.maildrop.is_none() && self.key.is_none() && self.tenant.is_none();
        };
        meets(self.maildrop.as_ref(), |it| it == login.key.maildrop())
            && meets(self.key.as_ref(), |it| it.overlaps(&login.key))
            && meets(self.tenant.as_ref(), |it| *it == login.tenant)
    }
}

/// No condition is met by all.
fn meets<T>(condition: Option<T>, holds: impl FnOnce(T) -> bool) -> bool {
    condition.is_none_or(holds)
}
