//! TCP listeners.

use super::{Accept, BoxFuture, Io};
use crate::limits::{ACCEPT_PAUSE_MAX, ACCEPT_PAUSE_MIN, LISTEN_BACKLOG};
use crate::time::{Duration, Instant};
use socket2::SockRef;
use std::fs::File;
use std::io;
use std::iter;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;

/// Costs nothing to hold open.
const SPARE: &str = "/dev/null";

/// A port that could not be had; the operator's to mend.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}{}", advice(.source, .address))]
pub struct BindError {
    /// The address asked for.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

/// What the operator can do about it.
fn advice(error: &io::Error, address: &SocketAddr) -> String {
    let port = address.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            let other = if address.is_ipv4() {
                format!("[::]:{port}, which takes IPv4 too")
            } else {
                format!("0.0.0.0:{port}, which [::]:{port} includes")
            };
            format!(
                "; another program has it (`ss -ltnp 'sport = :{port}'` says which), or a listener \
                 on {other}. If it is the mail server, move that server to another \
                 port first"
            )
        }
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need root or the capability CAP_NET_BIND_SERVICE".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => {
            "; no interface of this machine has this address".to_owned()
        }
        _ => String::new(),
    }
}

/// Accepts TCP connections on one address.
#[derive(Debug)]
pub struct TcpAccept {
    listener: TcpListener,
    pause: Duration,
    not_before: Option<Instant>,
    /// Given up to hear and end one connection where no descriptor is left.
    spare: Option<File>,
}

impl TcpAccept {
    /// Binds `address`; port 0 takes any free port. `[::]` takes IPv4 as well, where the system
    /// lets it.
    ///
    /// # Errors
    /// The system's, with the address and what to do about it.
    pub fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let listener = listen(address, PortSharing::None);
        listener
            .map(Self::over)
            .map_err(|source| BindError { address, source })
    }

    /// Binds `address` once for each of `runtimes`, among which the system distributes what comes;
    /// as [`TcpAccept::bind`] where there are none.
    ///
    /// # Errors
    /// As [`TcpAccept::bind`].
    pub fn bind_each(address: SocketAddr, runtimes: &[Handle]) -> Result<Vec<Self>, BindError> {
        let Some((first, others)) = runtimes.split_first() else {
            return Ok(vec![Self::bind(address)?]);
        };
        let of_first = match others {
            [] => PortSharing::None,
            _ => PortSharing::ToCome,
        };
        let bind = || {
            let first = listen_in(first, address, of_first)?;
            let bound = first.local_addr()?;
            let others = others
                .iter()
                .map(|runtime| listen_in(runtime, bound, PortSharing::There));
            match others.collect::<io::Result<Vec<_>>>() {
                Ok(others) => Ok(iter::once(first).chain(others).collect()),
                // A system that distributes nothing: one worker serves all.
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(vec![first]),
                Err(error) => Err(error),
            }
        };
        let listeners: io::Result<Vec<_>> = bind();
        let listeners = listeners.map_err(|source| BindError { address, source })?;
        Ok(listeners.into_iter().map(Self::over).collect())
    }

    fn over(listener: TcpListener) -> Self {
        Self {
            listener,
            pause: ACCEPT_PAUSE_MIN,
            not_before: None,
            spare: File::open(SPARE).ok(),
        }
    }

    /// Where it listens, with the port that it was given.
    ///
    /// # Errors
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    async fn next(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        if let Some(not_before) = self.not_before {
            tokio::time::sleep_until(not_before).await;
            self.not_before = None;
        }
        loop {
            match self.listener.accept().await {
                Ok(accepted) => {
                    self.pause = ACCEPT_PAUSE_MIN;
                    return Ok(accepted);
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    if !self.end_one() {
                        self.back_off();
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Ends the connection that is first in line, which would hang otherwise: its client hears an
    /// end, and nobody is kept behind it. Says whether it could.
    fn end_one(&mut self) -> bool {
        // `take` closes the file: its descriptor is what `accept` needs.
        if self.spare.take().is_none() {
            self.spare = File::open(SPARE).ok();
            return false;
        }
        // The listener is non-blocking, so this does not wait.
        let ended = SockRef::from(&self.listener).accept().map(drop).is_ok();
        self.spare = File::open(SPARE).ok();
        ended
    }

    /// The caller hears of the error at once; the next call waits a little, so that want of
    /// descriptors does not become a busy loop.
    fn back_off(&mut self) {
        self.not_before = Some(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(ACCEPT_PAUSE_MAX);
    }
}

impl Accept for TcpAccept {
    /// An error means that no connection can be had now, for want of descriptors or memory; the
    /// one that was to be had is ended, or the next call waits a little before it tries again.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(Box<dyn Io>, SocketAddr)>> {
        Box::pin(async {
            let (stream, peer) = self.next().await?;
            // Elsewhere it need not be as the listener is. A failure means that it is gone.
            #[cfg(not(target_os = "linux"))]
            let _ = super::socket::prepare(&stream);
            // A client of `[::]` that came by IPv4 is in the networks that IPv4 is in.
            let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
            Ok((Box::new(stream) as Box<dyn Io>, peer))
        })
    }
}

/// Whether a listener is the only one of ours at its address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PortSharing {
    None,
    /// Others are to come beside it.
    ToCome,
    /// It comes beside the first one.
    There,
}

fn listen_in(runtime: &Handle, address: SocketAddr, how: PortSharing) -> io::Result<TcpListener> {
    let _here = runtime.enter();
    listen(address, how)
}

fn listen(address: SocketAddr, how: PortSharing) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Connections of the process before us may still be in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    // On Linux a connection is born as its listener is: six calls saved for each.
    super::socket::prepare(&socket)?;
    if how == PortSharing::There {
        socket.set_reuseport(true)?;
    }
    socket.bind(address)?;
    let listener = socket.listen(LISTEN_BACKLOG)?;
    // Not before it listens: that must fail where another popgate has the port, which would get
    // a share of its clients otherwise, and whose locks it knows nothing of.
    if how == PortSharing::ToCome {
        SockRef::from(&listener).set_reuse_port(true)?;
    }
    Ok(listener)
}

/// Whether the error tells of one connection that was gone before it was accepted (accept(2)).
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, Interrupted,
        NetworkDown, NetworkUnreachable, TimedOut,
    };
    matches!(
        error.kind(),
        ConnectionAborted
            | ConnectionRefused
            | ConnectionReset
            | HostUnreachable
            | Interrupted
            | NetworkDown
            | NetworkUnreachable
            | TimedOut
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::KEEPALIVE;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::runtime::Builder;

    fn local() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    #[tokio::test]
    async fn accepts_and_names_the_peer() {
        let mut accept = TcpAccept::bind(local()).unwrap();
        let address = accept.local_addr().unwrap();
        let mut client = TcpStream::connect(address).await.unwrap();
        let (mut io, peer) = accept.accept().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        io.write_all(b"+OK").await.unwrap();
        let mut got = [0; 3];
        client.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"+OK");
    }

    #[tokio::test]
    async fn connections_are_born_ready() {
        let mut accept = TcpAccept::bind(local()).unwrap();
        let address = accept.local_addr().unwrap();
        let (_client, accepted) = tokio::join!(TcpStream::connect(address), accept.next());
        let (stream, _) = accepted.unwrap();
        assert!(stream.nodelay().unwrap());
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE.idle);
    }

    #[tokio::test]
    async fn an_ipv4_client_of_an_ipv6_port_has_its_ipv4_address() {
        let any = "[::]:0".parse().unwrap();
        // A machine without IPv6 cannot ask the question.
        let Ok(mut accept) = TcpAccept::bind(any) else {
            return;
        };
        let port = accept.local_addr().unwrap().port();
        let Ok(_client) = TcpStream::connect(("127.0.0.1", port)).await else {
            return;
        };
        let (_, peer) = accept.accept().await.unwrap();
        assert!(peer.is_ipv4(), "{peer}");
    }

    #[tokio::test]
    async fn a_taken_port_says_which_and_what_to_do() {
        let first = TcpAccept::bind(local()).unwrap();
        let address = first.local_addr().unwrap();
        let error = TcpAccept::bind(address).unwrap_err().to_string();
        assert!(error.contains(&address.to_string()), "{error}");
        assert!(error.contains("another program has it"), "{error}");
    }

    #[test]
    fn all_that_comes_goes_to_one_of_ours_and_to_no_other_gate() {
        let runtimes =
            [(); 2].map(|()| Builder::new_current_thread().enable_all().build().unwrap());
        let handles = runtimes.each_ref().map(|runtime| runtime.handle().clone());
        let ours = TcpAccept::bind_each(local(), &handles).unwrap();
        let address = ours[0].local_addr().unwrap();
        for runtimes in [&handles[..], &handles[..1]] {
            let error = TcpAccept::bind_each(address, runtimes).unwrap_err();
            assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);
        }
        let clients = [(); 64].map(|()| std::net::TcpStream::connect(address).unwrap());
        let taken = |accept: &TcpAccept| {
            let socket = SockRef::from(&accept.listener);
            iter::from_fn(|| socket.accept().ok()).count()
        };
        let shares = ours.iter().map(taken).collect::<Vec<_>>();
        assert_eq!(shares.iter().sum::<usize>(), clients.len());
        assert!(shares.iter().all(|share| *share > 0), "{shares:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn want_of_descriptors_slows_down_and_recovers() {
        let mut accept = TcpAccept::bind(local()).unwrap();
        for _ in 0..20 {
            accept.back_off();
        }
        assert_eq!(accept.pause, ACCEPT_PAUSE_MAX);
        let start = Instant::now();
        let address = accept.local_addr().unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(address), accept.next());
        assert!(client.is_ok() && accepted.is_ok());
        assert!(start.elapsed() >= ACCEPT_PAUSE_MAX);
        assert_eq!(accept.pause, ACCEPT_PAUSE_MIN);
    }
}
