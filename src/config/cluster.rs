//! `[cluster]`.

use super::error::Diagnostic;
use super::mistakes::Diagnostics;
use super::schema::tables::ClusterTable;
use super::value::At;
use super::value_types::EngineWord;
use crate::cluster::options::ClusterOptions;
use std::path::Path;

/// Checks and resolves it; paths are relative to `folder`.
pub(super) fn resolve(
    table: &ClusterTable,
    folder: &Path,
    diagnostics: &mut Diagnostics,
) -> ClusterOptions {
    check_nodes(table, diagnostics);
    check_twice(table, diagnostics);
    check_tls(table, diagnostics);
    check_user(table, diagnostics);
    let word = |at: &Option<At<EngineWord>>| at.as_ref().map(|at| at.value.0.clone());
    let nodes = table.nodes.get_ref();
    ClusterOptions {
        nodes: nodes.iter().map(|at| at.value.0.clone()).collect(),
        master: word(&table.master),
        tls: table.tls(),
        ca: table.ca.as_ref().map(|at| folder.join(&at.value)),
        username: word(&table.username),
        password_file: table
            .password_file
            .as_ref()
            .map(|at| folder.join(&at.value)),
        secret_file: folder.join(&table.secret_file.value),
        prefix: word(&table.prefix).unwrap_or_else(|| "popgate:".to_owned()),
        lease: table.lease(),
        on_outage: table.on_outage(),
        name: word(&table.name).unwrap_or_else(host_name),
    }
}

fn host_name() -> String {
    let system = rustix::system::uname();
    system.nodename().to_string_lossy().into_owned()
}

fn check_nodes(table: &ClusterTable, diagnostics: &mut Diagnostics) {
    let nodes = table.nodes.get_ref().len();
    let hint = match (nodes, &table.master) {
        (0, _) => "write nodes = [\"127.0.0.1:6379\"]",
        (1, _) | (_, Some(_)) => return,
        (_, None) => {
            "write the one address, or the Sentinels' addresses and master = \"…\" too: replicas \
             are found through them"
        }
    };
    let message = format!("`nodes` has {nodes} addresses, and there is no `master`");
    diagnostics.note(Diagnostic::new(table.nodes.span(), message).hint(hint));
}

/// Each Sentinel has one vote.
fn check_twice(table: &ClusterTable, diagnostics: &mut Diagnostics) {
    let nodes = table.nodes.get_ref();
    for (place, at) in nodes.iter().enumerate() {
        if nodes[..place]
            .iter()
            .any(|before| before.value.0 == at.value.0)
        {
            let message = format!("`{}` is in `nodes` twice", at.value.0);
            let hint = "leave one out: most of the Sentinels must agree, and each counts once";
            diagnostics.note(Diagnostic::new(at.span.clone(), message).hint(hint));
        }
    }
}

fn check_tls(table: &ClusterTable, diagnostics: &mut Diagnostics) {
    if let Some(ca) = &table.ca
        && !table.tls()
    {
        let message = "`ca` has no meaning: the engine is spoken to without TLS";
        let hint = "write tls = true too, or leave it out";
        diagnostics.note(Diagnostic::new(ca.span.clone(), message).hint(hint));
    }
}

fn check_user(table: &ClusterTable, diagnostics: &mut Diagnostics) {
    if let Some(username) = &table.username
        && table.password_file.is_none()
    {
        let message = "`username` without `password_file`";
        let hint = "write password_file = \"…\", a file with the password in one line";
        diagnostics.note(Diagnostic::new(username.span.clone(), message).hint(hint));
    }
}
