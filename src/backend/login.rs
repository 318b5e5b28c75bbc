//! Giving a login to a backend: by USER and PASS, or by AUTH PLAIN.
//!
//! Every octet that goes out here popgate writes itself. A name or password with a line end in it
//! goes as base64 or not at all.

use super::lines::{LineError, is_silent, no_status, read_status};
use crate::limits::{BACKEND_BUFFER_MAX, BACKEND_LINE_MAX, EOF_AFTER_NOISE, REPLY_LINE_MAX};
use crate::net::conn::Conn;
use crate::pop3::capability::Capabilities;
use crate::pop3::reply::{Status, is_challenge};
use crate::pop3::sasl::{Credentials, Mechanism, plain_response};
use crate::secret::Secret;
use std::future::poll_fn;
use std::task::Poll;
use tokio::time::timeout;
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
    /// The backend has no way in for this login.
    #[error("the backend does not offer SASL PLAIN, which this login needs: {0}")]
    NoPlain(#[from] NeedsPlain),
    /// A line came that answers nothing. Counted as an answer it would move all that follow: the
    /// one to USER would be taken for the one to PASS.
    #[error("the backend spoke before it was asked")]
    Unasked,
    /// Whoever gives the password may not give it any more: nothing of it was written.
    #[error("the password may not be given any more")]
    NotAllowed,
    /// It got the password and ended the connection instead of answering: a refusal without
    /// words, as of pop.aol.com. What it sent before that was no reply.
    #[error("the backend {0}")]
    ClosedAtPass(LineError),
}

impl LoginError {
    /// Whether the connection ended, and nothing came before: it may have been dead already.
    #[must_use]
    pub fn is_a_bare_end(&self) -> bool {
        matches!(
            self,
            Self::ClosedAtPass(LineError::Closed | LineError::Io(_))
        )
    }
}

/// By which commands a login goes to a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// USER and PASS (RFC 1939 section 7).
    UserPass,
    /// AUTH PLAIN (RFC 5034).
    Plain,
}

/// Why USER and PASS cannot say a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NeedsPlain {
    /// They have no room for the name of another's maildrop.
    #[error("it is for another's maildrop")]
    AnothersMaildrop,
    /// A line end would end the command.
    #[error("its name or password holds a line end")]
    LineEnd,
}

/// How a backend with these capabilities is told a login: as it came, where the backend lists that.
///
/// # Errors
/// Only PLAIN can say it, and the backend does not list PLAIN.
pub fn form(credentials: &Credentials, capabilities: &Capabilities) -> Result<Form, NeedsPlain> {
    if capabilities
        .sasl
        .iter()
        .any(|mechanism| mechanism.eq_ignore_ascii_case("PLAIN"))
    {
        let wants_plain = needs_plain(credentials).is_some()
            || !capabilities.user
            || is_better_said_by_plain(credentials);
        return Ok(if wants_plain {
            Form::Plain
        } else {
            Form::UserPass
        });
    }
    needs_plain(credentials).map_or(Ok(Form::UserPass), Err)
}

fn needs_plain(credentials: &Credentials) -> Option<NeedsPlain> {
    if credentials.is_anothers {
        Some(NeedsPlain::AnothersMaildrop)
    } else if !credentials.fit_lines() {
        Some(NeedsPlain::LineEnd)
    } else {
        None
    }
}

/// A client that came by USER and PASS may know a server that takes longer lines than it must, up
/// to what servers are known to take; one that sent base64 does not know that it becomes such a
/// line.
fn is_better_said_by_plain(credentials: &Credentials) -> bool {
    let user = credentials.user.as_bytes();
    let password = credentials.password.expose();
    let line = user.len().max(password.len()) + b"PASS \r\n".len();
    match credentials.by {
        Some(Mechanism::Plain) => true,
        Some(Mechanism::Login) => line > BACKEND_LINE_MAX,
        None => line > BACKEND_BUFFER_MAX,
    }
}

/// Logs in and returns the backend's answer, `+OK` or `-ERR`: its last status line, without the
/// line end.
///
/// `giver` is asked before the password is written, and told when it has been. With PIPELINING the
/// name and the password go in one segment; else the password waits for the answer to the name.
///
/// # Errors
/// When the backend gives no answer. Only [`LoginError::ClosedAtPass`] says something of the
/// password.
pub async fn log_in(
    conn: &mut Conn,
    credentials: &Credentials,
    capabilities: &Capabilities,
    giver: &mut impl GivesPassword,
) -> Result<Vec<u8>, LoginError> {
    let mut noting = Noting {
        giver,
        is_given: false,
    };
    let answer = give(conn, credentials, capabilities, &mut noting).await;
    match answer {
        Err(error) if noting.is_given => Err(unanswered(conn, error).await),
        answer => answer,
    }
}

/// Who gives a password to a backend.
pub trait GivesPassword {
    /// Whether it may be written now. It is asked right before, with no await between.
    fn may_give(&mut self) -> bool;

    /// It was written.
    fn given(&mut self);
}

/// One who only wants to hear of it.
impl<F: FnMut()> GivesPassword for F {
    fn may_give(&mut self) -> bool {
        true
    }

    fn given(&mut self) {
        self();
    }
}

/// Keeps that the password was given.
struct Noting<'a, G> {
    giver: &'a mut G,
    is_given: bool,
}

impl<G: GivesPassword> Noting<'_, G> {
    /// Writes octets that hold the password.
    async fn write(&mut self, conn: &mut Conn, octets: &[u8]) -> Result<(), LoginError> {
        if !self.giver.may_give() {
            return Err(LoginError::NotAllowed);
        }
        conn.write_all(octets).await?;
        self.is_given = true;
        self.giver.given();
        Ok(())
    }
}

/// What an error behind the password means. Some send a blank line, or what their dying process
/// said, before they close.
async fn unanswered(conn: &mut Conn, error: LoginError) -> LoginError {
    match error {
        LoginError::Line(error @ (LineError::Closed | LineError::Io(_))) => {
            LoginError::ClosedAtPass(error)
        }
        LoginError::Io(error) => LoginError::ClosedAtPass(error.into()),
        LoginError::Line(noise) => {
            // A server that echoes would put the password into the log.
            let noise = noise.without_words();
            match timeout(EOF_AFTER_NOISE, conn.drain_to_end()).await {
                Ok(_) => LoginError::ClosedAtPass(noise),
                Err(_) => noise.into(),
            }
        }
        error => error,
    }
}

async fn give(
    conn: &mut Conn,
    credentials: &Credentials,
    capabilities: &Capabilities,
    password: &mut Noting<'_, impl GivesPassword>,
) -> Result<Vec<u8>, LoginError> {
    let open = still_open(conn).await;
    // What stands behind the greeting answers no command: it would pass for the answer to USER,
    // and the answer to USER for the one to PASS. An error there refuses the connection.
    if Status::of_first_line(&conn.input) == Status::Err {
        return answer(conn).await;
    }
    open?;
    conn.input.clear();
    if form(credentials, capabilities)? == Form::Plain {
        return auth_plain(conn, credentials, password).await;
    }
    let user = command(b"USER ", credentials.user.as_bytes());
    let pass = command(b"PASS ", credentials.password.expose());
    if capabilities.pipelining {
        let both = Zeroizing::new([user.as_slice(), pass.as_slice()].concat());
        password.write(conn, &both).await?;
        let to_user = answer(conn).await?;
        // Where USER is refused, the answer to PASS stays unread: the connection is closed next.
        return if is_ok(&to_user) {
            answer(conn).await
        } else {
            Ok(to_user)
        };
    }
    conn.write_all(&user).await?;
    let to_user = answer(conn).await?;
    if !is_ok(&to_user) {
        return Ok(to_user);
    }
    still_open(conn).await?;
    unasked(conn)?;
    password.write(conn, &pass).await?;
    answer(conn).await
}

/// AUTH PLAIN with an initial response (RFC 5034 section 4), where that leaves the line short
/// enough. A backend of RFC 1734 does not know that one, and asks for it.
async fn auth_plain(
    conn: &mut Conn,
    credentials: &Credentials,
    password: &mut Noting<'_, impl GivesPassword>,
) -> Result<Vec<u8>, LoginError> {
    let response = plain_response(credentials);
    let at_once = command(b"AUTH PLAIN ", response.expose());
    if at_once.len() > BACKEND_LINE_MAX {
        return auth_plain_when_asked(conn, &response, password).await;
    }
    password.write(conn, &at_once).await?;
    let line = read_status(conn).await?;
    if !is_challenge(&line) {
        return status_line(line);
    }
    conn.write_all(&command(b"", response.expose())).await?;
    answer(conn).await
}

/// The response as a line of its own. `+OK` before it lets nobody in: no password was given.
async fn auth_plain_when_asked(
    conn: &mut Conn,
    response: &Secret,
    password: &mut Noting<'_, impl GivesPassword>,
) -> Result<Vec<u8>, LoginError> {
    conn.write_all(b"AUTH PLAIN\r\n").await?;
    let line = read_status(conn).await?;
    if Status::of_line(&line) == Status::Err {
        return Ok(line);
    }
    if !is_challenge(&line) {
        return Err(no_status(&line).into());
    }
    unasked(conn)?;
    let response = command(b"", response.expose());
    password.write(conn, &response).await?;
    answer(conn).await
}

fn command(keyword: &[u8], argument: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([keyword, argument, b"\r\n"].concat())
}

fn is_ok(answer: &[u8]) -> bool {
    Status::of_line(answer) == Status::Ok
}

pub(super) async fn answer(conn: &mut Conn) -> Result<Vec<u8>, LoginError> {
    status_line(read_status(conn).await?)
}

/// No line may be there before it was asked for: it would pass for the answer.
pub(super) fn unasked(conn: &mut Conn) -> Result<(), LoginError> {
    if is_silent(conn) {
        Ok(())
    } else {
        Err(LoginError::Unasked)
    }
}

/// Takes in what the backend has sent and done up to now. One that has closed before it got the
/// password judges none, and does not get it.
async fn still_open(conn: &mut Conn) -> Result<(), LineError> {
    conn.catch_up().await;
    while conn.input.len() < REPLY_LINE_MAX {
        match poll_fn(|cx| Poll::Ready(conn.poll_fill(cx, REPLY_LINE_MAX))).await {
            Poll::Pending => return Ok(()),
            Poll::Ready(Ok(0)) => return Err(LineError::Closed),
            Poll::Ready(octets) => octets.map(drop)?,
        }
    }
    Ok(())
}

/// What is neither `+OK` nor `-ERR` is no answer, and must not reach a client as one.
fn status_line(line: Vec<u8>) -> Result<Vec<u8>, LoginError> {
    match Status::of_line(&line) {
        Status::Ok | Status::Err => Ok(line),
        Status::Continue | Status::Other => Err(no_status(&line).into()),
    }
}

#[cfg(test)]
mod tests;
