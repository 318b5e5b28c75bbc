//! The listing of a maildrop, asked by popgate itself right after a login.

use crate::backend::lines::{LineError, no_status, read_body, read_status};
use crate::gate::BackendConnection;
use crate::limits::LISTING_MAX;
use crate::net::conn::Conn;
use crate::pop3::listing::{DropListing, MaildropListing, NotWhole, ScanReader, UniqueIdReader};
use crate::pop3::reply::Status;
use tokio::time::timeout;

/// Why there is no listing; the backend's fault.
#[derive(Debug, thiserror::Error)]
pub(super) enum ListError {
    /// The connection is of no use any more.
    #[error("{0}")]
    Lost(#[from] LineError),
    /// It said nothing for too long.
    #[error("did not list the maildrop in time")]
    TooLate,
    /// The replies are no whole listing.
    #[error("what it lists is not whole")]
    NotWhole(NotWhole),
}

/// Asks STAT, LIST and UIDL on `connection`, which is logged in, within its `login_timeout`.
pub(super) async fn list(connection: &mut BackendConnection) -> Result<MaildropListing, ListError> {
    let within = connection.backend().options().login_timeout;
    let capabilities = connection.backend().capabilities_inside();
    let pipelining = capabilities.is_some_and(|listed| listed.pipelining);
    match timeout(within, ask(connection.conn(), pipelining)).await {
        Ok(listing) => listing,
        Err(_) => Err(ListError::TooLate),
    }
}

async fn ask(conn: &mut Conn, pipelining: bool) -> Result<MaildropListing, ListError> {
    if pipelining {
        write(conn, b"STAT\r\nLIST\r\nUIDL\r\n").await?;
    }
    let stat = status(conn, b"STAT\r\n", pipelining).await?;
    let stat = stat.and_then(|line| DropListing::parse(line.get(b"+OK".len()..)?).ok());
    let mut scan = ScanReader::default();
    let mut ids = UniqueIdReader::default();
    let listed = body(conn, b"LIST\r\n", pipelining, |line| scan.read(line)).await?;
    let named = body(conn, b"UIDL\r\n", pipelining, |line| ids.read(line)).await?;
    if !listed || !named || stat.is_none() {
        return Err(ListError::NotWhole(NotWhole::Unfinished));
    }
    MaildropListing::new(stat, scan, ids).map_err(ListError::NotWhole)
}

async fn write(conn: &mut Conn, octets: &[u8]) -> Result<(), LineError> {
    Ok(conn.write_all(octets).await?)
}

/// The status line of the reply to `command`; `None`: an error.
async fn status(
    conn: &mut Conn,
    command: &[u8],
    is_sent: bool,
) -> Result<Option<Vec<u8>>, LineError> {
    if !is_sent {
        write(conn, command).await?;
    }
    let line = read_status(conn).await?;
    match Status::of_line(&line) {
        Status::Ok => Ok(Some(line)),
        Status::Err => Ok(None),
        Status::Continue | Status::Other => Err(no_status(&line)),
    }
}

/// Reads the lines of the reply to `command`, the dot too. Says whether there were any.
async fn body(
    conn: &mut Conn,
    command: &[u8],
    is_sent: bool,
    mut read: impl FnMut(&[u8]),
) -> Result<bool, LineError> {
    if status(conn, command, is_sent).await?.is_none() {
        return Ok(false);
    }
    for line in read_body(conn, LISTING_MAX).await? {
        read(&[&line[..], b"\r\n"].concat());
    }
    read(b".\r\n");
    Ok(true)
}
