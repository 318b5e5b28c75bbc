//! From the file as written to [`Config`]: defaults filled in, names looked up, what does not
//! fit together refused at its place.

use super::checks::{bounded, or, values};
use super::error::Fault;
use super::file::{Admin, File, Polls, Server};
use super::value::{At, Section};
use super::words::Enforce;
use super::{AdminOptions, Config, ServerOptions, backends, listeners, tenants};
use crate::limits::{GRACE, JOURNAL_KEEP};
use crate::observe::LogFormat;
use crate::time::Duration;
use ipnet::IpNet;
use std::path::{Path, PathBuf};

/// Checks all of `file` and resolves it; its paths are relative to `folder`.
pub(super) fn resolve(file: &File, folder: &Path) -> Result<Config, Fault> {
    let server = server(&file.server)?;
    let listeners = listeners::resolve(&file.listen, &server)?;
    let tls = listeners::tls(file, folder)?;
    let backends = backends::resolve(&file.backend, folder)?;
    journal(file)?;
    let names: Vec<_> = listeners
        .iter()
        .map(|listener| listener.name.clone())
        .collect();
    let tenancy = tenants::resolve(file, &names, &backends)?;
    check_grace(&file.server, server.grace, tenancy.longest_wait)?;
    let mut warnings = backends::warnings(&backends);
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
    let journal = file.journal.as_ref().map(|table| {
        let name = table.file.value.display();
        format!("[journal] does nothing in this version yet: no `{name}` is written")
    });
    let admin = file.admin.as_ref();
    let token = admin.and_then(|table| table.token_file.as_ref());
    let bursts = file.tenant.iter();
    let bursts = bursts.filter_map(|tenant| tenant.allow_burst_from.as_ref());
    let said = [
        (
            limits_polls(file),
            "`polls` does nothing in this version yet: no login is slowed down or refused for \
             coming too often",
        ),
        (
            bursts.count() > 0,
            "`allow_burst_from` does nothing in this version yet, as `polls` does nothing",
        ),
        (
            token.is_some(),
            "`token_file` does nothing in this version yet: the admin port has no API",
        ),
    ];
    let said = said.into_iter().filter(|(is_set, _)| *is_set);
    journal
        .into_iter()
        .chain(said.map(|(_, sentence)| sentence.to_owned()))
        .collect()
}

/// Whether some `polls` is to have an effect.
fn limits_polls(file: &File) -> bool {
    let has_effect = |polls: &Option<Section<Polls>>| {
        polls
            .as_ref()
            .is_some_and(|polls| or(polls.enforce.as_ref(), Enforce::Delay) != Enforce::Off)
    };
    let defaults = file.defaults.as_ref();
    defaults.is_some_and(|table| has_effect(&table.get_ref().polls))
        || file.tenant.iter().any(|tenant| {
            has_effect(&tenant.polls) || tenant.user.iter().any(|user| has_effect(&user.polls))
        })
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
