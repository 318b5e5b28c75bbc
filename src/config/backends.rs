//! Each `[[backend]]`.

use super::checks::Seen;
use super::error::Diagnostic;
use super::mistakes::Diagnostics;
use super::schema::tables::BackendTable;
use super::value::{At, Section, is_refused};
use super::value_types::Phrase;
use crate::backend::BackendOptions;
use crate::dialect::Phrases;
use crate::limits::CAPABILITY_LINES_MAX;
use crate::net::TlsMode;
use std::collections::HashMap;
use std::path::Path;
use toml::Spanned;

/// Checks and resolves them; paths are relative to `folder`.
pub(super) fn resolve(
    tables: &[Spanned<Section<BackendTable>>],
    folder: &Path,
    diagnostics: &mut Diagnostics,
) -> Vec<BackendOptions> {
    if tables.is_empty() {
        let hint = "write [[backend]] and below it name = \"…\" and address = \"…\"";
        let message = "no `[[backend]]`: there is no server to stand before";
        diagnostics.note(Diagnostic::new(0..0, message).hint(hint));
    }
    let mut names = Seen::default();
    let mut backends = Vec::with_capacity(tables.len());
    for table in tables {
        let table = table.get_ref();
        let message = || format!("a second backend named `{}`", table.name.value);
        names.claim(&table.name.value, &table.name.span, message, diagnostics);
        backends.push(backend(table, folder, diagnostics));
    }
    backends
}

fn backend(table: &BackendTable, folder: &Path, diagnostics: &mut Diagnostics) -> BackendOptions {
    check_backend_tls(table, diagnostics);
    check_capabilities(table, diagnostics);
    BackendOptions {
        name: table.name.value.clone(),
        address: table.address.value.0.clone(),
        tls: table.tls(),
        ca: table.ca.as_ref().map(|ca| folder.join(&ca.value)),
        server_name: table.server_name.as_ref().map(|name| name.value.0.clone()),
        verify: table.verify(),
        connect_timeout: table.connect_timeout(),
        login_timeout: table.login_timeout(),
        login_reserve: table.login_reserve(),
        connections: table.connections(),
        preconnect: table.preconnect(),
        proxy_protocol: table.proxy_protocol(),
        xoip: table.xoip(),
        shareable: table.shareable(),
        capabilities: table.capabilities.as_ref().map(|lines| {
            lines
                .get_ref()
                .iter()
                .map(|line| line.value.0.clone())
                .collect()
        }),
        phrases: phrases(table),
    }
}

/// Who asks for a certain certificate must not get clear text instead.
fn check_backend_tls(table: &BackendTable, diagnostics: &mut Diagnostics) {
    if is_refused(&table.tls) {
        return;
    }
    if table.tls() != TlsMode::Off {
        return check_certificate_name(table, diagnostics);
    }
    let ca = table.ca.as_ref().map(|at| ("ca", &at.span));
    let server_name = table.server_name.as_ref();
    let server_name = server_name.map(|at| ("server_name", &at.span));
    if let Some((key, span)) = ca.or(server_name) {
        let message = format!("`{key}` has no meaning: this backend is spoken to without TLS");
        let hint = "write tls = \"stls\" or \"implicit\" too, or leave it out";
        diagnostics.note(Diagnostic::new(span.clone(), message).hint(hint));
    }
}

fn check_certificate_name(table: &BackendTable, diagnostics: &mut Diagnostics) {
    let address = &table.address;
    let host = address.value.host();
    if table.server_name.is_none() && rustls_pki_types::ServerName::try_from(host).is_err() {
        let message = format!("`{host}` cannot be the name in a certificate");
        let diagnostic = Diagnostic::new(address.span.clone(), message);
        diagnostics.note(diagnostic.hint("write server_name = \"…\" too"));
    }
}

fn check_capabilities(table: &BackendTable, diagnostics: &mut Diagnostics) {
    if let Some(lines) = &table.capabilities
        && lines.get_ref().len() > CAPABILITY_LINES_MAX
    {
        let message = format!("more than {CAPABILITY_LINES_MAX} capabilities");
        diagnostics.note(Diagnostic::new(lines.span(), message));
    }
}

fn phrases(table: &BackendTable) -> Phrases {
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
