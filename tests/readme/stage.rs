//! Where the commands of a page run: a folder and a loopback address of their own, and programs
//! that never outlive them.

use crate::Outcome;
use crate::page::in_package;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Ipv4Addr;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// For what takes milliseconds on a machine that does nothing else.
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder and an address.
pub(crate) struct Stage {
    ip: Ipv4Addr,
    folder: TempDir,
}

impl Stage {
    /// The `number`th stage of this process, on an address that nobody else uses.
    pub(crate) fn new(number: u8) -> Outcome<Self> {
        let [.., high, low] = std::process::id().to_be_bytes();
        Ok(Self {
            ip: Ipv4Addr::new(127, high.max(1), low, number),
            folder: tempfile::tempdir()?,
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The rule by which the addresses of a page become those of this stage: ports below 1024
    /// need root, the backend is a demo's, and what popgate reads and writes stands in the stage's folder.
    pub(crate) fn here(&self, text: &str) -> String {
        let ip = self.ip;
        let rules = [
            ("0.0.0.0:110", format!("{ip}:1110")),
            ("0.0.0.0:995", format!("{ip}:1995")),
            ("10.0.0.5:110", format!("{ip}:2110")),
            ("10.0.0.30:", format!("{ip}:")),
            ("127.0.0.1:10110", format!("{ip}:2110")),
            ("127.0.0.1:", format!("{ip}:")),
            ("/var/lib/popgate/", String::new()),
            ("/etc/popgate/", String::new()),
            ("/usr/share/popgate/", in_package("deploy/")),
        ];
        let replace = |text: String, (from, to): &(&str, String)| text.replace(from, to);
        rules.iter().fold(text.to_owned(), replace)
    }

    /// The flags that put a demo on this stage.
    pub(crate) fn demo_ports(&self) -> String {
        let ip = self.ip;
        format!("--pop3 {ip}:1110 --pop3s {ip}:1995 --metrics {ip}:9110")
    }

    /// The command as a shell is given it; `popgate` is the one under test.
    fn shell(&self, command: &str) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_popgate"));
        let folder = program.parent().unwrap_or(Path::new("/"));
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = Command::new("bash");
        shell
            .args(["-c", command])
            .current_dir(self.folder())
            .env("PATH", format!("{}:{path}", folder.display()))
            .env_remove("RUST_LOG");
        shell
    }

    /// Runs `command` to its end with `input`, and returns what it prints to standard output.
    pub(crate) fn run(&self, command: &str, input: &str) -> Outcome<String> {
        let mut shell = self.shell(command);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = shell.stderr(Stdio::piped()).spawn()?;
        // A program that does not read its input may have ended by now.
        let _ = child
            .stdin
            .take()
            .map(|mut stdin| stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("`{command}`: {}\n{said}", output.status).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Starts `command`, a program that goes on until it is told to stop.
    pub(crate) fn start(&self, command: &str) -> Outcome<Running> {
        let notices = self.folder().join("notify");
        // Of two programs the later one has it.
        let _ = fs::remove_file(&notices);
        let systemd = UnixDatagram::bind(&notices)?;
        systemd.set_read_timeout(Some(PATIENCE))?;
        let mut shell = self.shell(&format!("exec {command}"));
        let mut child = shell
            .env("NOTIFY_SOCKET", &notices)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        Ok(Running {
            printed: lines(child.stdout.take()),
            logged: lines(child.stderr.take()),
            child,
            systemd,
        })
    }
}

/// A program that goes on. Dropping it kills it.
pub(crate) struct Running {
    child: Child,
    pub(crate) printed: Receiver<String>,
    pub(crate) logged: Receiver<String>,
    systemd: UnixDatagram,
}

impl Running {
    pub(crate) fn signal(&self, name: &str) -> Outcome<()> {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &id]).status()?;
        sent.success().then_some(()).ok_or("kill failed".into())
    }

    /// Sends the signal, wants an orderly end, and returns what was logged since the last look.
    pub(crate) fn stop(mut self, name: &str) -> Outcome<String> {
        self.signal(name)?;
        // Its pipes end with it, and a receiver hears that.
        let log = collect(&self.logged, |_| false)?;
        let status = self.child.wait()?;
        if !status.success() {
            return Err(format!("stopped with {status}, after:\n{log}").into());
        }
        Ok(log)
    }

    /// Waits for a notice to systemd.
    pub(crate) fn await_notice(&self, wanted: &str) -> Outcome<()> {
        let mut notice = [0; 256];
        loop {
            let length = match self.systemd.recv(&mut notice) {
                Ok(length) => length,
                // A child of another trial ended meanwhile.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let log: Vec<String> = self.logged.try_iter().collect();
                    return Err(format!("no {wanted} ({error}), after:\n{}", log.join("\n")).into());
                }
            };
            if String::from_utf8_lossy(&notice[..length]).contains(wanted) {
                return Ok(());
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines up to the one that `is_last`, or all until the program ends.
pub(crate) fn collect(
    lines: &Receiver<String>,
    mut is_last: impl FnMut(&str) -> bool,
) -> Outcome<String> {
    let mut text = String::new();
    loop {
        let line = match lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return Ok(text),
            Err(error) => return Err(format!("{error}, after:\n{text}").into()),
        };
        text += &line;
        text += "\n";
        if is_last(&line) {
            return Ok(text);
        }
    }
}

fn lines(pipe: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = channel();
    let pipe = pipe.map(BufReader::new);
    thread::spawn(move || {
        let lines = pipe.into_iter().flat_map(BufRead::lines);
        // Nobody may listen any more; the pipe is read all the same, so that it never fills.
        lines.map_while(Result::ok).for_each(|line| {
            let _ = sender.send(line);
        });
    });
    receiver
}
