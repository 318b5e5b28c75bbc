//! From the file as written to [`Config`]: defaults filled in, names looked up, what does not
//! fit together refused at its place.

use super::checks::{bounded, or, values};
use super::error::Fault;
use super::file::{Admin, File, Journal, Server};
use super::keys::{Blocks, Merge};
use super::value::{At, Section};
use super::{AdminOptions, Config, JournalOptions, ServerOptions};
use super::{backends, health_checks, listeners, tenants};
use crate::limits::{CONNECTIONS, GRACE, JOURNAL_KEEP};
use crate::observe::LogFormat;
use crate::policy::rules::BlockMode;
use crate::time::Duration;
use ipnet::IpNet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Checks all of `file` and resolves it; its paths are relative to `folder`.
pub(super) fn resolve(file: &File, folder: &Path) -> Result<Config, Fault> {
    let server = server(&file.server)?;
    let listeners = listeners::resolve(&file.listen, &server)?;
    let tls = listeners::tls(file, folder)?;
    let backends = backends::resolve(&file.backend, folder)?;
    let journal = file.journal.as_ref().map(|table| journal(table, folder));
    let journal = journal.transpose()?;
    let names: Vec<_> = listeners
        .iter()
        .map(|listener| listener.name.clone())
        .collect();
    let tenancy = tenants::resolve(file, &names, &backends)?;
    check_grace(&file.server, server.grace, tenancy.longest_wait)?;
    let mut warnings = backends::warnings(&backends);
    warnings.extend(tenancy.warnings);
    warnings.extend(blocks_without_journal(file));
    warnings.extend(health_checks::warnings(&server, &listeners, &tenancy.table));
    Ok(Config {
        server,
        listeners,
        tls,
        backends,
        admin: file.admin.as_ref().map(|table| admin(table, folder)),
        journal,
        tenants: Arc::new(tenancy.table),
        inactive: inactive(file),
        warnings,
    })
}

fn server(table: &Server) -> Result<ServerOptions, Fault> {
    let trusted = table.trusted_networks.as_ref();
    let connections = bounded("connections", table.connections.as_ref(), &CONNECTIONS)?;
    Ok(ServerOptions {
        grace: bounded("grace", table.grace.as_ref(), &GRACE)?.unwrap_or(Duration::from_secs(60)),
        trusted_networks: trusted.map_or_else(loopback, |networks| values(networks)),
        log: or(table.log.as_ref(), LogFormat::Human),
        connections: connections.unwrap_or(0),
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

fn journal(table: &Journal, folder: &Path) -> Result<JournalOptions, Fault> {
    let keep = bounded("keep", table.keep.as_ref(), &JOURNAL_KEEP)?;
    Ok(JournalOptions {
        file: folder.join(&table.file.value),
        keep: keep.unwrap_or(Duration::from_secs(14 * 24 * 60 * 60)),
        hash_users: or(table.hash_users.as_ref(), false),
    })
}

/// What is checked and has no effect yet.
fn inactive(file: &File) -> Vec<String> {
    let hash_users = file
        .journal
        .iter()
        .filter_map(|table| table.hash_users.as_ref());
    let hash_users = hash_users.filter(|at| at.value).map(|_| {
        "`hash_users` does nothing in this version yet: names of users in the block list are \
         kept as they are"
            .to_owned()
    });
    hash_users.collect()
}

/// Who writes `blocks` cares for them. (Who does not is told in `full.toml`: the smallest
/// configuration needs no warning.)
fn blocks_without_journal(file: &File) -> Option<String> {
    if file.journal.is_some() {
        return None;
    }
    let defaults = file.defaults.iter().map(|table| &table.get_ref().blocks);
    let tenants = file.tenant.iter().flat_map(|tenant| {
        let users = tenant.user.iter().map(|user| &user.blocks);
        std::iter::once(&tenant.blocks).chain(users)
    });
    let is_off = |blocks: &Blocks| or(blocks.enforce.as_ref(), BlockMode::Block) == BlockMode::Off;
    let is_lost = |blocks: &Section<Blocks>| blocks.is_written() && !is_off(blocks);
    let sentence = "there is no [journal], so the block list does not survive a restart";
    let mut all = defaults.chain(tenants);
    all.any(is_lost).then(|| sentence.to_owned())
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
