//! What differs between two configurations, in words for the operator.

use super::ports::is_same;
use crate::backend::{BackendOptions, Shareable};
use crate::cluster::options::ClusterOptions;
use crate::config::{Config, LockKeys, fold_digest, lock_key_changes, size_text, tenant_changes};
use crate::dialect::Phrases;
use crate::ids::ListenerName;
use crate::journal::JournalOptions;
use crate::limits::CHANGES_NAMED_MAX;
use crate::net::{ListenOptions, TlsMode};
use crate::observe::LogFormat;
use ipnet::IpNet;
use std::path::PathBuf;

/// A setting and its value.
type Setting = (&'static str, String);

/// What changed that is fixed while the gate runs, a sentence each; of many the first few.
pub(super) fn needs_restart(old: &Config, new: &Config) -> Vec<String> {
    let mut sentences = differences(&fixed(old), &fixed(new));
    sentences.extend(folds_otherwise(old, new));
    let keys = lock_key_changes(&lock_keys(old), &lock_keys(new), &renamed(old, new));
    let more = keys.len().saturating_sub(CHANGES_NAMED_MAX);
    sentences.extend(keys.into_iter().take(CHANGES_NAMED_MAX).map(|what| {
        format!("{what}: the same maildrop would get another lock while sessions are open")
    }));
    if more > 0 {
        sentences.push(format!("and so for {more} more"));
    }
    sentences
}

/// Gates of a cluster that do not fold alike do not meet.
fn folds_otherwise(old: &Config, new: &Config) -> Option<String> {
    let before = fold_digest(old);
    let after = fold_digest(new);
    let matters = old.cluster.is_some() && before != after;
    matters.then(|| {
        format!(
            "fold_case of [defaults], and the domains that differ from it: {before} -> {after}: the \
             gates of a cluster must have it alike; stop all of them, change each file, start them"
        )
    })
}

/// What changed, a sentence each, without what needs a restart and without the certificates.
pub(super) fn said(old: &Config, new: &Config) -> Vec<String> {
    let mut sentences = listeners(&old.listeners, &new.listeners);
    sentences.extend(differences(&server(old), &server(new)));
    if old.tls != new.tls && old.tls.is_some() && new.tls.is_some() {
        sentences.push("[tls] names other files".to_owned());
    }
    sentences.extend(backends(&old.backends, &new.backends));
    sentences.extend(tenant_changes(&old.tenants, &new.tenants));
    sentences
}

/// What is unwise, and was not so before.
pub(super) fn warnings(old: &Config, new: &Config) -> Vec<String> {
    new.warnings
        .iter()
        .filter(|sentence| !old.warnings.contains(sentence))
        .map(|what| format!("warning: {what}"))
        .collect()
}

fn lock_keys(config: &Config) -> LockKeys<'_> {
    LockKeys {
        tenants: &config.tenants,
        addresses: config
            .backends
            .iter()
            .map(|backend| (&backend.name, backend.address.as_str()))
            .collect(),
    }
}

fn renamed(old: &Config, new: &Config) -> Vec<(ListenerName, ListenerName)> {
    old.listeners
        .iter()
        .filter_map(|old| {
            let new = new.listeners.iter().find(|new| is_same(old, new))?;
            Some((old.name.clone(), new.name.clone()))
        })
        .filter(|(old, new)| old != new)
        .collect()
}

fn fixed(config: &Config) -> Vec<Setting> {
    let log = match config.server.log {
        LogFormat::Human => "human",
        LogFormat::Json => "json",
    };
    let admin = config.admin.as_ref();
    let address = admin.map_or_else(none, |admin| admin.address.to_string());
    let token = admin
        .and_then(|admin| admin.token_file.as_ref())
        .map_or_else(none, |file| file.display().to_string());
    let host_names = admin.map_or_else(none, |admin| list(admin.host_names.iter().cloned()));
    let trust_loopback = admin.map_or_else(none, |admin| admin.trust_loopback.to_string());
    let mut settings = vec![
        ("[server] log", log.to_owned()),
        ("[admin] address", address),
        ("[admin] token_file", token),
        ("[admin] host_names", host_names),
        ("[admin] trust_loopback", trust_loopback),
    ];
    settings.extend(journal(config.journal.as_ref()));
    settings.extend(cluster(config.cluster.as_ref()));
    settings
}

fn journal(options: Option<&JournalOptions>) -> [Setting; 7] {
    let said = |what: fn(&JournalOptions) -> String| options.map_or_else(none, what);
    [
        ("[journal] file", said(|it| it.file.display().to_string())),
        ("[journal] keep", said(|it| format!("{:?}", it.bounds.keep))),
        ("[journal] sessions", said(|it| it.sessions.to_string())),
        ("[journal] rows", said(|it| it.bounds.rows.to_string())),
        ("[journal] size", said(|it| it.bounds.size.to_string())),
        ("[journal] hash_users", said(|it| it.hash_users.to_string())),
        (
            "[journal] key_file",
            said(|it| it.key_file.display().to_string()),
        ),
    ]
}

/// Its secret's file is read at the start.
fn cluster(options: Option<&ClusterOptions>) -> [Setting; 11] {
    let said = |what: fn(&ClusterOptions) -> String| options.map_or_else(none, what);
    let path = |file: Option<&PathBuf>| file.map_or_else(none, |it| it.display().to_string());
    let word = |word: Option<&String>| word.map_or_else(none, Clone::clone);
    let given = options.and_then(|it| it.ca.as_ref());
    [
        ("[cluster] nodes", said(|it| list(it.nodes.iter().cloned()))),
        (
            "[cluster] master",
            word(options.and_then(|it| it.master.as_ref())),
        ),
        ("[cluster] tls", said(|it| it.tls.to_string())),
        ("[cluster] ca", path(given)),
        (
            "[cluster] username",
            word(options.and_then(|it| it.username.as_ref())),
        ),
        (
            "[cluster] password_file",
            path(options.and_then(|it| it.password_file.as_ref())),
        ),
        (
            "[cluster] secret_file",
            said(|it| it.secret_file.display().to_string()),
        ),
        ("[cluster] prefix", said(|it| it.prefix.clone())),
        ("[cluster] lease", said(|it| format!("{:?}", it.lease))),
        (
            "[cluster] on_outage",
            said(|it| format!("{:?}", it.on_outage)),
        ),
        ("[cluster] name", said(|it| it.name.clone())),
    ]
}

fn server(config: &Config) -> Vec<Setting> {
    let networks = config.server.trusted_networks.iter().map(IpNet::to_string);
    vec![
        ("[server] grace", format!("{:?}", config.server.grace)),
        (
            "[server] connections",
            config.server.connections.to_string(),
        ),
        ("[server] trusted_networks", list(networks)),
        (
            "[server] sharing_memory",
            size_text(config.server.sharing_memory),
        ),
        ("[report] resolver", config.resolver.to_string()),
    ]
}

fn listeners(old: &[ListenOptions], new: &[ListenOptions]) -> Vec<String> {
    let mut sentences = Vec::new();
    for after in new {
        let name = &after.name;
        match old.iter().find(|before| is_same(before, after)) {
            None => sentences.push(format!("listener `{name}` at {}: opened", after.address)),
            Some(before) => {
                let differences = differences(&listener(before), &listener(after));
                sentences.extend(sentence("listener", name, &differences));
            }
        }
    }
    sentences.extend(
        old.iter()
            .filter(|before| !new.iter().any(|after| is_same(before, after)))
            .map(|before| {
                let name = &before.name;
                let address = before.address;
                format!("listener `{name}` at {address}: closed, its sessions go on")
            }),
    );
    sentences
}

fn listener(options: &ListenOptions) -> Vec<Setting> {
    let ListenOptions {
        name,
        // At another address it is another listener.
        address: _,
        tls,
        proxy_protocol,
    } = options;
    vec![
        ("name", name.to_string()),
        ("tls", tls_word(*tls)),
        ("proxy_protocol", proxy_protocol.to_string()),
    ]
}

fn backends(old: &[BackendOptions], new: &[BackendOptions]) -> Vec<String> {
    let mut sentences = Vec::new();
    for after in new {
        let name = &after.name;
        match old.iter().find(|before| before.name == *name) {
            None => sentences.push(format!("backend `{name}` at {}: added", after.address)),
            Some(before) => {
                let differences = differences(&backend(before), &backend(after));
                sentences.extend(sentence("backend", name, &differences));
            }
        }
    }
    sentences.extend(
        old.iter()
            .filter(|before| !new.iter().any(|after| before.name == after.name))
            .map(|before| format!("backend `{}`: removed", before.name)),
    );
    sentences
}

/// Every setting; taken apart, so that a new one is not forgotten here.
fn backend(options: &BackendOptions) -> Vec<Setting> {
    let BackendOptions {
        name: _,
        address,
        tls,
        ca,
        server_name,
        verify,
        connect_timeout,
        login_timeout,
        login_reserve,
        connections,
        preconnect,
        proxy_protocol,
        xoip,
        shareable,
        capabilities,
        phrases,
    } = options;
    let Phrases { locked, auth, temp } = phrases;
    let ca = ca.as_ref().map(|file| file.display().to_string());
    let quoted = |phrases: &[String]| list(phrases.iter().map(|phrase| format!("`{phrase}`")));
    vec![
        ("address", address.clone()),
        ("tls", tls_word(*tls)),
        ("ca", ca.unwrap_or_else(none)),
        ("server_name", server_name.clone().unwrap_or_else(none)),
        ("verify", verify.to_string()),
        ("connect_timeout", format!("{connect_timeout:?}")),
        ("login_timeout", format!("{login_timeout:?}")),
        ("login_reserve", format!("{login_reserve:?}")),
        ("connections", connections.to_string()),
        ("preconnect", preconnect.to_string()),
        ("proxy_protocol", proxy_protocol.to_string()),
        ("xoip", xoip.to_string()),
        ("shareable", shareable_word(*shareable)),
        (
            "capabilities",
            capabilities.as_deref().map_or_else(none, quoted),
        ),
        ("phrases.locked", quoted(locked)),
        ("phrases.auth", quoted(auth)),
        ("phrases.temp", quoted(temp)),
    ]
}

fn differences(old: &[Setting], new: &[Setting]) -> Vec<String> {
    old.iter()
        .zip(new)
        .filter(|(old, new)| old != new)
        .map(|((key, old), (_, new))| format!("{key} {old} -> {new}"))
        .collect()
}

fn sentence(what: &str, name: impl std::fmt::Display, differences: &[String]) -> Option<String> {
    let differences = Some(differences.join(", ")).filter(|text| !text.is_empty())?;
    Some(format!("{what} `{name}`: {differences}"))
}

fn tls_word(tls: TlsMode) -> String {
    match tls {
        TlsMode::Off => "off",
        TlsMode::Stls => "stls",
        TlsMode::Implicit => "implicit",
    }
    .to_owned()
}

pub(super) fn shareable_word(shareable: Shareable) -> String {
    match shareable {
        Shareable::Yes => "true",
        Shareable::No => "false",
        Shareable::Ask => "ask",
    }
    .to_owned()
}

fn none() -> String {
    "none".to_owned()
}

fn list(items: impl Iterator<Item = String>) -> String {
    let text = items.collect::<Vec<_>>().join(", ");
    if text.is_empty() { none() } else { text }
}
