//! `popgate serve` as a child process, and what can be known of it from outside.

use super::namespace::{GOING_FIRST, connect_within, entering};
use popgate::demo::certificate::self_signed;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::net::SocketAddr;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixDatagram};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// No answer of a program on this machine takes so long, however busy it is.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a gate is started with.
pub(crate) struct Setup<'a> {
    /// Where its plain, STLS and TLS listeners bind: an IP address.
    pub(crate) host: &'a str,
    /// `[[backend]]`, `[defaults]` and `[[tenant]]` tables.
    pub(crate) config: &'a str,
    /// Soft and hard limit of open files, where it has its own.
    pub(crate) open_files: Option<(u32, u32)>,
    /// `[server] trusted_networks`.
    pub(crate) trusted_networks: &'a [&'a str],
    /// Keys of `[server]` beside those networks.
    pub(crate) server: &'a str,
    /// Where its admin port binds: an IP address.
    pub(crate) admin_host: &'a str,
    /// Keys of `[admin]` beside the address.
    pub(crate) admin: &'a str,
    /// The network namespace that it runs in, where that is another one than the test's.
    pub(crate) namespace: Option<&'a str>,
    /// What its environment has beside the test's.
    pub(crate) environment: &'a [(&'a str, &'a str)],
    /// It goes before other programs of this machine, as on a host of its own.
    pub(crate) goes_first: bool,
}

/// Programs of this machine are trusted.
impl Default for Setup<'_> {
    fn default() -> Self {
        Self {
            host: "127.0.0.1",
            config: "",
            open_files: None,
            trusted_networks: &["127.0.0.0/8", "::1/128", "10.0.0.0/8"],
            server: "",
            admin_host: "127.0.0.1",
            admin: "",
            namespace: None,
            environment: &[],
            goes_first: false,
        }
    }
}

pub(crate) struct Gate {
    pub(crate) ports: Ports,
    pub(crate) admin: SocketAddr,
    child: Child,
    namespace: Option<String>,
    /// Where its configuration and its certificate are.
    pub(crate) folder: tempfile::TempDir,
    /// What it tells systemd.
    notices: UnixDatagram,
}

/// Where programs connect.
#[derive(Clone)]
pub(crate) struct Ports {
    /// In clear only.
    pub(crate) plain: SocketAddr,
    /// In clear, with STLS.
    pub(crate) stls: SocketAddr,
    /// TLS from the first byte.
    pub(crate) tls: SocketAddr,
    /// A TLS client that trusts the gate.
    pub(crate) client: Arc<rustls::ClientConfig>,
}

impl Ports {
    pub(crate) async fn shake_hands(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let connector = TlsConnector::from(Arc::clone(&self.client));
        let name = ServerName::try_from("localhost").unwrap();
        timeout(PATIENCE, connector.connect(name, stream)).await?
    }
}

/// What the kernel says of the process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// Memory of its own now, in KiB.
    pub(crate) memory: u64,
    /// The most that was resident at a time, in KiB.
    pub(crate) peak: u64,
    /// Open descriptors.
    pub(crate) descriptors: usize,
    /// CPU time in user and in kernel mode.
    pub(crate) cpu: Duration,
}

impl Gate {
    /// Starts it, and waits until it tells systemd that clients are greeted.
    pub(crate) async fn start(setup: Setup<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (chain, key) = self_signed().unwrap();
        fs::write(folder.path().join("chain.pem"), &chain).unwrap();
        fs::write(folder.path().join("key.pem"), key.as_bytes()).unwrap();
        let [plain, stls, tls, admin] =
            free_addresses([setup.host, setup.host, setup.host, setup.admin_host]);
        let ports = [plain, stls, tls];
        let config = configuration(ports, admin, &setup);
        fs::write(folder.path().join("popgate.toml"), config).unwrap();
        let notices = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = command(&setup)
            .current_dir(folder.path())
            .envs(setup.environment.iter().copied())
            .env("NOTIFY_SOCKET", folder.path().join("notify"))
            .stderr(log)
            .spawn()
            .unwrap();
        let gate = Self {
            ports: Ports {
                plain,
                stls,
                tls,
                client: Arc::new(client(&chain)),
            },
            admin,
            child,
            namespace: setup.namespace.map(str::to_owned),
            folder,
            notices,
        };
        gate.wait_until_ready().await;
        gate
    }

    /// Waits until it says that it is ready: at its start, and after each reload.
    pub(crate) async fn wait_until_ready(&self) {
        let mut notice = [0; 1024];
        loop {
            let received = timeout(PATIENCE, self.notices.recv(&mut notice)).await;
            let octets = received
                .unwrap_or_else(|_| panic!("not ready: {}", self.log_tail()))
                .unwrap();
            if notice[..octets].starts_with(b"READY=1") {
                return;
            }
        }
    }

    /// The last lines that it said.
    pub(crate) fn log_tail(&self) -> String {
        let log = self.log();
        String::from_utf8_lossy(&log.as_bytes()[log.len().saturating_sub(4_000)..]).into_owned()
    }

    /// All that it said.
    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.folder.path().join("log")).unwrap();
        String::from_utf8_lossy(&log).into_owned()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn figures(&self) -> Figures {
        let status = self.proc_file("status");
        let stat = self.proc_file("stat");
        // The name in brackets may hold blanks; utime and stime are fields 14 and 15.
        let fields = stat.rsplit(')').next().unwrap().split_whitespace();
        let ticks = fields.skip(11).take(2).map(|field| field.parse::<u64>());
        // USER_HZ is 100 on every Linux that Debian runs on.
        let cpu = Duration::from_millis(ticks.map(Result::unwrap).sum::<u64>() * 10);
        let descriptors = fs::read_dir(format!("/proc/{}/fd", self.id())).unwrap();
        Figures {
            memory: kibibytes(&status, "RssAnon:"),
            peak: kibibytes(&status, "VmHWM:"),
            descriptors: descriptors.count(),
            cpu,
        }
    }

    fn proc_file(&self, name: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{name}", self.id())).unwrap()
    }

    /// The sum of all series that begin so; `labels` are parts that the line must have.
    pub(crate) async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let page = self.metrics().await;
        let lines = page.lines().filter(|line| {
            let rest = line.strip_prefix(name).unwrap_or_default();
            rest.starts_with([' ', '{']) && labels.iter().all(|label| rest.contains(label))
        });
        lines
            .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
            .sum()
    }

    /// The whole scrape.
    pub(crate) async fn metrics(&self) -> String {
        let mut page = String::new();
        let scrape = async {
            let mut stream = match &self.namespace {
                None => TcpStream::connect(self.admin).await?,
                Some(namespace) => TcpStream::from_std(connect_within(namespace, self.admin)?)?,
            };
            stream
                .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
                .await?;
            stream.read_to_string(&mut page).await
        };
        let scraped = timeout(PATIENCE, scrape).await;
        scraped.expect("the metrics did not come").unwrap();
        let (_, body) = page.split_once("\r\n\r\n").expect("no answer");
        body.to_owned()
    }

    /// Waits until the metric has this value.
    pub(crate) async fn wait_for(&self, name: &str, labels: &[&str], value: f64, within: Duration) {
        let mut last = f64::NAN;
        let arrived = timeout(within, async {
            loop {
                last = self.metric(name, labels).await;
                if (last - value).abs() < 0.5 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        if arrived.await.is_err() {
            let log = self.log_tail();
            panic!("{name}{labels:?} is {last} and not {value} after {within:?}\n{log}");
        }
    }

    /// Waits until nobody is connected any more, and no descriptor is left of anybody.
    pub(crate) async fn wait_until_empty(&self, before: Figures, within: Duration) {
        self.wait_for("popgate_sessions_open", &[], 0.0, within)
            .await;
        self.wait_for("popgate_locks_held", &[], 0.0, within).await;
        self.wait_for("popgate_lock_waiters", &[], 0.0, within)
            .await;
        let mut now = self.figures();
        let gone = timeout(within, async {
            while now.descriptors > before.descriptors {
                tokio::time::sleep(Duration::from_millis(50)).await;
                now = self.figures();
            }
        });
        assert!(gone.await.is_ok(), "descriptors left: {before:?}, {now:?}");
    }
}

impl Drop for Gate {
    /// A test that failed leaves no gate behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn client(certificate: &str) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    roots.add(certificate).unwrap();
    rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// An address that was free a moment ago.
pub(crate) fn free_address(host: &str) -> SocketAddr {
    let [address] = free_addresses([host]);
    address
}

/// Addresses that were free a moment ago; all of them at once, or one could come twice.
fn free_addresses<const N: usize>(hosts: [&str; N]) -> [SocketAddr; N] {
    let listeners = hosts.map(bind_somewhere);
    listeners.map(|listener| listener.local_addr().unwrap())
}

/// Below the ports that the kernel gives to clients: one of those would come to hold a port that a
/// gate gives up and takes again.
fn bind_somewhere(host: &str) -> std::net::TcpListener {
    loop {
        let random = RandomState::new().build_hasher().finish();
        let port = 10_000 + (random % 20_000) as u16;
        if let Ok(listener) = std::net::TcpListener::bind((host, port)) {
            return listener;
        }
    }
}

/// Each of the programs in front becomes the next one: its process id is the gate's.
fn command(setup: &Setup<'_>) -> Command {
    let popgate = env!("CARGO_BIN_EXE_popgate");
    let mut words = setup.namespace.map_or_else(Vec::new, entering);
    if let Some((soft, hard)) = setup.open_files {
        let limits = format!("ulimit -Sn {soft} && ulimit -Hn {hard} && exec \"$0\" \"$@\"");
        words.extend(["sh".to_owned(), "-c".to_owned(), limits]);
    }
    if setup.goes_first {
        words.extend(GOING_FIRST.map(str::to_owned));
    }
    words.push(popgate.to_owned());
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .args(["serve", "--config", "popgate.toml"]);
    command
}

fn configuration(ports: [SocketAddr; 3], admin: SocketAddr, setup: &Setup<'_>) -> String {
    let [plain, stls, tls] = ports;
    let Setup {
        trusted_networks,
        server,
        admin: admin_keys,
        config: rest,
        ..
    } = setup;
    format!(
        r#"
[server]
trusted_networks = {trusted_networks:?}
{server}

[[listen]]
name = "plain"
address = "{plain}"
tls = "off"

[[listen]]
name = "stls"
address = "{stls}"
tls = "stls"

[[listen]]
name = "tls"
address = "{tls}"
tls = "implicit"

[tls]
certificate = "chain.pem"
key = "key.pem"

[admin]
address = "{admin}"
{admin_keys}

{rest}"#
    )
}

fn kibibytes(status: &str, name: &str) -> u64 {
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
