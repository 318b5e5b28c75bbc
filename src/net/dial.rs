//! TCP connections to backends.

use super::{BoxFuture, Dial, Io, socket};
use crate::limits::CONNECT_ADDRESS;
use std::io;
use std::net::SocketAddr;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// Dials by TCP. Names are looked up anew each time: a backend may move.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpDial;

impl Dial for TcpDial {
    /// Tries every address of the name in the system's order; the error names the last one.
    fn dial<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        Box::pin(async move {
            let addresses = lookup_host(address).await?;
            let stream = first_that_answers(addresses).await?;
            socket::send_at_once(&stream)?;
            Ok(Box::new(stream) as Box<dyn Io>)
        })
    }
}

/// Whether we could not even try: this process or this system has run out of something, which
/// says nothing of the backend.
#[must_use]
pub fn is_own_shortage(error: &io::Error) -> bool {
    let short_of = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
    error
        .raw_os_error()
        .is_some_and(|code| short_of.contains(&code))
}

async fn first_that_answers(addresses: impl Iterator<Item = SocketAddr>) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        // Each has a bound of its own: a dead address must not use up the time of the next.
        match timeout(CONNECT_ADDRESS, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            // The next address would fail as well, and hide the reason.
            Ok(Err(error)) if is_own_shortage(&error) => return Err(error),
            Ok(Err(error)) => last = io::Error::new(error.kind(), format!("{error} ({address})")),
            Err(_) => {
                let what = format!("no answer in {CONNECT_ADDRESS:?} ({address})");
                last = io::Error::new(io::ErrorKind::TimedOut, what);
            }
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn goes_on_to_the_next_address() {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dead = gone.local_addr().unwrap();
        drop(gone);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let alive = listener.local_addr().unwrap();
        let stream = first_that_answers([dead, alive].into_iter()).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), alive);
        let error = first_that_answers([dead].into_iter()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(error.to_string().contains(&dead.to_string()), "{error}");
    }

    #[tokio::test]
    async fn dials_host_and_port() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let (dialed, accepted) = tokio::join!(TcpDial.dial(&address), listener.accept());
        assert!(dialed.is_ok() && accepted.is_ok());
    }
}
