use super::*;
use crate::pop3::line::take_line;
use crate::time::Instant;
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

const IN_USE: &str = "-ERR [IN-USE] Unable to lock maildrop: Mailbox is locked by POP server";

/// A client that is in memory.
struct TestClient {
    io: DuplexStream,
    input: BytesMut,
}

impl TestClient {
    async fn new(server: &Arc<DemoServer>) -> Self {
        let (near, far) = tokio::io::duplex(1 << 16);
        tokio::spawn(Arc::clone(server).serve_connection(far));
        let mut client = Self {
            io: near,
            input: BytesMut::new(),
        };
        assert!(client.line().await.starts_with("+OK"));
        client
    }

    async fn write(&mut self, octets: &str) {
        self.io.write_all(octets.as_bytes()).await.unwrap();
    }

    /// The next line, without blanks at its end; empty at EOF.
    async fn line(&mut self) -> String {
        loop {
            if let Some(line) = take_line(&mut self.input, 1 << 16).unwrap() {
                let line = String::from_utf8(line.to_vec()).unwrap();
                return line.trim_end().to_owned();
            }
            if !matches!(self.io.read_buf(&mut self.input).await, Ok(1..)) {
                return String::new();
            }
        }
    }

    async fn ask(&mut self, command: &str) -> String {
        self.write(&format!("{command}\r\n")).await;
        self.line().await
    }

    async fn log_in(&mut self) -> String {
        self.ask("USER ann").await;
        self.ask("PASS open sesame").await
    }

    async fn quit(mut self) {
        assert!(self.ask("QUIT").await.starts_with("+OK"));
        assert_eq!(self.line().await, "", "closed");
    }

    /// Leaves without QUIT, and waits until the server has seen it.
    async fn vanish(mut self) {
        self.io.shutdown().await.unwrap();
        assert_eq!(self.line().await, "", "closed");
    }
}

fn server(change: impl FnOnce(&mut DemoOptions)) -> Arc<DemoServer> {
    let mut options = DemoOptions {
        users: vec![("ann".to_owned(), Secret::new(b"open sesame".to_vec()))],
        messages: vec![
            b"A: b\r\n\r\n.x\r\n".to_vec(),
            b"C: d\r\n\r\ny\r\n".to_vec(),
        ],
        ..DemoOptions::default()
    };
    change(&mut options);
    DemoServer::new(options)
}

#[tokio::test(start_paused = true)]
async fn a_second_session_is_refused_until_the_first_has_ended() {
    let server = server(|_| ());
    let (mut a, mut b) = (
        TestClient::new(&server).await,
        TestClient::new(&server).await,
    );
    assert!(a.log_in().await.starts_with("+OK"));
    assert_eq!(b.log_in().await, IN_USE);
    a.quit().await;
    assert!(b.log_in().await.starts_with("+OK"), "still open, now free");
    b.vanish().await;
    let log = server.log();
    assert_eq!(
        (log.refusals(), log.overlaps(), log.max_overlap("ann")),
        (1, 0, 1)
    );
    assert_eq!(
        log.sessions().map(|s| s.quit).collect::<Vec<_>>(),
        [true, false]
    );
}

#[tokio::test(start_paused = true)]
async fn the_refusal_and_what_follows_can_be_chosen() {
    let server = server(|options| {
        options.refusal = "-ERR Maildrop lock busy".to_owned();
        options.close_after_refusal = true;
    });
    let (mut a, mut b) = (
        TestClient::new(&server).await,
        TestClient::new(&server).await,
    );
    a.log_in().await;
    assert_eq!(b.log_in().await, "-ERR Maildrop lock busy");
    assert_eq!(b.line().await, "", "closed");
}

#[tokio::test(start_paused = true)]
async fn a_lock_lingers_as_long_as_told() {
    let server = server(|options| options.linger = Duration::from_secs(3));
    let mut a = TestClient::new(&server).await;
    a.log_in().await;
    a.vanish().await;
    let mut b = TestClient::new(&server).await;
    tokio::time::advance(Duration::from_millis(2_999)).await;
    assert_eq!(b.log_in().await, IN_USE);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(b.log_in().await.starts_with("+OK"));
    assert_eq!(
        server.log().handovers().collect::<Vec<_>>(),
        [Duration::from_secs(3)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_lock_records_overlaps() {
    let server = server(|options| options.locking = false);
    let (mut a, mut b) = (
        TestClient::new(&server).await,
        TestClient::new(&server).await,
    );
    a.log_in().await;
    assert!(b.log_in().await.starts_with("+OK"));
    assert_eq!(
        (server.log().overlaps(), server.log().max_overlap("ann")),
        (1, 2)
    );
}

#[tokio::test(start_paused = true)]
async fn a_login_takes_its_delay() {
    let server = server(|options| options.login_delay = Duration::from_secs(12));
    let mut a = TestClient::new(&server).await;
    let before = Instant::now();
    a.log_in().await;
    assert_eq!(before.elapsed(), Duration::from_secs(12));
}

#[tokio::test(start_paused = true)]
async fn deletions_are_done_at_quit_and_never_without() {
    let server = server(|_| ());
    let mut a = TestClient::new(&server).await;
    a.log_in().await;
    a.ask("DELE 1").await;
    a.vanish().await;
    assert_eq!(server.message_count("ann"), 2);
    let mut a = TestClient::new(&server).await;
    a.log_in().await;
    a.write("DELE 1\r\nQUIT\r\n").await;
    a.io.shutdown().await.unwrap();
    while !a.line().await.is_empty() {}
    assert_eq!(
        (server.message_count("ann"), server.log().counts().deleted),
        (1, 1)
    );
    let mut a = TestClient::new(&server).await;
    a.log_in().await;
    assert_eq!(a.ask("UIDL 1").await, "+OK 1 demo-000002");
}

#[tokio::test(start_paused = true)]
async fn pipelined_commands_are_answered_in_order() {
    let server = server(|_| ());
    let mut a = TestClient::new(&server).await;
    a.write("USER ann\r\nPASS open sesame\nSTAT\r\nRETR 1\r\nNOOP\r\nQUIT\r\n")
        .await;
    let mut text = String::new();
    a.io.read_to_string(&mut text).await.unwrap();
    let replies = "+OK\r\n+OK Maildrop has 2 messages\r\n+OK 2 23\r\n+OK 12 octets\r\n\
                   A: b\r\n\r\n..x\r\n.\r\n+OK\r\n+OK Bye, 0 messages deleted\r\n";
    assert_eq!(text, replies);
}

#[tokio::test(start_paused = true)]
async fn one_octet_at_a_time_is_the_same() {
    let server = server(|_| ());
    let mut a = TestClient::new(&server).await;
    for octet in "user ann\r\npass open sesame\r\nquit\r\n"
        .split("")
        .filter(|o| !o.is_empty())
    {
        a.write(octet).await;
        tokio::task::yield_now().await;
    }
    let mut text = String::new();
    a.io.read_to_string(&mut text).await.unwrap();
    assert!(text.ends_with("+OK Bye, 0 messages deleted\r\n"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn auth_plain_works_in_both_forms_and_can_be_cancelled() {
    let server = server(|_| ());
    let right = "AGFubgBvcGVuIHNlc2FtZQ==";
    let mut a = TestClient::new(&server).await;
    assert_eq!(a.ask("AUTH PLAIN").await, "+");
    assert!(a.ask("*").await.starts_with("-ERR"));
    assert_eq!(a.ask("AUTH PLAIN").await, "+");
    assert!(a.ask(right).await.starts_with("+OK"));
    a.quit().await;
    let mut b = TestClient::new(&server).await;
    assert_eq!(
        b.ask("AUTH PLAIN AGFubgBvcGVu").await,
        "-ERR [AUTH] Authentication failed"
    );
    assert!(
        b.ask(&format!("AUTH PLAIN {right}"))
            .await
            .starts_with("+OK")
    );
    assert_eq!(server.log().counts().auth_failures, 1);
}

#[tokio::test(start_paused = true)]
async fn auth_plain_opens_nobody_elses_maildrop() {
    let server = server(|_| ());
    let mut a = TestClient::new(&server).await;
    // bob, by ann and her password.
    assert_eq!(
        a.ask("AUTH PLAIN Ym9iAGFubgBvcGVuIHNlc2FtZQ==").await,
        "-ERR [AUTH] Authentication failed"
    );
    assert_eq!(server.log().counts().logins, 0);
}

#[tokio::test(start_paused = true)]
async fn only_named_users_come_in_unless_any_may() {
    let strict = server(|_| ());
    let mut a = TestClient::new(&strict).await;
    a.ask("USER bob").await;
    assert_eq!(a.ask("PASS x").await, "-ERR [AUTH] Authentication failed");
    let open = server(|options| options.any_user = true);
    let mut a = TestClient::new(&open).await;
    a.ask("USER bob").await;
    assert!(a.ask("PASS x").await.starts_with("+OK"));
}

#[tokio::test(start_paused = true)]
async fn what_capa_does_not_list_is_not_done() {
    let server = server(|options| options.capabilities = vec!["USER".to_owned()]);
    let mut a = TestClient::new(&server).await;
    assert_eq!(a.ask("CAPA").await, "+OK");
    assert_eq!(
        (a.line().await, a.line().await),
        ("USER".to_owned(), ".".to_owned())
    );
    a.log_in().await;
    assert_eq!(a.ask("UIDL").await, "-ERR Unknown command");
    assert!(a.ask("STAT").await.starts_with("+OK 2"));
}

#[tokio::test(start_paused = true)]
async fn endless_lines_and_silence_end_the_connection() {
    let server = server(|_| ());
    let mut a = TestClient::new(&server).await;
    a.write(&"x".repeat(20_000)).await;
    assert_eq!(a.line().await, "-ERR Line too long");
    assert_eq!(a.line().await, "", "closed");
    let mut b = TestClient::new(&server).await;
    b.log_in().await;
    let before = Instant::now();
    assert_eq!(b.line().await, "", "closed");
    assert_eq!(before.elapsed(), Duration::from_secs(600));
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_task_is_dropped_leaves_the_maildrop() {
    let server = server(|_| ());
    let (mut near, far) = tokio::io::duplex(4096);
    let task = tokio::spawn(Arc::clone(&server).serve_connection(far));
    near.write_all(b"USER ann\r\nPASS open sesame\r\n")
        .await
        .unwrap();
    while server.log().counts().logins == 0 {
        tokio::task::yield_now().await;
    }
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert!(server.log().sessions().all(|s| s.end.is_some() && !s.quit));
    assert!(
        TestClient::new(&server)
            .await
            .log_in()
            .await
            .starts_with("+OK")
    );
}

#[tokio::test]
async fn it_serves_tcp_until_it_is_stopped() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (server, stop) = (server(|_| ()), CancellationToken::new());
    let serving = tokio::spawn(Arc::clone(&server).serve(listener, stop.clone()));
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket
        .write_all(b"USER ann\r\nPASS open sesame\r\nQUIT\r\n")
        .await
        .unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).await.unwrap();
    assert_eq!(text.lines().count(), 4);
    stop.cancel();
    serving.await.unwrap();
}
