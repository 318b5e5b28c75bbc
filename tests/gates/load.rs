//! Mail programs that log in at all gates, and what they met.

use crate::site::{Site, log_in};
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// From the connection to the answer to PASS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Login {
    gate: SocketAddr,
    began: Instant,
    took: Duration,
}

/// What the programs of a load met.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) done: usize,
    /// Those that were let in.
    pub(crate) logins: Vec<Login>,
    /// What went wrong, in the gate's or the system's words.
    pub(crate) failed: Vec<String>,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.done += other.done;
        self.logins.extend(other.logins);
        self.failed.extend(other.failed);
    }

    /// The login that took longer than `part` of all.
    pub(crate) fn quantile(&self, part: f64) -> Duration {
        let mut sorted: Vec<_> = self.logins.iter().map(|login| login.took).collect();
        sorted.sort_unstable();
        let at = (sorted.len() as f64 * part) as usize;
        sorted
            .get(at.min(sorted.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    }

    pub(crate) fn longest(&self) -> Duration {
        self.longest_of(|_| true)
    }

    /// Of those that began in this time, at one gate or at all.
    pub(crate) fn longest_in(&self, time: Range<Instant>, gate: Option<SocketAddr>) -> Duration {
        self.longest_of(|login| {
            time.contains(&login.began) && gate.is_none_or(|gate| login.gate == gate)
        })
    }

    fn longest_of(&self, counts: impl Fn(&Login) -> bool) -> Duration {
        let logins = self.logins.iter().filter(|login| counts(login));
        logins.map(|login| login.took).max().unwrap_or_default()
    }
}

/// A load that runs until a moment.
pub(crate) struct Load {
    programs: JoinSet<Tally>,
    /// Sessions that are over, and went well.
    done: watch::Sender<usize>,
}

/// Sessions of a load that is under way: many of each program, at each gate.
const UNDER_WAY: usize = 100;

/// Longer than those take.
const PATIENCE: Duration = Duration::from_secs(30);

impl Load {
    /// `programs` of them, at `maildrops`, each going from gate to gate.
    pub(crate) fn start(site: &Site, programs: usize, maildrops: usize, until: Instant) -> Self {
        Self::at(site, programs, until, |_| 0..maildrops)
    }

    /// As many, each at maildrops of its own: nobody waits for anybody else.
    pub(crate) fn apart(site: &Site, programs: usize, until: Instant) -> Self {
        Self::at(site, programs, until, |number| {
            number * 20..number * 20 + 20
        })
    }

    fn at(
        site: &Site,
        programs: usize,
        until: Instant,
        maildrops: impl Fn(usize) -> Range<usize>,
    ) -> Self {
        let gates: Vec<_> = site.gates.iter().map(|gate| gate.ports.plain).collect();
        let mut load = Self {
            programs: JoinSet::new(),
            done: watch::Sender::default(),
        };
        for number in 0..programs {
            let done = load.done.clone();
            let lives = live(gates.clone(), number, maildrops(number), until, done);
            load.programs.spawn(lives);
        }
        load
    }

    /// Returns when it is under way.
    pub(crate) async fn is_under_way(&self) {
        let mut done = self.done.subscribe();
        let many = done.wait_for(|done| *done >= UNDER_WAY);
        timeout(PATIENCE, many).await.unwrap().unwrap();
    }

    pub(crate) async fn end(mut self) -> Tally {
        let mut tally = Tally::default();
        while let Some(part) = self.programs.join_next().await {
            tally.add(part.unwrap());
        }
        tally
    }
}

async fn live(
    gates: Vec<SocketAddr>,
    number: usize,
    maildrops: Range<usize>,
    until: Instant,
    done: watch::Sender<usize>,
) -> Tally {
    let mut tally = Tally::default();
    let mut random = fastrand::Rng::with_seed(number as u64);
    while Instant::now() < until {
        let gate = gates[random.usize(..gates.len())];
        let user = format!("user{}", random.usize(maildrops.clone()));
        let began = Instant::now();
        match visit(gate, &user, &mut random, began).await {
            Ok(took) => {
                tally.done += 1;
                done.send_modify(|done| *done += 1);
                tally.logins.push(Login { gate, began, took });
            }
            Err(error) => tally.failed.push(format!("{gate}: {error}")),
        }
        tokio::time::sleep(Duration::from_millis(random.u64(..20))).await;
    }
    tally
}

/// A session that looks, fetches now and then, and quits; how long its login took.
async fn visit(
    gate: SocketAddr,
    user: &str,
    random: &mut fastrand::Rng,
    began: Instant,
) -> std::io::Result<Duration> {
    let mut program = log_in(gate, user).await?;
    let took = began.elapsed();
    program.ok("STAT".to_owned()).await?;
    if random.u8(..4) == 0 {
        program.listing("RETR 1").await?;
    }
    program.ok("QUIT".to_owned()).await?;
    Ok(took)
}
