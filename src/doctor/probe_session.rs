//! One connection of the doctor's, a command at a time, each with its bound.

use super::irregular::Notes;
use crate::backend::lines::{LineError, read_line, read_status};
use crate::limits::{
    DOCTOR_LISTING_MAX, DOCTOR_REPLY, EOF_AFTER_QUIT, EOF_AFTER_SHUTDOWN, REPLY_LINE_MAX,
};
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
    #[error("the listing is longer than {DOCTOR_LISTING_MAX} octets")]
    TooLong,
}

/// A reply of several lines.
pub(super) enum Listing {
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
    pub(super) async fn list(&mut self, command: &str) -> Result<Listing, NoReply> {
        bounded(async {
            self.send(command).await?;
            self.listing(command).await
        })
        .await
    }

    /// Reads a reply of several lines to `command`.
    pub(super) async fn listing(&mut self, command: &str) -> Result<Listing, NoReply> {
        let status = self.answer(command).await?;
        if Status::of_line(&status) != Status::Ok {
            return Ok(Listing::Refused(status));
        }
        let mut lines = Vec::new();
        let mut octets = 0;
        loop {
            let line = self.line().await?;
            if line == b"." {
                return Ok(Listing::Lines(lines));
            }
            octets += line.len() + size_of::<Vec<u8>>();
            if octets > DOCTOR_LISTING_MAX {
                return Err(NoReply::TooLong);
            }
            lines.push(line.strip_prefix(b".").unwrap_or(&line).to_vec());
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

    async fn line(&mut self) -> Result<Vec<u8>, NoReply> {
        Ok(read_line(&mut self.conn, REPLY_LINE_MAX).await?)
    }

    async fn send(&mut self, command: &str) -> Result<(), NoReply> {
        let line = format!("{command}\r\n");
        let sent = self.conn.write_all(line.as_bytes()).await;
        Ok(sent.map_err(LineError::from)?)
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
    let result = timeout(DOCTOR_REPLY, exchange).await;
    result.unwrap_or(Err(NoReply::TimedOut))
}
