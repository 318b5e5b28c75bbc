//! The command line, and how much is measured.

use crate::parts::Part;
use crate::peers::Kind;
use popgate::time::Duration;
use std::path::PathBuf;

/// The argument of the process that is the backend.
pub(crate) const BACKEND_ROLE: &str = "--as-backend";

pub(crate) const HELP: &str = "\
usage: tests/bench/peers [--smoke] [--rounds N] [--only PART...] [--peers NAME,...] [--output DIR]
                         [--popgate FILE] [--manual]

Measures popgate beside HAProxy in TCP mode, nginx mail, Dovecot's login proxy and Perdition, all
before one synthetic backend, and prints medians and quartiles of the rounds. In each round every
peer has its turn, in another order.

  --smoke          every part once with few sessions; fails only on what cannot be noise
  --rounds N       rounds of each part (5; memory, contention and handover: at most 3)
  --only PART...   sessions, bulk, memory, contention, handover, login, absorbed, counts
  --peers NAME,... of straight, popgate, haproxy, nginx, dovecot, perdition; straight is always there
  --output DIR     also writes peers.md, peers.json and charts as SVG there
  --popgate FILE   measures this program as popgate
  --manual         writes table and charts into the manual's page performance.md

Exit code: 0 measured, 1 failed, 64 wrong usage.
";

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) is_smoke: bool,
    pub(crate) rounds: Option<usize>,
    pub(crate) parts: Vec<Part>,
    pub(crate) peers: Vec<Kind>,
    pub(crate) output: Option<PathBuf>,
    /// Measured in place of the one that was built with the benchmark.
    pub(crate) popgate: Option<PathBuf>,
    /// Whether the page of the manual gets the figures.
    pub(crate) is_manual: bool,
}

impl Options {
    /// # Errors
    ///
    /// What is wrong, in a sentence.
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self {
            is_smoke: false,
            rounds: None,
            parts: Part::ALL.to_vec(),
            peers: Kind::ALL.to_vec(),
            output: None,
            popgate: None,
            is_manual: false,
        };
        let mut rest = arguments.iter().map(String::as_str).peekable();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next_if(|next| !next.starts_with("--"));
            let missing = || format!("{argument} needs a value");
            match argument {
                "--smoke" => options.is_smoke = true,
                "--manual" => options.is_manual = true,
                "--rounds" => options.rounds = Some(rounds(value().ok_or_else(missing)?)?),
                "--only" => {
                    options.parts.clear();
                    while let Some(word) = value() {
                        options.parts.push(part(word)?);
                    }
                    if options.parts.is_empty() {
                        return Err(missing());
                    }
                }
                "--peers" => options.peers = peers(value().ok_or_else(missing)?)?,
                "--popgate" => options.popgate = Some(value().ok_or_else(missing)?.into()),
                "--output" => options.output = Some(value().ok_or_else(missing)?.into()),
                // Cargo's.
                "--bench" => {}
                _ => return Err(format!("unknown argument {argument}")),
            }
        }
        Ok(options)
    }

    pub(crate) fn extent(&self) -> Extent {
        let base = if self.is_smoke { SMOKE } else { MEASURE };
        Extent {
            rounds: self.rounds.unwrap_or(base.rounds),
            ..base
        }
    }
}

fn rounds(word: &str) -> Result<usize, String> {
    let rounds = word.parse().ok().filter(|&rounds| rounds > 0);
    rounds.ok_or_else(|| format!("--rounds: {word} is no number above 0"))
}

fn part(word: &str) -> Result<Part, String> {
    let found = Part::ALL.into_iter().find(|part| part.word() == word);
    found.ok_or_else(|| format!("--only: there is no part {word}"))
}

fn peers(list: &str) -> Result<Vec<Kind>, String> {
    let mut peers = vec![Kind::Straight];
    for word in list.split(',') {
        let found = Kind::ALL.into_iter().find(|kind| kind.word() == word);
        let kind = found.ok_or_else(|| format!("--peers: there is no peer {word}"))?;
        if !peers.contains(&kind) {
            peers.push(kind);
        }
    }
    Ok(peers)
}

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    pub(crate) rounds: usize,
    /// Sessions of a peer in a round, plain and in TLS.
    pub(crate) sessions: usize,
    pub(crate) tls_sessions: usize,
    /// Messages of 1 MB in a round; of 30 kB there are ten times as many.
    pub(crate) messages: usize,
    /// Where the slope of memory begins and ends, and with how many CPU at rest is measured.
    pub(crate) idle: [usize; 3],
    /// The same for a peer with a process for each session.
    pub(crate) idle_forked: [usize; 3],
    /// Until what a login leaves behind is done.
    pub(crate) settled: Duration,
    pub(crate) rest: Duration,
    pub(crate) contention: Duration,
    pub(crate) handovers: usize,
    pub(crate) logins: usize,
}

const MEASURE: Extent = Extent {
    rounds: 5,
    sessions: 6_000,
    tls_sessions: 3_000,
    messages: 1_000,
    idle: [1_000, 6_000, 9_000],
    idle_forked: [100, 600, 600],
    settled: Duration::from_millis(500),
    rest: Duration::from_secs(10),
    contention: Duration::from_secs(10),
    handovers: 4_000,
    logins: 200,
};

const SMOKE: Extent = Extent {
    rounds: 1,
    sessions: 400,
    tls_sessions: 200,
    messages: 30,
    idle: [100, 400, 400],
    idle_forked: [20, 60, 60],
    settled: Duration::from_millis(100),
    rest: Duration::from_millis(500),
    contention: Duration::from_secs(1),
    handovers: 200,
    logins: 20,
};
