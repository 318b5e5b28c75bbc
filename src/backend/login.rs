//! Giving a login to a backend: USER and PASS, or AUTH PLAIN for somebody else's maildrop.
//!
//! Every octet that goes out here popgate writes itself. A name or password that could hold a
//! line end never comes this far: the parsers of `pop3` refuse it.

use super::lines::{LineError, no_status, read_line};
use crate::limits::REPLY_LINE_MAX;
use crate::net::conn::Conn;
use crate::pop3::capability::Capabilities;
use crate::pop3::reply::Status;
use crate::pop3::sasl::{Credentials, plain_response};
use zeroize::Zeroizing;

/// Why a backend did not answer a login, or what comes right before it. All are the backend's
/// fault.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// It ended the connection, or sent what is no reply.
    #[error(transparent)]
    Line(#[from] LineError),
    /// Writing to it failed.
    #[error("the backend's connection broke: {0}")]
    Io(#[from] std::io::Error),
    /// The login is for another's maildrop, which only SASL PLAIN can say.
    #[error("the backend does not offer SASL PLAIN, which this login needs")]
    NoPlain,
    /// A line came that answers nothing. Counted as an answer it would move all that follow: the
    /// one to USER would be taken for the one to PASS.
    #[error("the backend spoke before it was asked")]
    Unasked,
}

/// Logs in and returns the backend's answer, `+OK` or `-ERR`: its last status line, without the
/// line end.
///
/// `on_password` is called when the password has been written. With PIPELINING the name and the
/// password go in one segment; else the password waits for the answer to the name.
///
/// # Errors
/// When the backend gives no answer.
pub async fn log_in(
    conn: &mut Conn,
    credentials: &Credentials,
    capabilities: &Capabilities,
    on_password: impl FnOnce(),
) -> Result<Vec<u8>, LoginError> {
    // What stands behind the greeting answers no command: it would pass for the answer to USER,
    // and the answer to USER for the one to PASS. An error there refuses the connection.
    if Status::of_line(&conn.input) == Status::Err {
        return answer(conn).await;
    }
    conn.input.clear();
    if needs_plain(credentials, capabilities) {
        return auth_plain(conn, credentials, capabilities, on_password).await;
    }
    let user = command(b"USER ", credentials.user.as_bytes());
    let pass = command(b"PASS ", credentials.password.expose());
    if capabilities.pipelining {
        let both = Zeroizing::new([user.as_slice(), pass.as_slice()].concat());
        conn.write_all(&both).await?;
        on_password();
        let answer = answer(conn).await?;
        return if is_ok(&answer) {
            self::answer(conn).await
        } else {
            Ok(answer)
        };
    }
    conn.write_all(&user).await?;
    let answer = answer(conn).await?;
    if !is_ok(&answer) {
        return Ok(answer);
    }
    unasked(conn)?;
    conn.write_all(&pass).await?;
    on_password();
    self::answer(conn).await
}

/// AUTH PLAIN with an initial response (RFC 5034 section 4). A backend of RFC 1734 does not know
/// that one, and asks for it.
async fn auth_plain(
    conn: &mut Conn,
    credentials: &Credentials,
    capabilities: &Capabilities,
    on_password: impl FnOnce(),
) -> Result<Vec<u8>, LoginError> {
    if !offers_plain(capabilities) {
        return Err(LoginError::NoPlain);
    }
    let response = plain_response(credentials);
    conn.write_all(&command(b"AUTH PLAIN ", response.expose()))
        .await?;
    on_password();
    let line = read_line(conn, REPLY_LINE_MAX).await?;
    if Status::of_line(&line) != Status::Continue {
        return status_line(line);
    }
    conn.write_all(&command(b"", response.expose())).await?;
    answer(conn).await
}

/// Only PLAIN can name another's maildrop; and some servers offer nothing else.
fn needs_plain(credentials: &Credentials, capabilities: &Capabilities) -> bool {
    credentials.maildrop() != &credentials.user
        || (!capabilities.user && offers_plain(capabilities))
}

fn offers_plain(capabilities: &Capabilities) -> bool {
    capabilities
        .sasl
        .iter()
        .any(|mechanism| mechanism.eq_ignore_ascii_case("PLAIN"))
}

fn command(keyword: &[u8], argument: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([keyword, argument, b"\r\n"].concat())
}

fn is_ok(answer: &[u8]) -> bool {
    Status::of_line(answer) == Status::Ok
}

pub(super) async fn answer(conn: &mut Conn) -> Result<Vec<u8>, LoginError> {
    status_line(read_line(conn, REPLY_LINE_MAX).await?)
}

/// Nothing may be there before it was asked for: it would pass for the answer.
pub(super) fn unasked(conn: &Conn) -> Result<(), LoginError> {
    if conn.input.is_empty() {
        Ok(())
    } else {
        Err(LoginError::Unasked)
    }
}

/// What is neither `+OK` nor `-ERR` is no answer, and must not reach a client as one.
fn status_line(line: Vec<u8>) -> Result<Vec<u8>, LoginError> {
    match Status::of_line(&line) {
        Status::Ok | Status::Err => Ok(line),
        Status::Continue | Status::Other => Err(no_status(&line).into()),
    }
}
