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
    let fold_case = |policy: &LoginPolicy| [("fold_case", policy.fold_case.to_string())];
    let before = key_parts(a).into_iter().chain(fold_case(a));
    let after = key_parts(b).into_iter().chain(fold_case(b));
    before
        .zip(after)
        .filter(|((key, a), (_, b))| a != b && (adds_domain || *key != "default_domain"))
        .map(|((key, a), (_, b))| format!("{key} {a} -> {b}"))
        .collect()
}

fn keeps_domains(policy: &LoginPolicy) -> bool {
    policy.aliases.keep_domains()
}

/// What of a tenant is in the lock's key beside `fold_case`, as key and value.
pub(super) fn key_parts(policy: &LoginPolicy) -> [(&'static str, String); 3] {
    let backends: Vec<&str> = policy.backends.iter().map(BackendName::as_str).collect();
    let domain = policy.default_domain.as_deref().unwrap_or("none");
    [
        ("backends", backends.join(", ")),
        ("aliases", policy.aliases.to_string()),
        ("default_domain", domain.to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::alias::{Alias, Aliases};
    use crate::policy::tenant::TenantMatch;
    use crate::time::Duration;
    use std::sync::Arc;

    /// Backends are named by a letter; `a` and `A` have one address.
    fn addresses() -> HashMap<&'static BackendName, &'static str> {
        let named = [
            ("a", "ten:110"),
            ("A", "TEN:110"),
            ("b", "eleven:110"),
            ("c", "twelve:110"),
        ];
        let leak = |name| &*Box::leak(Box::new(BackendName::new(name)));
        named.map(|(name, address)| (leak(name), address)).into()
    }

    fn tenant(name: &str, backends: &str) -> LoginPolicy {
        let backends = backends.chars().map(|c| BackendName::new(&c.to_string()));
        LoginPolicy {
            backends: backends.collect(),
            ..LoginPolicy::standard(name)
        }
    }

    /// `default` on backend `a`, and these.
    fn table(tenants: &[(LoginPolicy, TenantMatch)]) -> TenantTable {
        let mut table = TenantTable::new(tenant("default", "a"));
        for (tenant, matches) in tenants {
            table.add(tenant.clone(), matches.clone());
        }
        table
    }

    fn domains(names: &[&str]) -> TenantMatch {
        TenantMatch {
            domains: names.iter().map(|&name| name.to_owned()).collect(),
            ..TenantMatch::default()
        }
    }

    fn listener(name: &str) -> TenantMatch {
        TenantMatch {
            listeners: vec![ListenerName::new(name)],
            ..TenantMatch::default()
        }
    }

    fn found(old: &TenantTable, new: &TenantTable) -> Vec<String> {
        found_with(old, new, &[])
    }

    fn found_with(
        old: &TenantTable,
        new: &TenantTable,
        renamed: &[(ListenerName, ListenerName)],
    ) -> Vec<String> {
        let [old, new] = [old, new].map(|tenants| LockKeys {
            tenants,
            addresses: addresses(),
        });
        lock_key_changes(&old, &new, renamed)
    }

    #[test]
    fn a_tenant_for_a_new_domain_with_the_same_backends_is_safe() {
        let new = table(&[(tenant("t", "a"), domains(&["t.org", "*.t.org"]))]);
        assert_eq!(found(&table(&[]), &new), [""; 0]);
        assert_eq!(found(&new, &table(&[])), [""; 0]);
    }

    #[test]
    fn limits_do_not_matter() {
        let old = table(&[(tenant("t", "ab"), domains(&["t.org"]))]);
        let other = LoginPolicy {
            wait: Duration::from_secs(1),
            ..tenant("renamed", "ab")
        };
        let new = table(&[(other, domains(&["t.org"]))]);
        assert_eq!(found(&old, &new), [""; 0]);
    }

    #[test]
    fn backends_may_not_be_others_as_long_as_one_stays() {
        let on = |backends| table(&[(tenant("t", backends), domains(&["t.org"]))]);
        assert_eq!(
            found(&on("ab"), &on("a")),
            ["domain `t.org`, tenant `t`: backends a, b -> a"]
        );
        assert_eq!(
            found(&on("ab"), &on("ba")).len(),
            1,
            "the order is in the key"
        );
        assert_eq!(
            found(&on("a"), &on("A")).len(),
            1,
            "one server under two names"
        );
        assert_eq!(found(&on("ab"), &on("c")), [""; 0]);
    }

    #[test]
    fn a_domain_that_comes_from_others_is_compared_with_where_it_was() {
        let new = table(&[(tenant("t", "ab"), domains(&["t.org"]))]);
        assert_eq!(
            found(&table(&[]), &new),
            ["domain `t.org`, from tenant `default` to `t`: backends a -> a, b"]
        );
        let old = table(&[(tenant("t", "ab"), domains(&["*.t.org"]))]);
        let both = table(&[
            (tenant("t", "ab"), domains(&["*.t.org"])),
            (tenant("u", "b"), domains(&["*.sub.t.org"])),
            (tenant("v", "ab"), domains(&["x.t.org"])),
        ]);
        assert_eq!(
            found(&old, &both),
            ["domain `*.sub.t.org`, from tenant `t` to `u`: backends a, b -> b"]
        );
    }

    #[test]
    fn aliases_are_in_the_key() {
        let with = |aliases: &[&str]| {
            let entries = aliases.iter().filter_map(|name| Alias::preset(name));
            let tenant = LoginPolicy {
                aliases: Arc::new(Aliases::new(entries.collect())),
                ..tenant("t", "a")
            };
            table(&[(tenant, domains(&["t.org"]))])
        };
        assert_eq!(
            found(&with(&["gmail"]), &with(&["gmail", "cpanel"])),
            ["domain `t.org`, tenant `t`: aliases [\"gmail\"] -> [\"gmail\", \"cpanel\"]"]
        );
        assert_eq!(found(&with(&["gmail"]), &with(&["gmail"])), [""; 0]);
    }

    #[test]
    fn aliases_may_take_the_domain_away_from_a_login() {
        let with = |alias: &str, domain: &str, user: Option<&str>| {
            let limits = |backends: &str| LoginPolicy {
                aliases: Arc::new(Aliases::new(Alias::preset(alias).into_iter().collect())),
                default_domain: Some(domain.to_owned()),
                ..tenant("t", backends)
            };
            let users = user.map(|backends| (UserName::new(b"ann"), limits(backends)));
            let matches = TenantMatch {
                users: users.into_iter().collect(),
                ..domains(&["t.org"])
            };
            table(&[(limits("a"), matches)])
        };
        let domain = |alias| {
            let (old, new) = (with(alias, "one.org", None), with(alias, "two.org", None));
            found(&old, &new).len()
        };
        assert_eq!((domain("at-signs"), domain("any-domain")), (0, 1));
        let user = |alias| {
            let (old, new) = (with(alias, "t.org", None), with(alias, "t.org", Some("ab")));
            found(&old, &new).len()
        };
        assert_eq!((user("at-signs"), user("any-domain")), (0, 1));
    }

    #[test]
    fn case_and_default_domain_are_in_the_key() {
        let with = |fold_case, domain: Option<&str>, matches: &TenantMatch| {
            let tenant = LoginPolicy {
                fold_case,
                default_domain: domain.map(str::to_owned),
                ..tenant("t", "a")
            };
            table(&[(tenant, matches.clone())])
        };
        let by_domain = domains(&["t.org"]);
        let plain = with(true, None, &by_domain);
        assert_eq!(found(&plain, &with(false, None, &by_domain)).len(), 1);
        let added = found(&plain, &with(true, Some("t.org"), &by_domain));
        assert_eq!(added, [""; 0], "each login has a domain");
        let inside = listener("inside");
        let old = with(true, None, &inside);
        assert_eq!(
            found(&old, &with(true, Some("t.org"), &inside)),
            ["listener `inside`, tenant `t`: default_domain none -> t.org"]
        );
    }

    #[test]
    fn a_listener_and_a_server_name_are_compared_with_where_their_logins_went() {
        let old = table(&[(tenant("t", "ab"), listener("inside"))]);
        let lost = "listener `inside`, from tenant `t` to `default`: backends a, b -> a";
        assert_eq!(found(&old, &table(&[])), [lost]);
        let named = TenantMatch {
            server_names: vec!["mail.t.org".to_owned()],
            ..listener("inside")
        };
        let new = table(&[(tenant("t", "ab"), named)]);
        assert_eq!(
            found(&old, &new),
            ["server name `mail.t.org`, from tenant `default` to `t`: backends a -> a, b"]
        );
    }

    #[test]
    fn a_listener_that_is_renamed_is_followed() {
        let old = table(&[(tenant("t", "b"), listener("inside"))]);
        let new = table(&[(tenant("t", "bc"), listener("within"))]);
        assert_eq!(found(&old, &new), [""; 0], "they are two listeners");
        let renamed = [(ListenerName::new("inside"), ListenerName::new("within"))];
        assert_eq!(
            found_with(&old, &new, &renamed),
            ["listener `within`, tenant `t`: backends b -> b, c"]
        );
    }

    #[test]
    fn a_user_may_have_backends_of_his_own() {
        let with = |users: &[(&str, &str)]| {
            let users = users
                .iter()
                .map(|(user, backends)| (UserName::new(user.as_bytes()), tenant("t", backends)));
            let matches = TenantMatch {
                domains: vec!["t.org".to_owned()],
                listeners: vec![ListenerName::new("inside")],
                users: users.collect(),
                ..TenantMatch::default()
            };
            table(&[(tenant("t", "a"), matches)])
        };
        let old = with(&[]);
        assert_eq!(
            found(&old, &with(&[("Boss@t.org", "ab"), ("boss", "ab")])),
            [
                "user `boss@t.org`, tenant `t`: backends a -> a, b",
                "user `boss`, tenant `t`: backends a -> a, b",
            ]
        );
        assert_eq!(
            found(&old, &with(&[("boss@t.org", "b"), ("boss", "a")])),
            [""; 0]
        );
    }
}
