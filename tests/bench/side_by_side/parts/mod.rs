//! What is measured, part by part.

mod absorbed;
mod bulk;
mod contention;
pub(crate) mod counts;
mod handover;
mod login;
mod memory;
mod sessions;

use crate::Outcome;
use crate::figures::Figures;
use crate::load::Tally;
use crate::options::Extent;
use crate::peers::{Grounds, Kind, Peer};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    Sessions,
    Bulk,
    Memory,
    Contention,
    Handover,
    Login,
    Absorbed,
    Counts,
}

impl Part {
    pub(crate) const ALL: [Self; 8] = [
        Self::Sessions,
        Self::Bulk,
        Self::Memory,
        Self::Contention,
        Self::Handover,
        Self::Login,
        Self::Absorbed,
        Self::Counts,
    ];

    /// As `--only` has it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Bulk => "bulk",
            Self::Memory => "memory",
            Self::Contention => "contention",
            Self::Handover => "handover",
            Self::Login => "login",
            Self::Absorbed => "absorbed",
            Self::Counts => "counts",
        }
    }
}

/// What all parts have.
pub(crate) struct Site {
    pub(crate) extent: Extent,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) grounds: Grounds,
    pub(crate) figures: Figures,
}

impl Site {
    pub(crate) fn measure(&mut self, part: Part) {
        match part {
            Part::Sessions => sessions::measure(self),
            Part::Bulk => bulk::measure(self),
            Part::Memory => memory::measure(self),
            Part::Contention => contention::measure(self),
            Part::Handover => handover::measure(self),
            Part::Login => login::measure(self),
            Part::Absorbed => absorbed::measure(self),
            Part::Counts => counts::measure(self),
        }
    }

    /// Those that start; the others are failures of the part.
    fn start_all(&mut self, part: Part) -> Vec<Peer> {
        let mut peers = Vec::new();
        for kind in self.kinds.clone() {
            match Peer::start(kind, &self.grounds) {
                Ok(peer) => peers.push(peer),
                Err(error) => self.fail(part, kind, &*error),
            }
        }
        peers
    }

    fn fail(&mut self, part: Part, kind: Kind, error: &dyn std::fmt::Display) {
        let words = error.to_string();
        println!("  {:<14} FAILED: {words}", kind.title());
        self.figures.fail(part, kind, words);
    }

    /// In each round every peer has its turn, in another order: what is warm helps the next.
    fn rounds(
        &mut self,
        part: Part,
        peers: &[Peer],
        turn: impl Fn(&mut Self, &Peer, usize) -> Outcome<String>,
    ) {
        self.rounds_up_to(usize::MAX, part, peers, turn);
    }

    fn rounds_up_to(
        &mut self,
        most: usize,
        part: Part,
        peers: &[Peer],
        turn: impl Fn(&mut Self, &Peer, usize) -> Outcome<String>,
    ) {
        for round in 0..self.extent.rounds.min(most) {
            for place in 0..peers.len() {
                let peer = &peers[(place + round) % peers.len()];
                let result = turn(self, peer, round);
                let result = result.map_err(|error| format!("{error}; {}", peer.words()).into());
                self.tell(part, peer.kind, round, result);
            }
        }
    }

    fn tell(&mut self, part: Part, kind: Kind, round: usize, result: Outcome<String>) {
        match result {
            Ok(line) => println!("  round {} {:<14} {line}", round + 1, kind.title()),
            Err(error) => self.fail(part, kind, &*error),
        }
    }
}

/// # Errors
///
/// If a session did not go well.
fn healthy(tally: Tally) -> Outcome<Tally> {
    match tally.trouble() {
        Some(trouble) => Err(trouble.into()),
        None => Ok(tally),
    }
}
