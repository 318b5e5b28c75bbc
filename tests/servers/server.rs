//! What the trials know of a POP3 server, and one that runs.

use crate::Outcome;
use crate::client::Client;
use crate::process::await_that;
use crate::root;
use popgate::time::Duration;
use std::any::Any;
use std::fmt::Display;
use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The password of all users; nothing that popgate writes may hold it.
pub(crate) const PASSWORD: &str = "Canary-4711-never-written";

/// User and group `mail`: the same number on every Debian.
pub(crate) const MAIL: u32 = 8;

const PORT: u16 = 2110;

/// Which server.
pub(crate) type Kind = &'static dyn Product;

/// A server as Debian has it, set up for the trials. It is displayed by its name.
pub(crate) trait Product: Display + Sync {
    /// Files that the host must have.
    fn needs(&self) -> &'static [&'static str] {
        &[]
    }

    /// How it refuses a second session, if it does.
    fn refusal(&self) -> Option<Refusal>;

    /// What a second session is told that comes in spite of the first one: commands, and how
    /// each reply line begins. The script is in `second.rs`.
    fn second_session(&self) -> &'static [(&'static str, &'static str)];

    /// What a `[[backend]]` for it needs beside the address, as TOML.
    fn backend_settings(&self) -> &'static str {
        ""
    }

    /// Starts it; it ends when what is returned is dropped.
    fn start(&self, ground: &Ground) -> Outcome<Running>;

    /// Puts a message into a maildrop. `id` is its own in that maildrop.
    fn deliver(&self, ground: &Ground, user: &str, id: &str, message: &str) -> Outcome<()>;
}

impl dyn Product {
    /// Whether it refuses a second session.
    pub(crate) fn locks(&self) -> bool {
        self.refusal().is_some()
    }
}

/// How a server refuses a second session.
#[derive(Clone, Copy)]
pub(crate) struct Refusal {
    /// Its answer to PASS.
    pub(crate) said: &'static str,
    /// Words of its log.
    pub(crate) logged: &'static str,
}

/// Whatever ends a server when it is dropped.
pub(crate) type Running = Box<dyn Any + Send + Sync>;

/// Where one server lives, and for whom.
pub(crate) struct Ground {
    dir: TempDir,
    /// Where it has to listen.
    pub(crate) address: SocketAddr,
    /// Each is `name@domain`.
    pub(crate) users: Vec<String>,
}

impl Ground {
    fn new(ip: Ipv4Addr, users: &[&str]) -> Outcome<Self> {
        // Short: paths of sockets are limited to 108 octets. Open: the servers change user.
        let dir = tempfile::Builder::new()
            .prefix("popgate-")
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir_in("/tmp")?;
        let ground = Self {
            dir,
            address: SocketAddr::from((ip, PORT)),
            users: users.iter().map(|&user| user.to_owned()).collect(),
        };
        for user in users {
            make_for_mail(&ground.home(user))?;
        }
        Ok(ground)
    }

    /// A folder that is gone afterwards.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A user's folder in it, which belongs to `mail`.
    pub(crate) fn home(&self, user: &str) -> PathBuf {
        self.dir().join("mail").join(user)
    }

    /// The file that a server's standard output and error are appended to.
    pub(crate) fn log(&self) -> PathBuf {
        self.dir().join("server.log")
    }
}

/// Why the servers cannot run here, if so.
pub(crate) fn obstacle(kinds: &[Kind]) -> Option<String> {
    let needs = kinds.iter().flat_map(|kind| kind.needs());
    let missing: Vec<&str> = needs
        .chain(&crate::programs::NEEDED)
        .copied()
        .filter(|program| !Path::new(program).exists())
        .collect();
    if !missing.is_empty() {
        return Some(format!("missing: {} (see tests/run)", missing.join(", ")));
    }
    // Root of a container may not have namespaces and mounts, and nobody else has.
    let said = root::obstacle().unwrap_or_else(|error| Some(error.to_string()))?;
    Some(format!(
        "root is needed, with the right to make namespaces and mounts: {}",
        said.trim_end()
    ))
}

/// A running server. Dropping it kills its whole process tree.
pub(crate) struct Server {
    kind: Kind,
    /// Dropped before the ground that it stands on.
    _running: Running,
    ground: Ground,
}

impl Server {
    /// Starts a server with these users, each `name@domain`, and waits until it answers.
    pub(crate) fn start(kind: Kind, ip: Ipv4Addr, users: &[&str]) -> Outcome<Self> {
        let ground = Ground::new(ip, users)?;
        let server = Self {
            kind,
            _running: kind.start(&ground)?,
            ground,
        };
        await_that("the server's greeting", Duration::from_secs(20), || {
            Client::connect(server.address()).is_ok()
        })
        .map_err(|error| format!("{error}; it said:\n{}", server.log()))?;
        Ok(server)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.ground.address
    }

    /// Where its files are.
    pub(crate) fn ground(&self) -> &Ground {
        &self.ground
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(self.ground.log()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// How often it refused a session, by its own log.
    pub(crate) fn refusals_logged(&self) -> usize {
        let refusal = self.kind.refusal();
        refusal.map_or(0, |refusal| self.log().matches(refusal.logged).count())
    }

    /// Delivers a message for each of these identifiers, with a body of about so many octets.
    pub(crate) fn deliver(&self, user: &str, ids: &[String], octets: usize) -> Outcome<()> {
        ids.iter().try_for_each(|id| {
            let message = message(id, octets);
            self.kind.deliver(&self.ground, user, id, &message)
        })
    }
}

fn message(id: &str, octets: usize) -> String {
    let line = "The quick brown fox jumps over the lazy dog, again and again and again.\n";
    let body = line.repeat(octets / line.len() + 1);
    format!(
        "From: sender@popgate.test\nTo: reader@popgate.test\nSubject: {id}\n\
         Date: Sat, 21 Nov 2026 20:00:00 +0000\nMessage-ID: <{id}@popgate.test>\n\n{body}"
    )
}

// --- what several of them need ---

/// Puts a message into `Maildir` of a home.
pub(crate) fn deliver_to_maildir(home: &Path, id: &str, message: &str) -> Outcome<()> {
    let maildir = home.join("Maildir");
    for folder in ["", "cur", "new", "tmp"] {
        make_for_mail(&maildir.join(folder))?;
    }
    let file = maildir.join("new").join(id);
    fs::write(&file, message)?;
    Ok(chown(&file, Some(MAIL), Some(MAIL))?)
}

/// Appends a message to an mbox, as user `mail`'s where it is new.
pub(crate) fn deliver_to_mbox(mbox: &Path, message: &str) -> Outcome<()> {
    write!(
        append(mbox)?,
        "From sender@popgate.test Sat Nov 21 20:00:00 2026\n{message}\n"
    )?;
    Ok(chown(mbox, Some(MAIL), Some(MAIL))?)
}

/// The password, as crypt(3) has it.
pub(crate) fn password_hash() -> Outcome<String> {
    let output = Command::new("openssl")
        .args(["passwd", "-6", PASSWORD])
        .output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

pub(crate) fn append(file: &Path) -> Outcome<fs::File> {
    Ok(fs::File::options().create(true).append(true).open(file)?)
}

fn make_for_mail(dir: &Path) -> Outcome<()> {
    fs::create_dir_all(dir)?;
    Ok(chown(dir, Some(MAIL), Some(MAIL))?)
}
