//! `popgate top` on a terminal, with real contention behind it.

use super::demo::RunningDemo;
use super::gate::{free_address, pause};
use super::{code, popgate, stderr};
use popgate::time::{Duration, Instant};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{OFlags, open};
use rustix::io::read;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::str::Chars;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// For what takes a second or two on a machine that does nothing else.
const PATIENCE: Duration = Duration::from_secs(20);

const COLUMNS: u16 = 130;
const LINES: u16 = 30;

/// `popgate top` on a terminal of its own. Dropping it ends it.
struct TopOnTerminal {
    child: Child,
    master: OwnedFd,
    /// Held open, so that its settings can be looked at when `top` has ended.
    terminal: OwnedFd,
    before: Termios,
    written: Receiver<Vec<u8>>,
    /// All that was written up to now.
    output: Vec<u8>,
}

impl TopOnTerminal {
    fn start(admin: &str) -> Self {
        // In a session with this terminal and not the one that the test was started from.
        Self::start_by(&["setsid", "--ctty"], admin)
    }

    fn start_by(launcher: &[&str], admin: &str) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let terminal = open(&name, OFlags::RDWR | OFlags::NOCTTY, 0.into()).unwrap();
        let size = Winsize {
            ws_col: COLUMNS,
            ws_row: LINES,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&terminal, size).unwrap();
        let before = tcgetattr(&terminal).unwrap();
        let end = || Stdio::from(terminal.try_clone().unwrap());
        let child = Command::new(launcher[0])
            .args(&launcher[1..])
            .args([env!("CARGO_BIN_EXE_popgate"), "top"])
            .args(["--admin", &format!("http://{admin}")])
            .env("TERM", "xterm-256color")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        Self {
            child,
            written: chunks(master.try_clone().unwrap()),
            master,
            terminal,
            before,
            output: Vec::new(),
        }
    }

    fn press(&self, keys: &str) {
        rustix::io::write(&self.master, keys.as_bytes()).unwrap();
    }

    /// Waits until the screen shows `text`.
    fn expect(&mut self, text: &str) {
        self.await_output(text, |output| screen(output).contains(text));
    }

    fn await_output(&mut self, what: &str, is_there: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let output = String::from_utf8_lossy(&self.output);
            if is_there(&output) {
                return;
            }
            let rest = deadline.saturating_duration_since(Instant::now());
            match self.written.recv_timeout(rest) {
                Ok(chunk) => self.output.extend(chunk),
                Err(_) => panic!("no {what:?} on\n{}", screen(&output)),
            }
        }
    }

    /// Waits for its end, and for the terminal to be as it was.
    fn expect_end(mut self) -> ExitStatus {
        // Out of the alternate screen, and the cursor is there.
        self.await_output("end", |output| output.contains("\u{1b}[?1049l"));
        let status = self.await_exit();
        let after = tcgetattr(self.terminal.as_fd()).unwrap();
        assert_eq!(after.local_modes, self.before.local_modes);
        assert_eq!(after.input_modes, self.before.input_modes);
        assert_eq!(after.output_modes, self.before.output_modes);
        status
    }

    fn await_exit(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            pause(Duration::from_millis(10));
        }
    }

    /// Closes the terminal as a window does, and waits for the end of `top`.
    fn hang_up(mut self) -> ExitStatus {
        self.written = channel().1;
        // The thread that reads has the terminal, too, until it has something to pass on: little, so
        // that `top` waits for a key again by then.
        self.press("p");
        self.master = open("/dev/null", OFlags::RDWR, 0.into()).unwrap();
        self.await_exit()
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([name, &id])
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for TopOnTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a terminal shows of `output`: characters, lines, and the one sequence that moves the cursor.
fn screen(output: &str) -> String {
    let mut cells = vec![[' '; COLUMNS as usize]; LINES as usize];
    let mut row = 0;
    let mut column = 0;
    let mut rest = output.chars();
    while let Some(character) = rest.next() {
        match character {
            '\u{1b}' => {
                let sequence: String = take_through(&mut rest, |c| c.is_ascii_alphabetic());
                let place = sequence
                    .strip_prefix('[')
                    .and_then(|it| it.strip_suffix('H'));
                if let Some((line, cell)) = place.and_then(|place| place.split_once(';')) {
                    row = line.parse::<usize>().unwrap() - 1;
                    column = cell.parse::<usize>().unwrap() - 1;
                }
            }
            '\n' => row += 1,
            '\r' => column = 0,
            shown => {
                if let Some(cell) = cells.get_mut(row).and_then(|line| line.get_mut(column)) {
                    *cell = shown;
                }
                column += 1;
            }
        }
    }
    let lines = cells.iter().map(|line| line.iter().collect::<String>());
    lines.collect::<Vec<_>>().join("\n")
}

/// The characters up to the first that `is_last`, and that one.
fn take_through(rest: &mut Chars<'_>, is_last: impl Fn(char) -> bool) -> String {
    let mut taken = String::new();
    for character in rest {
        taken.push(character);
        if is_last(character) {
            break;
        }
    }
    taken
}

/// All that is written to the terminal: somebody must read it, or it fills.
fn chunks(master: OwnedFd) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut room = [0; 4096];
        while let Ok(length @ 1..) = read(&master, &mut room) {
            if sender.send(room[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

/// A mail client that has sent its password.
struct MailClient(BufReader<TcpStream>);

impl MailClient {
    fn log_in(pop3: &str) -> Self {
        let mut client = Self(BufReader::new(TcpStream::connect(pop3).unwrap()));
        client.read();
        client.send("USER ann@example.org");
        client.read();
        client.send("PASS wonderland");
        client
    }

    fn send(&mut self, line: &str) {
        write!(self.0.get_mut(), "{line}\r\n").unwrap();
    }

    /// The next line; empty where the gate has closed.
    fn read(&mut self) -> String {
        let mut line = String::new();
        // A reset is an end, too.
        let _ = self.0.read_line(&mut line);
        line
    }
}

#[test]
fn a_waiter_is_there_within_two_seconds_and_k_kicks_who_it_waits_for() {
    let demo = RunningDemo::start(&[], "127.0.0.1:0");
    let mut top = TopOnTerminal::start(&demo.admin);
    top.expect("Nobody waits for a mailbox.");
    let mut holder = MailClient::log_in(&demo.pop3);
    assert!(holder.read().starts_with("+OK"));
    let start = Instant::now();
    let mut waiter = MailClient::log_in(&demo.pop3);
    top.expect("ann@example.org");
    top.expect("waiting:");
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    top.press("K");
    top.expect("Any other key");
    let asked = Instant::now();
    top.press("y");
    top.expect("kicked session");
    assert!(waiter.read().starts_with("+OK"), "the lock is its");
    // Before the holder would be pre-empted for being idle.
    assert!(
        asked.elapsed() < Duration::from_secs(8),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(holder.read(), "", "kicked");
    top.expect("Nobody waits for a mailbox.");
    top.press("q");
    assert!(top.expect_end().success());
}

#[test]
fn a_gate_that_restarts_is_told_and_shown_again() {
    let admin = free_address().to_string();
    let demo = RunningDemo::start(&[], &admin);
    let mut top = TopOnTerminal::start(&admin);
    top.expect("Nobody waits for a mailbox.");
    drop(demo);
    top.expect("NO ANSWER");
    let demo = RunningDemo::start(&[], &admin);
    top.expect("popgate was restarted at");
    let mut holder = MailClient::log_in(&demo.pop3);
    assert!(holder.read().starts_with("+OK"));
    let _waiter = MailClient::log_in(&demo.pop3);
    top.expect("ann@example.org");
    top.press("\u{3}");
    assert!(top.expect_end().success(), "Ctrl-C is a key");
}

#[test]
fn a_signal_gives_the_terminal_back_as_well() {
    let demo = RunningDemo::start(&[], "127.0.0.1:0");
    let mut top = TopOnTerminal::start(&demo.admin);
    top.expect("Nobody waits for a mailbox.");
    top.signal("-TERM");
    assert!(top.expect_end().success());
}

#[test]
fn it_ends_with_its_terminal_whether_or_not_a_signal_says_so() {
    let demo = RunningDemo::start(&[], "127.0.0.1:0");
    // SIGHUP goes to the process whose session has the terminal.
    for launcher in [&["setsid", "--ctty"][..], &["setsid"]] {
        let mut top = TopOnTerminal::start_by(launcher, &demo.admin);
        top.expect("Nobody waits for a mailbox.");
        let status = top.hang_up();
        assert!(status.code().is_some(), "{launcher:?}: {status}");
    }
}

#[test]
fn without_a_terminal_or_a_gate_it_says_so_and_takes_no_screen() {
    let output = popgate(Path::new("."), &["top", "--admin", "http://127.0.0.1:1"]);
    assert_eq!(code(&output), 64);
    assert!(stderr(&output).starts_with("popgate top needs a terminal for its input"));
    let nobody = free_address().to_string();
    let mut top = TopOnTerminal::start(&nobody);
    top.expect("no popgate answers");
    assert_eq!(top.child.wait().unwrap().code(), Some(69));
    assert!(!String::from_utf8_lossy(&top.output).contains("\u{1b}[?1049h"));
}
