//! What a health check of a load balancer or a monitor would meet, a sentence each.
//!
//! One that connects, reads the greeting and closes (or says QUIT, or makes a TLS handshake alone,
//! or speaks HTTP) is never blocked. What is left are checks that log in, and listeners that a
//! check cannot get into.

use super::ServerOptions;
use super::inherit::whose;
use super::value::duration_text;
use crate::limits::{CHECK_CONNECTIONS_ADVISED, CHECK_PATIENCE, PASSWORDS_PER_ADDRESS_ADVISED};
use crate::net::ListenOptions;
use crate::policy::rules::{BlockMode, PollMode, Rules};
use crate::policy::tenant::TenantTable;
use std::collections::BTreeMap;

/// What to write so that a check is not met by it; a sentence for all tenants that share it.
pub(super) fn warnings(
    server: &ServerOptions,
    listeners: &[ListenOptions],
    tenants: &TenantTable,
) -> Vec<String> {
    let mut met: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for tenant in tenants.tenants() {
        for sentence in met_by_logins(&tenant.rules) {
            met.entry(sentence).or_default().push(tenant.name.clone());
        }
    }
    let of_tenants = met
        .iter()
        .map(|(sentence, names)| format!("{}: {sentence}", whose(names)));
    listeners
        .iter()
        .filter_map(|it| closed_to_checks(it, server))
        .chain(of_tenants)
        .collect()
}

fn met_by_logins(rules: &Rules) -> Vec<String> {
    let polls = &rules.polls;
    let blocks = &rules.blocks;
    let mut sentences = Vec::new();
    let is_limited = polls.unlimited.is_empty();
    if is_limited && polls.mode == PollMode::Refuse {
        sentences.push(format!(
            "polls.enforce = \"refuse\" tells a health check that logs in more often than each \
             {} [LOGIN-DELAY]: let it say QUIT behind the greeting, or name its network in \
             allow_burst_from of a [[tenant]]",
            duration_text(polls.login_delay())
        ));
    }
    if is_limited && polls.mode == PollMode::Delay && polls.max_delay >= CHECK_PATIENCE {
        sentences.push(format!(
            "polls.max_delay ({}) holds a health check that logs in often for longer than it \
             waits: let it say QUIT behind the greeting, or name its network in allow_burst_from \
             of a [[tenant]]",
            duration_text(polls.max_delay)
        ));
    }
    let places = rules.connections.per_address;
    if (1..CHECK_CONNECTIONS_ADVISED).contains(&places) {
        sentences.push(format!(
            "connections.per_address ({places}) leaves no place to a health check that comes from \
             the address of users: write {CHECK_CONNECTIONS_ADVISED} or more, or name its network \
             in [server] trusted_networks"
        ));
    }
    let passwords = blocks.passwords_per_address;
    let advised = PASSWORDS_PER_ADDRESS_ADVISED;
    if blocks.mode == BlockMode::Block && (1..advised).contains(&passwords) {
        sentences.push(format!(
            "blocks.passwords_per_address ({passwords}) blocks everybody behind an address for a \
             few stale passwords, of which that of a health check may be one: write {advised} or \
             more, or name its network in [server] trusted_networks"
        ));
    }
    sentences
}

/// A load balancer next door would not get in, and its checks neither.
fn closed_to_checks(listener: &ListenOptions, server: &ServerOptions) -> Option<String> {
    let is_closed = listener.proxy_protocol
        && !listener.address.ip().is_loopback()
        && server
            .trusted_networks
            .iter()
            .all(|network| network.addr().is_loopback());
    is_closed.then(|| {
        format!(
            "listener `{}`: proxy_protocol is taken from trusted networks alone, and those are \
             loopback: name the load balancer's network in [server] trusted_networks, and have its \
             health checks send the header, too",
            listener.name
        )
    })
}
