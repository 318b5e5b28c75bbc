//! What differs between two tables of tenants, in words for the operator.

use super::lock_key_changes::key_part_changes;
use super::schema::LimitTable;
use super::schema::limits::Limits;
use super::value::plain;
use crate::ids::{TenantName, UserName};
use crate::limits::CHANGES_NAMED_MAX;
use crate::policy::tenant::{LoginPolicy, TenantClaim, TenantEntry, TenantTable};
use ipnet::IpNet;
use std::collections::{BTreeSet, HashMap};

/// A sentence for each change from `old` to `new`; of many tenants the first few are named.
pub(crate) fn changes(old: &TenantTable, new: &TenantTable) -> Vec<String> {
    let before = NamedTenants::of(old);
    let after = NamedTenants::of(new);
    let mut sentences = Vec::new();
    let only = |these: &NamedTenants<'_>, others: &NamedTenants<'_>| -> Vec<String> {
        these
            .in_order
            .iter()
            .map(|(name, _)| *name)
            .filter(|&name| !others.by_name.contains_key(name))
            .map(|name| format!("`{name}`"))
            .collect()
    };
    sentences.extend(listed("added", &only(&after, &before)));
    sentences.extend(listed("removed", &only(&before, &after)));
    let changed: Vec<String> = after
        .in_order
        .iter()
        .filter_map(|(name, tenant)| {
            let differences = before.by_name.get(name)?.differences(tenant);
            let few = few(&differences)?;
            Some(format!("tenant `{name}`: {few}"))
        })
        .collect();
    let more = changed.len().saturating_sub(CHANGES_NAMED_MAX);
    sentences.extend(changed.into_iter().take(CHANGES_NAMED_MAX));
    if more > 0 {
        sentences.push(format!("{more} more tenants are changed"));
    }
    sentences
}

fn listed(what: &str, names: &[String]) -> Option<String> {
    let tenants = if names.len() == 1 {
        "tenant"
    } else {
        "tenants"
    };
    Some(format!("{tenants} {}: {what}", few(names)?))
}

/// The first few of `items`, and how many more there are; `None` of none.
fn few(items: &[String]) -> Option<String> {
    let shown = items.len().min(CHANGES_NAMED_MAX);
    let text = items[..shown].join(", ");
    match items.len() - shown {
        0 if shown == 0 => None,
        0 => Some(text),
        more => Some(format!("{text} and {more} more")),
    }
}

/// The tenants of a table with all that is theirs.
struct NamedTenants<'a> {
    in_order: Vec<(&'a TenantName, WholeTenant<'a>)>,
    by_name: HashMap<&'a TenantName, WholeTenant<'a>>,
}

/// A tenant with its users and what it claims.
#[derive(Clone)]
struct WholeTenant<'a> {
    entry: &'a TenantEntry,
    claims: BTreeSet<TenantClaim<'a>>,
}

impl<'a> NamedTenants<'a> {
    fn of(table: &'a TenantTable) -> Self {
        let mut claims = vec![BTreeSet::new(); table.entries().len()];
        for (claim, index) in table.claims() {
            claims[index].insert(claim);
        }
        let in_order: Vec<_> = table
            .entries()
            .iter()
            .zip(claims)
            .map(|(entry, claims)| (&entry.tenant.name, WholeTenant { entry, claims }))
            .collect();
        Self {
            by_name: in_order.iter().cloned().collect(),
            in_order,
        }
    }
}

fn claim_text(claim: &TenantClaim<'_>) -> String {
    match claim {
        TenantClaim::Domain(name) => format!("domain `{name}`"),
        TenantClaim::Wildcard(parent) => format!("domains below `{parent}`"),
        TenantClaim::ServerName(name) => format!("server name `{name}`"),
        TenantClaim::Listener(name) => format!("listener `{name}`"),
        TenantClaim::Nobody => "what nobody claims".to_owned(),
    }
}

impl WholeTenant<'_> {
    fn differences(&self, new: &Self) -> Vec<String> {
        if self.claims == new.claims && self.entry == new.entry {
            return Vec::new();
        }
        let claimed = |claim: &TenantClaim<'_>, how| format!("{} {how}", claim_text(claim));
        let added = new.claims.difference(&self.claims);
        let removed = self.claims.difference(&new.claims);
        differences(&self.entry.tenant, &new.entry.tenant)
            .into_iter()
            .chain(added.map(|claim| claimed(claim, "added")))
            .chain(removed.map(|claim| claimed(claim, "removed")))
            .chain(self.users(new))
            .collect()
    }

    fn users(&self, new: &Self) -> Vec<String> {
        let old = self.entry;
        let new = new.entry;
        let users: BTreeSet<&Vec<u8>> = spelled_once(old).chain(spelled_once(new)).collect();
        users
            .into_iter()
            .filter_map(|user| {
                let what = match (old.users.get(user), new.users.get(user)) {
                    (None, _) => "added".to_owned(),
                    (_, None) => "removed".to_owned(),
                    (Some(old), Some(new)) => few(&differences(old, new))?,
                };
                Some(format!("user `{}` {what}", UserName::new(user)))
            })
            .collect()
    }
}

/// The users of an entry; one that stands there in several forms, once.
fn spelled_once(entry: &TenantEntry) -> impl Iterator<Item = &Vec<u8>> {
    entry.users.keys().filter(move |user| {
        let maildrop = entry.tenant.canonical(user);
        maildrop == **user || !entry.users.contains_key(&maildrop)
    })
}

/// Each limit that changes, with both values.
fn differences(old: &LoginPolicy, new: &LoginPolicy) -> Vec<String> {
    let mut differences: Vec<String> = key_part_changes(old, new)
        .into_iter()
        .map(|(key, values)| format!("{key} {values}"))
        .collect();
    differences.extend(Limits::changes(old, new));
    let [before, after] = [old, new].map(|policy| &policy.rules.polls.unlimited);
    if before != after {
        let [before, after] = [before, after].map(|networks| network_list(networks));
        differences.push(format!("allow_burst_from {before} -> {after}"));
    }
    differences
}

fn network_list(networks: &[IpNet]) -> String {
    let networks: Vec<String> = networks.iter().map(ToString::to_string).collect();
    plain(&networks.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::BackendName;
    use crate::policy::rules::PollMode;
    use crate::policy::tenant::TenantMatch;
    use crate::time::Duration;

    fn tenant(name: &str) -> LoginPolicy {
        LoginPolicy {
            backends: [BackendName::new("a")].into(),
            ..LoginPolicy::standard(name)
        }
    }

    fn table(tenants: impl IntoIterator<Item = (LoginPolicy, TenantMatch)>) -> TenantTable {
        let mut table = TenantTable::new(tenant("default"));
        for (tenant, matches) in tenants {
            table.add(tenant, matches);
        }
        table
    }

    fn domain(name: &str) -> TenantMatch {
        TenantMatch {
            domains: vec![name.to_owned()],
            ..TenantMatch::default()
        }
    }

    #[test]
    fn equal_tables_have_no_changes() {
        let one = || table([(tenant("t"), domain("t.org"))]);
        assert_eq!(changes(&one(), &one()), [""; 0]);
    }

    #[test]
    fn each_setting_is_told_with_both_values() {
        let mut other = tenant("t");
        other.wait = Duration::from_secs(45);
        other.preempt_idle = None;
        other.rules.polls.mode = PollMode::Shadow;
        let old = table([(tenant("t"), domain("t.org"))]);
        let new = table([(other, domain("*.t.org"))]);
        assert_eq!(
            changes(&old, &new),
            [
                "tenant `t`: wait 25s -> 45s, preempt_idle 15s -> off, polls.enforce delay -> \
              shadow, domains below `t.org` added, domain `t.org` removed"
            ]
        );
    }

    #[test]
    fn a_user_is_told_once_with_what_is_his_own() {
        let with = |queue| {
            let mut own = tenant("t");
            own.queue = queue;
            let mut whole = tenant("t");
            whole.default_domain = Some("t.org".to_owned());
            let users =
                [&b"boss"[..], b"boss@t.org"].map(|user| (UserName::new(user), own.clone()));
            let matches = TenantMatch {
                users: users.into(),
                ..domain("t.org")
            };
            table([(whole, matches)])
        };
        assert_eq!(
            changes(&with(16), &with(4)),
            ["tenant `t`: user `boss@t.org` queue 16 -> 4"]
        );
    }

    #[test]
    fn of_ten_thousand_tenants_the_first_few_are_named() {
        let many = |queue| {
            table((0..10_000).map(move |number| {
                let mut tenant = tenant(&format!("t{number}"));
                tenant.queue = queue;
                (tenant, domain(&format!("t{number}.org")))
            }))
        };
        assert_eq!(
            changes(&table([]), &many(16)),
            ["tenants `t0`, `t1`, `t2`, `t3`, `t4` and 9995 more: added"]
        );
        let told = changes(&many(16), &many(4));
        assert_eq!(told.len(), CHANGES_NAMED_MAX + 1);
        assert_eq!(told[0], "tenant `t0`: queue 16 -> 4");
        assert_eq!(told.last().unwrap(), "9995 more tenants are changed");
        assert_eq!(
            changes(&many(16), &table([(tenant("t7"), domain("t7.org"))])),
            ["tenants `t0`, `t1`, `t2`, `t3`, `t4` and 9994 more: removed"]
        );
    }
}
