//! From the file as written to [`Config`]: defaults filled in, names looked up, what does not
//! fit together refused at its place.

use super::checks::values;
use super::error::Diagnostic;
use super::mistakes::Diagnostics;
use super::schema::LimitTable;
use super::schema::limits::Blocks;
use super::schema::tables::{File, JournalTable, ServerTable};
use super::tenants::Origins;
use super::value::Section;
use super::value::duration_text;
use super::{Config, ServerOptions};
use super::{admin, backends, cluster, health_checks, listeners, tenants};
use crate::journal::{JournalBounds, JournalOptions};
use crate::limits::HISTORY_ROWS_MIN;
use crate::policy::rules::BlockMode;
use crate::time::Duration;
use ipnet::IpNet;
use std::path::Path;
use std::sync::Arc;

/// Checks all of `file` and resolves it; its paths are relative to `folder`. Where mistakes are
/// noted, what comes of it is not to be used.
pub(super) fn resolve(
    file: &File,
    folder: &Path,
    diagnostics: &mut Diagnostics,
) -> (Config, Origins) {
    let server = server(&file.server);
    let listeners = listeners::resolve(&file.listen, &server, diagnostics);
    let tls = listeners::tls(file, folder, diagnostics);
    let backends = backends::resolve(&file.backend, folder, diagnostics);
    let tenancy = tenants::resolve(file, &listeners, &backends, diagnostics);
    check_grace(
        &file.server,
        server.grace,
        tenancy.longest_wait,
        diagnostics,
    );
    let mut warnings = backends::warnings(&backends);
    warnings.extend(tenancy.warnings);
    warnings.extend(blocks_without_journal(file));
    warnings.extend(health_checks::warnings(&server, &listeners, &tenancy.table));
    let config = Config {
        server,
        listeners,
        tls,
        backends,
        admin: file
            .admin
            .as_ref()
            .map(|table| admin::resolve(table, folder, diagnostics)),
        journal: file
            .journal
            .as_ref()
            .map(|table| journal_options(table, folder, diagnostics)),
        cluster: file
            .cluster
            .as_ref()
            .map(|table| cluster::resolve(table, folder, diagnostics)),
        resolver: file.report.resolver(),
        tenants: Arc::new(tenancy.table),
        warnings,
    };
    (config, tenancy.origins)
}

fn server(table: &ServerTable) -> ServerOptions {
    let trusted = table.trusted_networks.as_ref();
    ServerOptions {
        grace: table.grace(),
        trusted_networks: trusted.map_or_else(loopback, |networks| values(networks)),
        sharing_memory: usize::try_from(table.sharing_memory().0).unwrap_or(usize::MAX),
        log: table.log(),
        connections: table.connections(),
    }
}

fn loopback() -> Vec<IpNet> {
    let v4 = ipnet::Ipv4Net::new_assert([127, 0, 0, 0].into(), 8);
    vec![
        IpNet::V4(v4),
        std::net::IpAddr::from(std::net::Ipv6Addr::LOCALHOST).into(),
    ]
}

fn check_grace(
    table: &ServerTable,
    grace: Duration,
    longest_wait: Duration,
    diagnostics: &mut Diagnostics,
) {
    if let Some(at) = &table.grace
        && grace < longest_wait
    {
        let message = format!(
            "`grace` ({}) is shorter than the longest `wait`",
            duration_text(grace)
        );
        let hint = format!("write at least \"{}\"", duration_text(longest_wait));
        diagnostics.note(Diagnostic::new(at.span.clone(), message).hint(hint));
    }
}

fn journal_options(
    table: &JournalTable,
    folder: &Path,
    diagnostics: &mut Diagnostics,
) -> JournalOptions {
    check_rows(table, diagnostics);
    let file = folder.join(&table.file.value);
    let key_file = table.key_file.as_ref();
    JournalOptions {
        sessions: table.sessions(),
        bounds: JournalBounds {
            keep: table.keep(),
            rows: table.rows() as u64,
            size: table.size().0,
        },
        hash_users: table.hash_users(),
        key_file: key_file.map_or_else(
            || file.with_file_name("journal.key"),
            |key_file| folder.join(&key_file.value),
        ),
        file,
    }
}

/// The oldest leave by the thousand, and strangers have a quarter: few rows are no bound at all.
fn check_rows(table: &JournalTable, diagnostics: &mut Diagnostics) {
    if let Some(at) = &table.rows
        && (1..HISTORY_ROWS_MIN).contains(&at.value)
    {
        let message = format!("`rows` is {}, fewer than a journal can keep", at.value);
        let hint =
            format!("write at least {HISTORY_ROWS_MIN}, or 0 for no bound but `keep` and `size`");
        diagnostics.note(Diagnostic::new(at.span.clone(), message).hint(hint));
    }
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
    let is_off = |blocks: &Blocks| {
        let written = blocks.enforce.as_ref();
        written.is_some_and(|at| at.value == BlockMode::Off)
    };
    let is_lost = |blocks: &Section<Blocks>| blocks.is_written() && !is_off(blocks);
    let sentence = "there is no [journal], so the block list does not survive a restart";
    defaults
        .chain(tenants)
        .any(is_lost)
        .then(|| sentence.to_owned())
}
