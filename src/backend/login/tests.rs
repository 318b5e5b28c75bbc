//! Over real sockets: what the kernel holds of a server and the runtime has not heard of, which
//! lines in memory cannot show.

use super::*;
use crate::ids::UserName;
use crate::net::Io;
use crate::time::{Duration, Instant};
use std::io::{self, Read, Write};
use std::net::{self, Shutdown, TcpListener};
use std::pin::Pin;
use std::task::Context;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// popgate's end, and a server that says its farewell and closes: at once, or when popgate has read
/// its answer to USER. The runtime has no turn between that and what popgate does next.
struct Leaving {
    near: TcpStream,
    far: net::TcpStream,
    farewell: &'static [u8],
}

impl Leaving {
    async fn new(farewell: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap());
        Self {
            near: near.await.unwrap(),
            far: listener.accept().unwrap().0,
            farewell,
        }
    }

    fn leaves(&mut self) {
        self.far.write_all(self.farewell).unwrap();
        self.far.shutdown(Shutdown::Write).unwrap();
        let began = Instant::now();
        // Where it never arrives, what the test expects fails.
        while !self.near.may_have_arrived() && began.elapsed() < Duration::from_secs(10) {
            std::thread::yield_now();
        }
    }
}

impl Io for Leaving {
    fn may_have_arrived(&self) -> bool {
        self.near.may_have_arrived()
    }
}

impl AsyncRead for Leaving {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.near).poll_read(cx, buf);
        if buf.filled() == b"+OK\r\n" {
            self.leaves();
        }
        read
    }
}

impl AsyncWrite for Leaving {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if buf == b"USER ann\r\n" {
            self.far.write_all(b"+OK\r\n").unwrap();
        }
        Pin::new(&mut self.near).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.near).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.near).poll_shutdown(cx)
    }
}

/// What comes of a login at this server, and what it was sent.
async fn log_in_at(server: Leaving, pipelining: bool) -> (Result<Vec<u8>, LoginError>, Vec<u8>) {
    let mut far = server.far.try_clone().unwrap();
    let mut conn = Conn::plain(Box::new(server));
    let user = UserName::new(b"ann");
    let credentials = Credentials::of_user(user, Secret::new(b"secret".to_vec()));
    let capabilities = Capabilities {
        pipelining,
        ..Capabilities::default()
    };
    let answer = log_in(&mut conn, &credentials, &capabilities, &mut || ()).await;
    drop(conn);
    let mut sent = Vec::new();
    far.read_to_end(&mut sent).unwrap();
    (answer, sent)
}

#[tokio::test]
async fn a_server_that_has_closed_a_moment_ago_does_not_get_the_password() {
    for pipelining in [true, false] {
        let mut server = Leaving::new(b"").await;
        server.leaves();
        let (answer, sent) = log_in_at(server, pipelining).await;
        assert!(matches!(answer, Err(LoginError::Line(LineError::Closed))));
        assert_eq!(sent, b"", "pipelining: {pipelining}");
    }
}

#[tokio::test]
async fn a_server_that_has_taken_its_leave_does_not_get_the_password() {
    for pipelining in [true, false] {
        let mut server = Leaving::new(b"-ERR bye\r\n").await;
        server.leaves();
        let (answer, sent) = log_in_at(server, pipelining).await;
        assert_eq!(answer.unwrap(), b"-ERR bye");
        assert_eq!(sent, b"", "pipelining: {pipelining}");
    }
}

#[tokio::test]
async fn a_server_that_has_closed_since_it_answered_user_does_not_get_the_password() {
    for farewell in [&b""[..], b"-ERR bye\r\n"] {
        let (answer, sent) = log_in_at(Leaving::new(farewell).await, false).await;
        assert!(matches!(answer, Err(LoginError::Line(LineError::Closed))));
        assert_eq!(sent, b"USER ann\r\n");
    }
}
