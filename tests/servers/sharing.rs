//! `sharing = "on"`: sessions that live on a listing of their maildrop, before real servers and
//! with real programs.

mod address;
mod attack;
mod filter;
mod hour;
mod household;
mod member;
mod open_mutt;
mod resident;
mod scripts;
mod spent;

use crate::Outcome;
use crate::process::await_that;
use crate::server::Kind;
use crate::site::{Site, through_gate_with};
use popgate::time::Duration;
use std::net::Ipv4Addr;

pub(crate) use address::listings_by_address;
pub(crate) use attack::{changed_password, guesser};
pub(crate) use filter::{slow_filter, takers_meet};
pub(crate) use hour::{hour, minutes};
pub(crate) use household::{keepers, takers};
pub(crate) use scripts::{nothing_before_it_is_proven, sessions_live_on_listings};
pub(crate) use spent::no_complaint_where_the_wait_is_spent;

/// In the server's `[[backend]]`.
const SHAREABLE: &str = "shareable = true\n";

/// Who shares in most of these trials.
const USER: &str = "home@sharing.test";

/// Longer than anything that is waited for takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// What popgate has counted of sharing, of all tenants.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    fresh: f64,
    wait_spent: f64,
    demoted: f64,
    promoted: f64,
    /// For what another session had deleted.
    not_promoted_for_deletions: f64,
    not_promoted: f64,
    unshareable: f64,
}

impl Counts {
    fn of(site: &Site) -> Outcome<Self> {
        let gate = &site.gate;
        let by = |family: &str, label: &str| -> Outcome<f64> {
            let of = |tenant| {
                let series = format!("popgate_sharing_{family}{{{label},tenant=\"{tenant}\"}}");
                gate.metric(&series)
            };
            // That of `default` is there from the start: without it the name is wrong.
            let unused = of("default")?;
            let used = ["sharing", "hurried"].map(|tenant| of(tenant).unwrap_or_default());
            Ok(unused + used.iter().sum::<f64>())
        };
        let promoted = by("promotions_total", "outcome=\"promoted\"")?;
        let gone = by("promotions_total", "outcome=\"client_gone\"")?;
        Ok(Self {
            fresh: by("let_in_total", "reason=\"fresh\"")?,
            wait_spent: by("let_in_total", "reason=\"wait_spent\"")?,
            demoted: gate.metric("popgate_sharing_demotions_total")?,
            promoted,
            not_promoted_for_deletions: by("promotions_total", "outcome=\"deleted\"")?,
            not_promoted: gate.metric("popgate_sharing_promotions_total")? - promoted - gone,
            unshareable: gate.metric("popgate_sharing_unshareable_total")?,
        })
    }
}

/// Runs a trial before a server that is known to be shareable; where it fails, what popgate has
/// counted of sharing stands behind the error.
fn at_shareable(
    kind: Kind,
    ip: Ipv4Addr,
    users: &[&str],
    trial: impl FnOnce(&Site) -> Outcome<()>,
) -> Outcome<()> {
    through_gate_with(kind, ip, users, SHAREABLE, |site| {
        trial(site).map_err(|error| {
            let counted = site.gate.series("popgate_sharing_").unwrap_or_default();
            format!("{error}\n{}", counted.join("\n")).into()
        })
    })
}

fn expect(holds: bool, what: &str, seen: impl std::fmt::Debug) -> Outcome<()> {
    match holds {
        true => Ok(()),
        false => Err(format!("not so: {what}; {seen:?}").into()),
    }
}

/// Waits until popgate has counted so.
fn await_counts(site: &Site, what: &str, holds: impl Fn(Counts) -> bool) -> Outcome<()> {
    await_that(what, PATIENCE, || Counts::of(site).is_ok_and(&holds))
}

fn message_ids(first: usize, count: usize) -> Vec<String> {
    (first..first + count)
        .map(|number| format!("message-{number:02}"))
        .collect()
}
