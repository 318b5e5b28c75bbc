//! What a seed stands for: who comes when and does what, and what goes wrong.

use crate::engine::{EngineFate, EngineLines};
use popgate::time::Duration;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

pub(crate) const BACKEND: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

/// Everything that a seed decides in advance.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) settings: Settings,
    pub(crate) backend: BackendPlan,
    pub(crate) users: usize,
    pub(crate) clients: Vec<ClientPlan>,
    pub(crate) fates: Vec<(Duration, Fate)>,
    /// Where there are several gates.
    pub(crate) engine: Option<EngineLines>,
    pub(crate) gates: usize,
}

/// The gate's.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) wait: u64,
    pub(crate) queue: usize,
    pub(crate) preempt_idle: Option<u64>,
    pub(crate) idle_timeout: u64,
    pub(crate) connections: usize,
    pub(crate) preconnect: bool,
    /// Sessions may stand on listings.
    pub(crate) shares: bool,
}

#[derive(Debug)]
pub(crate) struct BackendPlan {
    /// Whether it refuses a second session, or lets it in and counts an overlap.
    pub(crate) locking: bool,
    pub(crate) pipelining: bool,
    pub(crate) login_delay: Duration,
    /// How long its lock outlives a connection.
    pub(crate) linger: Duration,
    /// How long it keeps its end open after the answer to QUIT.
    pub(crate) slow_end: Duration,
    /// It breaks each connection off after so many octets, in the middle of a reply.
    pub(crate) breaks_off: Option<usize>,
    pub(crate) latency: u64,
    pub(crate) piece: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct ClientPlan {
    pub(crate) host: IpAddr,
    /// Which gate it comes to.
    pub(crate) gate: usize,
    pub(crate) user: usize,
    pub(crate) start: Duration,
    /// How often it comes, and what lies between.
    pub(crate) visits: usize,
    pub(crate) between: Duration,
    /// Whether each password that it tries on a connection is the right one.
    pub(crate) passwords: Vec<bool>,
    pub(crate) commands: Vec<String>,
    /// Before each command where it does not pipeline.
    pub(crate) pause: Duration,
    pub(crate) style: Style,
    pub(crate) ending: Ending,
    pub(crate) latency: u64,
    pub(crate) piece: usize,
    pub(crate) room: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// A command, its reply, the next command.
    LockStep,
    /// After login all commands in one write.
    Pipelined,
    /// The login too.
    AllAtOnce,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Quit,
    /// QUIT, and the connection is closed without waiting for the answer.
    QuitAndClose,
    /// The program dies after so long.
    Killed(Duration),
    /// Its line is dead for ever after so long.
    Vanishes(Duration),
    /// It stays and says nothing more.
    Stays,
    /// It sends its commands and reads nothing.
    NeverReads,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    /// A client's line is down for so long; what was sent arrives later.
    Outage(IpAddr, Duration),
    BackendOutage(Duration),
    /// The backend's process dies, and is there again after so long.
    BackendDies(Duration),
    /// Its machine dies: nobody is told.
    BackendCrashes(Duration),
    /// A gate stops, and another one takes its place.
    Restart {
        gate: usize,
        grace: Duration,
        hurry: bool,
    },
    Delivery(usize),
    Engine(EngineFate),
}

impl Plan {
    pub(crate) fn draw(random: &mut fastrand::Rng) -> Self {
        let may_force = random.u8(..10) == 0;
        let backend_fails = random.u8(..5) == 0;
        let users = random.usize(1..=3);
        let count = random.usize(2..=9);
        let clients: Vec<_> = (0..count)
            .map(|number| ClientPlan::draw(random, number, users))
            .collect();
        let fates = fates(random, &clients, users, may_force, backend_fails);
        let mut plan = Self {
            settings: Settings::draw(random),
            backend: BackendPlan::draw(random, may_force),
            users,
            clients,
            fates,
            engine: None,
            gates: 1,
        };
        if random.u8(..3) == 0 {
            plan.add_gates(random);
        }
        plan
    }

    /// Two or three of them, and perhaps an engine that is away at times. Where it is, the backend
    /// locks by itself: gates that cannot ask it go on alone.
    fn add_gates(&mut self, random: &mut fastrand::Rng) {
        self.gates = random.usize(2..=3);
        self.engine = Some(EngineLines {
            latency: *choose(random, &[1, 5, 30]),
            unanswered: *choose(random, &[0, 0, 3, 7]),
            pushes_lost: *choose(random, &[0, 0, 50]),
        });
        for client in &mut self.clients {
            client.gate = random.usize(..self.gates);
        }
        for (_, fate) in &mut self.fates {
            if let Fate::Restart { gate, .. } = fate {
                *gate = random.usize(..self.gates);
            }
        }
        if random.bool() {
            return;
        }
        self.backend.locking = true;
        for _ in 0..random.usize(1..=2) {
            let lasts = Duration::from_millis(random.u64(200..15_000));
            let fate = match random.u8(..4) {
                0 => EngineFate::Away(lasts),
                1 => EngineFate::Emptied(lasts / 4),
                2 => EngineFate::Slow(lasts / 2),
                _ => EngineFate::Cut(random.usize(..self.gates), lasts),
            };
            let at = Duration::from_millis(random.u64(500..40_000));
            self.fates.push((at, Fate::Engine(fate)));
        }
        self.fates.sort_by_key(|(at, _)| *at);
    }

    /// Whether gates may have to go on without their engine.
    pub(crate) fn engine_fails(&self) -> bool {
        let mut fates = self.fates.iter();
        fates.any(|(_, fate)| matches!(fate, Fate::Engine(_)))
    }

    /// Whether the backend may keep its end of a connection open past the bounds of hand-over.
    pub(crate) fn may_force(&self) -> bool {
        self.backend.slow_end >= Duration::from_millis(800)
            || self.backend.login_delay >= Duration::from_millis(1600)
            || self
                .fates
                .iter()
                .any(|(_, fate)| matches!(fate, Fate::BackendOutage(_) | Fate::BackendCrashes(_)))
    }

    /// Whether the backend may be away.
    pub(crate) fn backend_fails(&self) -> bool {
        let fails = |fate: &Fate| {
            matches!(
                fate,
                Fate::BackendOutage(_) | Fate::BackendCrashes(_) | Fate::BackendDies(_)
            )
        };
        self.backend.breaks_off.is_some() || self.fates.iter().any(|(_, fate)| fails(fate))
    }

    pub(crate) fn restarts(&self) -> bool {
        self.fates
            .iter()
            .any(|(_, fate)| matches!(fate, Fate::Restart { .. }))
    }

    /// Whether this client's line is always there.
    pub(crate) fn is_connected(&self, client: &ClientPlan) -> bool {
        !matches!(client.ending, Ending::Vanishes(_))
            && !self
                .fates
                .iter()
                .any(|(_, fate)| matches!(fate, Fate::Outage(host, _) if *host == client.host))
    }
}

impl Settings {
    fn draw(random: &mut fastrand::Rng) -> Self {
        Self {
            wait: *choose(random, &[25, 25, 8, 45]),
            queue: *choose(random, &[16, 16, 2, 3]),
            preempt_idle: *choose(random, &[Some(15), Some(15), Some(3), None]),
            idle_timeout: *choose(random, &[600, 60, 30]),
            connections: *choose(random, &[0, 0, 1, 2]),
            preconnect: random.u8(..4) > 0,
            // All else is as it is without.
            shares: random.clone().bool(),
        }
    }

    pub(crate) fn toml(&self, backend: &BackendPlan, secret: Option<&Path>) -> String {
        let preempt_idle = self
            .preempt_idle
            .map_or("off".to_owned(), |seconds| format!("{seconds}s"));
        let capabilities = if backend.pipelining {
            ", \"PIPELINING\""
        } else {
            ""
        };
        let sharing = if self.shares { "on" } else { "off" };
        let cluster = secret.map_or(String::new(), |file| {
            format!(
                "[cluster]\nnodes = [\"127.0.0.1:6379\"]\nsecret_file = \"{}\"\n",
                file.display()
            )
        });
        format!(
            "{cluster}[[listen]]\nname = \"pop3\"\naddress = \"{}\"\ntls = \"off\"\n\
             [[backend]]\nname = \"legacy\"\naddress = \"{}\"\nconnections = {}\npreconnect = {}\n\
             shareable = true\ncapabilities = [\"TOP\", \"UIDL\", \"USER\"{capabilities}]\n\
             [defaults]\nsharing = \"{sharing}\"\ncleartext = \"always\"\npolls = {{ enforce = \"off\" }}\n\
             blocks = {{ enforce = \"off\" }}\n\
             failures = {{ delay = \"0s\", max_delay = \"0s\", same_password = 0 }}\nwait = \"{}s\"\nqueue = {}\n\
             preempt_idle = \"{preempt_idle}\"\nidle_timeout = \"{}s\"\n",
            gate_address(0),
            backend_address(),
            self.connections,
            self.preconnect,
            self.wait,
            self.queue,
            self.idle_timeout,
        )
    }
}

pub(crate) fn gate_host(gate: usize) -> IpAddr {
    let last = u8::try_from(gate).unwrap_or_default() + 10;
    Ipv4Addr::new(10, 0, 0, last).into()
}

pub(crate) fn gate_address(gate: usize) -> SocketAddr {
    SocketAddr::new(gate_host(gate), 110)
}

pub(crate) fn backend_address() -> SocketAddr {
    SocketAddr::new(BACKEND, 110)
}

impl BackendPlan {
    fn draw(random: &mut fastrand::Rng, may_force: bool) -> Self {
        let (slowest_login, slowest_end) = if may_force { (9000, 6000) } else { (1500, 700) };
        let small_pieces = random.bool();
        let locking = random.u8(..4) == 0;
        Self {
            locking,
            pipelining: random.bool(),
            login_delay: sometimes(random, slowest_login),
            linger: if locking {
                sometimes(random, 3000)
            } else {
                Duration::ZERO
            },
            slow_end: sometimes(random, slowest_end),
            breaks_off: (random.u8(..10) == 0).then(|| random.usize(400..15_000)),
            latency: if small_pieces { 1 } else { random.u64(1..=60) },
            piece: if small_pieces { 64 } else { 16 * 1024 },
        }
    }
}

impl ClientPlan {
    fn draw(random: &mut fastrand::Rng, number: usize, users: usize) -> Self {
        let host = Ipv4Addr::new(10, 1, 0, u8::try_from(number).unwrap_or(u8::MAX));
        let stranger = random.u8(..6) == 0;
        let typo = random.u8(..8) == 0;
        let small_pieces = random.u8(..4) == 0;
        let style = *choose(
            random,
            &[Style::LockStep, Style::Pipelined, Style::AllAtOnce],
        );
        let passwords = if stranger {
            vec![false; *choose(random, &[1, 2, 3, 7])]
        } else if typo && style != Style::AllAtOnce {
            vec![false, true]
        } else {
            vec![true]
        };
        Self {
            host: host.into(),
            gate: 0,
            user: random.usize(..users),
            start: Duration::from_millis(random.u64(..20_000)),
            visits: random.usize(1..=3),
            between: Duration::from_millis(random.u64(..30_000)),
            passwords,
            commands: commands(random),
            pause: {
                let most = *choose(random, &[50, 1000, 20_000]);
                sometimes(random, most)
            },
            style,
            ending: Ending::draw(random),
            latency: if small_pieces { 2 } else { random.u64(1..=300) },
            piece: if small_pieces {
                *choose(random, &[1, 7, 40])
            } else {
                16 * 1024
            },
            room: *choose(random, &[512, 4096, 65_536]),
        }
    }
}

impl Ending {
    fn draw(random: &mut fastrand::Rng) -> Self {
        match random.u8(..12) {
            0 | 1 => Self::QuitAndClose,
            2 => Self::Killed(Duration::from_millis(random.u64(..20_000))),
            3 => Self::Killed(Duration::from_millis(random.u64(..1000))),
            4 => Self::Vanishes(Duration::from_millis(random.u64(..20_000))),
            5 => Self::Stays,
            6 => Self::NeverReads,
            _ => Self::Quit,
        }
    }
}

fn commands(random: &mut fastrand::Rng) -> Vec<String> {
    let mut commands = vec!["UIDL".to_owned()];
    let deletes = random.bool();
    let most = *choose(random, &[4, 8, 8, 16]);
    for _ in 0..random.usize(..most) {
        let number = random.u8(1..=6);
        commands.push(match random.u8(..14) {
            0 => "STAT".to_owned(),
            1 => "LIST".to_owned(),
            2 => format!("LIST {number}"),
            3 => format!("UIDL {number}"),
            4..=6 => format!("RETR {number}"),
            7 => format!("TOP {number} {}", random.u8(..4)),
            8..=10 if deletes => format!("DELE {number}"),
            11 if random.u8(..3) == 0 => "RSET".to_owned(),
            12 => "CAPA".to_owned(),
            13 if random.u8(..3) == 0 => "XYZZY now".to_owned(),
            13 => "USER again".to_owned(),
            _ => "NOOP".to_owned(),
        });
    }
    commands
}

fn fates(
    random: &mut fastrand::Rng,
    clients: &[ClientPlan],
    users: usize,
    may_force: bool,
    backend_fails: bool,
) -> Vec<(Duration, Fate)> {
    let mut fates = Vec::new();
    for _ in 0..random.usize(..3) {
        fates.push(Fate::Delivery(random.usize(..users)));
    }
    if random.u8(..3) == 0 {
        let victim = choose(random, clients).host;
        fates.push(Fate::Outage(
            victim,
            Duration::from_millis(random.u64(..60_000)),
        ));
    }
    let away = Duration::from_millis(random.u64(..20_000));
    if may_force {
        fates.push(match random.u8(..3) {
            0 => Fate::BackendOutage(away),
            1 => Fate::BackendCrashes(away),
            _ => Fate::BackendOutage(away / 10),
        });
    }
    if backend_fails {
        fates.push(Fate::BackendDies(away));
    }
    if random.u8(..8) == 0 {
        fates.push(Fate::Restart {
            gate: 0,
            grace: Duration::from_millis(random.u64(..30_000)),
            hurry: random.u8(..4) == 0,
        });
    }
    let when = |fate| (Duration::from_millis(random.u64(500..50_000)), fate);
    let mut fates: Vec<_> = fates.into_iter().map(when).collect();
    fates.sort_by_key(|(at, _)| *at);
    fates
}

/// Nothing in half of all cases, else up to `most` milliseconds.
fn sometimes(random: &mut fastrand::Rng, most: u64) -> Duration {
    if random.bool() {
        Duration::ZERO
    } else {
        Duration::from_millis(random.u64(..=most))
    }
}

fn choose<'a, T>(random: &mut fastrand::Rng, among: &'a [T]) -> &'a T {
    &among[random.usize(..among.len())]
}
