//! The client's side of a session before login: its connection, what it sent ahead, and how much
//! time and how many mistakes are left to it.

use crate::gate::{Peer, SessionHandle, Settings};
use crate::ids::UserName;
use crate::limits;
use crate::lock::WatchReader;
use crate::net::conn::Conn;
use crate::policy::tenant::Identity;
use crate::pop3::line::{Line, LineReader};
use crate::pop3::reply::{ReplyTo, Status};
use crate::pop3::verb::Verb;
use crate::time::{Duration, Instant};
use std::io;
use std::sync::Arc;

/// A client that is not logged in.
pub(super) struct Client {
    pub(super) conn: Conn,
    pub(super) peer: Arc<Peer>,
    pub(super) login_budget: LoginBudget,
    lines: LineReader,
    eof: bool,
    /// Writing to it failed; what it has sent still counts.
    deaf: bool,
    session: Arc<SessionHandle>,
}

/// How many mistakes and how much time a client has left before it must have logged in. It
/// outlives STLS, which would otherwise be a way to begin anew.
#[derive(Clone, Copy)]
pub(super) struct LoginBudget {
    /// Refused logins on this connection.
    pub(super) attempts: u32,
    /// Commands that were unknown, malformed or out of place.
    pub(super) bad_commands: u32,
    /// The answer to every further login: a wait on this connection was spent, and another would
    /// outlast the program.
    pub(super) spent: Option<&'static [u8]>,
    /// When a login must have come; waiting for a lock moves it.
    pub(super) login_by: Instant,
}

impl LoginBudget {
    pub(super) fn new() -> Self {
        let login_by = Instant::now() + limits::BEFORE_LOGIN;
        Self {
            attempts: 0,
            bad_commands: 0,
            spent: None,
            login_by,
        }
    }
}

/// Why no line came.
#[derive(Debug)]
pub(super) enum NoLine {
    /// The client ended the connection, or it broke.
    Eof,
    /// It took too long.
    TooLate,
}

impl Client {
    /// Whose maildrop `login` names when this client says it.
    pub(super) fn identify<'a>(&self, login: &UserName, settings: &'a Settings) -> Identity<'a> {
        settings
            .tenants
            .identify(login, self.conn.server_name(), &self.peer.listener)
    }

    pub(super) fn new(
        session: Arc<SessionHandle>,
        conn: Conn,
        peer: Arc<Peer>,
        login_budget: LoginBudget,
    ) -> Self {
        Self {
            conn,
            peer,
            login_budget,
            lines: LineReader::default(),
            eof: false,
            deaf: false,
            session,
        }
    }

    /// Whether a line is there already: it was sent before the one in front of it was answered.
    pub(super) fn has_whole_line(&self) -> bool {
        memchr::memchr(b'\n', &self.conn.input).is_some()
    }

    /// The next command line, or why there is none.
    pub(super) async fn line(&mut self) -> Result<Line, NoLine> {
        self.next_line(command_line_max).await
    }

    /// The next line of a SASL exchange.
    pub(super) async fn sasl_line(&mut self) -> Result<Line, NoLine> {
        self.next_line(|_| limits::SASL_LINE_MAX).await
    }

    async fn next_line(&mut self, max: impl Fn(&[u8]) -> usize) -> Result<Line, NoLine> {
        loop {
            // A client whose lines are always there already would never be waited for.
            if Instant::now() >= self.login_budget.login_by {
                return Err(NoLine::TooLate);
            }
            let max = max(&self.conn.input);
            if let Some(line) = self.lines.next(&mut self.conn.input, max) {
                return Ok(line);
            }
            if self.eof {
                return Err(NoLine::Eof);
            }
            match tokio::time::timeout_at(self.login_budget.login_by, self.conn.fill()).await {
                Err(_) => return Err(NoLine::TooLate),
                Ok(Ok(0) | Err(_)) => self.eof = true,
                Ok(Ok(_)) => self.session.moved(Instant::now()),
            }
        }
    }

    /// Writes a whole reply, at the latest when the login is due. A client that has closed already
    /// may have sent QUIT before, and all that goes with it: what it said counts still, and its
    /// end is found by reading.
    pub(super) async fn reply(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.deaf {
            return Ok(());
        }
        // An answer that is due at the very end has its time to be written.
        let by = self
            .login_budget
            .login_by
            .max(Instant::now() + limits::REPLY_WRITE);
        match tokio::time::timeout_at(by, self.conn.write_all(bytes)).await {
            Ok(result) => {
                self.deaf = result.is_err();
                self.session.moved(Instant::now());
                if !self.deaf && Status::of_line(bytes) == Status::Err {
                    self.session.refused(bytes);
                }
            }
            Err(_) => return Err(io::ErrorKind::TimedOut.into()),
        }
        Ok(())
    }

    /// Returns when the client has left: its end, unless a whole QUIT line stands behind what was
    /// read. What it sends meanwhile is kept. Cancel-safe.
    pub(super) async fn left(&mut self) {
        let mut looked_at = 0;
        loop {
            if quits(&self.conn.input[looked_at..]) {
                // What it says behind its login is to be carried out: no kick may cut that.
                let _ = self.session.quit_sent();
            }
            // Half a line is looked at again with its rest.
            looked_at = memchr::memrchr(b'\n', &self.conn.input).map_or(0, |end| end + 1);
            if self.eof {
                // It has said all that it wants, QUIT too, and closed: that is carried out.
                if quits(&self.conn.input) {
                    std::future::pending::<()>().await;
                }
                return;
            }
            // The rest waits in its socket, and its end behind that: it counts as still there.
            if self.conn.input.len() >= limits::PIPELINED_BYTES_MAX {
                std::future::pending::<()>().await;
            }
            match self.conn.fill().await {
                Ok(0) => self.eof = true,
                Ok(_) => self.session.moved(Instant::now()),
                Err(_) => {
                    self.eof = true;
                    self.deaf = true;
                }
            }
        }
    }

    /// [`Client::left`] where it waits for nobody: then a client that has shut its sending side has
    /// not left either if a whole command stands behind its login and it can still be told
    /// something. It is answered as it would be without popgate, but has no more than
    /// [`HALF_CLOSED`](limits::HALF_CLOSED) while another client waits for the maildrop.
    pub(super) async fn left_for_good(&mut self, mut contended: WatchReader<bool>) {
        self.left().await;
        if self.deaf || !self.has_whole_line() {
            return;
        }
        let shut = Instant::now();
        if contended.wait_for(|waits| *waits).await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep_until(shut + limits::HALF_CLOSED).await;
    }

    /// Says the last words to a client, and closes.
    pub(super) async fn farewell(self, last_words: &[u8]) {
        farewell(&self.session, self.conn, last_words).await;
    }

    /// Gives back the time that the client spent waiting.
    pub(super) fn waited(&mut self, wait: Duration) {
        self.login_budget.login_by += wait;
    }
}

/// Says the last words to a client and lets them arrive: closing a socket with unread bytes in it
/// would reset it and could lose them.
pub(super) async fn farewell(session: &SessionHandle, mut conn: Conn, last_words: &[u8]) {
    let goodbye = async {
        conn.write_all(last_words).await?;
        if Status::of_line(last_words) == Status::Err {
            session.refused(last_words);
        }
        conn.shut().await;
        conn.drain_to_end().await
    };
    let _ = tokio::time::timeout(limits::FAREWELL, goodbye).await;
}

/// AUTH may carry a long initial response, USER and PASS a long name or password; no other command
/// is long.
fn command_line_max(input: &[u8]) -> usize {
    let keyword = input.get(..4).unwrap_or_default().to_ascii_uppercase();
    match keyword.as_slice() {
        b"AUTH" => limits::SASL_LINE_MAX,
        b"USER" | b"PASS" => limits::LOGIN_LINE_MAX,
        _ => limits::COMMAND_LINE_MAX,
    }
}

/// Whether a whole line of `input` is QUIT, as the relay will take it.
fn quits(input: &[u8]) -> bool {
    let whole = memchr::memrchr(b'\n', input).map_or(0, |end| end + 1);
    let mut lines = input[..whole].split(|&byte| byte == b'\n');
    lines.any(|line| match Verb::of_line(line) {
        Verb::Forward(expected) => expected.to == ReplyTo::Quit,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_log_in_are_long() {
        for (input, max) in [
            ("auth PLAIN ", limits::SASL_LINE_MAX),
            ("user", limits::LOGIN_LINE_MAX),
            ("Pass x", limits::LOGIN_LINE_MAX),
            ("STAT", limits::COMMAND_LINE_MAX),
            ("xxx", limits::COMMAND_LINE_MAX),
            ("", limits::COMMAND_LINE_MAX),
        ] {
            assert_eq!(command_line_max(input.as_bytes()), max, "{input}");
        }
    }

    #[test]
    fn only_a_whole_quit_line_counts() {
        assert!(quits(b"STAT\r\nquit\r\n"));
        assert!(quits(b"QUIT\n"));
        assert!(!quits(b"QUIT"));
        assert!(!quits(b"STAT\r\nQUITE\r\n"));
        assert!(!quits(b" QUIT\r\n"));
    }
}
