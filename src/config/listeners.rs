//! Each `[[listen]]`, and `[tls]` for them.

use super::ServerOptions;
use super::checks::{Seen, require_some};
use super::error::Diagnostic;
use super::mistakes::Diagnostics;
use super::schema::tables::{File, ListenTable, TlsTable};
use super::value::{At, Section};
use crate::ids::ListenerName;
use crate::net::{CertificateFiles, ListenOptions, TlsFiles, TlsMode};
use std::path::{Path, PathBuf};
use toml::Spanned;

/// Checks and resolves the listeners.
pub(super) fn resolve(
    tables: &[Spanned<Section<ListenTable>>],
    server: &ServerOptions,
    diagnostics: &mut Diagnostics,
) -> Vec<ListenOptions> {
    if tables.is_empty() {
        let hint = "write [[listen]] and below it address = \"0.0.0.0:110\"";
        let message = "no `[[listen]]`: clients have nowhere to connect";
        diagnostics.note(Diagnostic::new(0..0, message).hint(hint));
    }
    let mut names = Seen::default();
    let mut addresses = Seen::default();
    let mut listeners = Vec::with_capacity(tables.len());
    for table in tables {
        let table = table.get_ref();
        let listener = listener(table, server, diagnostics);
        let name_span = table
            .name
            .as_ref()
            .map_or(&table.address.span, |name| &name.span);
        let message = || format!("a second listener named `{}`", listener.name);
        names.claim(listener.name.clone(), name_span, message, diagnostics);
        if listener.address.port() != 0 {
            let message = || format!("a second listener at {}", listener.address);
            addresses.claim(listener.address, &table.address.span, message, diagnostics);
        }
        listeners.push(listener);
    }
    listeners
}

fn listener(
    table: &ListenTable,
    server: &ServerOptions,
    diagnostics: &mut Diagnostics,
) -> ListenOptions {
    let address = table.address.value;
    if let Some(At { value: true, span }) = &table.proxy_protocol
        && server.trusted_networks.is_empty()
    {
        let message = "`proxy_protocol` without a trusted network: nobody could connect";
        let hint = "name the load balancer's network in [server] trusted_networks";
        diagnostics.note(Diagnostic::new(span.clone(), message).hint(hint));
    }
    ListenOptions {
        name: match &table.name {
            Some(name) => name.value.clone(),
            None => ListenerName::new(&address.to_string()),
        },
        address,
        tls: table.tls(),
        proxy_protocol: table.proxy_protocol(),
    }
}

/// Whether each listener's name is known; else one that a tenant names may be among them.
pub(super) fn all_are_named(tables: &[Spanned<Section<ListenTable>>]) -> bool {
    tables
        .iter()
        .map(Spanned::get_ref)
        .all(|table| match &table.name {
            Some(name) => !name.is_refused(),
            None => !table.address.is_refused(),
        })
}

/// Checks and resolves the certificates' names; their files are not read.
pub(super) fn tls(file: &File, folder: &Path, diagnostics: &mut Diagnostics) -> Option<TlsFiles> {
    if let Some(table) = &file.tls {
        return Some(tls_files(table, folder, diagnostics));
    }
    let listener = file
        .listen
        .iter()
        .find(|table| table.get_ref().tls() != TlsMode::Off)?;
    let written = listener.get_ref().tls.as_ref().map(|tls| tls.span.clone());
    let message = "this listener speaks TLS, and there is no `[tls]`";
    diagnostics.note(
        Diagnostic::new(written.unwrap_or_else(|| listener.span()), message)
            .hint("write [tls] with certificate and key, or tls = \"off\" here"),
    );
    None
}

fn tls_files(table: &TlsTable, folder: &Path, diagnostics: &mut Diagnostics) -> TlsFiles {
    let files = |certificate: &At<PathBuf>, key: &At<PathBuf>| CertificateFiles {
        certificate: folder.join(&certificate.value),
        key: folder.join(&key.value),
    };
    let mut names = Seen::default();
    let mut hosts = Vec::with_capacity(table.host.len());
    for host in &table.host {
        require_some(&host.names, "names", diagnostics);
        for name in host.names.get_ref() {
            let message = || format!("a second certificate for `{}`", name.value.0);
            names.claim(&name.value.0, &name.span, message, diagnostics);
        }
        let names = host
            .names
            .get_ref()
            .iter()
            .map(|name| name.value.0.clone())
            .collect();
        hosts.push((names, files(&host.certificate, &host.key)));
    }
    TlsFiles {
        default: files(&table.certificate, &table.key),
        hosts,
    }
}
