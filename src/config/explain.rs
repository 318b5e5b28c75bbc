//! What a login would get, and the line of the file that says so.

use super::Config;
use super::entries::{self, Entry};
use super::error::{ConfigError, line_of};
use super::file::File;
use super::keys::{Limits, Tenant as Table, User};
use super::tenants::spellings;
use crate::ids::{BackendName, ListenerName, MaildropKey, UserName};
use crate::policy::tenant::{Claim, Identity, LoginPolicy};
use serde_json::Value;
use std::path::Path;

/// A login that is asked about.
#[derive(Clone, Debug)]
pub struct Login {
    /// The name that the client types.
    pub user: UserName,
    /// The server name that it asks for in TLS.
    pub server_name: Option<String>,
    /// Where it connects.
    pub listener: Option<ListenerName>,
}

/// Something that a login gets.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
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
    pub tenant: Said,
    /// Why that tenant. The key is `domain`, `wildcard`, `server_name`, `listener` or `nobody`, the
    /// value what the tenant claims.
    pub claim: Said,
    /// The `[[tenant.user]]` whose limits it has.
    pub user: Option<Said>,
    /// What is locked.
    pub lock: MaildropKey,
    /// The entries of `aliases` that made the maildrop's name of the login's, in order.
    pub aliases: Vec<Said>,
    /// The names of its backends, in order of preference.
    pub backends: Said,
    /// How each of them is reached.
    pub reached: Vec<(BackendName, Vec<Said>)>,
    /// The other limits.
    pub limits: Vec<Said>,
    /// Whether another listener or server name could give it another tenant, and none is told.
    pub depends_on_connection: bool,
}

/// Explains what `config`, which is `file` resolved, makes of `login`.
pub(super) fn explain(file: &File, text: &str, config: &Config, login: &Login) -> Explanation {
    let Identity {
        policy: tenant,
        claim,
        key: lock,
        aliases: by,
    } = identify(config, login);
    let mut tables = file.tenant.iter().map(|table| &**table);
    let table = tables.find(|table| table.name.value == tenant.name);
    let user = table.and_then(|table| user_of(table, &login.user, tenant));
    let said = |entry: Entry| entry.said(text);
    let limits = merged(file, table, user);
    let backends = tenant.backends.iter();
    let reached = backends.map(|name| {
        let entries = entries::backend(name, file, config).into_iter();
        (name.clone(), entries.map(said).collect())
    });
    let written = entries::written_aliases(file, table);
    let keys = entries::limits(tenant, &limits, table, written).into_iter();
    let aliases = by
        .into_iter()
        .map(|index| entries::alias(tenant, index, written));
    Explanation {
        tenant: said(tenant_entry(tenant, table)),
        claim: said(claim_entry(claim, table)),
        user: user.map(|user| said(user_entry(user))),
        lock,
        aliases: aliases.map(said).collect(),
        backends: said(entries::backends(tenant, &limits)),
        reached: reached.collect(),
        limits: keys.map(said).collect(),
        depends_on_connection: claim == Claim::Nobody && depends_on_connection(file, login),
    }
}

/// What a session would find for it, by the same call.
fn identify<'a>(config: &'a Config, login: &Login) -> Identity<'a> {
    let nowhere = ListenerName::new("");
    let listener = login.listener.as_ref().unwrap_or(&nowhere);
    let server_name = login.server_name.as_deref();
    config.tenants.identify(&login.user, server_name, listener)
}

fn user_of<'a>(table: &'a Table, login: &UserName, tenant: &LoginPolicy) -> Option<&'a User> {
    let maildrop = tenant.key(login).maildrop().clone();
    let forms = [login.as_bytes().trim_ascii(), maildrop.as_bytes()];
    let is_login = |name: &UserName| {
        let mut forms = forms.iter();
        forms.any(|form| name.as_bytes().eq_ignore_ascii_case(form))
    };
    let mut users = table.user.iter().map(|user| &**user);
    users.find(|user| spellings(&user.name.value, tenant).iter().any(is_login))
}

/// What the three tables say, the user's over the tenant's over the defaults.
fn merged(file: &File, table: Option<&Table>, user: Option<&User>) -> Limits {
    let defaults = file.defaults.as_ref().map(|it| it.get_ref().limits());
    let mut limits = defaults.unwrap_or_default();
    let above = [table.map(Table::limits), user.map(User::limits)];
    for own in above.into_iter().flatten() {
        limits = own.over(&limits);
    }
    limits
}

fn tenant_entry(tenant: &LoginPolicy, table: Option<&Table>) -> Entry {
    let span = table.map(|table| table.name.span.clone());
    Entry::new("tenant", tenant.name.as_str(), span)
}

fn user_entry(user: &User) -> Entry {
    let name = &user.name;
    Entry::new("user", name.value.to_string(), Some(name.span.clone()))
}

/// What the tenant of `table` claims, and where.
fn claim_entry(claim: Claim<'_>, table: Option<&Table>) -> Entry {
    let domain = |domain: &str| {
        let mut domains = table?.domains.iter();
        let at = domains.find(|at| at.value.0 == domain)?;
        Some(at.span.clone())
    };
    match claim {
        Claim::Domain(name) => Entry::new("domain", name, domain(name)),
        Claim::Wildcard(parent) => {
            let pattern = format!("*.{parent}");
            let span = domain(&pattern);
            Entry::new("wildcard", pattern, span)
        }
        Claim::ServerName(name) => {
            let names = table.map_or(&[][..], |table| &table.server_names);
            let at = names.iter().find(|at| at.value.0 == name);
            Entry::new("server_name", name, at.map(|at| at.span.clone()))
        }
        Claim::Listener(name) => {
            let listeners = table.map_or(&[][..], |table| &table.listeners);
            let at = listeners.iter().find(|at| at.value == *name);
            Entry::new("listener", name.as_str(), at.map(|at| at.span.clone()))
        }
        Claim::Nobody => Entry::new("nobody", Value::Null, None),
    }
}

/// A domain decides alone.
fn depends_on_connection(file: &File, login: &Login) -> bool {
    let mut tenants = file.tenant.iter();
    let is_told = login.listener.is_some() || login.server_name.is_some();
    let is_claimed =
        tenants.any(|table| !table.listeners.is_empty() || !table.server_names.is_empty());
    !is_told && is_claimed && !login.user.as_bytes().contains(&b'@')
}

impl Entry {
    fn said(self, text: &str) -> Said {
        Said {
            key: self.key,
            value: self.value,
            line: self.span.map(|span| line_of(text, &span)),
        }
    }
}

/// Refuses a listener that the file does not have.
pub(super) fn check_listener(
    config: &Config,
    login: &Login,
    path: &Path,
) -> Result<(), ConfigError> {
    let listeners = config.listeners.iter();
    let known: Vec<_> = listeners.map(|it| it.name.as_str()).collect();
    match &login.listener {
        Some(name) if !known.contains(&name.as_str()) => {
            let message = format!("there is no listener `{name}`");
            let hint = format!("known: {}", known.join(", "));
            Err(ConfigError::absent(path, message, hint))
        }
        _ => Ok(()),
    }
}
