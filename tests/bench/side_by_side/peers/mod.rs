//! What stands before the backend: each peer as processes of its own, in its best honest
//! configuration, with two workers and the same certificate.

mod dovecot;
mod group;
mod haproxy;
mod nginx;
mod perdition;
mod popgate;

pub(crate) use group::Group;
pub(crate) use popgate::Gate;

use crate::Outcome;
use crate::backend::Backend;
use crate::load::tls::{Handshake, configs};
use crate::load::{Closed, Load, Plan, script};
use ::popgate::time::{Duration, Instant};
use rustix::process::geteuid;
use rustls::ClientConfig;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// Under callgrind a start takes some seconds.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// Of what a peer wrote, what is shown where it fails.
const WORDS_MAX: usize = 600;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    Straight,
    Popgate,
    Haproxy,
    Nginx,
    Dovecot,
    Perdition,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] = [
        Self::Straight,
        Self::Popgate,
        Self::Haproxy,
        Self::Nginx,
        Self::Dovecot,
        Self::Perdition,
    ];

    /// As `--peers` has it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Straight => "straight",
            Self::Popgate => "popgate",
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
            Self::Dovecot => "dovecot",
            Self::Perdition => "perdition",
        }
    }

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Straight => "straight",
            Self::Popgate => "popgate",
            Self::Haproxy => "HAProxy TCP",
            Self::Nginx => "nginx mail",
            Self::Dovecot => "Dovecot login",
            Self::Perdition => "Perdition",
        }
    }

    /// Not one of the peers.
    pub(crate) const fn is_ours(self) -> bool {
        matches!(self, Self::Straight | Self::Popgate)
    }

    /// A process for each connection.
    pub(crate) const fn forks(self) -> bool {
        matches!(self, Self::Perdition)
    }

    /// Why it cannot be measured here, if so.
    pub(crate) fn obstacle(self) -> Option<String> {
        let needed: &[&str] = match self {
            Self::Straight | Self::Popgate => &[],
            Self::Haproxy => &[haproxy::PROGRAM],
            Self::Nginx => &[nginx::PROGRAM, nginx::MODULE],
            Self::Dovecot => &[dovecot::PROGRAM],
            Self::Perdition => &[perdition::PROGRAM],
        };
        if self == Self::Dovecot && !geteuid().is_root() {
            return Some("it starts as root only".to_owned());
        }
        let missing = needed.iter().find(|file| !Path::new(file).exists())?;
        Some(format!("{missing} is not there"))
    }

    /// What it says of its version.
    pub(crate) fn version(self, grounds: &Grounds) -> Option<String> {
        let popgate = grounds.popgate.to_str()?;
        let command: &[&str] = match self {
            Self::Straight => return None,
            Self::Popgate => &[popgate, "--version"],
            Self::Haproxy => &[haproxy::PROGRAM, "-v"],
            Self::Nginx => &[nginx::PROGRAM, "-v"],
            Self::Dovecot => &[dovecot::PROGRAM, "--version"],
            // It has no option for it.
            Self::Perdition => &["dpkg-query", "--show", "perdition"],
        };
        let output = Command::new(command[0]).args(&command[1..]).output().ok()?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        let words = said.split(|c: char| c.is_whitespace() || c == '/');
        let mut numbers = words.filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        numbers.next().map(str::to_owned)
    }
}

/// Certificate and key of the run.
pub(crate) struct Certificate {
    folder: tempfile::TempDir,
}

impl Certificate {
    pub(crate) fn make() -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let (chain, key) = ::popgate::demo::certificate::self_signed()?;
        fs::write(folder.path().join("chain.pem"), &chain)?;
        fs::write(folder.path().join("key.pem"), key.as_bytes())?;
        let both = [chain.as_bytes(), key.as_bytes()].concat();
        fs::write(folder.path().join("both.pem"), both)?;
        // Some read it as another user.
        make_readable(folder.path())?;
        Ok(Self { folder })
    }

    pub(crate) fn chain(&self) -> PathBuf {
        self.folder.path().join("chain.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    pub(crate) fn both(&self) -> PathBuf {
        self.folder.path().join("both.pem")
    }
}

/// What all peers are started with.
pub(crate) struct Grounds {
    pub(crate) backend: Backend,
    pub(crate) certificate: Certificate,
    /// The program that is measured as popgate.
    pub(crate) popgate: PathBuf,
}

impl Grounds {
    /// With another popgate than the one that was built with the benchmark, if one is named.
    pub(crate) fn prepare(popgate: Option<&Path>) -> Outcome<Self> {
        let built = Path::new(env!("CARGO_BIN_EXE_popgate"));
        Ok(Self {
            backend: Backend::start()?,
            certificate: Certificate::make()?,
            popgate: popgate.unwrap_or(built).canonicalize()?,
        })
    }
}

/// A peer that runs.
pub(crate) struct Peer {
    pub(crate) kind: Kind,
    pub(crate) plain: SocketAddr,
    pub(crate) tls: SocketAddr,
    pub(crate) group: Group,
    folder: tempfile::TempDir,
}

/// What a peer is made of before it runs.
struct Place<'a> {
    plain: SocketAddr,
    tls: SocketAddr,
    grounds: &'a Grounds,
    folder: &'a Path,
}

impl Peer {
    pub(crate) fn start(kind: Kind, grounds: &Grounds) -> Outcome<Self> {
        match kind {
            Kind::Straight => Ok(Self::straight(&grounds.backend)?),
            Kind::Popgate => Self::start_gate(&Gate::default(), grounds),
            Kind::Haproxy => Self::start_by(kind, grounds, haproxy::commands),
            Kind::Nginx => Self::start_by(kind, grounds, nginx::commands),
            Kind::Dovecot => Self::start_by(kind, grounds, dovecot::commands),
            Kind::Perdition => Self::start_by(kind, grounds, perdition::commands),
        }
    }

    /// A gate with settings of its own.
    pub(crate) fn start_gate(gate: &Gate, grounds: &Grounds) -> Outcome<Self> {
        let commands = |place: &Place<'_>| gate.commands(place);
        Self::start_by(Kind::Popgate, grounds, commands)
    }

    /// No proxy at all.
    fn straight(backend: &Backend) -> Outcome<Self> {
        Ok(Self {
            kind: Kind::Straight,
            plain: backend.address(),
            tls: backend.address(),
            group: Group::new(),
            folder: tempfile::tempdir()?,
        })
    }

    fn start_by(
        kind: Kind,
        grounds: &Grounds,
        commands: impl FnOnce(&Place<'_>) -> Outcome<Vec<Command>>,
    ) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        make_readable(folder.path())?;
        let (plain, tls) = (free_address()?, free_address()?);
        let mut group = Group::new();
        let place = Place {
            plain,
            tls,
            grounds,
            folder: folder.path(),
        };
        for (number, command) in commands(&place)?.into_iter().enumerate() {
            let run = folder.path().join(format!("run{number}"));
            fs::create_dir_all(&run)?;
            group.start(&command, &run)?;
        }
        let mut peer = Self {
            kind,
            plain,
            tls,
            group,
            folder,
        };
        peer.await_session()?;
        Ok(peer)
    }

    /// Until a whole session goes through, plain and in TLS.
    fn await_session(&mut self) -> Outcome<()> {
        let until = Instant::now() + START_PATIENCE;
        let tls = configs(Handshake::Full, 1)?;
        loop {
            let tried = try_session(self.plain, &[]);
            let trouble = match tried.and_then(|()| try_session(self.tls, &tls)) {
                Ok(()) => return Ok(()),
                Err(trouble) => trouble,
            };
            if self.group.has_ended() || Instant::now() > until {
                return Err(format!("does not start: {trouble}; {}", self.words()).into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What it wrote into a file of its folder.
    pub(crate) fn file(&self, name: &str) -> Outcome<String> {
        Ok(fs::read_to_string(self.folder.path().join(name))?)
    }

    /// The end of what it wrote.
    pub(crate) fn words(&self) -> String {
        let mut all = String::new();
        for log in ["run0/stderr", "run1/stderr", "log"] {
            all += &fs::read_to_string(self.folder.path().join(log)).unwrap_or_default();
        }
        let from = all.len().saturating_sub(WORDS_MAX);
        let from = (from..all.len()).find(|&at| all.is_char_boundary(at));
        all[from.unwrap_or(0)..].trim().replace('\n', " / ")
    }
}

fn try_session(address: SocketAddr, tls: &[Arc<ClientConfig>]) -> Outcome<()> {
    let plan = Plan {
        address,
        tls,
        script: script::SHORT,
        programs: 1,
        user: &|_, _| "first".to_owned(),
    };
    let tally = Load::new()?.run(&plan, &mut Closed { left: 1 })?;
    match tally.trouble() {
        Some(trouble) => Err(trouble.into()),
        None => Ok(()),
    }
}

/// For users that a peer becomes.
fn make_readable(folder: &Path) -> Outcome<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(
        folder,
        fs::Permissions::from_mode(0o755),
    )?)
}

fn free_address() -> Outcome<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?)
}

/// A command with a configuration file in the peer's folder.
fn with_file(place: &Place<'_>, name: &str, text: &str) -> Outcome<PathBuf> {
    let file = place.folder.join(name);
    fs::write(&file, text)?;
    Ok(file)
}
