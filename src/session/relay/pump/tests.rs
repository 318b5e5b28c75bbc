use super::*;
use crate::gate::Peer;
use crate::gate::{Kick, OpenSession, Sessions};
use crate::ids::{ListenerName, SessionId};
use crate::limits::{RELAY_BULK_CHUNK, RELAY_CHUNK, RELAY_ROUNDS};
use crate::net::{Io, TlsMode};
use crate::pop3::exchange::ExchangeOptions;
use crate::pop3::reply::ReplyTo;
use crate::program::Trace;
use crate::time::Moment;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex,
};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// A session in a registry, and both ends of its connections.
struct Scene {
    sessions: Sessions,
    session: OpenSession,
    client: Conn,
    backend: Conn,
    /// The mail program's end.
    program: DuplexStream,
    /// The server's end.
    server: DuplexStream,
}

impl Scene {
    fn new() -> Self {
        let sessions = Sessions::default();
        let peer = Arc::new(Peer {
            listener: ListenerName::new("pop3"),
            port: 110,
            tls: TlsMode::Off,
            client: "192.0.2.1:1".parse().unwrap(),
            trusted: false,
        });
        let opened = Moment {
            instant: Instant::now(),
            wall: jiff::Timestamp::UNIX_EPOCH,
        };
        let (client, program) = duplex(64 * 1024);
        let (backend, server) = duplex(64 * 1024);
        Self {
            session: sessions.open(&peer, opened),
            sessions,
            client: Conn::plain(Box::new(client)),
            backend: Conn::plain(Box::new(backend)),
            program,
            server,
        }
    }
}

fn exchange() -> Exchange {
    Exchange::new(
        ExchangeOptions {
            pipelining: true,
            capa_reply: b"+OK\r\n.\r\n".to_vec(),
            keeps_listing: false,
            asks_listing: false,
            shown: None,
        },
        Trace::default(),
    )
}

/// The next event; `None` where nothing happens for a second.
async fn next(pump: &mut Pump<'_, '_>) -> Option<PumpEvent> {
    let event = poll_fn(|task| pump.poll_event(task));
    timeout(Duration::from_secs(1), event).await.ok()
}

/// What has come to this end, all at once.
async fn heard(stream: &mut DuplexStream) -> String {
    let mut octets = [0; 1024];
    let read = stream.read(&mut octets).await.unwrap();
    String::from_utf8_lossy(&octets[..read]).into_owned()
}

#[tokio::test(start_paused = true)]
async fn replies_a_listing_and_the_end_are_told_each_in_its_turn() {
    let mut scene = Scene::new();
    let handle = Arc::clone(scene.session.handle());
    let mut pump = Pump::new(
        handle,
        &mut scene.client,
        &mut scene.backend,
        exchange(),
        Some(b"+OK in"),
    );
    scene.program.write_all(b"UIDL\r\nQUIT\r\n").await.unwrap();
    assert!(matches!(next(&mut pump).await, Some(PumpEvent::Updates)));
    assert!(next(&mut pump).await.is_none());
    assert_eq!(heard(&mut scene.server).await, "UIDL\r\n");
    let listing = b"+OK\r\n1 aa\r\n2 bb\r\n.\r\n";
    scene.server.write_all(listing).await.unwrap();
    let Some(PumpEvent::Replied(replied)) = next(&mut pump).await else {
        panic!("no reply");
    };
    assert_eq!(replied.len(), 1);
    assert_eq!(replied[0].to, ReplyTo::Uidl);
    let Some(PumpEvent::Listed(listing)) = next(&mut pump).await else {
        panic!("no listing");
    };
    assert_eq!(listing.messages, 2);
    assert!(next(&mut pump).await.is_none());
    assert_eq!(heard(&mut scene.server).await, "QUIT\r\n");
    scene.server.write_all(b"+OK bye\r\n").await.unwrap();
    assert!(matches!(next(&mut pump).await, Some(PumpEvent::Replied(_))));
    for _ in 0..2 {
        assert!(matches!(
            next(&mut pump).await,
            Some(PumpEvent::QuitAnswered)
        ));
    }
    let at_client = heard(&mut scene.program).await;
    assert!(at_client.starts_with("+OK in\r\n+OK\r\n"), "{at_client}");
    let view = scene.sessions.view(SessionId(1)).unwrap();
    let octets = (view.bytes_to_client, view.bytes_to_backend);
    assert_eq!(octets, (at_client.len() as u64, 12));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_rest_is_told_once() {
    let mut scene = Scene::new();
    let handle = Arc::clone(scene.session.handle());
    let mut pump = Pump::new(
        handle,
        &mut scene.client,
        &mut scene.backend,
        exchange(),
        Some(b"+OK in"),
    );
    assert!(next(&mut pump).await.is_none());
    pump.watch_for_traffic();
    scene.program.write_all(b"ST").await.unwrap();
    assert!(matches!(next(&mut pump).await, Some(PumpEvent::Resumed)));
    scene.program.write_all(b"AT\r\n").await.unwrap();
    assert!(next(&mut pump).await.is_none());
}

/// A stream that tells how many octets each read brings, before the reader has them.
struct Overheard {
    stream: DuplexStream,
    tell: Box<dyn Fn(usize) + Send + Sync>,
}

impl Io for Overheard {}

impl AsyncRead for Overheard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        chunk: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = chunk.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(task, chunk);
        (self.tell)(chunk.filled().len() - before);
        read
    }
}

impl AsyncWrite for Overheard {
    fn poll_write(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(task, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(task)
    }
}

#[tokio::test(start_paused = true)]
async fn quit_that_is_read_when_the_kick_has_come_stays_here() {
    let mut scene = Scene::new();
    let (stream, mut program) = duplex(1024);
    let sessions = scene.sessions.clone();
    // As another thread may do it.
    let kick = move |_| assert_eq!(sessions.kick(SessionId(1), None), Kick::Kicked);
    let mut client = Conn::plain(Box::new(Overheard {
        stream,
        tell: Box::new(kick),
    }));
    program.write_all(b"DELE 1\r\nQUIT\r\n").await.unwrap();
    let handle = Arc::clone(scene.session.handle());
    let mut pump = Pump::new(
        handle,
        &mut client,
        &mut scene.backend,
        exchange(),
        Some(b"+OK in"),
    );
    assert!(matches!(next(&mut pump).await, Some(PumpEvent::Updates)));
    assert!(matches!(next(&mut pump).await, Some(PumpEvent::Kicked)));
    drop(scene.backend);
    assert_eq!(heard(&mut scene.server).await, "");
}

/// A connection to a server with room for so much, the server's end, and what each read brings.
fn overheard(room: usize) -> (Conn, DuplexStream, mpsc::UnboundedReceiver<usize>) {
    let (stream, server) = duplex(room);
    let (reads, read) = mpsc::unbounded_channel();
    let tell = Box::new(move |octets| reads.send(octets).unwrap());
    let conn = Conn::plain(Box::new(Overheard { stream, tell }));
    (conn, server, read)
}

/// So many octets, the first of a mail.
fn beginning_of_a_mail(octets: usize) -> Vec<u8> {
    let mut reply = b"+OK\r\n".to_vec();
    reply.resize(octets, b'x');
    reply
}

#[tokio::test(start_paused = true)]
async fn a_turn_moves_so_much_of_a_body_and_then_others_have_theirs() {
    const REPLY: usize = 4 * RELAY_BULK_CHUNK;
    let scene = Scene::new();
    let (client, mut program) = duplex(REPLY);
    let mut client = Conn::plain(Box::new(client));
    let (mut backend, mut server, mut read) = overheard(REPLY);
    let handle = Arc::clone(scene.session.handle());
    let mut pump = Pump::new(handle, &mut client, &mut backend, exchange(), None);
    program.write_all(b"RETR 1\r\n").await.unwrap();
    assert!(next(&mut pump).await.is_none());
    let reply = beginning_of_a_mail(REPLY);
    server.write_all(&reply).await.unwrap();
    while read.try_recv().is_ok() {}
    while poll_fn(|task| Poll::Ready(pump.poll_event(task).is_ready())).await {}
    let mut moved = 0;
    while let Ok(octets) = read.try_recv() {
        moved += octets;
    }
    assert_eq!(moved, RELAY_ROUNDS * RELAY_CHUNK);
}

#[tokio::test(start_paused = true)]
async fn a_body_comes_in_large_reads_as_long_as_the_client_takes_all_of_them() {
    const REPLY: usize = 3 * RELAY_BULK_CHUNK;
    let mut scene = Scene::new();
    let (mut backend, mut server, mut read) = overheard(REPLY);
    let handle = Arc::clone(scene.session.handle());
    let mut pump = Pump::new(handle, &mut scene.client, &mut backend, exchange(), None);
    scene.program.write_all(b"RETR 1\r\n").await.unwrap();
    assert!(next(&mut pump).await.is_none());
    while read.try_recv().is_ok() {}
    let reply = beginning_of_a_mail(REPLY);
    server.write_all(&reply).await.unwrap();
    assert!(matches!(next(&mut pump).await, Some(PumpEvent::Replied(_))));
    // The way to the client holds the first one; the second one waits here.
    assert!(next(&mut pump).await.is_none());
    scene
        .program
        .read_exact(&mut [0; RELAY_BULK_CHUNK])
        .await
        .unwrap();
    assert!(next(&mut pump).await.is_none());
    for octets in [RELAY_BULK_CHUNK, RELAY_BULK_CHUNK, RELAY_CHUNK] {
        assert_eq!(read.try_recv(), Ok(octets));
    }
}
