//! Two logins that look like one maildrop with two locks: the same unique ids at the same time on
//! one backend, under two lock keys. Here is what is said of them; which session
//! has listed what is remembered elsewhere.

use super::alias::proposal::proposal;
use super::tenant::LoginPolicy;
use crate::ids::{BackendName, MaildropKey, SessionId, UserName};
use std::sync::Arc;

/// A session that has listed its maildrop.
#[derive(Clone, Debug)]
pub struct ListedSession {
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

/// Two logins that look like one maildrop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TwinPair {
    /// The logins, as typed; the one that has listed now is the second.
    pub logins: [UserName; 2],
    /// How many messages both have.
    pub messages: u64,
    /// What would give them one key: a line of TOML. `None` where there is no such rule, or where
    /// it was told before.
    pub setting: Option<String>,
    /// Whether it was told before, or there is no room to know that.
    pub again: bool,
}

/// What would give the two one key: a line of TOML for the tenant of `b`. `None` where there is no
/// such rule, since the two are on other lists of backends, or no text.
#[must_use]
pub fn joining_setting(a: &ListedSession, b: &ListedSession) -> Option<String> {
    if a.tenant.backends != b.tenant.backends {
        return None;
    }
    let tenant = &b.tenant;
    let a = form(a);
    let b = form(b);
    // Tried first: it is the plainer setting, and an alias for it would be one for each name.
    if let Some(domain) = missing_domain(&a, &b).or_else(|| missing_domain(&b, &a)) {
        return Some(format!("default_domain = \"{domain}\""));
    }
    let domain = tenant.default_domain.as_deref();
    let aliases = proposal(&tenant.aliases, &[&a, &b], domain)?;
    Some(format!("aliases = {aliases}"))
}

/// A login as the rules of its tenant see it.
fn form(session: &ListedSession) -> Vec<u8> {
    let mut form = session.login.as_bytes().trim_ascii().to_vec();
    if session.tenant.fold_case {
        form.make_ascii_lowercase();
    }
    form
}

/// The domain that the shorter name lacks.
fn missing_domain<'a>(short: &[u8], long: &'a [u8]) -> Option<&'a str> {
    let domain = long.strip_prefix(short)?.strip_prefix(b"@")?;
    std::str::from_utf8(domain).ok().filter(|it| !it.is_empty())
}
