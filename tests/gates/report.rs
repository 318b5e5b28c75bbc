//! What users noticed of a fault, and what gates counted.

use crate::fire::Gate;
use crate::load::Tally;
use crate::site::Site;
use std::fmt;
use std::time::Duration;

/// A login that has to wait for nobody takes 1.5 s at most while the engine is away, as the figures
/// show. On a machine that is busy with other tests it does not take a lease.
pub(crate) const PROMPT: Duration = Duration::from_secs(5);

/// Gates are back in a second or two when the engine is; on such a machine it may take this.
pub(crate) const SLOW: Duration = Duration::from_secs(20);

/// The figures of one fault.
pub(crate) struct Outcome {
    fault: String,
    sessions: usize,
    failed: usize,
    longest: Duration,
    p99: Duration,
    overlaps: u64,
    counted: u64,
}

impl Outcome {
    pub(crate) async fn of(fault: &str, site: &Site, tally: &Tally) -> Self {
        Self {
            fault: fault.to_owned(),
            sessions: tally.done,
            failed: tally.failed.len(),
            longest: tally.longest(),
            p99: tally.quantile(0.99),
            overlaps: site.overlaps(),
            counted: counted_overlaps(site).await,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            fault,
            sessions,
            failed,
            longest,
            p99,
            overlaps,
            counted,
        } = self;
        write!(
            to,
            "{fault}: {sessions} sessions, {failed} failed, longest login {longest:?}, p99 \
             {p99:?}, overlaps {overlaps}, of which gates counted {counted}"
        )
    }
}

/// Sessions that overlapped, as the backend saw them, and those of them that gates counted.
pub(crate) async fn overlaps_are(site: &Site, seen: u64, counted: u64) {
    let found = (site.overlaps(), counted_overlaps(site).await);
    let states: Vec<_> = site.gates.iter().map(states).collect();
    assert_eq!(found, (seen, counted), "{states:#?}");
}

/// What a gate's log says of the cluster.
fn states(gate: &Gate) -> Vec<String> {
    let log = gate.log();
    let of_cluster = log.lines().filter(|line| line.contains(" cluster "));
    of_cluster.map(str::to_owned).collect()
}

/// Sessions that gates found to have been in a maildrop together with another gate's.
pub(crate) async fn counted_overlaps(site: &Site) -> u64 {
    let mut sum = 0.0;
    for gate in &site.gates {
        sum += gate.metric("popgate_cluster_overlaps_total", &[]).await;
    }
    sum as u64
}
