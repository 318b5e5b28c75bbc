//! Programs that the trials start, and that never outlive them.

use crate::Outcome;
use popgate::time::{Duration, Instant};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// A running program. What it writes goes to a log file; dropping it kills it.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`, which dies with the thread that started it.
    pub(crate) fn start<I: AsRef<OsStr>>(command: &[I], log: &Path) -> Outcome<Self> {
        let (out, err) = log_files(log)?;
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .args(command)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(|error| format!("setpriv: {error}"))?;
        Ok(Self {
            child,
            log: log.to_owned(),
        })
    }

    /// Starts `command` in a PID namespace: with its first process all processes in it die.
    pub(crate) fn start_tree(command: &[&str], log: &Path) -> Outcome<Self> {
        Self::start_tree_by(&[], command, log)
    }

    /// The same through another command, which becomes the one that it is given.
    pub(crate) fn start_tree_by(through: &[&str], command: &[&str], log: &Path) -> Outcome<Self> {
        const NAMESPACE: &str = "unshare --pid --mount-proc --fork --kill-child=KILL --";
        // The first process is a shell: a server that changes its group would no longer get the
        // signal. The second command keeps the shell from becoming the server.
        const FIRST_PROCESS: [&str; 4] = ["sh", "-c", "\"$@\"; exit", "sh"];
        let mut tree = through.to_vec();
        tree.extend(NAMESPACE.split(' '));
        tree.extend(FIRST_PROCESS);
        tree.extend(command);
        Self::start(&tree, log)
    }

    /// Its process id. Of a tree it is that of the first process's parent.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// All that it has written so far.
    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks it to stop and waits for its end.
    pub(crate) fn terminate(&mut self, patience: Duration) -> Outcome<ExitStatus> {
        let id = self.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status()?;
        let mut ended = None;
        await_that("the program to stop", patience, || {
            ended = self.child.try_wait().ok().flatten();
            ended.is_some()
        })?;
        Ok(ended.ok_or("the program to stop")?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log_files(log: &Path) -> Outcome<(File, File)> {
    let file = File::options().create(true).append(true).open(log)?;
    Ok((file.try_clone()?, file))
}

/// Tries until it holds, at most for `patience`.
pub(crate) fn await_that(
    what: &str,
    patience: Duration,
    mut holds: impl FnMut() -> bool,
) -> Outcome<()> {
    let deadline = Instant::now() + patience;
    while !holds() {
        if Instant::now() > deadline {
            return Err(format!("waited {patience:?} in vain for {what}").into());
        }
        pause(Duration::from_millis(20));
    }
    Ok(())
}

/// Lets real time pass: the programs and servers of these trials know no other.
#[expect(clippy::disallowed_methods, reason = "no runtime runs in these trials")]
pub(crate) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}
