//! Reply lines of a backend.

use crate::limits::{BLANK_LINES_MAX, CAPABILITIES_MAX, REPLY_LINE_MAX};
use crate::net::conn::Conn;
use crate::pop3::capability::Capabilities;
use crate::pop3::reply::{Status, is_blank};
use std::io;

/// Why there is no reply; always the backend's fault, or its line's.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// It closed.
    #[error("closed the connection without an answer")]
    Closed,
    /// Its line does not end.
    #[error("sent a line longer than {0} octets")]
    TooLong(usize),
    /// Its reply does not end.
    #[error("sent more than {0} octets of capabilities")]
    TooMany(usize),
    /// Nothing but empty lines comes where a status line is due.
    #[error("sent more than {0} empty lines and no answer")]
    Blank(usize),
    /// Its line is no status line.
    #[error("sent no POP3 reply, but {0:?}")]
    NoStatus(String),
    /// The same, of so many octets, which may repeat a password.
    #[error("sent no POP3 reply, but a line of {0} octets")]
    Noise(usize),
    /// The connection failed.
    #[error("failed: {0}")]
    Io(#[from] io::Error),
}

impl LineError {
    /// The same without what the backend said.
    #[must_use]
    pub fn without_words(self) -> Self {
        match self {
            Self::NoStatus(line) => Self::Noise(line.len()),
            other => other,
        }
    }
}

/// The next line, of at most `max` octets with its end, which is cut off. Cancel-safe: what came
/// stays in `conn.input` until the line is whole.
///
/// # Errors
/// The connection ended or failed first, or the line is too long.
pub async fn read_line(conn: &mut Conn, max: usize) -> Result<Vec<u8>, LineError> {
    let mut seen = 0;
    loop {
        if let Some(at) = memchr::memchr(b'\n', &conn.input[seen..]) {
            if seen + at >= max {
                return Err(LineError::TooLong(max));
            }
            let line = conn.input.split_to(seen + at + 1);
            return Ok(without_end(&line).to_vec());
        }
        seen = conn.input.len();
        if seen >= max {
            return Err(LineError::TooLong(max));
        }
        if conn.fill().await? == 0 {
            return Err(LineError::Closed);
        }
    }
}

/// The next line that is not empty, where a status line is due: its own octets, without the line
/// end. What the line says is not looked at. Cancel-safe: empty lines that have gone are missed by
/// nobody.
///
/// # Errors
/// As [`read_line`], or more than [`BLANK_LINES_MAX`] empty lines came.
pub async fn read_status(conn: &mut Conn) -> Result<Vec<u8>, LineError> {
    for _ in 0..=BLANK_LINES_MAX {
        let line = read_line(conn, REPLY_LINE_MAX).await?;
        if !is_blank(&line) {
            return Ok(line);
        }
        conn.blank_lines += 1;
    }
    Err(LineError::Blank(BLANK_LINES_MAX))
}

/// Whether nothing but line ends and blanks has come that nobody asked for; those are thrown away.
pub fn is_silent(conn: &mut Conn) -> bool {
    let silent = is_blank(&conn.input);
    if silent {
        conn.input.clear();
    }
    silent
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Asks CAPA (RFC 2449); `None` where the backend does not know it.
///
/// # Errors
/// No reply, or one without an end.
pub async fn read_capabilities(conn: &mut Conn) -> Result<Option<Capabilities>, LineError> {
    conn.write_all(b"CAPA\r\n").await?;
    let status = read_status(conn).await?;
    match Status::of_line(&status) {
        Status::Ok => Ok(Some(Capabilities::parse(capability_lines(conn).await?))),
        Status::Err => Ok(None),
        Status::Continue | Status::Other => Err(no_status(&status)),
    }
}

/// The error for a line that is none of POP3's; the line is cut to what a log line bears.
pub(super) fn no_status(line: &[u8]) -> LineError {
    let shown = &line[..line.len().min(80)];
    LineError::NoStatus(String::from_utf8_lossy(shown).into_owned())
}

async fn capability_lines(conn: &mut Conn) -> Result<Vec<Vec<u8>>, LineError> {
    let mut lines = Vec::new();
    let mut octets = 0;
    loop {
        let line = read_line(conn, REPLY_LINE_MAX).await?;
        if line == b"." {
            return Ok(lines);
        }
        octets += line.len() + 1;
        if octets > CAPABILITIES_MAX {
            return Err(LineError::TooMany(CAPABILITIES_MAX));
        }
        // RFC 1939 section 3: a line that begins with a dot has another one before it.
        let line = line.strip_prefix(b".").unwrap_or(&line);
        lines.push(line.to_vec());
    }
}

#[cfg(test)]
mod tests;
