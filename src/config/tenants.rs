//! `[[tenant]]` and `[[tenant.user]]`: who has which limits, and who claims what.

use super::checks::{Seen, values};
use super::error::{Fault, did_you_mean};
use super::file::File;
use super::keys::{Limits, Tenant as Table, User};
use super::limits::{LimitsResolver, check};
use super::value::At;
use crate::backend::BackendOptions;
use crate::ids::{ListenerName, TenantName, UserName};
use crate::policy::tenant::{Belongings, Tenant, TenantTable};
use crate::time::Duration;
use ipnet::IpNet;
use std::collections::HashSet;
use std::sync::Arc;

/// The tenant of all who belong to no other.
const DEFAULT: &str = "default";

/// All tenants, and what was noticed about them.
pub(super) struct Tenancy {
    pub(super) table: TenantTable,
    pub(super) longest_wait: Duration,
    pub(super) warnings: Vec<String>,
}

/// Resolves `[defaults]` and all tenants.
pub(super) fn resolve(
    file: &File,
    listeners: &[ListenerName],
    backends: &[BackendOptions],
) -> Result<Tenancy, Fault> {
    let defaults = file.defaults.as_ref().map(|table| table.get_ref().limits());
    let defaults = defaults.unwrap_or_default();
    let mut limits = LimitsResolver::new(file, backends);
    check(&defaults)?;
    limits.check_backends(&defaults)?;
    let mut claims = Claims::new(listeners);
    let mut tenants = Vec::with_capacity(file.tenant.len());
    for table in &file.tenant {
        let belongings = claims.belongings(table)?;
        tenants.push(tenant(table, belongings, &defaults, &mut limits)?);
    }
    let fallback = match tenants
        .iter()
        .find(|(tenant, _)| tenant.name.as_str() == DEFAULT)
    {
        Some((tenant, _)) => tenant.clone(),
        None => limits.resolve(&TenantName::new(DEFAULT), &defaults)?,
    };
    let mut table = TenantTable::new(fallback);
    for (tenant, belongings) in tenants {
        table.add(tenant, belongings);
    }
    let mut warnings = limits.warnings();
    warnings.extend(unreachable(file, &table));
    Ok(Tenancy {
        table,
        longest_wait: limits.longest_wait,
        warnings,
    })
}

fn tenant(
    table: &Table,
    mut belongings: Belongings,
    defaults: &Limits,
    limits: &mut LimitsResolver<'_>,
) -> Result<(Tenant, Belongings), Fault> {
    let name = &table.name.value;
    let own = table.limits();
    check(&own)?;
    limits.check_backends(&own)?;
    let own = own.over(defaults);
    let domain = table.default_domain.as_ref().map(|domain| &domain.value.0);
    let unlimited: Option<Arc<[IpNet]>> = table
        .allow_burst_from
        .as_ref()
        .map(|networks| values(networks).into());
    let with_own_keys = |mut limits: Tenant| {
        limits.default_domain = domain.cloned();
        limits.rules.polls.unlimited = unlimited.clone().unwrap_or(limits.rules.polls.unlimited);
        limits
    };
    let tenant = with_own_keys(limits.resolve(name, &own)?);
    let mut logins = Seen::default();
    for user in &table.user {
        let limits_of_user = with_own_keys(limits_of_user(user, name, &own, limits)?);
        for login in spellings(&user.name.value, domain) {
            let folded = login.as_bytes().to_ascii_lowercase();
            logins.claim(folded, &user.name.span, || {
                format!("a second user `{login}` of tenant `{name}`")
            })?;
            belongings.users.push((login, limits_of_user.clone()));
        }
    }
    Ok((tenant, belongings))
}

fn limits_of_user(
    table: &User,
    tenant: &TenantName,
    above: &Limits,
    limits: &mut LimitsResolver<'_>,
) -> Result<Tenant, Fault> {
    let own = table.limits();
    check(&own)?;
    limits.check_backends(&own)?;
    limits.resolve(tenant, &own.over(above))
}

/// With and without the default domain it is one maildrop, so it must have one set of limits:
/// other backends would be another lock.
pub(super) fn spellings(login: &UserName, default_domain: Option<&String>) -> Vec<UserName> {
    let mut spellings = vec![login.clone()];
    let Some(domain) = default_domain else {
        return spellings;
    };
    let octets = login.as_bytes();
    match octets.iter().rposition(|&octet| octet == b'@') {
        None => spellings.push(UserName::new(&[octets, b"@", domain.as_bytes()].concat())),
        Some(at) if octets[at + 1..].eq_ignore_ascii_case(domain.as_bytes()) => {
            spellings.push(UserName::new(&octets[..at]));
        }
        Some(_) => {}
    }
    spellings
}

/// What tenants claim: each thing belongs to one of them.
struct Claims<'a> {
    listeners: HashSet<&'a ListenerName>,
    tenants: Seen<TenantName>,
    claimed: Seen<(&'static str, String)>,
}

impl<'a> Claims<'a> {
    fn new(listeners: &'a [ListenerName]) -> Self {
        Self {
            listeners: listeners.iter().collect(),
            tenants: Seen::default(),
            claimed: Seen::default(),
        }
    }

    /// What `table` claims, its users left out.
    fn belongings(&mut self, table: &Table) -> Result<Belongings, Fault> {
        let name = &table.name;
        self.tenants.claim(name.value.clone(), &name.span, || {
            format!("a second tenant named `{}`", name.value)
        })?;
        let domains = table
            .domains
            .iter()
            .map(|at| self.claim("domain", &at.value.0, at));
        let domains = domains.collect::<Result<_, _>>()?;
        let names = table.server_names.iter();
        let names = names.map(|at| self.claim("server name", &at.value.0, at));
        let server_names = names.collect::<Result<_, _>>()?;
        let listeners = table.listeners.iter().map(|at| self.listener(at));
        Ok(Belongings {
            domains,
            server_names,
            listeners: listeners.collect::<Result<_, _>>()?,
            users: Vec::new(),
        })
    }

    fn claim<T>(&mut self, kind: &'static str, name: &str, at: &At<T>) -> Result<String, Fault> {
        let key = (kind, name.to_owned());
        self.claimed.claim(key, &at.span, || {
            format!("the {kind} `{name}` is claimed twice")
        })?;
        Ok(name.to_owned())
    }

    fn listener(&mut self, at: &At<ListenerName>) -> Result<ListenerName, Fault> {
        let name = &at.value;
        if self.listeners.contains(name) {
            self.claim("listener", name.as_str(), at)?;
            return Ok(name.clone());
        }
        let known = || self.listeners.iter().map(|name| name.as_str());
        let mut all: Vec<&str> = known().collect();
        all.sort_unstable();
        let hint = did_you_mean(name.as_str(), known());
        Err(
            Fault::new(at.span.clone(), format!("there is no listener `{name}`"))
                .hint(hint.unwrap_or_else(|| format!("known: {}", all.join(", ")))),
        )
    }
}

/// Tenants and users that no login ever gets to.
fn unreachable(file: &File, table: &TenantTable) -> Vec<String> {
    let mut warnings = Vec::new();
    for tenant in &file.tenant {
        let name = &tenant.name.value;
        let claims_nothing = tenant.domains.is_empty()
            && tenant.server_names.is_empty()
            && tenant.listeners.is_empty();
        if claims_nothing && name.as_str() != DEFAULT {
            warnings.push(format!(
                "tenant `{name}`: nobody belongs to it, as it has no domains, server_names or \
                 listeners"
            ));
            continue;
        }
        let users = tenant.user.iter().map(|user| &user.name.value);
        for user in users.filter(|user| user.as_bytes().contains(&b'@')) {
            let owner = &table.resolve(user, None, &ListenerName::new("")).name;
            if owner != name {
                warnings.push(format!(
                    "user `{user}` of tenant `{name}`: its domain belongs to tenant `{owner}`, so \
                     these limits are never used"
                ));
            }
        }
    }
    warnings
}
