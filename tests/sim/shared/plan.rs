//! What a seed stands for where sessions are shared: who has which maildrop, which programs come
//! and when, and how bad the mail server is.

use popgate::time::Duration;
use std::net::{IpAddr, Ipv4Addr};

/// Everything that a seed decides in advance.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) rules: Rules,
    pub(crate) server: ServerPlan,
    pub(crate) accounts: Vec<Account>,
    pub(crate) programs: Vec<ProgramPlan>,
    pub(crate) fates: Vec<(Duration, Fate)>,
}

/// The gate's settings.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) end_of_wait: bool,
    pub(crate) demotion: bool,
    pub(crate) let_in: bool,
    pub(crate) fresh: u64,
    pub(crate) demote_idle: Option<u64>,
    pub(crate) preempt_idle: Option<u64>,
    pub(crate) wait: u64,
    pub(crate) queue: usize,
    /// From one login to the next, in seconds, where quotas are kept.
    pub(crate) polls: Option<u64>,
    /// Whether the operator says that the server is shareable; else it must be seen.
    pub(crate) is_said: bool,
}

/// A name that the server knows. Names that differ in case have one lock.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) login: &'static str,
    pub(crate) maildrop: usize,
}

/// What unique-ids are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ids {
    Stable,
    /// The number of the message.
    Numbers,
    /// Each session has its own.
    PerSession,
    /// One that is free is given to the next message.
    Recycled,
}

#[derive(Clone, Debug)]
pub(crate) struct ServerPlan {
    pub(crate) ids: Ids,
    /// All messages have one size.
    pub(crate) equal_sizes: bool,
    pub(crate) locking: bool,
    /// How long its lock outlives a connection.
    pub(crate) linger: Duration,
    pub(crate) login_delay: Duration,
    pub(crate) pipelining: bool,
    /// Of a hundred sessions, those that lack messages.
    pub(crate) short: u8,
    /// Of a thousand commands, those that are not answered as they should be.
    pub(crate) faulty: u16,
    pub(crate) latency: u64,
}

/// What a mail program is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Deletes its own copy of what a listing lacks (K-9).
    Keeper,
    /// The same, and stays logged in without QUIT.
    Phone,
    /// Forgets what a listing lacks (Claws Mail, getmail).
    Forgetter,
    /// Aborts at the first `-ERR`, and forgets all at `STAT 0` (Thunderbird).
    Aborter,
    /// Deletes what it has fetched.
    Deleter,
    /// Asks STAT, fetches one, and deletes all up to a second STAT.
    Script,
    /// Looks how many there are.
    Notifier,
}

#[derive(Clone, Debug)]
pub(crate) struct ProgramPlan {
    pub(crate) host: IpAddr,
    pub(crate) account: usize,
    pub(crate) kind: Kind,
    pub(crate) start: Duration,
    pub(crate) visits: usize,
    pub(crate) between: Duration,
    /// Before it fetches, and before it leaves.
    pub(crate) pause: Duration,
    /// All commands of a step in one write.
    pub(crate) pipelines: bool,
    pub(crate) ending: Ending,
    pub(crate) latency: u64,
    pub(crate) piece: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Quit,
    /// QUIT, and the connection is closed without waiting for the answer.
    QuitAndClose,
    Close,
    /// Each visit ends by force after so long.
    Killed(Duration),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    Delivery(usize),
    /// Somebody deletes a message elsewhere.
    Webmail(usize),
    /// All messages of a maildrop have other unique-ids from now on.
    NewIds(usize),
    /// A program's line is down for so long.
    Outage(IpAddr, Duration),
    /// An account has another password; its programs hear of it one after the other.
    Password(usize),
}

impl Plan {
    pub(crate) fn draw(random: &mut fastrand::Rng) -> Self {
        let accounts = accounts(random);
        let count = random.usize(2..=6);
        let programs: Vec<_> = (0..count)
            .map(|number| ProgramPlan::draw(random, number, accounts.len()))
            .collect();
        Self {
            rules: Rules::draw(random),
            server: ServerPlan::draw(random),
            fates: fates(random, &accounts, &programs),
            accounts,
            programs,
        }
    }

    /// Whether the server gives each session the whole maildrop, by names that stay.
    pub(crate) fn lists_well(&self) -> bool {
        self.server.short == 0 && self.names_stay()
    }

    /// Whether a message has one name for ever, and no other one has it.
    pub(crate) fn names_stay(&self) -> bool {
        let renews = |fate: &Fate| matches!(fate, Fate::NewIds(_));
        self.server.ids == Ids::Stable && !self.fates.iter().any(|(_, fate)| renews(fate))
    }
}

impl Rules {
    fn draw(random: &mut fastrand::Rng) -> Self {
        let mut has = || random.u8(..6) > 0;
        let (end_of_wait, demotion, let_in) = (has(), has(), has());
        Self {
            end_of_wait,
            demotion,
            let_in,
            fresh: *choose(random, &[2, 5, 20, 60]),
            demote_idle: *choose(random, &[Some(1), Some(1), Some(3), None]),
            preempt_idle: *choose(random, &[Some(15), Some(3), Some(3), None]),
            wait: *choose(random, &[4, 5, 8, 25]),
            queue: *choose(random, &[16, 16, 1]),
            polls: *choose(random, &[None, None, Some(5), Some(30)]),
            is_said: random.u8(..8) > 0,
        }
    }

    pub(crate) fn toml(&self, is_on: bool, pipelining: bool) -> String {
        let seconds = |value: Option<u64>| value.map_or("off".to_owned(), |it| format!("{it}s"));
        let mode = if is_on { "on" } else { "off" };
        let polls = self
            .polls
            .map_or("{ enforce = \"off\" }".to_owned(), |every| {
                format!(
                    "{{ enforce = \"absorb\", every = \"{every}s\", burst = 2, max_delay = \"3s\", \
                 per_client = {{ every = \"1s\", burst = 2 }} }}"
                )
            });
        let said = if self.is_said { "true" } else { "\"ask\"" };
        let more = if pipelining { ", \"PIPELINING\"" } else { "" };
        format!(
            "[[listen]]\nname = \"pop3\"\naddress = \"10.0.0.10:110\"\ntls = \"off\"\n\
             [[backend]]\nname = \"legacy\"\naddress = \"10.0.0.2:110\"\nshareable = {said}\n\
             login_timeout = \"20s\"\ncapabilities = [\"TOP\", \"UIDL\", \"USER\"{more}]\n\
             [defaults]\ncleartext = \"always\"\nblocks = {{ enforce = \"off\" }}\n\
             failures = {{ delay = \"0s\", max_delay = \"0s\", same_password = 0 }}\n\
             polls = {polls}\nwait = \"{}s\"\nqueue = {}\npreempt_idle = \"{}\"\n\
             idle_timeout = \"60s\"\nfresh = \"{}s\"\ndemote_idle = \"{}\"\n\
             sharing = {{ mode = \"{mode}\", end_of_wait = {}, demotion = {}, let_in = {} }}\n",
            self.wait,
            self.queue,
            seconds(self.preempt_idle),
            self.fresh,
            seconds(self.demote_idle),
            self.end_of_wait,
            self.demotion,
            self.let_in,
        )
    }
}

impl ServerPlan {
    fn draw(random: &mut fastrand::Rng) -> Self {
        let ids = match random.u8(..20) {
            0 => Ids::Numbers,
            1 => Ids::PerSession,
            2 | 3 => Ids::Recycled,
            _ => Ids::Stable,
        };
        let locking = random.u8(..3) == 0;
        Self {
            ids,
            equal_sizes: ids != Ids::Recycled && random.bool(),
            locking,
            linger: match locking {
                true => sometimes(random, 3000),
                false => Duration::ZERO,
            },
            login_delay: sometimes(random, 1500),
            pipelining: random.bool(),
            short: *choose(random, &[0, 0, 0, 10, 30]),
            faulty: *choose(random, &[0, 0, 0, 10, 50]),
            latency: random.u64(1..=30),
        }
    }
}

impl ProgramPlan {
    fn draw(random: &mut fastrand::Rng, number: usize, accounts: usize) -> Self {
        let kinds = [
            Kind::Keeper,
            Kind::Keeper,
            Kind::Phone,
            Kind::Phone,
            Kind::Forgetter,
            Kind::Aborter,
            Kind::Deleter,
            Kind::Deleter,
            Kind::Script,
            Kind::Notifier,
        ];
        let kind = *choose(random, &kinds);
        let last = u8::try_from(number).unwrap_or(u8::MAX);
        Self {
            host: Ipv4Addr::new(10, 1, 0, last).into(),
            account: random.usize(..accounts),
            kind,
            start: Duration::from_millis(random.u64(..15_000)),
            visits: random.usize(2..=5),
            between: Duration::from_millis(random.u64(100..15_000)),
            pause: {
                let most = *choose(random, &[50, 3000, 12_000]);
                sometimes(random, most)
            },
            pipelines: random.u8(..3) == 0,
            ending: Ending::draw(random),
            latency: *choose(random, &[1, 10, 150]),
            piece: *choose(random, &[40, 16 * 1024, 16 * 1024]),
        }
    }
}

impl Ending {
    fn draw(random: &mut fastrand::Rng) -> Self {
        match random.u8(..10) {
            0 | 1 => Self::QuitAndClose,
            2 => Self::Close,
            3 => Self::Killed(Duration::from_millis(random.u64(..15_000))),
            _ => Self::Quit,
        }
    }
}

/// One maildrop or two; two names of one maildrop, or two people whose names differ in case.
fn accounts(random: &mut fastrand::Rng) -> Vec<Account> {
    let account = |login, maildrop| Account { login, maildrop };
    match random.u8(..5) {
        0 => vec![account("ann", 0), account("bob", 1)],
        1 => vec![account("ann", 0), account("Ann", 1)],
        2 => vec![account("ann", 0), account("Ann", 0)],
        _ => vec![account("ann", 0)],
    }
}

fn fates(
    random: &mut fastrand::Rng,
    accounts: &[Account],
    programs: &[ProgramPlan],
) -> Vec<(Duration, Fate)> {
    let maildrops = accounts.iter().map(|it| it.maildrop).max().unwrap_or(0) + 1;
    let mut fates = Vec::new();
    for _ in 0..random.usize(..6) {
        fates.push(Fate::Delivery(random.usize(..maildrops)));
    }
    if random.u8(..3) == 0 {
        for _ in 0..random.usize(1..=2) {
            fates.push(Fate::Webmail(random.usize(..maildrops)));
        }
    }
    if random.u8(..8) == 0 {
        fates.push(Fate::NewIds(random.usize(..maildrops)));
    }
    if random.u8(..6) == 0 {
        let lasts = Duration::from_millis(random.u64(..40_000));
        fates.push(Fate::Outage(choose(random, programs).host, lasts));
    }
    if random.u8(..8) == 0 {
        fates.push(Fate::Password(random.usize(..accounts.len())));
    }
    let when = |fate| (Duration::from_millis(random.u64(500..50_000)), fate);
    let mut fates: Vec<_> = fates.into_iter().map(when).collect();
    fates.sort_by_key(|(at, _)| *at);
    fates
}

/// Nothing in half of all cases, else up to `most` milliseconds.
pub(crate) fn sometimes(random: &mut fastrand::Rng, most: u64) -> Duration {
    if random.bool() {
        Duration::ZERO
    } else {
        Duration::from_millis(random.u64(..=most))
    }
}

pub(crate) fn choose<'a, T>(random: &mut fastrand::Rng, among: &'a [T]) -> &'a T {
    &among[random.usize(..among.len())]
}
