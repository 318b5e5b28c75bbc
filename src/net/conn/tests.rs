use super::*;
use crate::limits::TLS_UNSENT_MAX;
use crate::net::TlsFiles;
use crate::net::tls::authority::Authority;
use crate::time::Duration;
use rustls::HandshakeKind;
use std::pin::pin;
use tokio::io::AsyncReadExt;
use tokio::io::{DuplexStream, duplex};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(1);

fn conn() -> (Conn, DuplexStream) {
    let (near, far) = duplex(64 * 1024);
    (Conn::plain(Box::new(near)), far)
}

struct Tls {
    files: TlsFiles,
    acceptor: Acceptor,
    connector: Connector,
    _authority: Authority,
}

impl Tls {
    fn new() -> Self {
        let authority = Authority::new();
        let files = TlsFiles {
            default: authority.files(&["pop.example.com"]),
            hosts: Vec::new(),
        };
        Self {
            acceptor: Acceptor::load(&files).unwrap(),
            connector: Connector::new(Some(&authority.file()), "pop.example.com", true).unwrap(),
            files,
            _authority: authority,
        }
    }

    /// The client's side and the server's side.
    async fn pair(&self) -> (Conn, Conn) {
        let (near, far) = conn();
        let far = Conn::plain(Box::new(far));
        let pair = tokio::join!(
            near.connect_tls(&self.connector),
            far.accept_tls(&self.acceptor)
        );
        (pair.0.unwrap(), pair.1.unwrap())
    }
}

#[tokio::test]
async fn fill_appends_and_tells_the_end() {
    let (mut conn, mut far) = conn();
    far.write_all(b"+OK\r\n").await.unwrap();
    assert_eq!(conn.fill_at_most(2).await.unwrap(), 2);
    assert_eq!(&conn.input[..], b"+O");
    assert_eq!(conn.fill().await.unwrap(), 3);
    assert_eq!(&conn.input[..], b"+OK\r\n");
    drop(far);
    assert_eq!(conn.fill().await.unwrap(), 0);
    assert_eq!(&conn.input[..], b"+OK\r\n");
}

#[tokio::test(start_paused = true)]
async fn a_fill_that_is_dropped_loses_nothing() {
    let (mut conn, mut far) = conn();
    far.write_all(b"US").await.unwrap();
    conn.fill().await.unwrap();
    assert!(timeout(SOON, conn.fill()).await.is_err());
    far.write_all(b"ER").await.unwrap();
    conn.fill().await.unwrap();
    assert_eq!(&conn.input[..], b"USER");
}

#[tokio::test(start_paused = true)]
async fn waiting_for_bytes_holds_no_room_for_them() {
    let (mut conn, mut far) = conn();
    far.write_all(&[b'x'; 10_000]).await.unwrap();
    conn.fill().await.unwrap();
    let _ = conn.input.split_to(9_998);
    assert!(timeout(SOON, conn.fill()).await.is_err());
    assert!(!conn.input.try_reclaim(64), "{}", conn.input.capacity());
    conn.input.clear();
    assert!(timeout(SOON, conn.fill()).await.is_err());
    assert!(!conn.input.try_reclaim(1));
}

#[tokio::test]
async fn reading_it_as_a_stream_leaves_the_input_alone() {
    let (mut conn, mut far) = conn();
    far.write_all(b"ab").await.unwrap();
    conn.fill_at_most(1).await.unwrap();
    assert_eq!(conn.read_u8().await.unwrap(), b'b');
    assert_eq!(&conn.input[..], b"a");
}

#[tokio::test]
async fn the_end_of_tls_is_an_end_with_and_without_close_notify() {
    let tls = Tls::new();
    let (mut client, mut server) = tls.pair().await;
    server.shut().await;
    assert_eq!(client.fill().await.unwrap(), 0);

    let (mut client, server) = tls.pair().await;
    drop(server);
    assert_eq!(client.fill().await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn draining_goes_past_close_notify_to_the_end_of_the_connection() {
    let (mut client, mut server) = Tls::new().pair().await;
    server.write_all(b"+OK bye\r\n").await.unwrap();
    if let Stream::ServerTls(tls) = &mut server.stream {
        tls.stream.get_mut().1.send_close_notify();
        tls.stream.flush().await.unwrap();
    }
    assert!(timeout(SOON, client.drain_to_end()).await.is_err());
    drop(server);
    client.drain_to_end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn draining_waits_for_a_peer_that_still_talks() {
    let (mut conn, mut far) = conn();
    conn.shut().await;
    assert_eq!(far.read(&mut [0]).await.unwrap(), 0);
    far.write_all(&[b'x'; 20_000]).await.unwrap();
    assert!(timeout(SOON, conn.drain_to_end()).await.is_err());
    drop(far);
    conn.drain_to_end().await.unwrap();
}

#[tokio::test]
async fn a_client_that_comes_back_resumes_also_after_a_reload() {
    let mut tls = Tls::new();
    for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let (mut client, mut server) = tls.pair().await;
        let Stream::ServerTls(accepted) = &server.stream else {
            unreachable!("accept_tls gives a server's TLS");
        };
        let session = accepted.stream.get_ref().1;
        assert_eq!(session.handshake_kind(), Some(expected));
        // The ticket comes with the first bytes of the server.
        server.write_all(b"+OK\r\n").await.unwrap();
        client.fill().await.unwrap();
        tls.acceptor = tls.acceptor.renewed(&tls.files).unwrap();
    }
}

#[tokio::test]
async fn tls_takes_a_bounded_amount_ahead_of_a_client_that_does_not_read() {
    let (client, mut server) = Tls::new().pair().await;
    let chunk = [b'x'; 4 * TLS_UNSENT_MAX];
    let mut taken = 0;
    let mut write = pin!(poll_fn(|cx| {
        loop {
            match Pin::new(&mut server).poll_write(cx, &chunk) {
                Poll::Ready(written) => taken += written.unwrap(),
                Poll::Pending => return Poll::Ready(()),
            }
        }
    }));
    write.as_mut().await;
    let in_socket = 64 * 1024;
    assert!(taken <= in_socket + TLS_UNSENT_MAX, "{taken}");
    drop(client);
}

#[tokio::test]
async fn tls_twice_is_refused() {
    let tls = Tls::new();
    let (client, _server) = tls.pair().await;
    let error = client.connect_tls(&tls.connector).await.err().unwrap();
    assert!(matches!(error, TlsError::AlreadyTls));
}
