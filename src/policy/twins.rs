//! Two logins that look like one maildrop with two locks: the same unique ids at the same time on
//! one backend, under two lock keys.

use super::alias::proposal::proposal;
use super::tenant::LoginPolicy;
use crate::ids::{BackendName, MaildropKey, SessionId, UserName};
use crate::limits::{TWINS_TOLD_MAX, UIDL_MESSAGES_MIN};
use crate::pop3::uidl_digest::UidlListing;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the sessions of now have listed.
#[derive(Debug, Default)]
pub struct Twins(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    by_list: HashMap<(BackendName, UidlListing), Vec<Session>>,
    /// Pairs that were told, the lesser name first.
    told: HashSet<[UserName; 2]>,
}

/// A session that has listed its maildrop.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its number.
    pub id: SessionId,
    /// Where it is.
    pub backend: BackendName,
    /// What it locks.
    pub key: MaildropKey,
    /// Its login, as typed.
    pub login: UserName,
    /// Whose login it is.
    pub tenant: Arc<LoginPolicy>,
}

/// Two that look like one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The logins, as typed; the one that has listed now is the second.
    pub logins: [UserName; 2],
    /// How many messages both have.
    pub messages: u64,
    /// What would give them one key: a line of TOML. `None` where there is no such rule, since the
    /// two are on other lists of backends, or no text; nor where it was told before.
    pub setting: Option<String>,
    /// Whether it was told before, or there is no room to know that.
    pub again: bool,
}

impl Twins {
    /// `session` has listed its maildrop, and the other one that it looks like.
    pub fn listed(&self, session: Session, listing: UidlListing) -> Option<Pair> {
        if !listing.is_telling || listing.messages < UIDL_MESSAGES_MIN {
            return None;
        }
        let mut known = self.known();
        let list = (session.backend.clone(), listing);
        let others = known.by_list.entry(list).or_default();
        others.retain(|other| other.id != session.id);
        let twin = others
            .iter()
            .find(|other| other.key != session.key)
            .cloned();
        others.push(session.clone());
        let twin = twin?;
        let again = !known.tells(&twin.key, &session.key);
        drop(known);
        // It compiles rules, which takes a moment.
        let setting = if again {
            None
        } else {
            setting(&twin, &session)
        };
        Some(Pair {
            setting,
            logins: [twin.login, session.login],
            messages: listing.messages,
            again,
        })
    }

    /// The session is over, or has other messages now.
    pub fn ended(&self, id: SessionId, backend: &BackendName, listing: UidlListing) {
        let mut known = self.known();
        let list = (backend.clone(), listing);
        if let Some(sessions) = known.by_list.get_mut(&list) {
            sessions.retain(|session| session.id != id);
            if sessions.is_empty() {
                known.by_list.remove(&list);
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Notes that a pair is told; false where it was before, or there is no room for it.
    fn tells(&mut self, a: &MaildropKey, b: &MaildropKey) -> bool {
        let mut pair = [a.maildrop().clone(), b.maildrop().clone()];
        pair.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
        self.told.len() < TWINS_TOLD_MAX && self.told.insert(pair)
    }
}

/// What to write for the tenant of the second.
fn setting(a: &Session, b: &Session) -> Option<String> {
    if a.tenant.backends != b.tenant.backends {
        return None;
    }
    let form = |session: &Session| {
        let mut form = session.login.as_bytes().trim_ascii().to_vec();
        if session.tenant.fold_case {
            form.make_ascii_lowercase();
        }
        form
    };
    let (tenant, forms) = (&b.tenant, [form(a), form(b)]);
    let [a, b] = [&forms[0][..], &forms[1][..]];
    if let Some(domain) = missing_domain(a, b).or_else(|| missing_domain(b, a)) {
        return Some(format!("default_domain = \"{domain}\""));
    }
    let domain = tenant.default_domain.as_deref();
    let aliases = proposal(&tenant.aliases, &[a, b], domain)?;
    Some(format!("aliases = {aliases}"))
}

/// The domain that the shorter name lacks.
fn missing_domain<'a>(short: &[u8], long: &'a [u8]) -> Option<&'a str> {
    let domain = long.strip_prefix(short)?.strip_prefix(b"@")?;
    std::str::from_utf8(domain).ok().filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TenantName;
    use crate::policy::alias::Aliases;
    use crate::policy::rules::Rules;
    use crate::policy::tenant::Cleartext;
    use crate::time::Duration;

    fn session(id: u64, login: &str, backend: &str) -> Session {
        let tenant = LoginPolicy {
            name: TenantName::new("default"),
            backends: [BackendName::new(backend)].into(),
            cleartext: Cleartext::Trusted,
            wait: Duration::from_secs(25),
            queue: 16,
            preempt_idle: None,
            idle_timeout: Duration::from_secs(600),
            fold_case: true,
            default_domain: None,
            aliases: Arc::new(Aliases::standard()),
            rules: Rules::default(),
        };
        let login = UserName::new(login.as_bytes());
        Session {
            id: SessionId(id),
            backend: BackendName::new(backend),
            key: tenant.key(&login),
            login,
            tenant: Arc::new(tenant),
        }
    }

    fn listing(messages: u64, digest: u64) -> UidlListing {
        UidlListing {
            messages,
            digest,
            is_telling: true,
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
        let counted = UidlListing {
            is_telling: false,
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
