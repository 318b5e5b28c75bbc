//! From the file as written to [`Config`]: defaults filled in, names looked up, what does not
//! fit together refused at its place.

use super::checks::{bounded, or, values};
use super::error::Fault;
use super::file::{Admin, File, Journal, Server};
use super::keys::{Blocks, Merge};
use super::mistakes::Faults;
use super::value::Section;
use super::{AdminOptions, Config, JournalOptions, ServerOptions};
use super::{backends, health_checks, listeners, tenants};
use crate::limits::{CONNECTIONS, GRACE, JOURNAL_KEEP};
use crate::observe::LogFormat;
use crate::policy::rules::BlockMode;
use crate::time::Duration;
use ipnet::IpNet;
use std::path::Path;
use std::sync::Arc;

/// Checks all of `file` and resolves it; its paths are relative to `folder`. Where mistakes are
/// noted, what comes of it is not to be used.
pub(super) fn resolve(file: &File, folder: &Path, faults: &mut Faults) -> Config {
    let server = server(&file.server, faults);
    let listeners = listeners::resolve(&file.listen, &server, faults);
    let tls = listeners::tls(file, folder, faults);
    let backends = backends::resolve(&file.backend, folder, faults);
    let journal = file.journal.as_ref();
    let journal = journal.map(|table| journal_options(table, folder, faults));
    let tenancy = tenants::resolve(file, &listeners, &backends, faults);
    check_grace(&file.server, server.grace, tenancy.longest_wait, faults);
    let mut warnings = backends::warnings(&backends);
    warnings.extend(tenancy.warnings);
    warnings.extend(blocks_without_journal(file));
    warnings.extend(health_checks::warnings(&server, &listeners, &tenancy.table));
    Config {
        server,
        listeners,
        tls,
        backends,
        admin: file.admin.as_ref().map(|table| admin(table, folder)),
        journal,
        tenants: Arc::new(tenancy.table),
        inactive: inactive(file),
        warnings,
    }
}

fn server(table: &Server, faults: &mut Faults) -> ServerOptions {
    let trusted = table.trusted_networks.as_ref();
    let connections = table.connections.as_ref();
    let connections = bounded("connections", connections, &CONNECTIONS, faults);
    let grace = bounded("grace", table.grace.as_ref(), &GRACE, faults);
    ServerOptions {
        grace: grace.unwrap_or(Duration::from_secs(60)),
        trusted_networks: trusted.map_or_else(loopback, |networks| values(networks)),
        log: or(table.log.as_ref(), LogFormat::Human),
        connections: connections.unwrap_or(0),
    }
}

fn loopback() -> Vec<IpNet> {
    let v4 = ipnet::Ipv4Net::new_assert([127, 0, 0, 0].into(), 8);
    vec![
        IpNet::V4(v4),
        std::net::IpAddr::from(std::net::Ipv6Addr::LOCALHOST).into(),
    ]
}

fn check_grace(table: &Server, grace: Duration, longest_wait: Duration, faults: &mut Faults) {
    if let Some(at) = &table.grace
        && grace < longest_wait
    {
        let message = format!("`grace` ({grace:?}) is shorter than the longest `wait`");
        let hint = format!("write at least \"{longest_wait:?}\"");
        faults.note(Fault::new(at.span.clone(), message).hint(hint));
    }
}

fn admin(table: &Admin, folder: &Path) -> AdminOptions {
    let token_file = table.token_file.as_ref();
    AdminOptions {
        address: table.address.value,
        token_file: token_file.map(|file| folder.join(&file.value)),
    }
}

fn journal_options(table: &Journal, folder: &Path, faults: &mut Faults) -> JournalOptions {
    let keep = bounded("keep", table.keep.as_ref(), &JOURNAL_KEEP, faults);
    JournalOptions {
        file: folder.join(&table.file.value),
        keep: keep.unwrap_or(Duration::from_secs(14 * 24 * 60 * 60)),
        hash_users: or(table.hash_users.as_ref(), false),
    }
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
