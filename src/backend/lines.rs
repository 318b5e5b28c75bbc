//! Replies of a backend: the readers of [`crate::pop3`] over a connection.

use crate::limits::CAPABILITIES_MAX;
use crate::net::conn::Conn;
use crate::pop3::capability::Capabilities;
use crate::pop3::line::{LineTooLong, take_line};
use crate::pop3::reply::{Status, is_blank};
use crate::pop3::reply_reader::{BodyReader, ReplyError, StatusReader};
use bytes::BytesMut;
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
    /// The same by its length alone: the line may repeat a password.
    #[error("sent no POP3 reply, but a line of {0} octets")]
    Noise(usize),
    /// The connection failed.
    #[error("failed: {0}")]
    Io(#[from] io::Error),
}

impl From<ReplyError> for LineError {
    fn from(error: ReplyError) -> Self {
        match error {
            ReplyError::LineTooLong(LineTooLong(max)) => Self::TooLong(max),
            ReplyError::TooManyBlankLines(max) => Self::Blank(max),
            ReplyError::BodyTooLong(max) => Self::TooMany(max),
        }
    }
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
    read(conn, |input| {
        let line = take_line(input, max)?;
        Ok(line.map(|line| line.to_vec()))
    })
    .await
}

/// The next line that is not empty, where a status line is due: its own octets, without the line
/// end. What the line says is not looked at. Cancel-safe: nobody misses empty lines that were
/// skipped.
///
/// # Errors
/// As [`read_line`], or more than [`BLANK_LINES_MAX`](crate::limits::BLANK_LINES_MAX) empty lines
/// came.
pub async fn read_status(conn: &mut Conn) -> Result<Vec<u8>, LineError> {
    let mut status = StatusReader::default();
    let line = read(conn, |input| status.next(input)).await?;
    conn.blank_lines += status.blank_lines();
    Ok(line)
}

/// The lines of a body, which must be next, without the dot that ends it. It may take at most `max`
/// octets to keep. Not cancel-safe: what was read of it is lost.
///
/// # Errors
/// As [`read_line`], or [`LineError::TooMany`].
pub async fn read_body(conn: &mut Conn, max: usize) -> Result<Vec<Vec<u8>>, LineError> {
    let mut body = BodyReader::new(max);
    read(conn, |input| body.next(input)).await
}

/// Asks `next` for more until it has all that it wants, reading in between.
async fn read<T>(
    conn: &mut Conn,
    mut next: impl FnMut(&mut BytesMut) -> Result<Option<T>, ReplyError>,
) -> Result<T, LineError> {
    loop {
        if let Some(found) = next(&mut conn.input)? {
            return Ok(found);
        }
        if conn.fill().await? == 0 {
            return Err(LineError::Closed);
        }
    }
}

/// Whether nothing but line ends and blanks has come that nobody asked for; those are thrown away.
pub fn is_silent(conn: &mut Conn) -> bool {
    let silent = is_blank(&conn.input);
    if silent {
        conn.input.clear();
    }
    silent
}

/// Asks CAPA (RFC 2449); `None` where the backend does not know it.
///
/// # Errors
/// No reply, or one without an end.
pub async fn read_capabilities(conn: &mut Conn) -> Result<Option<Capabilities>, LineError> {
    conn.write_all(b"CAPA\r\n").await?;
    let status = read_status(conn).await?;
    match Status::of_line(&status) {
        Status::Ok => Ok(Some(Capabilities::parse(
            read_body(conn, CAPABILITIES_MAX).await?,
        ))),
        Status::Err => Ok(None),
        Status::Continue | Status::Other => Err(no_status(&status)),
    }
}

/// The error for a line that is not POP3, cut to a length that suits the log.
pub(crate) fn no_status(line: &[u8]) -> LineError {
    let shown = &line[..line.len().min(80)];
    LineError::NoStatus(String::from_utf8_lossy(shown).into_owned())
}

#[cfg(test)]
mod tests;
