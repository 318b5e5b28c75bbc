//! What the admin port costs a gate with thousands of sessions and tenants: how long each answer
//! takes, how long it is, and what sessions notice meanwhile.
//!
//! `cargo bench --bench admin` measures; `cargo test --bench admin` runs each part once with few
//! sessions. Clients and backends are streams in memory, so that no descriptor is needed.

#![allow(
    clippy::unwrap_used,
    reason = "a benchmark that cannot run ends by panicking"
)]

use popgate::app::{BoundPort, Gate, Outside};
use popgate::config::Config;
use popgate::demo::server::{DemoOptions, DemoServer};
use popgate::net::{Accept, BoxFuture, Dial, Io};
use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fs, io};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

struct Extent {
    tenants: usize,
    holders: usize,
    waiters: usize,
    requests: usize,
    probes: usize,
}

const MEASURE: Extent = Extent {
    tenants: 10_000,
    holders: 8_000,
    waiters: 1_000,
    requests: 20,
    probes: 2_000,
};

const SMOKE: Extent = Extent {
    tenants: 20,
    holders: 20,
    waiters: 5,
    requests: 1,
    probes: 20,
};

fn main() {
    // Cargo says `--bench` when it measures; under `cargo test` it does not.
    let measure = std::env::args().any(|argument| argument == "--bench");
    let extent = if measure { MEASURE } else { SMOKE };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(run(&extent));
}

async fn run(extent: &Extent) {
    let site = Site::start(extent).await;
    let mut sessions = site.hold(extent).await;
    println!(
        "{} sessions in maildrops, {} that wait, {} tenants; median and worst of {} requests",
        extent.holders, extent.waiters, extent.tenants, extent.requests
    );
    for target in [
        "/metrics",
        "/api/v1/status",
        "/api/v1/sessions",
        "/api/v1/sessions?limit=1000&offset=5000",
        "/api/v1/sessions?sort=-maildrop&maildrop=user77",
        "/api/v1/sessions?address=127.0.0.0/8&phase=waiting",
        "/api/v1/locks",
        "/api/v1/locks?limit=1000",
        "/api/v1/locks?contended=true&limit=1000",
        "/api/v1/locks?maildrop=user77@",
        "/api/v1/backends",
        "/api/v1/tenants",
        "/api/v1/tenants?sort=-waiting&limit=1000",
        "/api/v1/tenants?name=customer-77",
        "/api/v1/blocks",
        "/api/v1/openapi.json",
    ] {
        let mut took = Vec::with_capacity(extent.requests);
        let mut octets = 0;
        for _ in 0..extent.requests {
            let start = Instant::now();
            octets = site.get(target).await;
            took.push(start.elapsed());
        }
        took.sort_unstable();
        let (median, worst) = (took[took.len() / 2], took[took.len() - 1]);
        println!("  {target:<52} {median:>9.1?} {worst:>9.1?} {octets:>8} octets");
    }
    // One that nobody waits for.
    let session = &mut sessions[extent.waiters];
    site.compare_latency(session, extent).await;
    site.gate.stop(Duration::ZERO, std::future::ready(())).await;
}

/// A gate, and the way to it.
struct Site {
    gate: Gate,
    door: UnboundedSender<Visitor>,
    admin: SocketAddr,
    token: String,
    _folder: tempfile::TempDir,
}

type Visitor = (Box<dyn Io>, SocketAddr);

impl Site {
    async fn start(extent: &Extent) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let token = folder.path().join("admin.token");
        let config = configuration(extent, &token);
        let config = Config::parse(&config, Path::new("popgate.toml")).unwrap();
        let (door, visitors) = unbounded_channel();
        let server = DemoServer::new(DemoOptions {
            any_user: true,
            ..DemoOptions::default()
        });
        let outside = Outside::dialing(Arc::new(InMemory(server)));
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 110));
        let port = BoundPort::new(nowhere, Box::new(Door(visitors)));
        let gate = Gate::start_on(vec![port], &config, outside).await.unwrap();
        gate.looked_around().await;
        Self {
            admin: gate.admin_address().unwrap(),
            token: fs::read_to_string(token).unwrap().trim().to_owned(),
            gate,
            door,
            _folder: folder,
        }
    }

    async fn connect(&self, number: usize) -> BufReader<DuplexStream> {
        let (ours, theirs) = duplex(4_096);
        let [.., b, c, d] = u32::try_from(number).unwrap().to_be_bytes();
        let address = SocketAddr::from(([127, b, c, d.max(1)], 40_000));
        assert!(self.door.send((Box::new(theirs), address)).is_ok());
        let mut client = BufReader::new(ours);
        line(&mut client).await;
        client
    }

    /// Sessions that go on: holders of maildrops first, then those that wait for some of these.
    async fn hold(&self, extent: &Extent) -> Vec<BufReader<DuplexStream>> {
        let mut clients = Vec::new();
        for number in 0..extent.holders {
            let mut client = self.connect(number).await;
            ask(&mut client, &user(number, extent)).await;
            let answer = ask(&mut client, "PASS secret").await;
            assert!(answer.starts_with("+OK"), "{answer}");
            clients.push(client);
        }
        for number in 0..extent.waiters {
            let mut client = self.connect(extent.holders + number).await;
            ask(&mut client, &user(number, extent)).await;
            client.write_all(b"PASS secret\r\n").await.unwrap();
            clients.push(client);
        }
        while self.gate.sessions().len() < clients.len() {
            tokio::task::yield_now().await;
        }
        clients
    }

    /// How long the answer is, its head included.
    async fn get(&self, target: &str) -> usize {
        let mut stream = TcpStream::connect(self.admin).await.unwrap();
        let token = &self.token;
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{target}");
        answer.len()
    }

    /// What a session in its maildrop waits for an answer while nobody asks the admin port, and
    /// while two ask it without a pause.
    async fn compare_latency(&self, session: &mut BufReader<DuplexStream>, extent: &Extent) {
        let quiet = noops(session, extent.probes).await;
        let stop = AtomicBool::new(false);
        let asking = |target| {
            let stop = &stop;
            async move {
                while !stop.load(Ordering::Relaxed) {
                    self.get(target).await;
                }
            }
        };
        let probing = async {
            let busy = noops(session, extent.probes).await;
            stop.store(true, Ordering::Relaxed);
            busy
        };
        let (busy, (), ()) = tokio::join!(probing, asking("/metrics"), asking(MOST_WORK));
        println!("NOOP and its answer, {} samples", extent.probes);
        for (what, samples) in [("nobody asks", quiet), ("two ask all the time", busy)] {
            let (median, p99) = (
                samples[samples.len() / 2],
                samples[samples.len() * 99 / 100],
            );
            println!("  {what:<24} p50 {median:>9.1?}   p99 {p99:>9.1?}");
        }
    }
}

const MOST_WORK: &str = "/api/v1/locks?limit=1000";

async fn noops(session: &mut BufReader<DuplexStream>, count: usize) -> Vec<Duration> {
    let mut samples = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        ask(session, "NOOP").await;
        samples.push(start.elapsed());
    }
    samples.sort_unstable();
    samples
}

fn user(number: usize, extent: &Extent) -> String {
    let tenant = number % extent.tenants;
    format!("USER user{number}@customer-{tenant}.example")
}

fn configuration(extent: &Extent, token: &Path) -> String {
    let mut text = format!(
        "[[listen]]\nname = \"pop3\"\naddress = \"127.0.0.1:0\"\ntls = \"off\"\n\
         [[backend]]\nname = \"embedded\"\naddress = \"192.0.2.1:110\"\n\
         [admin]\naddress = \"127.0.0.1:0\"\ntoken_file = \"{}\"\n\
         [defaults]\nwait = \"55s\"\npreempt_idle = \"off\"\npolls = {{ enforce = \"off\" }}\n\
         [server]\ntrusted_networks = [\"127.0.0.0/8\"]\n",
        token.display()
    );
    for number in 0..extent.tenants {
        write!(
            text,
            "[[tenant]]\nname = \"customer-{number}\"\n\
             domains = [\"customer-{number}.example\", \"*.customer-{number}.example\"]\n"
        )
        .unwrap();
    }
    text
}

async fn ask(client: &mut BufReader<DuplexStream>, command: &str) -> String {
    let command = format!("{command}\r\n");
    client.write_all(command.as_bytes()).await.unwrap();
    line(client).await
}

async fn line(client: &mut BufReader<DuplexStream>) -> String {
    let mut line = String::new();
    client.read_line(&mut line).await.unwrap();
    line
}

/// Clients as they are sent in.
struct Door(UnboundedReceiver<Visitor>);

impl Accept for Door {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Visitor>> {
        Box::pin(async {
            match self.0.recv().await {
                Some(visitor) => Ok(visitor),
                None => std::future::pending().await,
            }
        })
    }
}

/// The embedded server, a stream in memory away.
struct InMemory(Arc<DemoServer>);

impl Dial for InMemory {
    fn dial<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        Box::pin(async {
            let (ours, theirs) = duplex(4_096);
            tokio::spawn(Arc::clone(&self.0).serve_connection(theirs));
            Ok(Box::new(ours) as Box<dyn Io>)
        })
    }
}
