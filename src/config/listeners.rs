//! Each `[[listen]]`, and `[tls]` for them.

use super::ServerOptions;
use super::checks::{Seen, or, require_some};
use super::error::Fault;
use super::file::{File, Listen, Tls};
use super::value::{At, Section};
use crate::ids::ListenerName;
use crate::net::{CertificateFiles, ListenOptions, TlsFiles, TlsMode};
use std::path::{Path, PathBuf};
use toml::Spanned;

/// Checks and resolves the listeners.
pub(super) fn resolve(
    tables: &[Spanned<Section<Listen>>],
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

/// Checks and resolves the certificates' names; their files are not read.
pub(super) fn tls(file: &File, folder: &Path) -> Result<Option<TlsFiles>, Fault> {
    if let Some(table) = &file.tls {
        return tls_files(table, folder).map(Some);
    }
    let speaks_tls = |table: &&Spanned<Section<Listen>>| {
        or(table.get_ref().tls.as_ref(), TlsMode::Stls) != TlsMode::Off
    };
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
