//! What a TCP connection knows of its peer.

use super::{Io, send_queue};
use crate::limits::{KEEPALIVE, KEEPALIVE_HARD, KeepAlive};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use tokio::net::TcpStream;

impl Io for TcpStream {
    fn unacknowledged(&self) -> usize {
        send_queue::unacknowledged(self.as_fd())
    }

    fn may_have_arrived(&self) -> bool {
        // Not recv with MSG_PEEK, which takes an error: the read behind it would find a mere end.
        let mut socket = [PollFd::new(self, PollFlags::IN)];
        let now = Timespec::default();
        poll(&mut socket, Some(&now)) != Ok(0)
    }

    fn probe_hard(&self, hard: bool) {
        let how = if hard { KEEPALIVE_HARD } else { KEEPALIVE };
        // It fails only on a connection that is already gone, which the next read tells.
        let _ = probe(self, how);
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.peer_addr().ok()
    }

    fn reset_on_close(&self) {
        // With no time to linger close(2) sends RST and drops what is unsent. It fails where the
        // connection is gone.
        let _ = self.set_zero_linger();
    }
}

/// Makes a connection ready, or a listener whose connections inherit it: small writes leave at
/// once, and a dead peer is found.
///
/// # Errors
/// The connection is gone already.
pub(super) fn prepare(socket: &impl AsFd) -> io::Result<()> {
    send_at_once(socket)?;
    probe(socket, KEEPALIVE)
}

/// Nagle would hold a short line back until the last one is acknowledged.
///
/// # Errors
/// The connection is gone already.
pub(super) fn send_at_once(socket: &impl AsFd) -> io::Result<()> {
    SockRef::from(socket).set_tcp_nodelay(true)
}

fn probe(socket: &impl AsFd, how: KeepAlive) -> io::Result<()> {
    let socket = SockRef::from(socket);
    let keepalive = TcpKeepalive::new()
        .with_time(how.idle)
        .with_interval(how.interval)
        .with_retries(how.retries);
    socket.set_tcp_keepalive(&keepalive)?;
    // Keep-alive probes silent connections alone: octets under way need a bound of their own.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(how.user_timeout))?;
    Ok(())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use crate::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
        (near.unwrap(), far.unwrap().0)
    }

    /// Writes until the far side's kernel takes no more.
    fn stuff(stream: &TcpStream) -> usize {
        let chunk = [b'x'; 64 * 1024];
        let mut written = 0;
        while let Ok(n) = stream.try_write(&chunk) {
            written += n;
        }
        written
    }

    async fn until(holds: impl Fn() -> bool) {
        let wait = async {
            while !holds() {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(10), wait).await.unwrap();
    }

    #[tokio::test]
    async fn bytes_count_until_the_peer_has_taken_them() {
        let (near, mut far) = pair().await;
        assert_eq!(near.unacknowledged(), 0);
        near.writable().await.unwrap();
        let written = stuff(&near);
        assert!(near.unacknowledged() > 0, "of {written}");
        let mut sink = vec![0; written];
        far.read_exact(&mut sink).await.unwrap();
        until(|| near.unacknowledged() == 0).await;
    }

    #[tokio::test]
    async fn what_has_arrived_is_known_and_stays_unread() {
        let (mut near, mut far) = pair().await;
        assert!(!near.may_have_arrived());
        far.write_all(b"x").await.unwrap();
        until(|| near.may_have_arrived()).await;
        assert!(near.may_have_arrived());
        assert_eq!(near.read(&mut [0; 2]).await.unwrap(), 1);
        assert!(!near.may_have_arrived());
        drop(far);
        until(|| near.may_have_arrived()).await;
        assert_eq!(near.read(&mut [0]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_reset_that_has_arrived_is_known_and_still_one_where_it_is_read() {
        let (mut near, far) = pair().await;
        far.reset_on_close();
        drop(far);
        until(|| near.may_have_arrived()).await;
        assert!(near.may_have_arrived());
        let error = near.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn a_fin_counts_as_one_byte() {
        let (mut near, mut far) = pair().await;
        near.writable().await.unwrap();
        stuff(&near);
        until(|| {
            let before = near.unacknowledged();
            std::thread::yield_now();
            before == near.unacknowledged()
        })
        .await;
        let before = near.unacknowledged();
        near.shutdown().await.unwrap();
        assert_eq!(near.unacknowledged(), before + 1);
        far.read_to_end(&mut Vec::new()).await.unwrap();
        until(|| near.unacknowledged() == 0).await;
    }

    #[tokio::test]
    async fn probing_hard_finds_a_dead_peer_in_fifteen_seconds() {
        let (near, _far) = pair().await;
        let socket = SockRef::from(&near);
        near.probe_hard(true);
        let KeepAlive {
            idle,
            interval,
            retries,
            ..
        } = KEEPALIVE_HARD;
        assert_eq!(socket.tcp_keepalive_time().unwrap(), idle);
        assert!(idle + interval * retries <= Duration::from_secs(15));
        let bound = socket.tcp_user_timeout().unwrap();
        assert_eq!(bound, Some(Duration::from_secs(15)));
        near.probe_hard(false);
        let bound = socket.tcp_user_timeout().unwrap();
        assert_eq!(bound, Some(KEEPALIVE.user_timeout));
        assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE.idle);
    }

    #[tokio::test]
    async fn a_reset_close_is_seen_as_a_reset() {
        let (near, mut far) = pair().await;
        near.reset_on_close();
        drop(near);
        let error = far.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
}
