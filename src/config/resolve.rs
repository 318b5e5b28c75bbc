//! From the file as written to [`Config`]: defaults filled in, names looked up, what does not
//! fit together refused at its place.

use super::error::Fault;
use super::file::{Admin, Backend, File, Listen, Polls, Server, Tls};
use super::tenants;
use super::value::{At, Enforce, Phrase};
use super::{AdminOptions, Config, ServerOptions};
use crate::backend::BackendOptions;
use crate::dialect::Phrases;
use crate::ids::ListenerName;
use crate::limits::{
    BACKEND_CONNECTIONS_MAX, CAPABILITY_LINES_MAX, GRACE, JOURNAL_KEEP, LOGIN_TIMEOUT, WAIT_MAX,
};
use crate::net::{CertificateFiles, ListenOptions, TlsFiles, TlsMode};
use crate::observe::LogFormat;
use crate::time::Duration;
use ipnet::IpNet;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Debug;
use std::hash::Hash;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use toml::Spanned;

/// Checks all of `file` and resolves it; its paths are relative to `folder`.
pub(super) fn resolve(file: &File, folder: &Path) -> Result<Config, Fault> {
    let server = server(&file.server)?;
    let listeners = listeners(&file.listen, &server)?;
    let tls = tls(file, folder)?;
    let backends = backends(&file.backend, folder)?;
    journal(file)?;
    let names: Vec<_> = listeners
        .iter()
        .map(|listener| listener.name.clone())
        .collect();
    let tenancy = tenants::resolve(file, &names, &backends)?;
    check_grace(&file.server, server.grace, tenancy.longest_wait)?;
    let mut warnings = backend_warnings(&backends);
    warnings.extend(tenancy.warnings);
    Ok(Config {
        server,
        listeners,
        tls,
        backends,
        admin: file.admin.as_ref().map(|table| admin(table, folder)),
        tenants: tenancy.table,
        inactive: inactive(file),
        warnings,
    })
}

fn server(table: &Server) -> Result<ServerOptions, Fault> {
    let trusted = table.trusted_networks.as_ref();
    Ok(ServerOptions {
        grace: bounded("grace", table.grace.as_ref(), &GRACE)?.unwrap_or(Duration::from_secs(60)),
        trusted_networks: trusted.map_or_else(loopback, |networks| values(networks)),
        log: or(table.log.as_ref(), LogFormat::Human),
    })
}

fn loopback() -> Vec<IpNet> {
    let v4 = ipnet::Ipv4Net::new_assert([127, 0, 0, 0].into(), 8);
    vec![
        IpNet::V4(v4),
        std::net::IpAddr::from(std::net::Ipv6Addr::LOCALHOST).into(),
    ]
}

fn check_grace(table: &Server, grace: Duration, longest_wait: Duration) -> Result<(), Fault> {
    match &table.grace {
        Some(at) if grace < longest_wait => {
            let message = format!("`grace` ({grace:?}) is shorter than the longest `wait`");
            Err(Fault::new(at.span.clone(), message)
                .hint(format!("write at least \"{longest_wait:?}\"")))
        }
        _ => Ok(()),
    }
}

fn listeners(
    tables: &[Spanned<Listen>],
    server: &ServerOptions,
) -> Result<Vec<ListenOptions>, Fault> {
    if tables.is_empty() {
        let hint = "write [[listen]] and below it address = \"0.0.0.0:110\"";
        return Err(
            Fault::new(0..0, "no `[[listen]]`: clients have nowhere to connect").hint(hint),
        );
    }
    let (mut names, mut addresses) = (Seen::default(), Seen::default());
    let mut listeners = Vec::with_capacity(tables.len());
    for table in tables {
        let listener = listener(table.get_ref(), server)?;
        let table = table.get_ref();
        let name_span = table
            .name
            .as_ref()
            .map_or(&table.address.span, |name| &name.span);
        names.claim(listener.name.clone(), name_span, || {
            format!("a second listener named `{}`", listener.name)
        })?;
        if listener.address.port() != 0 {
            addresses.claim(listener.address, &table.address.span, || {
                format!("a second listener at {}", listener.address)
            })?;
        }
        listeners.push(listener);
    }
    Ok(listeners)
}

fn listener(table: &Listen, server: &ServerOptions) -> Result<ListenOptions, Fault> {
    let address = table.address.value;
    if let Some(At { value: true, span }) = &table.proxy_protocol
        && server.trusted_networks.is_empty()
    {
        let message = "`proxy_protocol` without a trusted network: nobody could connect";
        return Err(Fault::new(span.clone(), message)
            .hint("name the load balancer's network in [server] trusted_networks"));
    }
    Ok(ListenOptions {
        name: or(table.name.as_ref(), ListenerName::new(&address.to_string())),
        address,
        tls: or(table.tls.as_ref(), TlsMode::Stls),
        proxy_protocol: or(table.proxy_protocol.as_ref(), false),
    })
}

fn tls(file: &File, folder: &Path) -> Result<Option<TlsFiles>, Fault> {
    if let Some(table) = &file.tls {
        return tls_files(table, folder).map(Some);
    }
    let speaks_tls =
        |table: &&Spanned<Listen>| or(table.get_ref().tls.as_ref(), TlsMode::Stls) != TlsMode::Off;
    let Some(listener) = file.listen.iter().find(speaks_tls) else {
        return Ok(None);
    };
    let written = listener.get_ref().tls.as_ref().map(|tls| tls.span.clone());
    let message = "this listener speaks TLS, and there is no `[tls]`";
    Err(
        Fault::new(written.unwrap_or_else(|| listener.span()), message)
            .hint("write [tls] with certificate and key, or tls = \"off\" here"),
    )
}

fn tls_files(table: &Tls, folder: &Path) -> Result<TlsFiles, Fault> {
    let files = |certificate: &At<PathBuf>, key: &At<PathBuf>| CertificateFiles {
        certificate: folder.join(&certificate.value),
        key: folder.join(&key.value),
    };
    let mut names = Seen::default();
    let mut hosts = Vec::with_capacity(table.host.len());
    for host in &table.host {
        require_some(&host.names, "names")?;
        for name in host.names.get_ref() {
            names.claim(&name.value.0, &name.span, || {
                format!("a second certificate for `{}`", name.value.0)
            })?;
        }
        let names = host.names.get_ref().iter();
        let names = names.map(|name| name.value.0.clone()).collect();
        hosts.push((names, files(&host.certificate, &host.key)));
    }
    Ok(TlsFiles {
        default: files(&table.certificate, &table.key),
        hosts,
    })
}

fn backends(tables: &[Spanned<Backend>], folder: &Path) -> Result<Vec<BackendOptions>, Fault> {
    if tables.is_empty() {
        let hint = "write [[backend]] and below it name = \"…\" and address = \"…\"";
        return Err(
            Fault::new(0..0, "no `[[backend]]`: there is no server to stand before").hint(hint),
        );
    }
    let mut names = Seen::default();
    let mut backends = Vec::with_capacity(tables.len());
    for table in tables {
        let table = table.get_ref();
        names.claim(&table.name.value, &table.name.span, || {
            format!("a second backend named `{}`", table.name.value)
        })?;
        backends.push(backend(table, folder)?);
    }
    Ok(backends)
}

fn backend(table: &Backend, folder: &Path) -> Result<BackendOptions, Fault> {
    let timeout = bounded(
        "login_timeout",
        table.login_timeout.as_ref(),
        &LOGIN_TIMEOUT,
    )?;
    let reserves = Duration::ZERO..=WAIT_MAX;
    let reserve = bounded("login_reserve", table.login_reserve.as_ref(), &reserves)?;
    let connections = 0..=BACKEND_CONNECTIONS_MAX;
    let connections = bounded("connections", table.connections.as_ref(), &connections)?;
    check_backend_tls(table)?;
    check_capabilities(table)?;
    Ok(BackendOptions {
        name: table.name.value.clone(),
        address: table.address.value.0.clone(),
        tls: or(table.tls.as_ref(), TlsMode::Off),
        ca: table.ca.as_ref().map(|ca| folder.join(&ca.value)),
        server_name: table.server_name.as_ref().map(|name| name.value.0.clone()),
        verify: or(table.verify.as_ref(), true),
        login_timeout: timeout.unwrap_or(Duration::from_secs(60)),
        login_reserve: reserve.unwrap_or(Duration::from_secs(3)),
        connections: connections.unwrap_or(0),
        preconnect: or(table.preconnect.as_ref(), true),
        proxy_protocol: or(table.proxy_protocol.as_ref(), false),
        capabilities: table.capabilities.as_ref().map(|lines| {
            let lines = lines.get_ref().iter();
            lines.map(|line| line.value.0.clone()).collect()
        }),
        phrases: phrases(table),
    })
}

/// Who asks for a certain certificate must not get clear text instead.
fn check_backend_tls(table: &Backend) -> Result<(), Fault> {
    if or(table.tls.as_ref(), TlsMode::Off) != TlsMode::Off {
        return check_certificate_name(table);
    }
    let ca = table.ca.as_ref().map(|at| ("ca", &at.span));
    let server_name = table
        .server_name
        .as_ref()
        .map(|at| ("server_name", &at.span));
    match ca.or(server_name) {
        None => Ok(()),
        Some((key, span)) => Err(Fault::new(
            span.clone(),
            format!("`{key}` has no meaning: this backend is spoken to without TLS"),
        )
        .hint("write tls = \"stls\" or \"implicit\" too, or leave it out")),
    }
}

fn check_certificate_name(table: &Backend) -> Result<(), Fault> {
    let address = &table.address;
    let host = address.value.host();
    if table.server_name.is_some() || rustls_pki_types::ServerName::try_from(host).is_ok() {
        return Ok(());
    }
    let message = format!("`{host}` cannot be the name in a certificate");
    Err(Fault::new(address.span.clone(), message).hint("write server_name = \"…\" too"))
}

fn check_capabilities(table: &Backend) -> Result<(), Fault> {
    match &table.capabilities {
        Some(lines) if lines.get_ref().len() > CAPABILITY_LINES_MAX => {
            let message = format!("more than {CAPABILITY_LINES_MAX} capabilities");
            Err(Fault::new(lines.span(), message))
        }
        _ => Ok(()),
    }
}

fn phrases(table: &Backend) -> Phrases {
    let texts = |phrases: &[At<Phrase>]| -> Vec<String> {
        phrases
            .iter()
            .map(|phrase| phrase.value.0.clone())
            .collect()
    };
    Phrases {
        locked: texts(&table.phrases.locked),
        auth: texts(&table.phrases.auth),
        temp: texts(&table.phrases.temp),
    }
}

fn backend_warnings(backends: &[BackendOptions]) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut addresses = HashMap::new();
    for backend in backends {
        let name = &backend.name;
        if backend.tls != TlsMode::Off && !backend.verify {
            warnings.push(format!(
                "backend `{name}`: its certificate is not verified, so whoever stands between can read passwords"
            ));
        }
        if let Some(first) = addresses.insert(&backend.address, name) {
            warnings.push(format!(
                "backends `{first}` and `{name}` have one address: the same maildrop is locked apart in each"
            ));
        }
    }
    warnings
}

fn admin(table: &Admin, folder: &Path) -> AdminOptions {
    let token_file = table.token_file.as_ref();
    AdminOptions {
        address: table.address.value,
        token_file: token_file.map(|file| folder.join(&file.value)),
    }
}

fn journal(file: &File) -> Result<(), Fault> {
    let keep = file.journal.as_ref().and_then(|table| table.keep.as_ref());
    bounded("keep", keep, &JOURNAL_KEEP).map(|_| ())
}

/// What is checked and has no effect yet.
fn inactive(file: &File) -> Vec<String> {
    let defaults = file
        .defaults
        .as_ref()
        .and_then(|table| table.get_ref().polls.as_ref());
    let tenants = file.tenant.iter();
    let below = tenants.flat_map(|tenant| {
        let users = tenant.user.iter().map(|user| user.polls.as_ref());
        users.chain([tenant.polls.as_ref()])
    });
    let limits_polls = |polls: &Polls| or(polls.enforce.as_ref(), Enforce::Delay) != Enforce::Off;
    let polls = below.chain([defaults]).flatten().any(limits_polls);
    let bursts = file
        .tenant
        .iter()
        .any(|tenant| tenant.allow_burst_from.is_some());
    let token = file
        .admin
        .as_ref()
        .is_some_and(|admin| admin.token_file.is_some());
    let set = [
        (
            file.journal.is_some(),
            "`[journal]` does nothing in this version yet: no file is written",
        ),
        (
            polls,
            "`polls` does nothing in this version yet: nobody is slowed down for polling too often",
        ),
        (
            bursts,
            "`allow_burst_from` does nothing in this version yet, as `polls` does nothing",
        ),
        (
            token,
            "`token_file` does nothing in this version yet: the admin port has no API",
        ),
    ];
    let set = set.into_iter().filter(|(is_set, _)| *is_set);
    set.map(|(_, sentence)| sentence.to_owned()).collect()
}

/// The files that must be there before a port is bound, relative to `folder`, and where the
/// configuration names each.
pub(super) fn needed_files(file: &File, folder: &Path) -> Vec<At<PathBuf>> {
    let tls = file.tls.iter();
    let certificates = tls.flat_map(|table| {
        let hosts = table.host.iter();
        let hosts = hosts.flat_map(|host| [&host.certificate, &host.key]);
        [&table.certificate, &table.key].into_iter().chain(hosts)
    });
    let authorities = file
        .backend
        .iter()
        .filter_map(|table| table.get_ref().ca.as_ref());
    let named = certificates.chain(authorities);
    named
        .map(|path| At {
            value: folder.join(&path.value),
            span: path.span.clone(),
        })
        .collect()
}

/// What was named before, and where.
pub(super) struct Seen<K>(HashMap<K, Range<usize>>);

impl<K> Default for Seen<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> Seen<K> {
    /// Refuses what was claimed before, with `message`.
    pub(super) fn claim(
        &mut self,
        key: K,
        span: &Range<usize>,
        message: impl FnOnce() -> String,
    ) -> Result<(), Fault> {
        match self.0.entry(key) {
            Entry::Occupied(first) => {
                Err(Fault::new(span.clone(), message()).other(first.get().clone()))
            }
            Entry::Vacant(place) => {
                place.insert(span.clone());
                Ok(())
            }
        }
    }
}

/// The value of `key` if it is given and within `range`.
pub(super) fn bounded<T: PartialOrd + Debug + Copy>(
    key: &str,
    at: Option<&At<T>>,
    range: &RangeInclusive<T>,
) -> Result<Option<T>, Fault> {
    let Some(at) = at else { return Ok(None) };
    if range.contains(&at.value) {
        return Ok(Some(at.value));
    }
    let message = format!("`{key}` is out of range: {:?}", at.value);
    let hint = format!(
        "write at least {:?} and at most {:?}",
        range.start(),
        range.end()
    );
    Err(Fault::new(at.span.clone(), message).hint(hint))
}

/// Refuses an empty list.
pub(super) fn require_some<T>(list: &Spanned<Vec<T>>, key: &str) -> Result<(), Fault> {
    if list.get_ref().is_empty() {
        return Err(Fault::new(list.span(), format!("`{key}` is empty")));
    }
    Ok(())
}

/// The value, or else the default.
pub(super) fn or<T: Clone>(at: Option<&At<T>>, default: T) -> T {
    at.map_or(default, |at| at.value.clone())
}

fn values<T: Clone>(list: &[At<T>]) -> Vec<T> {
    list.iter().map(|at| at.value.clone()).collect()
}
