//! Changes of tenants that would give a login another lock key.

use crate::ids::{BackendName, ListenerName, UserName};
use crate::policy::tenant::{LoginPolicy, TenantClaim, TenantEntry, TenantTable, domain_of};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Whose logins are whose, and where, before or after a reload.
pub(crate) struct LockKeys<'a> {
    /// The tenants.
    pub(crate) tenants: &'a TenantTable,
    /// The `host:port` of each backend.
    pub(crate) addresses: HashMap<&'a BackendName, &'a str>,
}

impl LockKeys<'_> {
    /// Whether a backend of `tenant` here may be one of `other`'s there.
    fn meets(&self, tenant: &LoginPolicy, there: &Self, other: &LoginPolicy) -> bool {
        tenant.backends.iter().any(|mine| {
            other.backends.iter().any(|theirs| {
                let here = self.addresses.get(mine);
                let there = there.addresses.get(theirs);
                let same_address = here
                    .zip(there)
                    .is_some_and(|(a, b)| a.eq_ignore_ascii_case(b));
                mine == theirs || same_address
            })
        })
    }
}

/// What changes from `old` to `new` so that a login gets another lock key while it can reach the
/// same backend, a sentence each. Whoever is logged in holds the old key, and nobody would wait
/// for it any more: only a restart ends those sessions first. Tenants whose backends are all
/// others now are safe, and so are new ones.
///
/// `renamed` are the listeners that go on under another name.
#[must_use]
pub(crate) fn lock_key_changes(
    old: &LockKeys<'_>,
    new: &LockKeys<'_>,
    renamed: &[(ListenerName, ListenerName)],
) -> Vec<String> {
    let mut comparison = Comparison {
        old,
        new,
        seen: HashSet::new(),
        found: BTreeSet::new(),
    };
    comparison.domains();
    comparison.connections(renamed);
    comparison.users_with_domain();
    comparison.found.into_iter().collect()
}

struct Comparison<'a> {
    old: &'a LockKeys<'a>,
    new: &'a LockKeys<'a>,
    /// Pairs of entries that were compared for logins without a domain.
    seen: HashSet<(usize, usize)>,
    found: BTreeSet<String>,
}

impl<'a> Comparison<'a> {
    /// Each domain that somebody claims stands for itself, and each `*.` for all below it that
    /// nobody claims more exactly.
    fn domains(&mut self) {
        let old = self.old.tenants;
        let new = self.new.tenants;
        let claimed: BTreeSet<String> = old
            .claims()
            .chain(new.claims())
            .filter_map(|(claim, _)| match claim {
                TenantClaim::Domain(domain) => Some(domain.to_owned()),
                TenantClaim::Wildcard(parent) => Some(format!("*.{parent}")),
                TenantClaim::ServerName(_) | TenantClaim::Listener(_) | TenantClaim::Nobody => None,
            })
            .collect();
        for domain in claimed {
            let a = &old.entries()[old.index_by_domain(&domain)];
            let b = &new.entries()[new.index_by_domain(&domain)];
            let whose = format!("domain `{domain}`");
            self.compare(&whose, &a.tenant, &b.tenant, LoginForm::WithDomain);
            self.users_whose_domain_goes(a, b);
        }
        let a = &old.entries()[0];
        let b = &new.entries()[0];
        let whose = "domains of no tenant";
        self.compare(whose, &a.tenant, &b.tenant, LoginForm::WithDomain);
        self.users_whose_domain_goes(a, b);
    }

    /// Aliases may take the domain away from a login that came by it, and make it that of a user
    /// without one.
    fn users_whose_domain_goes(&mut self, a: &'a TenantEntry, b: &'a TenantEntry) {
        if a.tenant.aliases.keep_domains() && b.tenant.aliases.keep_domains() {
            return;
        }
        for user in a
            .users
            .keys()
            .chain(b.users.keys())
            .filter(|user| domain_of(user).is_none())
        {
            self.user(user, a, b, LoginForm::WithDomain);
        }
    }

    /// Logins without a domain follow the server name, else the listener.
    fn connections(&mut self, renamed: &[(ListenerName, ListenerName)]) {
        let old = self.old.tenants;
        let new = self.new.tenants;
        let other = ListenerName::new("");
        let claims = || old.claims().chain(new.claims()).map(|(claim, _)| claim);
        let kept = claims()
            .filter_map(|claim| match claim {
                TenantClaim::Listener(name) => Some(name),
                _ => None,
            })
            .chain([&other])
            .map(|name| (name, name));
        let moved = renamed.iter().map(|(old, new)| (old, new));
        let listeners: BTreeSet<_> = kept.chain(moved).collect();
        for (before, after) in &listeners {
            let whose = match after.as_str() {
                "" => "logins without a domain".to_owned(),
                name => format!("listener `{name}`"),
            };
            self.connection(&whose, None, before, after);
        }
        let names: BTreeSet<&str> = claims()
            .filter_map(|claim| match claim {
                TenantClaim::ServerName(name) => Some(name),
                _ => None,
            })
            .collect();
        for name in names {
            let whose = format!("server name `{name}`");
            for (before, after) in &listeners {
                self.connection(&whose, Some(name), before, after);
            }
        }
    }

    fn connection(
        &mut self,
        whose: &str,
        server_name: Option<&str>,
        before: &ListenerName,
        after: &ListenerName,
    ) {
        let old = self.old.tenants;
        let new = self.new.tenants;
        let a = old.index_by_connection(server_name, before);
        let b = new.index_by_connection(server_name, after);
        if !self.seen.insert((a, b)) {
            return;
        }
        let a = &old.entries()[a];
        let b = &new.entries()[b];
        self.compare(whose, &a.tenant, &b.tenant, LoginForm::WithoutDomain);
        for user in a
            .users
            .keys()
            .chain(b.users.keys())
            .filter(|user| domain_of(user).is_none())
        {
            self.user(user, a, b, LoginForm::WithoutDomain);
        }
    }

    fn users_with_domain(&mut self) {
        let old = self.old.tenants;
        let new = self.new.tenants;
        let users = old
            .entries()
            .iter()
            .chain(new.entries())
            .flat_map(|entry| entry.users.keys());
        for user in users {
            if let Some(domain) = domain_of(user) {
                let a = &old.entries()[old.index_by_domain(domain)];
                let b = &new.entries()[new.index_by_domain(domain)];
                self.user(user, a, b, LoginForm::WithDomain);
            }
        }
    }

    fn user(&mut self, user: &[u8], a: &'a TenantEntry, b: &'a TenantEntry, login: LoginForm) {
        let whose = format!("user `{}`", UserName::new(user));
        self.compare(&whose, a.limits(user), b.limits(user), login);
    }

    fn compare(&mut self, whose: &str, a: &LoginPolicy, b: &LoginPolicy, login: LoginForm) {
        let differences = differences(a, b, login);
        let other_backends = a.backends != b.backends && !self.old.meets(a, self.new, b);
        if differences.is_empty() || other_backends {
            return;
        }
        let tenants = if a.name == b.name {
            format!("tenant `{}`", a.name)
        } else {
            format!("from tenant `{}` to `{}`", a.name, b.name)
        };
        self.found
            .insert(format!("{whose}, {tenants}: {}", differences.join(", ")));
    }
}

/// Whether the name of a login has a domain: then none is added.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LoginForm {
    WithDomain,
    WithoutDomain,
}

/// What of the key differs.
fn differences(a: &LoginPolicy, b: &LoginPolicy, login: LoginForm) -> Vec<String> {
    let adds_domain = login == LoginForm::WithoutDomain || !(keeps_domains(a) && keeps_domains(b));
    let mut changes = key_part_changes(a, b);
    changes.retain(|(key, _)| adds_domain || *key != "default_domain");
    if a.fold_case != b.fold_case {
        changes.push(("fold_case", format!("{} -> {}", a.fold_case, b.fold_case)));
    }
    changes
        .into_iter()
        .map(|(key, values)| format!("{key} {values}"))
        .collect()
}

fn keeps_domains(policy: &LoginPolicy) -> bool {
    policy.aliases.keep_domains()
}

/// What of a lock's key differs beside `fold_case`: each key, and `old -> new`.
pub(super) fn key_part_changes(
    old: &LoginPolicy,
    new: &LoginPolicy,
) -> Vec<(&'static str, String)> {
    let mut changes = Vec::new();
    if old.backends != new.backends {
        let [old, new] = [old, new].map(|policy| backend_list(&policy.backends));
        changes.push(("backends", format!("{old} -> {new}")));
    }
    if old.aliases != new.aliases {
        changes.push(("aliases", format!("{} -> {}", old.aliases, new.aliases)));
    }
    if old.default_domain != new.default_domain {
        let [old, new] =
            [old, new].map(|policy| policy.default_domain.as_deref().unwrap_or("none"));
        changes.push(("default_domain", format!("{old} -> {new}")));
    }
    changes
}

fn backend_list(backends: &[BackendName]) -> String {
    let names: Vec<&str> = backends.iter().map(BackendName::as_str).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests;
