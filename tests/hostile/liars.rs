//! Backends that lie: each ends its own sessions, and nobody else's, in bounded memory.

use crate::fire::{Gate, Setup, free_address, raise_open_files, serve};
use crate::regular::Regular;
use crate::{connect, server};
use std::fmt::Write;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

/// What a backend says in the place of an honest reply.
#[derive(Clone, Copy)]
enum Lie {
    /// This, once.
    Says(&'static [u8]),
    /// The first, then the second again and again: 100 MB of it, where the gate takes it.
    Endless(&'static [u8], &'static [u8]),
    /// A byte each half second, for ever.
    Drips(&'static [u8]),
}

use Lie::{Drips, Endless, Says};

const ENDLESS: usize = 100_000_000;

/// One liar: its name, the command that it lies to (the greeting: none), its lie, and how the
/// session of a program ends there.
type Liar = (&'static str, &'static str, Lie, &'static str);

const LIARS: &[Liar] = &[
    (
        "greets-for-ever",
        "",
        Endless(b"+OK ", b"aaaaaaaa"),
        "backend_unreachable",
    ),
    (
        "greets-nul",
        "",
        Endless(b"", b"\0\0\0\0"),
        "backend_unreachable",
    ),
    (
        "drips-greeting",
        "",
        Drips(b"+OK a server of few words but long ones and so on and so on"),
        "backend_unreachable",
    ),
    (
        "greets-as-web",
        "",
        Says(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        "backend_unreachable",
    ),
    // It is one without CAPA.
    (
        "capa-for-ever",
        "CAPA",
        Endless(b"+OK\r\n", b"X-LIE\r\n"),
        "quit",
    ),
    (
        "capa-line",
        "CAPA",
        Endless(b"+OK\r\n", b"aaaaaaaa"),
        "quit",
    ),
    (
        "user-for-ever",
        "USER",
        Endless(b"+OK ", b"aaaaaaaa"),
        "backend_unreachable",
    ),
    (
        "pass-for-ever",
        "PASS",
        Endless(b"+OK ", b"aaaaaaaa"),
        "backend_unreachable",
    ),
    (
        "pass-drips",
        "PASS",
        Drips(b"+OK I am thinking about it and thinking about it and so on"),
        "backend_unreachable",
    ),
    (
        "pass-nul",
        "PASS",
        Says(b"\0\0+OK\r\n"),
        "backend_unreachable",
    ),
    (
        "pass-web",
        "PASS",
        Says(b"HTTP/1.1 200 OK\r\n\r\n"),
        "backend_unreachable",
    ),
    (
        "pass-both",
        "PASS",
        Says(b"-ERR no\r\n+OK yes\r\n"),
        "login_refused",
    ),
    (
        "pass-and-more",
        "PASS",
        Endless(b"+OK in\r\n", b"+OK unasked\r\n"),
        "backend_gone",
    ),
    (
        "pass-and-line",
        "PASS",
        Endless(b"+OK in\r\n", b"aaaaaaaa"),
        "backend_gone",
    ),
    (
        "stat-for-ever",
        "STAT",
        Endless(b"+OK ", b"aaaaaaaa"),
        "backend_gone",
    ),
    (
        "stat-web",
        "STAT",
        Says(b"HTTP/1.1 200 OK\r\n\r\n"),
        "backend_gone",
    ),
    ("stat-both", "STAT", Says(b"-ERR no\r\n+OK 1 1\r\n"), "quit"),
    (
        "stat-twice",
        "STAT",
        Says(b"+OK 1 1\r\n+OK 2 2\r\n"),
        "quit",
    ),
    (
        "stat-and-more",
        "STAT",
        Endless(b"+OK 1 1\r\n", b"+OK unasked\r\n"),
        "backend_gone",
    ),
    (
        "retr-for-ever",
        "RETR",
        Endless(b"+OK\r\n", b"a line of a message\r\n"),
        "left",
    ),
    (
        "retr-line",
        "RETR",
        Endless(b"+OK\r\n", b"aaaaaaaa"),
        "left",
    ),
    (
        "quit-for-ever",
        "QUIT",
        Endless(b"+OK ", b"aaaaaaaa"),
        "backend_gone",
    ),
    ("quit-drips", "QUIT", Drips(b""), "quit_unanswered"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_lies_ends_its_own_sessions_and_harms_no_others() {
    raise_open_files();
    let honest = server();
    let address = free_address("127.0.0.1");
    serve(&honest, address).await;
    let mut config = format!(
        "[[backend]]\nname = \"honest\"\naddress = \"{address}\"\n\
         [defaults]\nbackends = [\"honest\"]\nwait = \"6s\"\nidle_timeout = \"10s\"\n\
         polls = {{ enforce = \"off\" }}\n"
    );
    for (name, command, lie, _) in LIARS {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(lying_server(listener, command, *lie));
        write!(
            config,
            "[[backend]]\nname = \"{name}\"\naddress = \"{address}\"\nlogin_timeout = \"10s\"\n\
             [[tenant]]\nname = \"{name}\"\ndomains = [\"{name}.test\"]\nbackend = \"{name}\"\n"
        )
        .unwrap();
    }
    let setup = Setup {
        config: &config,
        ..Setup::default()
    };
    let gate = Gate::start(setup).await;
    let before = gate.figures();
    let regular = Regular::start(gate.ports.plain, "regular");
    let mut visits = tokio::task::JoinSet::new();
    for (name, ..) in LIARS {
        visits.spawn(visit(gate.ports.plain, name));
    }
    while let Some(visited) = visits.join_next().await {
        visited.unwrap();
    }
    let polls = regular.finish().await;
    let after = gate.figures();
    println!(
        "{} liars: {before:?}, then {after:?}; regular {polls:?}",
        LIARS.len()
    );

    let within = Duration::from_secs(20);
    for (name, _, _, end) in LIARS {
        let labels = [format!("tenant=\"{name}\""), format!("end=\"{end}\"")];
        let labels = labels.each_ref().map(String::as_str);
        gate.wait_for("popgate_sessions_total", &labels, 1.0, within)
            .await;
    }
    assert!(polls.count >= 50 && polls.slowest < within, "{polls:?}");
    let grown = after.peak - before.peak;
    assert!(grown < 32 * 1024, "{grown} KiB more at the peak");
    gate.wait_for("popgate_locks_held", &[], 0.0, within).await;
    assert_eq!(honest.log().overlaps(), 0);
    assert!((gate.metric("popgate_panics_total", &[]).await).abs() < 0.5);
}

/// A program that takes what it gets, for a while, and hears of nothing that it did not ask for.
async fn visit(gate: std::net::SocketAddr, name: &str) {
    let visit = async {
        let mut program = connect(gate).await?;
        program.log_in(&format!("ann@{name}.test")).await?;
        // What is said unasked is there before the next question.
        sleep(Duration::from_millis(500)).await;
        program.ask("STAT").await?;
        sleep(Duration::from_millis(500)).await;
        program.ok("RETR 1".to_owned()).await?;
        if name.starts_with("retr") {
            // Its mail program is closed in the middle.
            sleep(Duration::from_secs(3)).await;
            return Ok(());
        }
        while !matches!(program.line().await?.as_str(), ".\r\n" | "") {}
        program.ok("QUIT".to_owned()).await?;
        io::Result::Ok(())
    };
    // The test looks at what the gate says of the end.
    let _ = timeout(Duration::from_secs(50), visit)
        .await
        .expect("a session does not end");
}

async fn lying_server(listener: TcpListener, command: &'static str, lie: Lie) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, command, lie));
    }
}

async fn converse(stream: TcpStream, command: &str, lie: Lie) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut verb = String::new();
    loop {
        if verb == command {
            tell(&mut stream, lie).await?;
        } else {
            stream.write_all(honest_reply(&verb)).await?;
        }
        if verb == "QUIT" {
            return Ok(());
        }
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        verb = line.split_whitespace().next().unwrap_or("NOOP").to_owned();
    }
}

fn honest_reply(verb: &str) -> &'static [u8] {
    match verb {
        "CAPA" => b"+OK\r\nUSER\r\n.\r\n",
        "STAT" => b"+OK 1 3\r\n",
        "RETR" => b"+OK\r\na\r\n.\r\n",
        _ => b"+OK\r\n",
    }
}

async fn tell(stream: &mut BufReader<TcpStream>, lie: Lie) -> io::Result<()> {
    match lie {
        Says(words) => stream.write_all(words).await,
        Endless(first, again) => {
            stream.write_all(first).await?;
            let chunk = again.repeat(65_536 / again.len());
            for _ in 0..ENDLESS / chunk.len() {
                stream.write_all(&chunk).await?;
            }
            std::future::pending().await
        }
        Drips(words) => {
            for byte in words.chunks(1) {
                stream.write_all(byte).await?;
                sleep(Duration::from_millis(500)).await;
            }
            std::future::pending().await
        }
    }
}
