//! A command on a terminal of a given size.

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// No command takes so long for its next words.
const PATIENCE: Duration = Duration::from_secs(30);

/// A command that runs on a terminal.
pub(crate) struct Terminal {
    child: Child,
    keys: File,
    printed: Receiver<Vec<u8>>,
    text: String,
}

impl Terminal {
    /// Runs `popgate` in `folder` on a terminal of so many columns, and 24 lines.
    pub(crate) fn run(
        folder: &Path,
        columns: u16,
        environment: &[(&str, &str)],
        arguments: &[&str],
    ) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize {
            ws_row: 24,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = OpenOptions::new()
            .read(true)
            .write(true)
            .open(Path::new(name.to_str().unwrap()))
            .unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_popgate"))
            .args(arguments)
            .current_dir(folder)
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .env_remove("COLUMNS")
            .envs(environment.iter().copied())
            .stdin(slave.try_clone().unwrap())
            .stdout(slave.try_clone().unwrap())
            .stderr(slave)
            .spawn()
            .unwrap();
        let master = File::from(master);
        Self {
            child,
            keys: master.try_clone().unwrap(),
            printed: pieces(master),
            text: String::new(),
        }
    }

    /// Types a line, as a person would.
    pub(crate) fn type_line(&mut self, line: &str) {
        writeln!(self.keys, "{line}").unwrap();
    }

    /// Waits until `text` is printed. What came until then is looked at once.
    pub(crate) fn await_text(&mut self, text: &str) {
        while !self.text.contains(text) {
            let piece = self.printed.recv_timeout(PATIENCE);
            let piece = piece.unwrap_or_else(|_| panic!("no {text:?} in {:?}", self.text));
            self.text.push_str(&String::from_utf8_lossy(&piece));
        }
        self.text.clear();
    }

    /// Its exit code, and all that it printed.
    pub(crate) fn end(mut self) -> (i32, String) {
        while let Ok(piece) = self.printed.recv_timeout(PATIENCE) {
            self.text.push_str(&String::from_utf8_lossy(&piece));
        }
        let status = self.child.wait().unwrap();
        (status.code().unwrap(), self.text.replace("\r\n", "\n"))
    }

    /// Ends it as Ctrl-C does.
    pub(crate) fn interrupt(mut self) {
        let status = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
        self.child.wait().unwrap();
    }
}

/// Reading fails with EIO where nobody has the terminal any more.
fn pieces(mut master: File) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(octets @ 1..) = master.read(&mut buffer) {
            if sender.send(buffer[..octets].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}
