//! One connection of the doctor's, a command at a time, each with its bound.

use super::irregular::Notes;
use crate::backend::lines::{LineError, read_body, read_status};
use crate::limits::{DOCTOR_LISTING_MAX, DOCTOR_REPLY, EOF_AFTER_QUIT, EOF_AFTER_SHUTDOWN};
use crate::net::conn::Conn;
use crate::pop3::reply::Status;
use crate::time::{Duration, Instant};
use tokio::time::timeout;

/// A greeted connection.
pub(super) struct ProbeSession {
    pub(super) conn: Conn,
    notes: Notes,
}

/// Why a command has no whole reply.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoReply {
    #[error("the server {0}")]
    Line(#[from] LineError),
    #[error("it did not come in time")]
    TimedOut,
    #[error("the reply is longer than {DOCTOR_LISTING_MAX} octets")]
    TooLong,
}

/// The reply to a command that has a body where it goes well.
pub(super) enum MultilineReply {
    /// The lines, dots and line ends taken off.
    Lines(Vec<Vec<u8>>),
    /// The line that refuses it.
    Refused(Vec<u8>),
}

impl ProbeSession {
    pub(super) fn new(conn: Conn, notes: Notes) -> Self {
        Self { conn, notes }
    }

    /// Sends a command and reads its status line.
    pub(super) async fn ask(&mut self, command: &str) -> Result<Vec<u8>, NoReply> {
        bounded(async {
            self.send(command).await?;
            self.answer(command).await
        })
        .await
    }

    /// Sends a command whose reply has several lines, and reads it.
    pub(super) async fn ask_multiline(&mut self, command: &str) -> Result<MultilineReply, NoReply> {
        bounded(async {
            self.send(command).await?;
            self.multiline_answer(command).await
        })
        .await
    }

    /// Reads a reply of several lines to `command`.
    pub(super) async fn multiline_answer(
        &mut self,
        command: &str,
    ) -> Result<MultilineReply, NoReply> {
        let status = self.answer(command).await?;
        if Status::of_line(&status) != Status::Ok {
            return Ok(MultilineReply::Refused(status));
        }
        match read_body(&mut self.conn, DOCTOR_LISTING_MAX).await {
            Ok(lines) => Ok(MultilineReply::Lines(lines)),
            Err(LineError::TooMany(_)) => Err(NoReply::TooLong),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads the status line in answer to `command`.
    pub(super) async fn answer(&mut self, command: &str) -> Result<Vec<u8>, NoReply> {
        let before = self.conn.blank_lines;
        let line = read_status(&mut self.conn).await?;
        self.note(command, &line, before);
        Ok(line)
    }

    /// Notes what is irregular about the line in answer to `command`; `before` it
    /// [`Conn::blank_lines`] was so many.
    pub(super) fn note(&self, command: &str, line: &[u8], before: usize) {
        let blank_lines = self.conn.blank_lines.saturating_sub(before);
        self.notes.answer(command, line, blank_lines);
    }

    async fn send(&mut self, command: &str) -> Result<(), NoReply> {
        let line = format!("{command}\r\n");
        self.conn
            .write_all(line.as_bytes())
            .await
            .map_err(LineError::from)?;
        Ok(())
    }

    /// Says QUIT and waits for the end; how long that took after the answer, `None` where it did
    /// not come within the gate's bound.
    pub(super) async fn quit(mut self) -> Option<Duration> {
        // What it answers does not matter: nothing was deleted.
        let _ = self.ask("QUIT").await;
        self.end(EOF_AFTER_QUIT).await
    }

    /// Closes without QUIT, as the gate does for a client that vanished.
    pub(super) async fn close(mut self) -> Option<Duration> {
        let began = Instant::now();
        let shut = timeout(EOF_AFTER_SHUTDOWN, self.conn.shut()).await;
        // TLS says goodbye before the socket is shut: both share the gate's bound.
        let left = EOF_AFTER_SHUTDOWN.saturating_sub(began.elapsed());
        shut.ok()?;
        self.end(left).await
    }

    async fn end(&mut self, bound: Duration) -> Option<Duration> {
        let began = Instant::now();
        let ended = timeout(bound, self.conn.drain_to_end()).await;
        ended.ok().map(|_| began.elapsed())
    }
}

/// Runs one exchange under its bound.
async fn bounded<T>(exchange: impl Future<Output = Result<T, NoReply>>) -> Result<T, NoReply> {
    timeout(DOCTOR_REPLY, exchange)
        .await
        .unwrap_or(Err(NoReply::TimedOut))
}
