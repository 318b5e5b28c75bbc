//! Which changes of tenants a reload refuses for the lock's key.

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
