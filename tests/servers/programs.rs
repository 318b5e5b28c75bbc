//! fetchmail, curl and Python's poplib, as Debian has them.

use crate::Outcome;
use crate::client::Client;
use crate::gate::{IMPATIENT_DOMAIN, Mode, SHORT_WAIT};
use crate::process::pause;
use crate::server::{Kind, PASSWORD};
use crate::site::{Site, straight, through_gate};
use popgate::time::{Duration, Instant};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use std::thread;

const FETCHMAIL: &str = "/usr/bin/fetchmail";
const CURL: &str = "/usr/bin/curl";
const PYTHON: &str = "/usr/bin/python3";
/// What has to be installed.
pub(crate) const NEEDED: [&str; 3] = [FETCHMAIL, CURL, PYTHON];

/// User `nobody` and group `nogroup`: the same number on every Debian.
const NOBODY: u32 = 65534;
const HOLD: Duration = Duration::from_secs(5);
const SUBJECT: &str = "the-only-message";
/// fetchmail(1): "the server's lock is busy", another session may be active.
const FETCHMAIL_LOCK_BUSY: i32 = 9;

/// Each program in each mode comes while its maildrop is held: all wait and none complains.
pub(crate) fn succeed_late(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    let calls = every_call("popgate.test", &Program::ALL);
    through_gate(kind, ip, &users(&calls), |site| {
        deliver_to_all(site, &calls)?;
        for_each_at_once(&calls, |call| {
            let begun = Instant::now();
            let ran = call.run_while_held(site, HOLD)?;
            if begun.elapsed() < HOLD {
                return Err(format!("it did not wait: {ran:?}").into());
            }
            ran.expect_message()
        })
    })
}

/// The maildrop is held longer than the user may wait: fetchmail knows that it is a lock.
pub(crate) fn beyond_the_wait_the_lock_is_busy(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    let calls = every_call(IMPATIENT_DOMAIN, &[Program::Fetchmail]);
    through_gate(kind, ip, &users(&calls), |site| {
        deliver_to_all(site, &calls)?;
        for_each_at_once(&calls, |call| {
            // The holder's login has shown that the password is right (DESIGN decision 4).
            let ran = call.run_while_held(site, SHORT_WAIT + Duration::from_secs(3))?;
            ran.expect_lock_busy()
        })
    })
}

/// The same without popgate: a server that locks refuses every program.
pub(crate) fn straight_while_held(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    const USER: &str = "reader@popgate.test";
    straight(kind, ip, &[USER], |server| {
        server.deliver(USER, &[SUBJECT.to_owned()], 0)?;
        let calls = Program::ALL.map(|program| Call {
            program,
            mode: Mode::Plain,
            user: USER.to_owned(),
        });
        let holder = Client::log_in(server.address(), USER, PASSWORD)?;
        let trial = |call: &Call| {
            let ran = call.run(server.address(), Path::new("none"))?;
            match (kind.locks(), ran.exit_code) {
                (true, 0) => Err(format!("it got in: {ran:?}").into()),
                (true, _) => Ok(()),
                (false, _) => ran.expect_message(),
            }
        };
        if kind.locks() {
            for_each_at_once(&calls, trial)?;
        } else {
            // At once they would do harm: where one session reads a message, Courier renames
            // its file, and another session does not find it.
            calls.iter().try_for_each(trial)?;
        }
        holder.quit()
    })
}

/// A mail program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Program {
    Fetchmail,
    Curl,
    Poplib,
}

impl Program {
    const ALL: [Self; 3] = [Self::Fetchmail, Self::Curl, Self::Poplib];

    fn name(self) -> &'static str {
        match self {
            Self::Fetchmail => "fetchmail",
            Self::Curl => "curl",
            Self::Poplib => "poplib",
        }
    }
}

/// A program in a mode, with a maildrop of its own.
struct Call {
    program: Program,
    mode: Mode,
    user: String,
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} with tls {}", self.program.name(), self.mode.name())
    }
}

/// How a program ended.
#[derive(Debug)]
struct Ran {
    exit_code: i32,
    /// What it printed of the message, or the message that it delivered.
    message: String,
    complaints: String,
}

impl Ran {
    fn expect_message(&self) -> Outcome<()> {
        if self.exit_code == 0 && self.message.contains(SUBJECT) && self.complaints.is_empty() {
            return Ok(());
        }
        Err(format!("not a silent success: {self:?}").into())
    }

    fn expect_lock_busy(&self) -> Outcome<()> {
        let says = |words: &str| self.complaints.to_lowercase().contains(words);
        let blames_password = says("password") || says("authorization") || says("authentication");
        if self.exit_code == FETCHMAIL_LOCK_BUSY && says("lock busy") && !blames_password {
            return Ok(());
        }
        Err(format!("not a busy lock: {self:?}").into())
    }
}

impl Call {
    /// Runs the program while a session of the same user holds the maildrop for so long.
    fn run_while_held(&self, site: &Site, hold: Duration) -> Outcome<Ran> {
        let address = site.gate.address(self.mode);
        let certificate = site.gate.certificate();
        let holder = Client::log_in(site.gate.address(Mode::Plain), &self.user, PASSWORD)?;
        thread::scope(|scope| {
            let program = scope.spawn(|| self.run(address, &certificate));
            pause(hold);
            let quit = holder.quit();
            let ran = program.join().unwrap_or(Err("it panicked".into()))?;
            quit.map(|()| ran)
        })
    }

    fn run(&self, server: SocketAddr, certificate: &Path) -> Outcome<Ran> {
        match self.program {
            Program::Fetchmail => self.run_fetchmail(server, certificate),
            Program::Curl => Self::run_command(&mut self.curl(server, certificate)),
            Program::Poplib => Self::run_command(&mut self.poplib(server, certificate)),
        }
    }

    fn run_command(command: &mut Command) -> Outcome<Ran> {
        let output = command.output()?;
        Ok(Ran {
            exit_code: output.status.code().unwrap_or(-1),
            message: String::from_utf8_lossy(&output.stdout).into_owned(),
            complaints: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    fn curl(&self, server: SocketAddr, certificate: &Path) -> Command {
        let scheme = match self.mode {
            Mode::Plain | Mode::Stls => "pop3",
            Mode::Implicit => "pop3s",
        };
        let mut command = Command::new(CURL);
        command
            .args(["--silent", "--show-error", "--disable", "--user"])
            .arg(format!("{}:{PASSWORD}", self.user));
        if self.mode != Mode::Plain {
            command.args(["--ssl-reqd", "--cacert"]).arg(certificate);
        }
        command.arg(format!("{scheme}://{server}/1"));
        command
    }

    fn poplib(&self, server: SocketAddr, certificate: &Path) -> Command {
        let mut command = Command::new(PYTHON);
        command
            .args(["-c", include_str!("poplib_client.py"), self.mode.name()])
            .args([server.ip().to_string(), server.port().to_string()])
            .arg(certificate)
            .args([&self.user, PASSWORD]);
        command
    }

    /// fetchmail warns when it runs as root, so that it runs as nobody in a home of its own.
    fn run_fetchmail(&self, server: SocketAddr, certificate: &Path) -> Outcome<Ran> {
        let home = tempfile::Builder::new()
            .prefix("popgate-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()?;
        let rc = home.path().join("fetchmailrc");
        let inbox = home.path().join("inbox");
        fs::write(&rc, self.fetchmailrc(server, certificate, &inbox))?;
        fs::set_permissions(&rc, fs::Permissions::from_mode(0o600))?;
        for path in [home.path(), &rc] {
            chown(path, Some(NOBODY), Some(NOBODY))?;
        }
        let mut ran = Self::run_command(
            Command::new("setpriv")
                .args(["--reuid", "nobody", "--regid", "nogroup", "--clear-groups"])
                .args([FETCHMAIL, "--silent", "--nosyslog", "--fetchmailrc"])
                .arg(&rc)
                .env("FETCHMAILHOME", home.path())
                .env("HOME", home.path())
                .env("LC_ALL", "C"),
        )?;
        // Its messages may come on both streams; the mail itself went to the inbox.
        ran.complaints.push_str(&ran.message);
        ran.message = fs::read_to_string(&inbox).unwrap_or_default();
        Ok(ran)
    }

    fn fetchmailrc(&self, server: SocketAddr, certificate: &Path, inbox: &Path) -> String {
        let (ip, port) = (server.ip(), server.port());
        let tls = match self.mode {
            Mode::Plain => "sslproto \"\"".to_owned(),
            Mode::Stls => format!("sslproto \"TLS1.2+\" {}", trust(certificate)),
            Mode::Implicit => format!("ssl {}", trust(certificate)),
        };
        format!(
            "poll {ip} protocol POP3 service {port}\n\
             user \"{}\" password \"{PASSWORD}\" is nobody here\n\
             fetchall keep {tls}\n\
             mda \"/bin/cat >>{}\"\n",
            self.user,
            inbox.display(),
        )
    }
}

fn trust(certificate: &Path) -> String {
    let file = certificate.display();
    format!("sslcertck sslcertfile \"{file}\" sslcommonname \"popgate.test\"")
}

fn every_call(domain: &str, programs: &[Program]) -> Vec<Call> {
    let each_mode = |program: Program| {
        Mode::ALL.map(|mode| Call {
            program,
            mode,
            user: format!("{}-{}@{domain}", program.name(), mode.name()),
        })
    };
    programs.iter().copied().flat_map(each_mode).collect()
}

fn users(calls: &[Call]) -> Vec<&str> {
    calls.iter().map(|call| call.user.as_str()).collect()
}

fn deliver_to_all(site: &Site, calls: &[Call]) -> Outcome<()> {
    calls
        .iter()
        .try_for_each(|call| site.server.deliver(&call.user, &[SUBJECT.to_owned()], 0))
}

/// All calls at once: their maildrops differ. The first error, if any, is returned.
fn for_each_at_once(calls: &[Call], trial: impl Fn(&Call) -> Outcome<()> + Sync) -> Outcome<()> {
    let trial = &trial;
    thread::scope(|scope| {
        let trials: Vec<_> = calls
            .iter()
            .map(|call| {
                scope.spawn(move || trial(call).map_err(|error| format!("{call}: {error}")))
            })
            .collect();
        trials
            .into_iter()
            .try_for_each(|trial| trial.join().unwrap_or(Err("a call panicked".into())))?;
        Ok(())
    })
}
