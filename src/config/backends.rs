//! Each `[[backend]]`.

use super::checks::{Seen, bounded, or};
use super::error::Fault;
use super::file::Backend;
use super::mistakes::Faults;
use super::value::{At, Section, is_refused};
use super::value_types::Phrase;
use crate::backend::BackendOptions;
use crate::dialect::Phrases;
use crate::limits::{
    BACKEND_CONNECTIONS_MAX, CAPABILITY_LINES_MAX, CONNECT_TIMEOUT, LOGIN_TIMEOUT, WAIT_MAX,
};
use crate::net::TlsMode;
use crate::time::Duration;
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::path::Path;
use toml::Spanned;

/// Checks and resolves them; paths are relative to `folder`.
pub(super) fn resolve(
    tables: &[Spanned<Section<Backend>>],
    folder: &Path,
    faults: &mut Faults,
) -> Vec<BackendOptions> {
    if tables.is_empty() {
        let hint = "write [[backend]] and below it name = \"…\" and address = \"…\"";
        let message = "no `[[backend]]`: there is no server to stand before";
        faults.note(Fault::new(0..0, message).hint(hint));
    }
    let mut names = Seen::default();
    let mut backends = Vec::with_capacity(tables.len());
    for table in tables {
        let table = table.get_ref();
        let message = || format!("a second backend named `{}`", table.name.value);
        names.claim(&table.name.value, &table.name.span, message, faults);
        backends.push(backend(table, folder, faults));
    }
    backends
}

/// What `login_reserve` can be.
pub(super) const LOGIN_RESERVE: RangeInclusive<Duration> = Duration::ZERO..=WAIT_MAX;

fn backend(table: &Backend, folder: &Path, faults: &mut Faults) -> BackendOptions {
    let connect = table.connect_timeout.as_ref();
    let connect = bounded("connect_timeout", connect, &CONNECT_TIMEOUT, faults);
    let timeout = table.login_timeout.as_ref();
    let timeout = bounded("login_timeout", timeout, &LOGIN_TIMEOUT, faults);
    let reserve = table.login_reserve.as_ref();
    let reserve = bounded("login_reserve", reserve, &LOGIN_RESERVE, faults);
    let connections = 0..=BACKEND_CONNECTIONS_MAX;
    let connections = bounded(
        "connections",
        table.connections.as_ref(),
        &connections,
        faults,
    );
    check_backend_tls(table, faults);
    check_capabilities(table, faults);
    BackendOptions {
        name: table.name.value.clone(),
        address: table.address.value.0.clone(),
        tls: or(table.tls.as_ref(), TlsMode::Off),
        ca: table.ca.as_ref().map(|ca| folder.join(&ca.value)),
        server_name: table.server_name.as_ref().map(|name| name.value.0.clone()),
        verify: or(table.verify.as_ref(), true),
        connect_timeout: connect.unwrap_or(Duration::from_secs(15)),
        login_timeout: timeout.unwrap_or(Duration::from_secs(60)),
        login_reserve: reserve.unwrap_or(Duration::from_secs(3)),
        connections: connections.unwrap_or(0),
        preconnect: or(table.preconnect.as_ref(), true),
        proxy_protocol: or(table.proxy_protocol.as_ref(), false),
        xoip: or(table.xoip.as_ref(), false),
        capabilities: table.capabilities.as_ref().map(|lines| {
            let lines = lines.get_ref().iter();
            lines.map(|line| line.value.0.clone()).collect()
        }),
        phrases: phrases(table),
    }
}

/// Who asks for a certain certificate must not get clear text instead.
fn check_backend_tls(table: &Backend, faults: &mut Faults) {
    if is_refused(&table.tls) {
        return;
    }
    if or(table.tls.as_ref(), TlsMode::Off) != TlsMode::Off {
        return check_certificate_name(table, faults);
    }
    let ca = table.ca.as_ref().map(|at| ("ca", &at.span));
    let server_name = table.server_name.as_ref();
    let server_name = server_name.map(|at| ("server_name", &at.span));
    if let Some((key, span)) = ca.or(server_name) {
        let message = format!("`{key}` has no meaning: this backend is spoken to without TLS");
        let hint = "write tls = \"stls\" or \"implicit\" too, or leave it out";
        faults.note(Fault::new(span.clone(), message).hint(hint));
    }
}

fn check_certificate_name(table: &Backend, faults: &mut Faults) {
    let address = &table.address;
    let host = address.value.host();
    if table.server_name.is_none() && rustls_pki_types::ServerName::try_from(host).is_err() {
        let message = format!("`{host}` cannot be the name in a certificate");
        let fault = Fault::new(address.span.clone(), message);
        faults.note(fault.hint("write server_name = \"…\" too"));
    }
}

fn check_capabilities(table: &Backend, faults: &mut Faults) {
    if let Some(lines) = &table.capabilities
        && lines.get_ref().len() > CAPABILITY_LINES_MAX
    {
        let message = format!("more than {CAPABILITY_LINES_MAX} capabilities");
        faults.note(Fault::new(lines.span(), message));
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

/// What is allowed and yet unwise.
pub(super) fn warnings(backends: &[BackendOptions]) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut addresses = HashMap::new();
    for backend in backends {
        let name = &backend.name;
        if backend.tls != TlsMode::Off && !backend.verify {
            warnings.push(format!(
                "backend `{name}`: its certificate is not verified, so whoever stands between can \
                 read passwords"
            ));
        }
        if let Some(first) = addresses.insert(&backend.address, name) {
            warnings.push(format!(
                "backends `{first}` and `{name}` have one address: the same maildrop is locked \
                 apart in each"
            ));
        }
    }
    warnings
}
