//! Roots for servers whose packages the host must not have: an overlay of `/`, in memory, in a
//! mount namespace. Nothing of it is left when the tests end, however they end.

use crate::Outcome;
use crate::process::{Process, await_that};
use crate::syslog::Syslog;
use popgate::time::Duration;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Runs a command in a root of its own; its head says how.
const ROOT: &str = include_str!("root.sh");
/// Installs packages in the root that it runs in.
const INSTALL: &str = include_str!("install.sh");
/// Downloads may be slow.
const INSTALL_PATIENCE: Duration = Duration::from_secs(240);
const START_PATIENCE: Duration = Duration::from_secs(30);
/// Ends a script: it says that all went well, and keeps the namespaces.
const DONE_AND_STAY: &str = "echo 'popgate: done'\nexec sleep infinity\n";
const DONE: &str = "popgate: done\n";

/// Why there are no such roots here, if so.
pub(crate) fn obstacle() -> Outcome<Option<String>> {
    let stage = tempfile::tempdir()?;
    let stage_name = stage.path().to_string_lossy();
    let tried = Command::new("unshare")
        .args(["--pid", "--mount-proc", "--fork"])
        .args(in_a_root(&stage_name, "/", "/etc"))
        .arg("true")
        .output()?;
    let said = String::from_utf8_lossy(&tried.stderr).into_owned();
    Ok((!tried.status.success()).then_some(said))
}

/// A root with these packages, made when it is first asked for and kept for all trials.
pub(crate) struct Packages {
    names: &'static [&'static str],
    root: OnceLock<Result<Root, String>>,
}

impl Packages {
    /// Debian's names, with the server's own first.
    pub(crate) const fn new(names: &'static [&'static str]) -> Self {
        Self {
            names,
            root: OnceLock::new(),
        }
    }

    /// The root with the packages installed.
    pub(crate) fn root(&self) -> Outcome<&Root> {
        let install = || Root::install(self.names).map_err(|error| error.to_string());
        let root = self.root.get_or_init(install);
        Ok(root.as_ref().map_err(String::clone)?)
    }
}

/// A root with packages in it. Processes that start in it have further roots of their own.
pub(crate) struct Root {
    /// Open, it keeps the namespace.
    namespace: File,
    /// What installing has changed, as a path in that namespace.
    changes: PathBuf,
}

impl Root {
    fn install(packages: &[&str]) -> Outcome<Self> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(packages[0]);
        let (stage, archives) = (folder.join("root"), folder.join("archives"));
        fs::create_dir_all(&stage)?;
        fs::create_dir_all(&archives)?;
        let log = tempfile::NamedTempFile::new_in(&folder)?;

        let [stage_name, archives_name] = [&stage, &archives].map(|path| path.to_string_lossy());
        let mut command = in_a_root(&stage_name, "/", &archives_name);
        let script = format!("{INSTALL}{DONE_AND_STAY}");
        command.extend(["sh", "-c", &script, "install.sh", &archives_name]);
        command.extend(packages);
        let mut installation = Process::start_tree(&command, log.path())?;
        await_done(&mut installation, INSTALL_PATIENCE)?;
        Ok(Self {
            namespace: File::open(format!("/proc/{}/ns/mnt", installation.id()))?,
            changes: stage.join("upper"),
        })
    }

    /// Runs a shell script in a further root of its own, to its end; what it leaves running
    /// goes on. `dir` has the same name there; its `server.log` gets what is printed or sent to
    /// syslog.
    pub(crate) fn start(&self, dir: &Path, script: &str) -> Outcome<Rooted> {
        let (stage, log) = (dir.join("root"), dir.join("server.log"));
        fs::create_dir(&stage)?;
        let syslog = Syslog::start(&dir.join("syslog"), &log)?;

        let (ours, namespace) = (std::process::id(), self.namespace.as_raw_fd());
        let namespace = format!("--mount=/proc/{ours}/fd/{namespace}");
        let lower = format!("{}:/", self.changes.display());
        let [stage_name, dir_name] = [&stage, dir].map(Path::to_string_lossy);
        let script = format!("set -eu\nln -s {dir_name}/syslog /dev/log\n{script}{DONE_AND_STAY}");
        let mut command = in_a_root(&stage_name, &lower, &dir_name);
        command.extend(["sh", "-c", &script]);
        let mut process = Process::start_tree_by(&["nsenter", &namespace], &command, &log)?;
        await_done(&mut process, START_PATIENCE)?;
        Ok(Rooted {
            process,
            root: stage.join("root"),
            _syslog: syslog,
        })
    }
}

/// What stands before a command that runs in a root of its own; see the head of `root.sh`.
fn in_a_root<'a>(stage: &'a str, lower: &'a str, shared: &'a str) -> Vec<&'a str> {
    vec!["sh", "-c", ROOT, "root.sh", stage, lower, shared]
}

fn await_done(script: &mut Process, patience: Duration) -> Outcome<()> {
    let mut ended = false;
    await_that("a script in a root", patience, || {
        ended = script.has_ended();
        ended || script.log().contains(DONE)
    })?;
    if ended {
        return Err(format!("a script in a root failed:\n{}", script.log()).into());
    }
    Ok(())
}

/// A process tree in a root of its own.
pub(crate) struct Rooted {
    process: Process,
    root: PathBuf,
    _syslog: Syslog,
}

impl Rooted {
    /// What stands before a command that runs beside the others in this root, and dies with
    /// them.
    pub(crate) fn entry(&self) -> [String; 6] {
        let namespaces = format!("/proc/{}/ns", self.process.id());
        [
            "nsenter".to_owned(),
            format!("--mount={namespaces}/mnt"),
            format!("--pid={namespaces}/pid_for_children"),
            "--".to_owned(),
            "chroot".to_owned(),
            self.root.display().to_string(),
        ]
    }
}
