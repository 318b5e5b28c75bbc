//! What a login gets, key by key: each value as the file would say it, and where it does.

use super::Config;
use super::aliases;
use super::choices::Choice;
use super::file::File;
use super::keys::{Limits, Tenant as Table};
use super::value::{At, duration_text};
use crate::ids::BackendName;
use crate::policy::rules::Rules;
use crate::policy::tenant::LoginPolicy;
use crate::time::Duration;
use serde_json::Value;
use std::ops::Range;

/// One key.
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) value: Value,
    pub(super) span: Option<Range<usize>>,
}

impl Entry {
    pub(super) fn new(key: &str, value: impl Into<Value>, span: Option<Range<usize>>) -> Self {
        Self {
            key: key.to_owned(),
            value: value.into(),
            span,
        }
    }

    /// `value` holds, and `at` is where it is written.
    fn of<T>(key: &str, value: &impl Shown, at: &Option<At<T>>) -> Self {
        Self::new(key, value.shown(), at.as_ref().map(|at| at.span.clone()))
    }
}

/// A value as the file would say it.
trait Shown {
    fn shown(&self) -> Value;
}

impl<T: Choice> Shown for T {
    fn shown(&self) -> Value {
        self.word().into()
    }
}

impl Shown for Duration {
    fn shown(&self) -> Value {
        duration_text(*self).into()
    }
}

impl Shown for Option<Duration> {
    fn shown(&self) -> Value {
        self.map_or("off".into(), |duration| duration.shown())
    }
}

impl Shown for usize {
    fn shown(&self) -> Value {
        (*self).into()
    }
}

impl Shown for u32 {
    fn shown(&self) -> Value {
        (*self).into()
    }
}

impl Shown for bool {
    fn shown(&self) -> Value {
        (*self).into()
    }
}

/// How the backend `name` is reached, and what it leaves of a wait.
pub(super) fn backend(name: &BackendName, file: &File, config: &Config) -> Vec<Entry> {
    let mut tables = file.backend.iter().map(|table| table.get_ref());
    let mut backends = config.backends.iter();
    let table = tables.find(|table| table.name.value == *name);
    let options = backends.find(|options| options.name == *name);
    let (Some(table), Some(options)) = (table, options) else {
        return Vec::new();
    };
    let address = Some(table.address.span.clone());
    let connect_timeout = &options.connect_timeout;
    let (login_timeout, login_reserve) = (&options.login_timeout, &options.login_reserve);
    vec![
        Entry::new("address", options.address.as_str(), address),
        Entry::of("tls", &options.tls, &table.tls),
        Entry::of("connect_timeout", connect_timeout, &table.connect_timeout),
        Entry::of("login_timeout", login_timeout, &table.login_timeout),
        Entry::of("login_reserve", login_reserve, &table.login_reserve),
        Entry::of("connections", &options.connections, &table.connections),
    ]
}

/// The names of the tenant's backends.
pub(super) fn backends(tenant: &LoginPolicy, limits: &Limits) -> Entry {
    let names: Vec<_> = tenant.backends.iter().map(BackendName::as_str).collect();
    let written = limits.named_backends().map(|(span, _)| span);
    Entry::new("backends", names, written)
}

/// The list of `aliases` that holds for the tenant of `table`; `None`: the standard one.
pub(super) fn written_aliases<'a>(
    file: &'a File,
    table: Option<&'a Table>,
) -> Option<&'a aliases::List> {
    let own = table.and_then(|table| table.aliases.as_ref());
    own.or_else(|| file.defaults.as_ref()?.get_ref().aliases.as_ref())
}

/// An entry of the tenant's aliases, as the file says it.
pub(super) fn alias(tenant: &LoginPolicy, index: usize, written: Option<&aliases::List>) -> Entry {
    let entry = tenant.aliases.entries().get(index);
    let span = written.and_then(|list| Some(list.get_ref().get(index)?.span()));
    Entry::new("alias", entry.map(ToString::to_string), span)
}

/// The other limits of `tenant`, which `limits` are resolved to; `table` is its `[[tenant]]`, and
/// `aliases` the list that holds for it.
pub(super) fn limits(
    tenant: &LoginPolicy,
    limits: &Limits,
    table: Option<&Table>,
    aliases: Option<&aliases::List>,
) -> Vec<Entry> {
    let default_domain = table.and_then(|table| table.default_domain.as_ref());
    let default_domain = default_domain.map(|at| at.span.clone());
    let mut entries = vec![
        Entry::of("cleartext", &tenant.cleartext, &limits.cleartext),
        Entry::of("wait", &tenant.wait, &limits.wait),
        Entry::of("queue", &tenant.queue, &limits.queue),
        Entry::of("preempt_idle", &tenant.preempt_idle, &limits.preempt_idle),
        Entry::of("idle_timeout", &tenant.idle_timeout, &limits.idle_timeout),
        Entry::of("fold_case", &tenant.fold_case, &limits.fold_case),
        Entry::new(
            "default_domain",
            tenant.default_domain.clone(),
            default_domain,
        ),
        Entry::new(
            "aliases",
            tenant
                .aliases
                .entries()
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>(),
            aliases.map(toml::Spanned::span),
        ),
    ];
    entries.extend(polls(&tenant.rules, limits));
    entries.push(allow_burst_from(&tenant.rules, table));
    entries.extend(connections(&tenant.rules, limits));
    entries.extend(failures(&tenant.rules, limits));
    entries.extend(blocks(&tenant.rules, limits));
    entries
}

fn polls(rules: &Rules, limits: &Limits) -> Vec<Entry> {
    let (rules, table, client) = (&rules.polls, &limits.polls, &limits.polls.per_client);
    let (maildrop_burst, client_burst) = (rules.maildrop.burst.get(), rules.client.burst.get());
    vec![
        Entry::of("polls.enforce", &rules.mode, &table.enforce),
        Entry::of("polls.max_delay", &rules.max_delay, &table.max_delay),
        Entry::of("polls.every", &rules.maildrop.every, &table.every),
        Entry::of("polls.burst", &maildrop_burst, &table.burst),
        Entry::of("polls.per_client.every", &rules.client.every, &client.every),
        Entry::of("polls.per_client.burst", &client_burst, &client.burst),
    ]
}

fn allow_burst_from(rules: &Rules, table: Option<&Table>) -> Entry {
    let networks = rules.polls.unlimited.iter();
    let networks: Vec<_> = networks.map(ToString::to_string).collect();
    let written = table.and_then(|table| table.allow_burst_from.as_ref()?.first());
    Entry::new(
        "allow_burst_from",
        networks,
        written.map(|at| at.span.clone()),
    )
}

fn connections(rules: &Rules, limits: &Limits) -> Vec<Entry> {
    let (rules, table) = (&rules.connections, &limits.connections);
    vec![
        Entry::of(
            "connections.per_address",
            &rules.per_address,
            &table.per_address,
        ),
        Entry::of(
            "connections.per_maildrop",
            &rules.per_maildrop,
            &table.per_maildrop,
        ),
        Entry::of(
            "connections.per_tenant",
            &rules.per_tenant,
            &table.per_tenant,
        ),
    ]
}

fn failures(rules: &Rules, limits: &Limits) -> Vec<Entry> {
    let (rules, table) = (&rules.failures, &limits.failures);
    vec![
        Entry::of("failures.delay", &rules.delay, &table.delay),
        Entry::of("failures.max_delay", &rules.max_delay, &table.max_delay),
        Entry::of(
            "failures.same_password",
            &rules.same_password,
            &table.same_password,
        ),
        Entry::of("failures.retry", &rules.retry, &table.retry),
    ]
}

fn blocks(rules: &Rules, limits: &Limits) -> Vec<Entry> {
    let (rules, table) = (&rules.blocks, &limits.blocks);
    vec![
        Entry::of("blocks.enforce", &rules.mode, &table.enforce),
        Entry::of(
            "blocks.passwords_per_maildrop",
            &rules.passwords_per_maildrop,
            &table.passwords_per_maildrop,
        ),
        Entry::of(
            "blocks.passwords_per_address",
            &rules.passwords_per_address,
            &table.passwords_per_address,
        ),
        Entry::of("blocks.abuses", &rules.abuses, &table.abuses),
        Entry::of(
            "blocks.passing_per_day",
            &rules.passing_per_day,
            &table.passing_per_day,
        ),
        Entry::of("blocks.window", &rules.window, &table.window),
        Entry::of("blocks.duration", &rules.duration, &table.duration),
        Entry::of(
            "blocks.max_duration",
            &rules.max_duration,
            &table.max_duration,
        ),
    ]
}
