//! Three hundred mail programs at forty maildrops, in every bad habit, while the backend goes
//! away and comes back and a client host disappears.
//!
//! About a minute; `POPGATE_SOAK_MINUTES=120` makes it two hours. `POPGATE_SOAK_SEED` has the
//! programs do what they did in the run that printed it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../fire/mod.rs"]
mod fire;
mod habits;
mod host;

use fire::{Figures, Gate, Program, Setup, free_address, raise_open_files, serve};
use habits::{Habit, Tally};
use host::Host;
use popgate::demo::server::{DemoOptions, DemoServer};
use std::env;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How long the load lasts, where nothing else is said.
const SECONDS: u64 = 45;

const PROGRAMS: u64 = 300;

/// Maildrops that all programs share.
const MAILDROPS: usize = 40;

/// Sessions on the host that disappears, each in a maildrop that others come to.
const LOST: usize = 10;

/// How long the backend lives, longer than a lost host is looked for, and how long it is away.
const BACKEND_LIVES: Duration = Duration::from_secs(25);
const BACKEND_IS_GONE: Duration = Duration::from_secs(1);

/// A client that takes nothing is cut after two minutes where nobody waits.
const TO_THE_END: Duration = Duration::from_secs(150);

/// What may stay of a load: the allocator keeps what its arenas have met, 8 of them for each
/// core, and popgate remembers 40 passwords.
const MEMORY_KEPT: u64 = 16 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_long_day() {
    raise_open_files();
    let (seed, length) = settings();
    println!("POPGATE_SOAK_SEED={seed}, {length:?}");
    let host = Host::new();
    let (server, address) = (backend(), free_address("127.0.0.1"));
    let life = serve(&server, address).await;
    let gate = start(host.as_ref(), address).await;
    let before = gate.figures();
    let until = Instant::now() + length;

    let mut load = JoinSet::new();
    for number in 0..PROGRAMS {
        load.spawn(Habit::of(number, seed).live(gate.ports.clone(), MAILDROPS, until));
    }
    let dying = tokio::spawn(die(Arc::clone(&server), address, life, until));
    let lost = match &host {
        Some(host) => lose(host, &gate, length).await,
        None => Vec::new(),
    };
    let memory = watch_memory(&gate, until).await;
    let deaths = dying.await.unwrap();
    let mut tally = Tally::default();
    while let Some(part) = load.join_next().await {
        tally += part.unwrap();
    }
    gate.wait_until_empty(before, TO_THE_END).await;
    let after = gate.figures();
    println!(
        "{tally:?}, the backend died {deaths} times, {} clients vanished",
        lost.len()
    );
    println!("{before:?} at first, {after:?} at last; memory in KiB: {memory:?}");
    let (peak, cpu) = (after.peak, after.cpu);
    println!("{peak} KiB at the peak, {cpu:?} of CPU time");
    println!("{:?}", server.log().counts());

    assert_eq!(
        server.log().overlaps(),
        0,
        "sessions overlapped in a maildrop"
    );
    let forced = gate.metric("popgate_lock_handover_forced_total", &[]).await;
    let panics = gate.metric("popgate_panics_total", &[]).await;
    assert_eq!((forced, panics), (0.0, 0.0), "{}", gate.log_tail());
    assert!(
        tally.done > 100 && tally.killed > 100 && deaths > 0,
        "{tally:?}"
    );
    check_memory(&memory, before, after);
}

fn settings() -> (u64, Duration) {
    let number = |name| env::var(name).ok().map(|text| text.parse().unwrap());
    let seed = number("POPGATE_SOAK_SEED").unwrap_or_else(|| fastrand::u64(..));
    let length = number("POPGATE_SOAK_MINUTES").map(|minutes| minutes * 60);
    (seed, Duration::from_secs(length.unwrap_or(SECONDS)))
}

/// Its fourth message is too large for any buffer on the way.
fn backend() -> Arc<DemoServer> {
    let mut options = DemoOptions {
        any_user: true,
        ..DemoOptions::default()
    };
    let large = b"Subject: large\r\n\r\n".to_vec();
    let line = [&[b'x'; 70][..], b"\r\n"].concat();
    options.messages[3] = [large, line.repeat(20_000)].concat();
    DemoServer::new(options)
}

async fn start(host: Option<&Host>, backend: SocketAddr) -> Gate {
    let config = format!(
        "[[backend]]\nname = \"embedded\"\naddress = \"{backend}\"\n\
         [defaults]\npolls = {{ enforce = \"off\" }}\n"
    );
    let setup = Setup {
        host: host.map_or("127.0.0.1", |host| &host.gate),
        config: &config,
        ..Setup::default()
    };
    Gate::start(setup).await
}

type Life = (CancellationToken, JoinHandle<()>);

/// The backend dies, with all its connections, and comes back; how often. It lives to the end.
async fn die(server: Arc<DemoServer>, address: SocketAddr, mut life: Life, until: Instant) -> u32 {
    let mut deaths = 0;
    while Instant::now() + BACKEND_LIVES < until {
        sleep(BACKEND_LIVES).await;
        let (stop, serving) = life;
        stop.cancel();
        serving.await.unwrap();
        deaths += 1;
        sleep(BACKEND_IS_GONE).await;
        life = serve(&server, address).await;
    }
    deaths
}

/// Logs in from the host, each time into another maildrop, and lets it disappear in mid-session.
/// The sockets are kept: their kernel says nothing any more.
async fn lose(host: &Host, gate: &Gate, length: Duration) -> Vec<Program> {
    let mut programs = Vec::new();
    for number in 0..LOST {
        let stream = TcpStream::from_std(host.connect(gate.ports.plain)).unwrap();
        let mut program = Program::on(stream);
        program.ok(String::new()).await.unwrap();
        // The backend may be gone just now, or somebody in the maildrop for long.
        if program
            .log_in(&format!("user{}", MAILDROPS - 1 - number))
            .await
            .is_err()
        {
            continue;
        }
        let command = [&b"NOOP\r\n"[..], b"RETR 4\r\n", b"DELE 1\r\n", b"RET"][number % 4];
        program.send(command).await.unwrap();
        programs.push(program);
    }
    sleep(length / 20).await;
    host.vanish();
    programs
}

/// Memory in KiB, a hundred times in the run.
async fn watch_memory(gate: &Gate, until: Instant) -> Vec<u64> {
    let mut memory = Vec::new();
    let pause = until.saturating_duration_since(Instant::now()) / 100;
    while Instant::now() < until {
        sleep(pause).await;
        memory.push(gate.figures().memory);
    }
    memory
}

/// The second half of the run needs no more than the first, and most of it is given back.
fn check_memory(memory: &[u64], before: Figures, after: Figures) {
    let (first, second) = memory.split_at(memory.len() / 2);
    let most = |part: &[u64]| part.iter().copied().max().unwrap_or_default();
    let (first, second) = (most(first), most(second));
    assert!(
        second < first + first / 4 + MEMORY_KEPT / 4,
        "it grows: {first}, {second} KiB"
    );
    let kept = after.memory.saturating_sub(before.memory);
    assert!(kept < MEMORY_KEPT, "{kept} KiB were not given back");
}
