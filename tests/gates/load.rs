//! Mail programs that log in at all gates, and what they met.

use crate::fire::Program;
use crate::site::Site;
use popgate::limits::LAST_LOGIN;
use std::io;
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
    /// Gates that were not there, or closed before a password was given in time: another one was
    /// tried.
    pub(crate) turned_away: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.done += other.done;
        self.logins.extend(other.logins);
        self.failed.extend(other.failed);
        self.turned_away += other.turned_away;
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
    ways: watch::Sender<Ways>,
    /// Sessions that are over, and went well.
    done: watch::Sender<usize>,
}

/// What all programs go by.
#[derive(Clone)]
struct Ways {
    gates: Vec<SocketAddr>,
    until: Instant,
    /// Where a gate is not there, or closes before it is given a password, they try another one.
    try_others: bool,
    /// The gate that has been told to stop.
    stopping: Option<SocketAddr>,
}

/// One program.
struct Life {
    number: usize,
    maildrops: Range<usize>,
    ways: watch::Receiver<Ways>,
    done: watch::Sender<usize>,
}

/// Sessions of a load that is under way: many of each program, at each gate.
const UNDER_WAY: usize = 100;

/// Longer than a load that somebody ends.
const LONGEST: Duration = Duration::from_secs(300);

/// Longer than those take.
const PATIENCE: Duration = Duration::from_secs(30);

impl Load {
    /// `programs` of them, at `maildrops`, each going from gate to gate.
    pub(crate) fn start(site: &Site, programs: usize, maildrops: usize, until: Instant) -> Self {
        Self::at(site, programs, until, false, |_| 0..maildrops)
    }

    /// As [`Self::start`], of programs that go to another gate where one is not there; until
    /// [`Self::end_now`].
    pub(crate) fn trying_others(site: &Site, programs: usize, maildrops: usize) -> Self {
        let until = Instant::now() + LONGEST;
        Self::at(site, programs, until, true, |_| 0..maildrops)
    }

    /// As many, each at maildrops of its own: nobody waits for anybody else.
    pub(crate) fn apart(site: &Site, programs: usize, until: Instant) -> Self {
        Self::at(site, programs, until, false, |number| {
            number * 20..number * 20 + 20
        })
    }

    fn at(
        site: &Site,
        programs: usize,
        until: Instant,
        try_others: bool,
        maildrops: impl Fn(usize) -> Range<usize>,
    ) -> Self {
        let ways = Ways {
            gates: addresses(site),
            until,
            try_others,
            stopping: None,
        };
        let mut load = Self {
            programs: JoinSet::new(),
            ways: watch::Sender::new(ways),
            done: watch::Sender::default(),
        };
        for number in 0..programs {
            let life = Life {
                number,
                maildrops: maildrops(number),
                ways: load.ways.subscribe(),
                done: load.done.clone(),
            };
            load.programs.spawn(life.live());
        }
        load
    }

    /// From now on programs know the site's gates of now.
    pub(crate) fn find(&self, site: &Site) {
        self.ways.send_modify(|ways| ways.gates = addresses(site));
    }

    /// This gate is about to be told to stop: it may close on those that are late.
    pub(crate) fn is_told_of_stop(&self, gate: SocketAddr) {
        self.ways.send_modify(|ways| ways.stopping = Some(gate));
    }

    /// Each program ends when its session does.
    pub(crate) async fn end_now(self) -> Tally {
        self.ways.send_modify(|ways| ways.until = Instant::now());
        self.end().await
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

fn addresses(site: &Site) -> Vec<SocketAddr> {
    site.gates.iter().map(|gate| gate.ports.plain).collect()
}

/// Why a session came to nothing.
enum Failure {
    /// Before a password was given.
    TurnedAway(io::Error),
    /// At the password, without a word, of one that took longer to give it than a gate that stops
    /// leaves its clients: under load a program may.
    Late(io::Error),
    Failed(io::Error),
}

impl Life {
    async fn live(self) -> Tally {
        let mut tally = Tally::default();
        let mut random = fastrand::Rng::with_seed(self.number as u64);
        let mut began = None;
        loop {
            let ways = self.ways.borrow().clone();
            if Instant::now() >= ways.until {
                return tally;
            }
            let gate = ways.gates[random.usize(..ways.gates.len())];
            let user = format!("user{}", random.usize(self.maildrops.clone()));
            let since = *began.get_or_insert_with(Instant::now);
            match visit(gate, &user, &mut random, since).await {
                Err(Failure::TurnedAway(_)) if ways.try_others => tally.turned_away += 1,
                Err(Failure::Late(_)) if self.knows_of_stop(gate) => tally.turned_away += 1,
                Ok(login) => {
                    began = None;
                    tally.done += 1;
                    self.done.send_modify(|done| *done += 1);
                    tally.logins.push(login);
                }
                Err(Failure::TurnedAway(error) | Failure::Late(error) | Failure::Failed(error)) => {
                    began = None;
                    tally.failed.push(format!("{gate}: {error}"));
                }
            }
            tokio::time::sleep(Duration::from_millis(random.u64(..20))).await;
        }
    }

    fn knows_of_stop(&self, gate: SocketAddr) -> bool {
        self.ways.borrow().stopping == Some(gate)
    }
}

/// A session that looks, fetches now and then, and quits. `began`: when its program first tried.
async fn visit(
    gate: SocketAddr,
    user: &str,
    random: &mut fastrand::Rng,
    began: Instant,
) -> Result<Login, Failure> {
    let arrived = Instant::now();
    let mut program = named(gate, user).await.map_err(Failure::TurnedAway)?;
    let does_fetch = random.u8(..4) == 0;
    give_password(&mut program, arrived).await?;
    let took = began.elapsed();
    let login = async {
        program.ok("STAT".to_owned()).await?;
        if does_fetch {
            program.listing("RETR 1").await?;
        }
        program.ok("QUIT".to_owned()).await?;
        Ok(Login { gate, began, took })
    };
    login.await.map_err(Failure::Failed)
}

/// `arrived`: before it was connected. A gate that stops takes no connection any more, and leaves
/// those that it has [`LAST_LOGIN`]: a password that is sent within that time must be answered.
async fn give_password(program: &mut Program, arrived: Instant) -> Result<(), Failure> {
    let sent = program.send(b"PASS secret\r\n").await;
    let is_late = arrived.elapsed() > LAST_LOGIN;
    let answer = match sent {
        Ok(()) => program.line().await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(answer) if answer.starts_with("+OK") => Ok(()),
        Ok(answer) if answer.is_empty() && is_late => {
            Err(Failure::Late(io::ErrorKind::UnexpectedEof.into()))
        }
        Ok(answer) => Err(Failure::Failed(io::Error::other(format!(
            "PASS: {answer:?}"
        )))),
        Err(error) if is_late && is_closed(&error) => Err(Failure::Late(error)),
        Err(error) => Err(Failure::Failed(error)),
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}

/// A connection that has said who it is for.
async fn named(gate: SocketAddr, user: &str) -> io::Result<Program> {
    let mut program = Program::unheard(gate).await?;
    program.ok(String::new()).await?;
    program.ok(format!("USER {user}")).await?;
    Ok(program)
}
