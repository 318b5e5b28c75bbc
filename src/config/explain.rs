//! What a login would get, and the line of the file that says so.

use super::aliases::AliasList;
use super::error::{ConfigError, line_of};
use super::schema::limits::{Limits, WrittenTenant, WrittenUser};
use super::schema::tables::File;
use super::schema::{Limit, LimitTable};
use super::tenants::{Origins, TenantOrigins, spellings};
use super::value::{At, Shown, plain};
use super::{Config, ParsedFile};
use crate::ids::{BackendName, ListenerName, MaildropKey, UserName};
use crate::policy::tenant::{Identity, LimitOrigin, LoginPolicy, TenantClaim};
use serde_json::Value;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;

/// A login that is asked about.
#[derive(Clone, Debug)]
pub struct LoginQuery {
    /// The name that the client types.
    pub user: UserName,
    /// The server name that it asks for in TLS.
    pub server_name: Option<String>,
    /// Where it connects.
    pub listener: Option<ListenerName>,
}

/// Something that a login gets.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainedKey {
    /// The key, with a point before those of inline tables: `polls.per_client.burst`.
    pub key: String,
    /// The value as the file would say it.
    pub value: Value,
    /// The line, counted from 1; `None` where no line says it.
    pub line: Option<usize>,
}

/// What a login gets.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Its tenant, and the line of that `[[tenant]]`'s name.
    pub tenant: ExplainedKey,
    /// Why that tenant. The key is `domain`, `wildcard`, `server_name`, `listener` or `nobody`, the
    /// value what the tenant claims.
    pub claim: ExplainedKey,
    /// The `[[tenant.user]]` whose limits it has.
    pub user: Option<ExplainedKey>,
    /// What is locked.
    pub lock: MaildropKey,
    /// The entries of `aliases` that made the maildrop's name of the login's, in order.
    pub aliases: Vec<ExplainedKey>,
    /// The names of its backends, in order of preference.
    pub backends: ExplainedKey,
    /// How each of them is reached.
    pub reached: Vec<(BackendName, Vec<ExplainedKey>)>,
    /// The other limits.
    pub limits: Vec<ExplainedKey>,
    /// Whether another listener or server name could give it another tenant, and none is told.
    pub depends_on_connection: bool,
}

/// A limit that holds for a login at a running gate, which has no file at hand.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LimitInForce {
    /// As in [`ExplainedKey`].
    pub(crate) key: String,
    /// The value as the file would say it, in words.
    pub(crate) value: String,
    /// Which table says it.
    pub(crate) set_by: LimitOrigin,
}

/// The keys that a tenant does not inherit limit by limit: they stand behind the others.
pub(super) const OWN_KEYS: [&str; 3] = ["default_domain", "aliases", "allow_burst_from"];

/// The limits of `policy` but its backends, in the order of the declaration.
pub(crate) fn limits_in_force(policy: &LoginPolicy) -> Vec<LimitInForce> {
    let limits = all_limits(policy, &Limits::default(), None, None);
    limits
        .into_iter()
        .enumerate()
        .map(|(place, limit)| LimitInForce {
            value: plain(&limit.value),
            set_by: policy.origins.of(place),
            key: limit.key,
        })
        .collect()
}

/// Explains what the file makes of `login`.
pub(super) fn explain(parsed: &ParsedFile, text: &str, login: &LoginQuery) -> Explanation {
    let ParsedFile {
        file,
        config,
        origins,
    } = parsed;
    let identity = identify(config, login);
    let policy = &**identity.policy;
    let tenant = tenant_of(file, origins, policy);
    let user = tenant.and_then(|(table, origins)| user_of(table, origins, &login.user, policy));
    let table = tenant.map(|(table, _)| table);
    let limits = match (tenant, user) {
        (_, Some((_, limits))) => limits,
        (Some((_, origins)), None) => &origins.limits,
        (None, None) => &origins.defaults,
    };
    let explained = |limit: Limit| limit.explained(text);
    let aliases = written_aliases(file, table);
    Explanation {
        tenant: explained(Limit::new(
            "tenant",
            policy.name.as_str(),
            table.map(|table| table.name.span.clone()),
        )),
        claim: explained(claim_and_place(identity.claim, table)),
        user: user.map(|(user, _)| {
            let name = &user.name;
            explained(Limit::new(
                "user",
                name.value.to_string(),
                Some(name.span.clone()),
            ))
        }),
        lock: identity.key,
        aliases: identity
            .aliases
            .into_iter()
            .map(|index| explained(alias(policy, index, aliases)))
            .collect(),
        backends: explained(backends(policy, limits)),
        reached: policy
            .backends
            .iter()
            .map(|name| {
                let keys = backend(name, file, config);
                (name.clone(), keys.into_iter().map(explained).collect())
            })
            .collect(),
        limits: all_limits(policy, limits, table, aliases)
            .into_iter()
            .map(explained)
            .collect(),
        depends_on_connection: identity.claim == TenantClaim::Nobody
            && depends_on_connection(file, login),
    }
}

/// What a session would find for it, by the same call.
fn identify<'a>(config: &'a Config, login: &LoginQuery) -> Identity<'a> {
    let nowhere = ListenerName::new("");
    let listener = login.listener.as_ref().unwrap_or(&nowhere);
    let server_name = login.server_name.as_deref();
    config.tenants.identify(&login.user, server_name, listener)
}

/// The table of a tenant, where it has one, and where its limits come from.
fn tenant_of<'a>(
    file: &'a File,
    origins: &'a Origins,
    policy: &LoginPolicy,
) -> Option<(&'a WrittenTenant, &'a TenantOrigins)> {
    file.tenant
        .iter()
        .map(|table| &**table)
        .zip(&origins.tenants)
        .find(|(table, _)| table.name.value == policy.name)
}

fn user_of<'a>(
    table: &'a WrittenTenant,
    origins: &'a TenantOrigins,
    login: &UserName,
    policy: &LoginPolicy,
) -> Option<(&'a WrittenUser, &'a Limits)> {
    let maildrop = policy.key(login).maildrop().clone();
    let forms = [login.as_bytes().trim_ascii(), maildrop.as_bytes()];
    let is_login = |name: &UserName| {
        forms
            .iter()
            .any(|form| name.as_bytes().eq_ignore_ascii_case(form))
    };
    table
        .user
        .iter()
        .map(|user| &**user)
        .zip(&origins.users)
        .find(|(user, _)| spellings(&user.name.value, policy).iter().any(is_login))
}

/// What the tenant of `table` claims, and where.
fn claim_and_place(claim: TenantClaim<'_>, table: Option<&WrittenTenant>) -> Limit {
    let domain = |domain: &str| {
        let at = table?.domains.iter().find(|at| at.value.0 == domain)?;
        Some(at.span.clone())
    };
    match claim {
        TenantClaim::Domain(name) => Limit::new("domain", name, domain(name)),
        TenantClaim::Wildcard(parent) => {
            let pattern = format!("*.{parent}");
            let span = domain(&pattern);
            Limit::new("wildcard", pattern, span)
        }
        TenantClaim::ServerName(name) => {
            let names = table.map_or(&[][..], |table| &table.server_names);
            let at = names.iter().find(|at| at.value.0 == name);
            Limit::new("server_name", name, at.map(|at| at.span.clone()))
        }
        TenantClaim::Listener(name) => {
            let listeners = table.map_or(&[][..], |table| &table.listeners);
            let at = listeners.iter().find(|at| at.value == *name);
            Limit::new("listener", name.as_str(), at.map(|at| at.span.clone()))
        }
        TenantClaim::Nobody => Limit::new("nobody", Value::Null, None),
    }
}

/// A domain decides alone.
fn depends_on_connection(file: &File, login: &LoginQuery) -> bool {
    let mut tenants = file.tenant.iter();
    let is_told = login.listener.is_some() || login.server_name.is_some();
    let is_claimed =
        tenants.any(|table| !table.listeners.is_empty() || !table.server_names.is_empty());
    !is_told && is_claimed && !login.user.as_bytes().contains(&b'@')
}

/// How the backend `name` is reached, and what it leaves of a wait.
fn backend(name: &BackendName, file: &File, config: &Config) -> Vec<Limit> {
    let mut tables = file.backend.iter().map(|table| table.get_ref());
    let mut backends = config.backends.iter();
    let table = tables.find(|table| table.name.value == *name);
    let options = backends.find(|options| options.name == *name);
    let (Some(table), Some(options)) = (table, options) else {
        return Vec::new();
    };
    let address = Some(table.address.span.clone());
    let connect_timeout = &options.connect_timeout;
    let login_timeout = &options.login_timeout;
    let login_reserve = &options.login_reserve;
    vec![
        Limit::new("address", options.address.as_str(), address),
        Limit::of("tls", &options.tls, &table.tls),
        Limit::of("connect_timeout", connect_timeout, &table.connect_timeout),
        Limit::of("login_timeout", login_timeout, &table.login_timeout),
        Limit::of("login_reserve", login_reserve, &table.login_reserve),
        Limit::of("connections", &options.connections, &table.connections),
        Limit::of("shareable", &options.shareable, &table.shareable),
    ]
}

/// The names of the tenant's backends.
fn backends(tenant: &LoginPolicy, limits: &Limits) -> Limit {
    let names: Vec<_> = tenant.backends.iter().map(BackendName::as_str).collect();
    let written = limits.named_backends().map(|(span, _)| span);
    Limit::new("backends", names, written)
}

/// The list of `aliases` that holds for the tenant of `table`; `None`: the standard one.
fn written_aliases<'a>(file: &'a File, table: Option<&'a WrittenTenant>) -> Option<&'a AliasList> {
    table
        .and_then(|table| table.aliases.as_ref())
        .or_else(|| file.defaults.as_ref()?.get_ref().aliases.as_ref())
}

/// An entry of the tenant's aliases, as the file says it.
fn alias(tenant: &LoginPolicy, index: usize, written: Option<&AliasList>) -> Limit {
    let entry = tenant.aliases.entries().get(index);
    let span = written.and_then(|list| Some(list.get_ref().get(index)?.span()));
    Limit::new("alias", entry.map(ToString::to_string), span)
}

/// All limits of a tenant or user but its backends; `aliases` is the list that holds for it.
fn all_limits(
    policy: &LoginPolicy,
    limits: &Limits,
    table: Option<&WrittenTenant>,
    aliases: Option<&AliasList>,
) -> Vec<Limit> {
    let domain = table.and_then(|table| table.default_domain.as_ref());
    let networks = table.and_then(|table| table.allow_burst_from.as_ref()?.first());
    let [default_domain, aliases_key, allow_burst_from] = OWN_KEYS;
    let mut all = Vec::new();
    limits.list(policy, "", &mut all);
    all.extend([
        Limit::new(
            default_domain,
            policy.default_domain.clone(),
            domain.map(|at| at.span.clone()),
        ),
        Limit::new(
            aliases_key,
            texts(policy.aliases.entries()),
            aliases.map(Spanned::span),
        ),
        Limit::new(
            allow_burst_from,
            texts(&policy.rules.polls.unlimited),
            networks.map(|at| at.span.clone()),
        ),
    ]);
    all
}

fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

impl Limit {
    fn new(key: &str, value: impl Into<Value>, origin: Option<Range<usize>>) -> Self {
        Self {
            key: key.to_owned(),
            value: value.into(),
            origin,
        }
    }

    /// A setting: `value` holds, and `at` is where it is written.
    fn of<T>(key: &str, value: &impl Shown, at: &Option<At<T>>) -> Self {
        Self::new(key, value.shown(), at.as_ref().map(|at| at.span.clone()))
    }

    fn explained(self, text: &str) -> ExplainedKey {
        ExplainedKey {
            key: self.key,
            value: self.value,
            line: self.origin.map(|span| line_of(text, &span)),
        }
    }
}

/// Refuses a listener that the file does not have.
pub(super) fn check_listener(
    config: &Config,
    login: &LoginQuery,
    path: &Path,
) -> Result<(), ConfigError> {
    let known: Vec<_> = config.listeners.iter().map(|it| it.name.as_str()).collect();
    match &login.listener {
        Some(name) if !known.contains(&name.as_str()) => {
            let message = format!("there is no listener `{name}`");
            let hint = format!("known: {}", known.join(", "));
            Err(ConfigError::absent(path, message, hint))
        }
        _ => Ok(()),
    }
}
