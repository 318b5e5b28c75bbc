//! One run of a mail program, in a home of its own.

use super::program::{Complaint, Program};
use crate::Outcome;
use crate::gate::Mode;
use crate::process::pause;
use popgate::time::Duration;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// User `nobody` and group `nogroup`: the same number on every Debian.
const NOBODY: u32 = 65534;
const NOTICE: Duration = Duration::from_millis(2);

/// A program in a mode, with the user whose maildrop it reads.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) program: Program,
    pub(crate) mode: Mode,
    pub(crate) user: String,
    /// Options of fetchmail's, beside those of the task.
    pub(crate) options: &'static str,
    /// How long fetchmail's and getmail's delivery of a message takes.
    pub(crate) delivery: Option<&'static str>,
}

/// Where a program connects, and what it trusts there.
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    pub(crate) certificate: PathBuf,
}

/// What a program is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Store all messages, and leave them in the maildrop.
    Keep,
    /// Store those that were not stored in an earlier run in the same home, and leave them in the
    /// maildrop. curl and mutt only look.
    Poll,
    /// Of mutt: show what there is, and do what the keys on its standard input say.
    Open,
    /// Store all messages, and delete those that are stored.
    Take,
    /// Find that there are none.
    FindNone,
}

/// A directory of a program, with what it reads and writes.
pub(crate) struct Home(TempDir);

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// -1 where it was killed.
    pub(crate) exit_code: i32,
    /// The messages that it stored, or what it printed of them.
    pub(crate) inbox: String,
    /// What it said otherwise.
    pub(crate) complaints: String,
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} with tls {}", self.program.name(), self.mode.name())
    }
}

impl Call {
    /// One as such programs come.
    pub(crate) fn new(program: Program, mode: Mode, user: String) -> Self {
        Self {
            program,
            mode,
            user,
            options: "",
            delivery: None,
        }
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, task: Task, door: &Door) -> Outcome<Ran> {
        self.run_until(task, door, || false)
    }

    /// Runs the program to its end, or kills it as soon as this holds.
    pub(crate) fn run_until(
        &self,
        task: Task,
        door: &Door,
        is_enough: impl Fn() -> bool,
    ) -> Outcome<Ran> {
        self.run_in(&Home::new()?, task, door, is_enough)
    }

    /// The same in a home that may have been used before.
    pub(crate) fn run_in(
        &self,
        home: &Home,
        task: Task,
        door: &Door,
        is_enough: impl Fn() -> bool,
    ) -> Outcome<Ran> {
        let command = self.program.command(self, task, door, home)?;
        let mut child = home.as_nobody(&command)?.spawn()?;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if is_enough() {
                child.kill()?;
            }
            pause(NOTICE);
        };
        let (printed, said) = (home.read("printed"), home.read("said"));
        let (inbox, said) = match self.program.prints_mail() {
            true => (printed, said),
            false => (home.read("inbox"), said + &printed),
        };
        Ok(Ran {
            exit_code: status.code().unwrap_or(-1),
            inbox,
            complaints: self.program.complaints(said),
        })
    }
}

impl Home {
    /// An empty one.
    pub(crate) fn new() -> Outcome<Self> {
        let dir = tempfile::Builder::new()
            .prefix("popgate-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()?;
        chown(dir.path(), Some(NOBODY), Some(NOBODY))?;
        let home = Self(dir);
        home.write("inbox", "")?;
        Ok(home)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file for the program's eyes only, and returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> Outcome<String> {
        let path = self.path(name);
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        chown(&path, Some(NOBODY), Some(NOBODY))?;
        Ok(path.to_string_lossy().into_owned())
    }

    /// What stands in a file, if it is there.
    pub(crate) fn read(&self, name: &str) -> String {
        let octets = fs::read(self.path(name)).unwrap_or_default();
        String::from_utf8_lossy(&octets).into_owned()
    }

    /// What stands in those files whose names begin so.
    pub(crate) fn read_all(&self, beginnings: &[&str]) -> Vec<String> {
        let files = fs::read_dir(self.0.path()).into_iter().flatten().flatten();
        let names = files.filter_map(|file| file.file_name().into_string().ok());
        let named = names.filter(|name| beginnings.iter().any(|it| name.starts_with(it)));
        named.map(|name| self.read(&name)).collect()
    }

    /// Some of the programs refuse to run as root, or warn.
    pub(crate) fn as_nobody(&self, command: &[String]) -> Outcome<Command> {
        let mut nobody = Command::new("setpriv");
        nobody
            .args(["--reuid", "nobody", "--regid", "nogroup", "--clear-groups"])
            .args(["--pdeathsig", "KILL", "--"])
            .args(command)
            .current_dir(self.0.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.0.path())
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(File::create(self.path("printed"))?)
            .stderr(File::create(self.path("said"))?);
        Ok(nobody)
    }
}

impl Ran {
    /// That it got these messages and was silent.
    pub(crate) fn expect_messages(&self, ids: &[&str]) -> Outcome<()> {
        let has_all = self.subjects().iter().eq(ids);
        if self.exit_code == 0 && has_all && self.complaints.is_empty() {
            return Ok(());
        }
        Err(format!("not a silent success: {self:?}").into())
    }

    /// That it got nothing and said so.
    pub(crate) fn expect_complaint(&self, expected: Complaint) -> Outcome<()> {
        let says = self.complaints.contains(expected.words);
        if self.exit_code == expected.exit_code && says && self.subjects().is_empty() {
            return Ok(());
        }
        Err(format!("not {expected:?}: {self:?}").into())
    }

    /// The subjects of its messages.
    pub(crate) fn subjects(&self) -> BTreeSet<String> {
        self.each_subject().collect()
    }

    /// The same, as often as they are there.
    pub(crate) fn each_subject(&self) -> impl Iterator<Item = String> {
        let lines = self.inbox.lines();
        let subjects = lines.filter_map(|line| line.strip_prefix("Subject: "));
        subjects.map(|line| line.trim_end().to_owned())
    }
}

/// A path as the programs' files have it.
pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}
