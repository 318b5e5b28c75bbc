//! Two hundred reloads while mail programs come and go: not one session is lost, whatever the
//! reloads change. And how long a reload takes with ten thousand tenants.
//!
//! Some twenty seconds.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../fire/mod.rs"]
mod fire;

use fire::{Figures, Gate, Ports, Program, Setup, free_address, raise_open_files, serve};
use popgate::demo::certificate::self_signed;
use popgate::demo::server::{DemoOptions, DemoServer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::fmt::Write;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

const RELOADS: usize = 200;

/// Between two reloads: several sessions begin and end.
const PAUSE: Duration = Duration::from_millis(20);

/// Programs that come and go; two share a maildrop, so that one of them often waits.
const PROGRAMS: usize = 16;

/// Sessions that are open from before the first reload until after the last.
const LONG_SESSIONS: usize = 4;

/// With debug assertions, on a machine that does other things too.
const RELOAD_WITH_TENANTS: Duration = Duration::from_secs(20);

/// From the last QUIT to a gate with no descriptor left of anybody.
const TO_THE_END: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn no_session_is_lost_by_two_hundred_reloads() {
    raise_open_files();
    let (server, address) = backend().await;
    let gate = start(&format!("{}{}", table(address), DEFAULTS)).await;
    let mut site = Site::new(&gate);
    let ports = site.trusting(&gate.ports);
    let before = gate.figures();
    let mut long = Vec::new();
    for number in 0..LONG_SESSIONS {
        long.push(logged_in(&ports, &format!("long{number}")).await.unwrap());
    }
    let stop = CancellationToken::new();
    let mut load = JoinSet::new();
    for number in 0..PROGRAMS {
        load.spawn(poll(number, ports.clone(), stop.clone()));
    }

    let mut times = Vec::new();
    for number in 0..RELOADS {
        site.change(number, address);
        times.push(reload(&gate).await);
        for program in &mut long {
            program.ok("NOOP".to_owned()).await.unwrap();
        }
        sleep(PAUSE).await;
    }
    site.write(&site.base);
    times.push(reload(&gate).await);

    stop.cancel();
    let mut sessions = 0;
    while let Some(polls) = load.join_next().await {
        sessions += polls.unwrap().expect("a session was lost");
    }
    for mut program in long {
        program.ok("STAT".to_owned()).await.unwrap();
        program.ok("QUIT".to_owned()).await.unwrap();
    }
    let refused = gate.metric("popgate_reloads_total", &["refused"]).await;
    let applied = gate.metric("popgate_reloads_total", &["applied"]).await;
    println!(
        "{applied} reloads applied, {refused} refused; {sessions} sessions; {}",
        Times(times)
    );
    assert!(
        (applied + refused - (RELOADS + 1) as f64).abs() < 0.5,
        "{}",
        gate.log_tail()
    );
    assert!(
        (refused - (RELOADS / 10) as f64).abs() < 0.5,
        "{}",
        gate.log_tail()
    );
    assert!(sessions > RELOADS, "{sessions} sessions are no load");
    assert_eq!(
        server.log().overlaps(),
        0,
        "sessions overlapped in a maildrop"
    );
    for fault in ["popgate_panics_total", "popgate_lock_handover_forced_total"] {
        assert!(
            gate.metric(fault, &[]).await < 0.5,
            "{fault}\n{}",
            gate.log_tail()
        );
    }
    gate.wait_until_empty(before, TO_THE_END).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_of_ten_thousand_tenants_takes_its_time_beside_the_sessions() {
    let (_server, address) = backend().await;
    let mut tenants = String::new();
    for number in 0..10_000 {
        let name = format!("t{number}");
        writeln!(
            tenants,
            "[[tenant]]\nname = \"{name}\"\ndomains = [\"{name}.example\"]"
        )
        .unwrap();
        writeln!(tenants, "wait = \"{}s\"", 20 + number % 30).unwrap();
    }
    let began = Instant::now();
    let gate = start(&format!("{}{DEFAULTS}{tenants}", table(address))).await;
    println!("10,000 tenants: started in {:?}", began.elapsed());
    let before = gate.figures();
    let site = Site::new(&gate);
    let ports = site.trusting(&gate.ports);
    let stop = CancellationToken::new();
    let polls = tokio::spawn(poll(0, ports.clone(), stop.clone()));
    let mut times = Vec::new();
    for wait in ["20s", "21s", "20s", "21s", "20s"] {
        let other = format!(
            "{}\n[[tenant]]\nname = \"more\"\nwait = \"{wait}\"\n",
            site.base
        );
        site.write(&other);
        times.push(reload(&gate).await);
    }
    stop.cancel();
    let sessions = polls.await.unwrap().expect("a session was lost");
    let after = gate.figures();
    let (reloads, Figures { peak, cpu, .. }) = (Times(times.clone()), after);
    println!(
        "10,000 tenants: reload {reloads}; {sessions} sessions meanwhile; {cpu:?} of CPU time"
    );
    let (before, after) = (before.memory, after.memory);
    println!("{before} KiB before, {after} KiB after, {peak} KiB at the peak");
    let applied = gate.metric("popgate_reloads_total", &["applied"]).await;
    assert!(
        (applied - times.len() as f64).abs() < 0.5,
        "{}",
        gate.log_tail()
    );
    assert!(
        times.iter().all(|&time| time < RELOAD_WITH_TENANTS),
        "{times:?}"
    );
}

const DEFAULTS: &str = "\n[defaults]\nwait = \"40s\"\npolls = { enforce = \"off\" }\n";

async fn backend() -> (Arc<DemoServer>, SocketAddr) {
    let server = DemoServer::new(DemoOptions {
        any_user: true,
        ..DemoOptions::default()
    });
    let address = free_address("127.0.0.1");
    serve(&server, address).await;
    (server, address)
}

fn table(backend: SocketAddr) -> String {
    format!("[[backend]]\nname = \"embedded\"\naddress = \"{backend}\"\n")
}

async fn start(config: &str) -> Gate {
    let setup = Setup {
        config,
        ..Setup::default()
    };
    Gate::start(setup).await
}

/// How long it takes from the signal to the word that it is done.
async fn reload(gate: &Gate) -> Duration {
    let began = Instant::now();
    let kill = Command::new("kill")
        .args(["-HUP", &gate.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    gate.wait_until_ready().await;
    began.elapsed()
}

/// The gate's files, and what a reload finds in them.
struct Site {
    folder: PathBuf,
    base: String,
    /// A chain and its key, one of which is in force.
    certificates: [(String, String); 2],
    extra: SocketAddr,
}

impl Site {
    fn new(gate: &Gate) -> Self {
        let folder = gate.folder.path().to_owned();
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let (chain, key) = self_signed().unwrap();
        Self {
            base: read("popgate.toml"),
            certificates: [
                (read("chain.pem"), read("key.pem")),
                (chain, key.to_string()),
            ],
            extra: free_address("127.0.0.1"),
            folder,
        }
    }

    /// The gate's ports, for clients that trust both certificates.
    fn trusting(&self, ports: &Ports) -> Ports {
        let mut roots = rustls::RootCertStore::empty();
        for (chain, _) in &self.certificates {
            let certificate = CertificateDer::from_pem_slice(chain.as_bytes()).unwrap();
            roots.add(certificate).unwrap();
        }
        let client = rustls::ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ports {
            client: Arc::new(client),
            ..ports.clone()
        }
    }

    fn write(&self, config: &str) {
        fs::write(self.folder.join("popgate.toml"), config).unwrap();
    }

    /// What the reload of this number finds. Each tenth file is bad.
    fn change(&mut self, number: usize, backend: SocketAddr) {
        if number.is_multiple_of(3) {
            let (chain, key) = &self.certificates[number / 3 % 2];
            fs::write(self.folder.join("chain.pem"), chain).unwrap();
            fs::write(self.folder.join("key.pem"), key).unwrap();
        }
        let options = format!("login_timeout = \"{}s\"\n", 50 + number % 4);
        let table = table(backend);
        let mut config = self.base.replace(&table, &format!("{table}{options}"));
        config = config.replace("\"40s\"", &format!("\"{}s\"", 35 + number % 5));
        if number.is_multiple_of(2) {
            let extra = self.extra;
            write!(
                config,
                "[[listen]]\nname = \"extra\"\naddress = \"{extra}\"\n"
            )
            .unwrap();
        }
        if number % 4 < 2 {
            let domain = format!("t{number}.example");
            write!(
                config,
                "[[tenant]]\nname = \"t\"\ndomains = [\"{domain}\"]\n"
            )
            .unwrap();
        }
        if number % 10 == 9 {
            config += "[server]\n";
        }
        self.write(&config);
    }
}

/// A program that comes again and again until `stop`; how often. Any error is a session lost.
async fn poll(number: usize, ports: Ports, stop: CancellationToken) -> io::Result<usize> {
    let mut sessions = 0;
    while !stop.is_cancelled() {
        let user = format!("user{}", number / 2);
        match (number + sessions) % 3 {
            0 => session(logged_in(&ports, &user).await?).await?,
            1 => {
                let stream = TcpStream::connect(ports.tls).await?;
                let mut program = Program::on(ports.shake_hands(stream).await?);
                program.ok(String::new()).await?;
                program.log_in(&user).await?;
                session(program).await?;
            }
            _ => {
                let mut program = Program::unheard(ports.stls).await?;
                program.ok(String::new()).await?;
                program.ok("STLS".to_owned()).await?;
                let stream = program.stream.into_inner();
                let mut program = Program::on(ports.shake_hands(stream).await?);
                program.log_in(&user).await?;
                session(program).await?;
            }
        }
        sessions += 1;
    }
    Ok(sessions)
}

async fn logged_in(ports: &Ports, user: &str) -> io::Result<Program> {
    let mut program = Program::unheard(ports.plain).await?;
    program.ok(String::new()).await?;
    program.log_in(user).await?;
    Ok(program)
}

async fn session<S: AsyncRead + AsyncWrite + Unpin>(mut program: Program<S>) -> io::Result<()> {
    program.ok("STAT".to_owned()).await?;
    program.listing("UIDL").await?;
    program.listing("RETR 1").await?;
    sleep(Duration::from_millis(fastrand::u64(..30))).await;
    program.ok("QUIT".to_owned()).await?;
    Ok(())
}

/// Median and longest.
struct Times(Vec<Duration>);

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut times = self.0.clone();
        times.sort_unstable();
        let median = times[times.len() / 2];
        write!(
            f,
            "median {median:.1?}, longest {:.1?}",
            times[times.len() - 1]
        )
    }
}
