//! Which sessions of now have listed the same messages. What is said of two of them is a rule:
//! [`policy::twins`](crate::policy::twins).

use crate::ids::{BackendName, MaildropKey, SessionId, UserName};
use crate::limits::{TWINS_TOLD_MAX, UIDL_MESSAGES_MIN};
use crate::policy::twins::{ListedSession, TwinPair, joining_setting};
use crate::pop3::uidl_digest::ListingDigest;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the sessions of now have listed, each until it ends or lists anew; and the pairs of names
/// that were told, until the process ends.
///
/// Holds as many listings as there are sessions, and [`TWINS_TOLD_MAX`] pairs. Where those are full
/// nothing is evicted, or it would be told again: what is new counts as told before.
#[derive(Debug, Default)]
pub struct Twins(Mutex<Listings>);

#[derive(Debug, Default)]
struct Listings {
    by_list: HashMap<(BackendName, ListingDigest), Vec<ListedSession>>,
    /// Pairs that were told, the lesser name first.
    told: HashSet<[UserName; 2]>,
}

impl Twins {
    /// `session` has listed its maildrop, and the other one that it looks like.
    pub fn listed(&self, session: ListedSession, listing: ListingDigest) -> Option<TwinPair> {
        if !listing.is_distinctive || listing.messages < UIDL_MESSAGES_MIN {
            return None;
        }
        let mut listings = self.listings();
        let list = (session.backend.clone(), listing);
        let others = listings.by_list.entry(list).or_default();
        // UIDL may be asked for again in one session.
        others.retain(|other| other.id != session.id);
        let twin = others
            .iter()
            .find(|other| other.key != session.key)
            .cloned();
        others.push(session.clone());
        let twin = twin?;
        let again = !listings.tells(&twin.key, &session.key);
        drop(listings);
        // It compiles rules, which takes a moment.
        let setting = match again {
            true => None,
            false => joining_setting(&twin, &session),
        };
        Some(TwinPair {
            setting,
            logins: [twin.login, session.login],
            messages: listing.messages,
            again,
        })
    }

    /// The session is over, or has other messages now.
    pub fn ended(&self, id: SessionId, backend: &BackendName, listing: ListingDigest) {
        let mut listings = self.listings();
        let list = (backend.clone(), listing);
        if let Some(sessions) = listings.by_list.get_mut(&list) {
            sessions.retain(|session| session.id != id);
            if sessions.is_empty() {
                listings.by_list.remove(&list);
            }
        }
    }

    fn listings(&self) -> MutexGuard<'_, Listings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listings {
    /// Notes that a pair is told; false where it was before, or there is no room for it.
    fn tells(&mut self, a: &MaildropKey, b: &MaildropKey) -> bool {
        let mut pair = [a.maildrop().clone(), b.maildrop().clone()];
        pair.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
        self.told.len() < TWINS_TOLD_MAX && self.told.insert(pair)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::alias::Aliases;
    use crate::policy::tenant::LoginPolicy;
    use std::sync::Arc;

    fn session(id: u64, login: &str, backend: &str) -> ListedSession {
        let tenant = LoginPolicy {
            backends: [BackendName::new(backend)].into(),
            aliases: Arc::new(Aliases::standard()),
            ..LoginPolicy::standard("default")
        };
        let login = UserName::new(login.as_bytes());
        ListedSession {
            id: SessionId(id),
            backend: BackendName::new(backend),
            key: tenant.key(&login),
            login,
            tenant: Arc::new(tenant),
        }
    }

    fn listing(messages: u64, digest: u64) -> ListingDigest {
        ListingDigest {
            messages,
            digest,
            is_distinctive: true,
        }
    }

    #[test]
    fn the_same_list_under_two_keys_at_one_time_is_told_once() {
        let twins = Twins::default();
        assert_eq!(
            twins.listed(session(1, "ann@a.org", "b"), listing(5, 7)),
            None
        );
        let pair = twins
            .listed(session(2, "ann+a.org", "b"), listing(5, 7))
            .unwrap();
        assert_eq!(
            pair.logins.map(|login| login.to_string()),
            ["ann@a.org", "ann+a.org"]
        );
        let setting = r#"aliases = ["at-signs", "cpanel"]"#;
        assert_eq!(
            (pair.setting.as_deref(), pair.again),
            (Some(setting), false)
        );
        assert!(
            twins
                .listed(session(2, "ann+a.org", "b"), listing(5, 7))
                .unwrap()
                .again
        );
        twins.ended(SessionId(2), &BackendName::new("b"), listing(5, 7));
        assert!(
            twins
                .listed(session(3, "Ann+A.org", "b"), listing(5, 7))
                .unwrap()
                .again
        );
    }

    #[test]
    fn what_is_no_sign_of_one_maildrop_is_not_told() {
        let twins = Twins::default();
        let told = |id, login, backend, listing| {
            twins.listed(session(id, login, backend), listing).is_some()
        };
        assert!(!told(1, "ann", "b", listing(5, 7)));
        assert!(!told(2, "bob", "b", listing(5, 8)), "another list");
        assert!(!told(3, "bob", "c", listing(5, 7)), "another backend");
        assert!(!told(4, "ANN", "b", listing(5, 7)), "the same key");
        let few = listing(4, 7);
        assert!(
            !told(5, "ann", "b", few) && !told(6, "bob", "b", few),
            "too few"
        );
        let counted = ListingDigest {
            is_distinctive: false,
            ..listing(9, 7)
        };
        assert!(!told(7, "ann", "b", counted) && !told(8, "bob", "b", counted));
        let b = BackendName::new("b");
        [1, 4]
            .into_iter()
            .for_each(|id| twins.ended(SessionId(id), &b, listing(5, 7)));
        assert!(!told(9, "bob", "b", listing(5, 7)), "not at the same time");
        assert!(told(10, "ann", "b", listing(5, 7)));
    }

    #[test]
    fn a_name_without_its_domain_asks_for_a_default_domain() {
        let twins = Twins::default();
        assert_eq!(twins.listed(session(1, "ann", "b"), listing(5, 7)), None);
        let pair = twins
            .listed(session(2, "ann@a.org", "b"), listing(5, 7))
            .unwrap();
        assert_eq!(pair.setting.as_deref(), Some("default_domain = \"a.org\""));
    }
}
