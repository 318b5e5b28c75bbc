//! `[[tenant]]` and `[[tenant.user]]`: who has which limits, and who claims what.

use super::checks::{Seen, values};
use super::error::{Diagnostic, did_you_mean};
use super::inherit::LimitsResolver;
use super::listeners::all_are_named;
use super::mistakes::Diagnostics;
use super::schema::limits::{Limits, WrittenTenant};
use super::schema::tables::File;
use super::schema::{LimitTable, WrittenPlaces};
use super::value::At;
use crate::backend::BackendOptions;
use crate::ids::{ListenerName, TenantName, UserName};
use crate::net::ListenOptions;
use crate::policy::tenant::{LimitOrigins, LoginPolicy, TenantMatch, TenantTable};
use crate::time::Duration;
use ipnet::IpNet;
use std::collections::HashSet;
use std::sync::Arc;

/// The tenant of all who belong to no other.
const DEFAULT: &str = "default";

/// All tenants, and what was noticed about them.
pub(super) struct Tenancy {
    pub(super) table: TenantTable,
    pub(super) origins: Origins,
    pub(super) longest_wait: Duration,
    pub(super) warnings: Vec<String>,
}

/// The limits that hold for each tenant and user, with the places in the file that they come from:
/// for `check --explain`, and gone once the file is read.
pub(super) struct Origins {
    /// Of who belongs to no `[[tenant]]`.
    pub(super) defaults: Limits,
    /// In the order of the file.
    pub(super) tenants: Vec<TenantOrigins>,
}

/// Those of one `[[tenant]]`.
pub(super) struct TenantOrigins {
    pub(super) limits: Limits,
    /// In the order of its `[[tenant.user]]`.
    pub(super) users: Vec<Limits>,
}

/// Resolves `[defaults]` and all tenants.
pub(super) fn resolve(
    file: &File,
    listeners: &[ListenOptions],
    backends: &[BackendOptions],
    diagnostics: &mut Diagnostics,
) -> Tenancy {
    let mut limits = LimitsResolver::new(file, backends, diagnostics);
    let defaults = match &file.defaults {
        Some(table) => table.get_ref().limits(),
        None => Limits::default(),
    };
    limits.check_backends(&defaults, diagnostics);
    let mut claims = Claims::new(listeners, all_are_named(&file.listen));
    let origins = LimitOrigins {
        defaults: written(&defaults, [false, aliases_by_default(file), false]),
        ..LimitOrigins::default()
    };
    let mut tenants = Vec::with_capacity(file.tenant.len());
    let mut spans = Vec::with_capacity(file.tenant.len());
    for table in &file.tenant {
        let matches = claims.matches(table, diagnostics);
        let above = Above {
            limits: &defaults,
            origins,
        };
        let (policy, matches, span) = tenant(table, matches, above, &mut limits, diagnostics);
        tenants.push((policy, matches));
        spans.push(span);
    }
    let fallback = tenants
        .iter()
        .find(|(tenant, _)| tenant.name.as_str() == DEFAULT);
    let fallback = match fallback {
        Some((tenant, _)) => tenant.clone(),
        None => LoginPolicy {
            origins,
            ..fallback_tenant(file, &defaults, &mut limits, diagnostics)
        },
    };
    let mut table = TenantTable::new(fallback);
    for (tenant, matches) in tenants {
        table.add(tenant, matches);
    }
    let mut warnings = limits.warnings();
    warnings.extend(unreachable(file, &table));
    Tenancy {
        table,
        origins: Origins {
            defaults,
            tenants: spans,
        },
        longest_wait: limits.longest_wait,
        warnings,
    }
}

/// What a tenant has from `[defaults]`.
#[derive(Clone, Copy)]
struct Above<'a> {
    limits: &'a Limits,
    origins: LimitOrigins,
}

/// Which limits a table says; `own` are those behind the inherited ones:
/// [`OWN_KEYS`](super::explain::OWN_KEYS).
fn written(limits: &Limits, own: [bool; 3]) -> u64 {
    let mut places = WrittenPlaces::default();
    limits.written(&mut places);
    own.into_iter()
        .for_each(|is_written| places.push(is_written));
    places.bits()
}

fn aliases_by_default(file: &File) -> bool {
    let defaults = file.defaults.as_ref();
    defaults.is_some_and(|table| table.get_ref().aliases.is_some())
}

/// The tenant of all who belong to no other, where no table has its name.
fn fallback_tenant(
    file: &File,
    defaults: &Limits,
    limits: &mut LimitsResolver<'_>,
    diagnostics: &mut Diagnostics,
) -> LoginPolicy {
    let name = TenantName::new(DEFAULT);
    // One whose name cannot be read may be it.
    if file.tenant.iter().any(|table| table.name.is_refused()) {
        return limits.resolve(&name, defaults, &mut Diagnostics::default());
    }
    limits.resolve(&name, defaults, diagnostics)
}

fn tenant<'a>(
    table: &'a WrittenTenant,
    mut matches: TenantMatch,
    above: Above<'_>,
    limits: &mut LimitsResolver<'a>,
    diagnostics: &mut Diagnostics,
) -> (LoginPolicy, TenantMatch, TenantOrigins) {
    let name = &table.name.value;
    let own = table.limits();
    limits.check_backends(&own, diagnostics);
    let origins = LimitOrigins {
        tenant: written(
            &own,
            [
                table.default_domain.is_some(),
                table.aliases.is_some(),
                table.allow_burst_from.is_some(),
            ],
        ),
        ..above.origins
    };
    let own = own.over(above.limits);
    let domain = table.default_domain.as_ref().map(|domain| &domain.value.0);
    let unlimited: Option<Arc<[IpNet]>> = table
        .allow_burst_from
        .as_ref()
        .map(|networks| values(networks).into());
    let aliases = limits.aliases.of(table.aliases.as_ref(), diagnostics);
    let with_own_keys = |mut limits: LoginPolicy, origins: LimitOrigins| {
        limits.origins = origins;
        limits.default_domain = domain.cloned();
        limits.aliases = Arc::clone(&aliases);
        limits.rules.polls.unlimited = unlimited.clone().unwrap_or(limits.rules.polls.unlimited);
        limits
    };
    let tenant = with_own_keys(limits.resolve(name, &own, diagnostics), origins);
    let mut logins = Seen::default();
    let mut users = Vec::with_capacity(table.user.len());
    for user in &table.user {
        let of_user = user.limits();
        limits.check_backends(&of_user, diagnostics);
        let origins = LimitOrigins {
            user: written(&of_user, [false; 3]),
            ..origins
        };
        let of_user = of_user.over(&own);
        let policy = with_own_keys(limits.resolve(name, &of_user, diagnostics), origins);
        for login in spellings(&user.name.value, &tenant) {
            let folded = login.as_bytes().to_ascii_lowercase();
            let message = || format!("a second user `{login}` of tenant `{name}`");
            logins.claim(folded, &user.name.span, message, diagnostics);
            matches.users.push((login, policy.clone()));
        }
        users.push(of_user);
    }
    let origins = TenantOrigins { limits: own, users };
    (tenant, matches, origins)
}

/// With and without the default domain, and by the name that the tenant's aliases make of it, it is
/// one maildrop, so it must have one set of limits: other backends would be another lock.
pub(super) fn spellings(login: &UserName, tenant: &LoginPolicy) -> Vec<UserName> {
    let maildrop = tenant.key(login).maildrop().clone();
    let mut spellings = with_and_without_domain(&maildrop, tenant.default_domain.as_deref());
    let folded = |login: &UserName| login.as_bytes().to_ascii_lowercase();
    if !spellings.iter().any(|other| folded(other) == folded(login)) {
        spellings.push(login.clone());
    }
    spellings
}

fn with_and_without_domain(login: &UserName, default_domain: Option<&str>) -> Vec<UserName> {
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
    /// Whether these are the names of all listeners.
    listeners_are_known: bool,
    tenants: Seen<TenantName>,
    claimed: Seen<(&'static str, String)>,
}

impl<'a> Claims<'a> {
    fn new(listeners: &'a [ListenOptions], listeners_are_known: bool) -> Self {
        Self {
            listeners: listeners.iter().map(|listener| &listener.name).collect(),
            listeners_are_known,
            tenants: Seen::default(),
            claimed: Seen::default(),
        }
    }

    /// What `table` claims, its users left out.
    fn matches(&mut self, table: &WrittenTenant, diagnostics: &mut Diagnostics) -> TenantMatch {
        let name = &table.name;
        let message = || format!("a second tenant named `{}`", name.value);
        self.tenants
            .claim(name.value.clone(), &name.span, message, diagnostics);
        for at in &table.domains {
            self.claim("domain", &at.value.0, at, diagnostics);
        }
        for at in &table.server_names {
            self.claim("server name", &at.value.0, at, diagnostics);
        }
        for at in &table.listeners {
            self.listener(at, diagnostics);
        }
        let domains = table.domains.iter().map(|at| at.value.0.clone());
        let server_names = table.server_names.iter().map(|at| at.value.0.clone());
        TenantMatch {
            domains: domains.collect(),
            server_names: server_names.collect(),
            listeners: values(&table.listeners),
            users: Vec::new(),
        }
    }

    fn claim<T>(
        &mut self,
        kind: &'static str,
        name: &str,
        at: &At<T>,
        diagnostics: &mut Diagnostics,
    ) {
        let message = || format!("the {kind} `{name}` is claimed twice");
        self.claimed
            .claim((kind, name.to_owned()), &at.span, message, diagnostics);
    }

    fn listener(&mut self, at: &At<ListenerName>, diagnostics: &mut Diagnostics) {
        let name = &at.value;
        if self.listeners.contains(name) {
            return self.claim("listener", name.as_str(), at, diagnostics);
        }
        if !self.listeners_are_known {
            return;
        }
        let known = || self.listeners.iter().map(|name| name.as_str());
        let mut all: Vec<&str> = known().collect();
        all.sort_unstable();
        let hint = did_you_mean(name.as_str(), known());
        let diagnostic = Diagnostic::new(at.span.clone(), format!("there is no listener `{name}`"));
        diagnostics
            .note(diagnostic.hint(hint.unwrap_or_else(|| format!("known: {}", all.join(", ")))));
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
        for user in tenant
            .user
            .iter()
            .map(|user| &user.name.value)
            .filter(|user| user.as_bytes().contains(&b'@'))
        {
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
