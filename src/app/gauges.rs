//! Gauges that no event moves: set right before each scrape, each from one look.

use super::fd_limit::ConnectionLimit;
use super::maintenance;
use crate::gate::{Context, Settings};
use crate::journal::History;
use crate::observe::metrics::{JournalFigures, ListingFigures, Metrics};
use crate::time::Instant;

/// Sets them to what is so now.
pub(super) fn set(
    metrics: &Metrics,
    cx: &Context,
    connection_limit: &ConnectionLimit,
    history: &History,
) {
    metrics.set_waits(cx.locks.wait_progress(Instant::now()));
    metrics.set_sessions_max(connection_limit.sessions_max());
    // Blocks that ran out within the last minute would be counted as if they held.
    maintenance::end_blocks(cx);
    metrics.set_blocks(&cx.admission.shared.blocks.counts());
    metrics.set_paused(&cx.pauses.now());
    let settings = cx.settings();
    for (name, backend) in &settings.backends {
        metrics.set_backend_connections(name, backend.connections());
        metrics.set_proof(name, cx.admission.local.proofs.of(name).verdict());
    }
    set_listings(metrics, cx);
    set_certificates(metrics, &settings);
    set_journal(metrics, history);
}

fn set_listings(metrics: &Metrics, cx: &Context) {
    let listings = &cx.admission.local.listings;
    let (kept, size) = listings.size();
    metrics.set_listings(&ListingFigures {
        kept,
        size,
        size_max: listings.size_max(),
    });
}

/// Of a gate without a journal nothing is shown: it would look like one that cannot be written.
fn set_journal(metrics: &Metrics, history: &History) {
    let Some(journal) = history.journal() else {
        return;
    };
    metrics.set_journal(&JournalFigures {
        written: journal.written(),
        waiting: journal.waiting(),
        is_writable: journal.trouble().is_none(),
        size: journal.size(),
        size_max: journal.size_max(),
        oldest: history.state().since,
    });
}

fn set_certificates(metrics: &Metrics, settings: &Settings) {
    let acceptors = [&settings.acceptor, &settings.admin_acceptor];
    let ends = acceptors
        .into_iter()
        .flatten()
        .flat_map(|acceptor| acceptor.certificate_ends())
        .map(|(file, end)| (file.as_path(), *end));
    metrics.set_certificates(&ends.collect());
}
