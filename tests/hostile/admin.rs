//! Hostile clients of the admin port. The POP3 side must not notice them.

use crate::fire::{Figures, Gate, Setup, free_address, raise_open_files, serve};
use crate::regular::{Polls, Regular};
use crate::server;
use popgate::limits::{ADMIN_CONNECTIONS_MAX, ADMIN_HEAD_MAX, STREAM_READERS_MAX};
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const CROWD: usize = 10_000;

/// Two crowds at a time need more descriptors than this process may have.
static ONE_CROWD: Mutex<()> = Mutex::const_new(());

/// How long a crowd stays.
const SIEGE: Duration = Duration::from_secs(12);

/// What a whole poll takes where thousands of others come to this machine at that moment.
const GOOD_TIME: Duration = Duration::from_secs(4);

/// What an answer takes once the crowd has gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// Descriptors of others meanwhile: the regular's session and its backend's, one before that is
/// being ended, and the look at the backend.
const OTHERS: usize = 8;

/// Octets that a client tries to send as the head of one request.
const GIGABYTE: usize = 1 << 30;

async fn start() -> Gate {
    let (server, address) = (server(), free_address("127.0.0.1"));
    serve(&server, address).await;
    let config = format!(
        "[[backend]]\nname = \"honest\"\naddress = \"{address}\"\n\
         [defaults]\npolls = {{ enforce = \"off\" }}\n"
    );
    let setup = Setup {
        config: &config,
        admin: "token_file = \"admin.token\"",
        ..Setup::default()
    };
    Gate::start(setup).await
}

fn token(gate: &Gate) -> String {
    let text = fs::read_to_string(gate.folder.path().join("admin.token")).unwrap();
    text.trim().to_owned()
}

/// The head of a request that shows the token, with `more` lines in it.
fn head(gate: &Gate, line: &str, more: &str) -> String {
    format!(
        "{line} HTTP/1.1\r\nAuthorization: Bearer {}\r\n{more}\r\n",
        token(gate)
    )
}

/// The whole answer to `request`; what there is of it where the connection is reset.
async fn answer(admin: SocketAddr, request: &[u8]) -> String {
    let mut answer = Vec::new();
    let asking = async {
        let mut stream = TcpStream::connect(admin).await?;
        stream.write_all(request).await?;
        stream.read_to_end(&mut answer).await
    };
    let asked = timeout(PATIENCE, asking).await;
    assert!(asked.is_ok(), "no answer in {PATIENCE:?}");
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

/// The most that the gate had of each while `crowd` did what it does.
async fn most_during(gate: &Gate, mut crowd: JoinSet<()>) -> Figures {
    let mut most = gate.figures();
    while !crowd.is_empty() {
        let round = async { while crowd.join_next().await.is_some() {} };
        // A figure each quarter of a second, not a wait for something.
        let _ = timeout(Duration::from_millis(250), round).await;
        let now = gate.figures();
        most.memory = most.memory.max(now.memory);
        most.descriptors = most.descriptors.max(now.descriptors);
        most.cpu = now.cpu;
    }
    most
}

fn assert_unharmed(what: &str, before: Figures, most: Figures, polls: &Polls, streams: usize) {
    println!("{what}: {before:?} before, {most:?} at most; regular {polls:?}");
    let more = most.descriptors - before.descriptors;
    assert!(
        more <= ADMIN_CONNECTIONS_MAX + streams + OTHERS,
        "{more} descriptors more"
    );
    let memory = most.memory.saturating_sub(before.memory);
    assert!(memory < 16 * 1024, "{memory} KiB more");
    assert!(polls.count >= 20 && polls.slowest < GOOD_TIME, "{polls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_that_say_their_request_a_byte_at_a_time_hold_up_nobody_at_the_pop3_ports() {
    let _alone = ONE_CROWD.lock().await;
    raise_open_files();
    let gate = start().await;
    let before = gate.figures();
    let regular = Regular::start(gate.ports.plain, "regular");
    let mut crowd = JoinSet::new();
    for _ in 0..CROWD {
        let admin = gate.admin;
        crowd.spawn(async move {
            // Beyond the kernel's queue a connection does not even come about.
            let _ = timeout(SIEGE, trickle(admin)).await;
        });
    }
    let most = most_during(&gate, crowd).await;
    let polls = regular.finish().await;
    assert_unharmed("slow requests", before, most, &polls, 0);
    let healthy = answer(
        gate.admin,
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    )
    .await;
    assert_eq!(status(&healthy), "200", "it is there for the next one");
}

async fn trickle(admin: SocketAddr) {
    while let Ok(mut stream) = TcpStream::connect(admin).await {
        for octet in b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ".chunks(1) {
            if stream.write_all(octet).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gigabyte_of_headers_is_cut_off_at_its_beginning() {
    let gate = start().await;
    let before = gate.figures();
    let regular = Regular::start(gate.ports.plain, "regular");
    let mut crowd = JoinSet::new();
    for _ in 0..ADMIN_CONNECTIONS_MAX {
        crowd.spawn(send_a_gigabyte(gate.admin));
    }
    let most = most_during(&gate, crowd).await;
    // Until it has been served for a while: the gigabytes may be over at once.
    sleep(Duration::from_secs(2)).await;
    let polls = regular.finish().await;
    assert_unharmed("a gigabyte of headers", before, most, &polls, 0);
}

async fn send_a_gigabyte(admin: SocketAddr) {
    let mut stream = TcpStream::connect(admin).await.unwrap();
    let line = format!("X-Long: {}\r\n", "a".repeat(1_000));
    let chunk = line.repeat(64);
    let mut sent = 0;
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\n")
        .await
        .unwrap();
    while sent < GIGABYTE && stream.write_all(chunk.as_bytes()).await.is_ok() {
        sent += chunk.len();
    }
    // The kernels' buffers take some megabytes that nobody reads.
    assert!(sent < GIGABYTE / 32, "{sent} octets were taken");
    assert!(sent + chunk.len() > ADMIN_HEAD_MAX);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_sites_and_endless_pages_are_refused_and_change_nothing() {
    let gate = start().await;
    let json = "Content-Type: application/json\r\nContent-Length: 2\r\n";
    for line in [
        "POST /api/v1/reload",
        "POST /api/v1/drain",
        "POST /api/v1/blocks/release",
    ] {
        for from in [
            "Host: localhost\r\nOrigin: http://evil.example\r\n",
            "Host: localhost\r\nOrigin: null\r\n",
            "Host: evil.example\r\nOrigin: http://evil.example\r\n",
            "Host: evil.example\r\n",
            "Host: localhost\r\nHost: evil.example\r\n",
        ] {
            let request = head(&gate, line, &format!("{from}{json}")) + "{}";
            let answer = answer(gate.admin, request.as_bytes()).await;
            // hyper itself refuses two hosts.
            assert!(
                ["403", "400"].contains(&status(&answer)),
                "{line} {from}: {answer}"
            );
        }
        let form = "Host: localhost\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n";
        let request = head(&gate, line, form) + "{}";
        let answer = answer(gate.admin, request.as_bytes()).await;
        assert_eq!(status(&answer), "415", "{line}: {answer}");
    }
    for list in ["sessions", "locks", "tenants", "backends", "blocks"] {
        let line = format!("GET /api/v1/{list}?limit=100000");
        let request = head(&gate, &line, "Host: localhost\r\n");
        let answer = answer(gate.admin, request.as_bytes()).await;
        assert_eq!(status(&answer), "400", "{list}: {answer}");
        assert!(answer.contains("at most 1000"), "{answer}");
    }
    let regular = Regular::start(gate.ports.plain, "regular");
    sleep(Duration::from_secs(1)).await;
    assert!(regular.finish().await.count > 0, "it serves as before");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_readers_of_events_that_never_read_leave_requests_and_sessions_their_places() {
    let _alone = ONE_CROWD.lock().await;
    raise_open_files();
    let gate = start().await;
    let before = gate.figures();
    let regular = Regular::start(gate.ports.plain, "regular");
    let request = head(&gate, "GET /api/v1/locks/events", "Host: localhost\r\n");
    let mut crowd = JoinSet::new();
    for _ in 0..CROWD {
        let (admin, request) = (gate.admin, request.clone());
        crowd.spawn(async move {
            let _ = timeout(SIEGE, never_read(admin, &request)).await;
        });
    }
    let most = most_during(&gate, crowd).await;
    let polls = regular.finish().await;
    assert_unharmed(
        "readers of events",
        before,
        most,
        &polls,
        STREAM_READERS_MAX,
    );
    gate.wait_for("popgate_admin_streams", &[], 0.0, PATIENCE)
        .await;
}

async fn never_read(admin: SocketAddr, request: &str) {
    while let Ok(mut stream) = TcpStream::connect(admin).await {
        if stream.write_all(request.as_bytes()).await.is_err() {
            continue;
        }
        // Readable when it is answered or cut: of what comes nothing is taken but the first line,
        // which says whether it was refused.
        let mut line = [0; 12];
        let read = stream.read_exact(&mut line).await;
        if read.is_ok() && line.ends_with(b"200") {
            std::future::pending::<()>().await;
        }
        // As the page does where there is no place.
        sleep(Duration::from_secs(1)).await;
    }
}
