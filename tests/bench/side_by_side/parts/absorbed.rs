//! CPU of a poll that popgate lets in on a listing, of which the backend hears nothing, beside what
//! HAProxy needs to carry a short session to the backend.

use super::sessions::PROGRAMS;
use super::{Part, Site, healthy};
use crate::Outcome;
use crate::figures::{Figure, Target};
use crate::load::{Closed, Load, Plan, Tally, script};
use crate::peers::{Gate, Kind, Peer};

/// Of the polls, those that the backend may hear of.
const HEARD_MOST: f64 = 0.01;

const CPU: Figure = Figure {
    key: "absorbed_cpu",
    part: Part::Absorbed,
    title: "CPU of a poll let in on a listing; the others: of a short session",
    unit: "µs",
    is_more_better: false,
    target: Some(Target::OfHaproxy(0.7)),
};

pub(super) fn measure(site: &mut Site) {
    println!("CPU of a poll that is let in on a listing, beside a short session of the others");
    let mut peers = site.start_all(Part::Absorbed);
    peers.retain(|peer| !peer.kind.is_ours());
    match gate(site) {
        Ok(gate) => peers.push(gate),
        Err(error) => site.fail(Part::Absorbed, Kind::Popgate, &*error),
    }
    site.rounds(Part::Absorbed, &peers, |site, peer, round| {
        let count = site.extent.sessions;
        polls(peer, PROGRAMS)?;
        site.grounds.backend.seen()?;
        let before = peer.group.cpu()?;
        polls(peer, count)?;
        let cpu = (peer.group.cpu()? - before).as_secs_f64() * 1e6 / count as f64;
        let heard = site.grounds.backend.seen()?.logins as f64 / count as f64;
        if peer.kind == Kind::Popgate && heard > HEARD_MOST {
            return Err(format!("the backend heard of {:.0} % of the polls", heard * 100.0).into());
        }
        site.figures.add(&CPU, peer.kind, round, cpu);
        Ok(format!(
            "CPU {cpu:>6.1} µs  the backend heard of {:.0} %",
            heard * 100.0
        ))
    });
}

/// One that knows the listing of each maildrop.
fn gate(site: &Site) -> Outcome<Peer> {
    let gate = Gate {
        is_sharing: true,
        ..Gate::default()
    };
    let peer = Peer::start_gate(&gate, &site.grounds)?;
    polls(&peer, site.extent.sessions)?;
    Ok(peer)
}

/// Of maildrops that lock: those the backend counts.
fn polls(peer: &Peer, count: usize) -> Outcome<Tally> {
    let plan = Plan {
        address: peer.plain,
        tls: &[],
        script: script::SHORT,
        programs: PROGRAMS,
        user: &|_, number| format!("lock{number}"),
    };
    healthy(Load::new()?.run(&plan, &mut Closed { left: count })?)
}
