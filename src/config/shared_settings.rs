//! What all gates of a cluster should have alike.

use super::Config;
use crate::policy::tenant::{LoginPolicy, TenantClaim, TenantTable};
use aws_lc_rs::digest;
use std::collections::BTreeSet;
use std::fmt::Write;

/// How each tenant folds names: gates that differ in it would lock one mailbox twice.
///
/// Only domains whose tenants do not fold as `[defaults]` are named, so that a new tenant, or
/// another name of one, needs no stop of all gates. A listener may have another name at each gate.
#[must_use]
pub(crate) fn fold_digest(config: &Config) -> String {
    let tenants = &config.tenants;
    let entries = tenants.entries();
    let default = entries.first();
    let folds = default.is_none_or(|entry| entry.tenant.fold_case);
    let others: BTreeSet<_> = tenants
        .claims()
        .filter(|(_, index)| {
            let entry = entries.get(*index);
            entry.is_some_and(|entry| entry.tenant.fold_case != folds)
        })
        .map(|(claim, _)| match claim {
            TenantClaim::Domain(domain) => domain.to_owned(),
            TenantClaim::Wildcard(parent) => format!("*.{parent}"),
            TenantClaim::ServerName(name) => format!("server name {name}"),
            TenantClaim::Listener(_) | TenantClaim::Nobody => "a listener".to_owned(),
        })
        .collect();
    format!("{folds} {others:?}")
}

/// A digest of what gates may differ in for a while, as in a rolling restart: backends, and whose
/// domains and aliases lead where.
#[must_use]
pub(crate) fn shared_settings_digest(config: &Config) -> String {
    let mut text = String::new();
    for backend in &config.backends {
        let _ = writeln!(text, "{} {}", backend.name, backend.address);
    }
    for line in tenancy(&config.tenants) {
        let _ = writeln!(text, "{line}");
    }
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    let mut hex = String::new();
    for octet in &digest.as_ref()[..8] {
        let _ = write!(hex, "{octet:02x}");
    }
    hex
}

/// In an order of its own: how the tables lie in memory differs between processes.
fn tenancy(tenants: &TenantTable) -> BTreeSet<String> {
    let entries = tenants.entries();
    let claims = tenants.claims().filter_map(|(claim, index)| {
        let claim = match claim {
            TenantClaim::Domain(domain) => format!("domain {domain}"),
            TenantClaim::Wildcard(parent) => format!("domain *.{parent}"),
            TenantClaim::ServerName(name) => format!("server name {name}"),
            TenantClaim::Listener(_) | TenantClaim::Nobody => return None,
        };
        Some(format!("{claim}: {}", entries.get(index)?.tenant.name))
    });
    let lead = tenants.tenants().map(|tenant| policy(tenant));
    claims.chain(lead).collect()
}

fn policy(tenant: &LoginPolicy) -> String {
    let backends: Vec<_> = tenant.backends.iter().map(|it| it.as_str()).collect();
    format!(
        "{}: {backends:?} {:?} {} {:?}",
        tenant.name, tenant.default_domain, tenant.fold_case, tenant.aliases
    )
}
