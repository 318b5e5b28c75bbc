//! The real POP3 servers, each with its own users, maildrops and directory.

use crate::Outcome;
use crate::client::Client;
use crate::process::{Process, await_that};
use popgate::time::Duration;
use std::fmt;
use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// The password of all users; nothing that popgate writes may hold it.
pub(crate) const PASSWORD: &str = "Canary-4711-never-written";

const PORT: u16 = 2110;
const DOVECOT: &str = "/usr/sbin/dovecot";
const MAILUTILS: &str = "/usr/sbin/pop3d";
/// User and group `mail`: the same number on every Debian.
const MAIL: u32 = 8;

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Dovecot with `pop3_lock_session=yes`: a second session waits ten seconds, then is refused.
    DovecotLocking,
    /// Dovecot as it comes: it lets any number of sessions into a maildrop.
    Dovecot,
    /// GNU mailutils pop3d: a second session is refused at once.
    Mailutils,
}

impl Kind {
    /// All servers that we test with.
    pub(crate) const ALL: [Self; 3] = [Self::DovecotLocking, Self::Dovecot, Self::Mailutils];

    /// Whether it refuses a second session.
    pub(crate) fn locks(self) -> bool {
        self != Self::Dovecot
    }

    /// What it answers to PASS while another session holds the maildrop.
    pub(crate) fn refusal(self) -> &'static str {
        match self {
            Self::DovecotLocking => "-ERR [IN-USE] Mailbox is locked by another POP3 session.",
            Self::Dovecot => "(it never refuses)",
            Self::Mailutils => "-ERR [IN-USE] Mailbox in use",
        }
    }

    /// What it logs then.
    fn refusal_logged(self) -> &'static str {
        match self {
            Self::DovecotLocking | Self::Dovecot => "Couldn't lock POP3 session",
            Self::Mailutils => "Conflict with previous locker",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DovecotLocking => "Dovecot with session lock",
            Self::Dovecot => "Dovecot without session lock",
            Self::Mailutils => "GNU mailutils pop3d",
        })
    }
}

/// Why the servers cannot run here, if so.
pub(crate) fn obstacle() -> Option<String> {
    let missing: Vec<&str> = [DOVECOT, MAILUTILS, "/usr/lib/dovecot/pop3"]
        .into_iter()
        .chain(crate::programs::NEEDED)
        .filter(|program| !Path::new(program).exists())
        .collect();
    if !missing.is_empty() {
        return Some(format!("missing: {} (see tests/run)", missing.join(", ")));
    }
    // Root of a container may not have namespaces, and nobody else has.
    let namespaces = Command::new("unshare")
        .args(["--pid", "--mount-proc", "--fork", "true"])
        .stderr(Stdio::null())
        .status();
    match namespaces {
        Ok(status) if status.success() => None,
        _ => Some("root is needed, with the right to make namespaces".to_owned()),
    }
}

/// A running server. Dropping it kills its whole process tree.
pub(crate) struct Server {
    kind: Kind,
    process: Process,
    address: SocketAddr,
    dir: TempDir,
}

impl Server {
    /// Starts a server with these users, each `name@domain`, and waits until it answers.
    pub(crate) fn start(kind: Kind, ip: Ipv4Addr, users: &[&str]) -> Outcome<Self> {
        // Short: paths of sockets are limited to 108 octets. Open: the servers change user.
        let dir = tempfile::Builder::new()
            .prefix("popgate-")
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir_in("/tmp")?;
        let address = SocketAddr::from((ip, PORT));
        for user in users {
            make_for_mail(&home(dir.path(), user))?;
        }
        let process = match kind {
            Kind::DovecotLocking | Kind::Dovecot => {
                start_dovecot(kind, dir.path(), address, users)?
            }
            Kind::Mailutils => start_mailutils(dir.path(), address, users)?,
        };
        let server = Self {
            kind,
            process,
            address,
            dir,
        };
        await_that("the server's greeting", Duration::from_secs(20), || {
            Client::connect(address).is_ok()
        })
        .map_err(|error| format!("{error}; it said:\n{}", server.log()))?;
        Ok(server)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// How often it refused a session, by its own log.
    pub(crate) fn refusals_logged(&self) -> usize {
        self.log().matches(self.kind.refusal_logged()).count()
    }

    /// Delivers a message for each of these identifiers, with a body of about so many octets.
    pub(crate) fn deliver(&self, user: &str, ids: &[String], octets: usize) -> Outcome<()> {
        let home = home(self.dir.path(), user);
        for id in ids {
            let message = message(id, octets);
            match self.kind {
                Kind::DovecotLocking | Kind::Dovecot => deliver_to_maildir(&home, id, &message)?,
                Kind::Mailutils => deliver_to_mbox(&home, &message)?,
            }
        }
        Ok(())
    }
}

fn home(dir: &Path, user: &str) -> PathBuf {
    dir.join("mail").join(user)
}

// --- Dovecot ---

fn start_dovecot(kind: Kind, dir: &Path, address: SocketAddr, users: &[&str]) -> Outcome<Process> {
    let passwd: String = users
        .iter()
        .map(|user| format!("{user}:{{PLAIN}}{PASSWORD}::::::\n"))
        .collect();
    fs::write(dir.join("users"), passwd)?;
    let config = dir.join("dovecot.conf");
    fs::write(&config, dovecot_config(kind, dir, address))?;
    let config = config.to_string_lossy();
    Process::start_tree(&[DOVECOT, "-F", "-c", &config], &dir.join("server.log"))
}

fn dovecot_config(kind: Kind, dir: &Path, address: SocketAddr) -> String {
    let dir = dir.display();
    let lock = if kind.locks() { "yes" } else { "no" };
    let (ip, port) = (address.ip(), address.port());
    format!(
        "base_dir = {dir}/run\n\
         state_dir = {dir}/run\n\
         log_path = /dev/stderr\n\
         protocols = pop3\n\
         ssl = no\n\
         disable_plaintext_auth = no\n\
         auth_failure_delay = 0\n\
         mail_max_userip_connections = 100\n\
         first_valid_uid = 1\n\
         pop3_lock_session = {lock}\n\
         mail_location = maildir:~/Maildir\n\
         passdb {{\n driver = passwd-file\n args = {dir}/users\n}}\n\
         userdb {{\n driver = static\n args = uid={MAIL} gid={MAIL} home={dir}/mail/%u\n}}\n\
         service pop3-login {{\n\
         inet_listener pop3 {{\n address = {ip}\n port = {port}\n}}\n\
         inet_listener pop3s {{\n port = 0\n}}\n\
         }}\n"
    )
}

fn deliver_to_maildir(home: &Path, id: &str, message: &str) -> Outcome<()> {
    let maildir = home.join("Maildir");
    for folder in ["", "cur", "new", "tmp"] {
        make_for_mail(&maildir.join(folder))?;
    }
    let file = maildir.join("new").join(id);
    fs::write(&file, message)?;
    Ok(chown(&file, Some(MAIL), Some(MAIL))?)
}

// --- GNU mailutils ---

/// Users come from a password file of a virtual domain, so that the system's are not touched.
fn start_mailutils(dir: &Path, address: SocketAddr, users: &[&str]) -> Outcome<Process> {
    let domains = dir.join("domains");
    fs::create_dir(&domains)?;
    fs::create_dir(dir.join("lock"))?;
    let hash = password_hash()?;
    for user in users {
        let (name, domain) = user.split_once('@').ok_or("a user without a domain")?;
        let home = home(dir, user);
        let mut passwd = append(&domains.join(domain))?;
        writeln!(
            passwd,
            "{name}:{hash}:{MAIL}:{MAIL}::{}:/bin/false",
            home.display()
        )?;
    }
    let config = dir.join("pop3d.conf");
    fs::write(&config, mailutils_config(dir, address))?;
    let config = config.to_string_lossy();
    Process::start_tree(
        &[MAILUTILS, "--config-file", &config],
        &dir.join("server.log"),
    )
}

fn mailutils_config(dir: &Path, address: SocketAddr) -> String {
    let dir = dir.display();
    format!(
        "mode daemon;\n\
         foreground yes;\n\
         pidfile \"{dir}/pid\";\n\
         max-children 50;\n\
         mandatory-locking {{ enable yes; lock-directory \"{dir}/lock\"; }};\n\
         auth {{\n\
         authorization clear; authorization virtdomain;\n\
         authentication clear; authentication generic;\n\
         }};\n\
         virtdomain {{ passwd-dir \"{dir}/domains\"; }};\n\
         mailbox {{ mailbox-type mbox; }};\n\
         logging {{ syslog no; }};\n\
         server {address} {{ }};\n"
    )
}

fn password_hash() -> Outcome<String> {
    let output = Command::new("openssl")
        .args(["passwd", "-6", PASSWORD])
        .output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn deliver_to_mbox(home: &Path, message: &str) -> Outcome<()> {
    let mut mbox = append(&home.join("INBOX"))?;
    write!(
        mbox,
        "From sender@popgate.test Sat Nov 21 20:00:00 2026\n{message}\n"
    )?;
    Ok(())
}

// --- both ---

fn message(id: &str, octets: usize) -> String {
    let line = "The quick brown fox jumps over the lazy dog, again and again and again.\n";
    let body = line.repeat(octets / line.len() + 1);
    format!(
        "From: sender@popgate.test\nTo: reader@popgate.test\nSubject: {id}\n\
         Date: Sat, 21 Nov 2026 20:00:00 +0000\nMessage-ID: <{id}@popgate.test>\n\n{body}"
    )
}

fn make_for_mail(dir: &Path) -> Outcome<()> {
    fs::create_dir_all(dir)?;
    Ok(chown(dir, Some(MAIL), Some(MAIL))?)
}

fn append(file: &Path) -> Outcome<fs::File> {
    Ok(fs::File::options().create(true).append(true).open(file)?)
}
