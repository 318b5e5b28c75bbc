//! Gates and their rivals as processes of their own, before the embedded server.

use popgate::demo::certificate::self_signed;
use popgate::demo::server::{DemoOptions, DemoServer};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// The embedded server in this process: any user, any password.
pub(crate) async fn start_server() -> SocketAddr {
    let options = DemoOptions {
        any_user: true,
        ..DemoOptions::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(DemoServer::new(options).serve(listener, CancellationToken::new()));
    address
}

/// A program that relays to the embedded server.
pub(crate) struct Front {
    pub(crate) plain: SocketAddr,
    pub(crate) tls: SocketAddr,
    pub(crate) admin: SocketAddr,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Front {
    pub(crate) async fn popgate(backend: SocketAddr) -> Self {
        Self::popgate_with(backend, "").await
    }

    /// A gate whose configuration has `more` at its end.
    pub(crate) async fn popgate_with(backend: SocketAddr, more: &str) -> Self {
        Self::start(backend, |config| config + more).await
    }

    /// The same, before a backend whose listings may be shown again.
    pub(crate) async fn sharing(backend: SocketAddr, more: &str) -> Self {
        let shareable = "name = \"embedded\"\nshareable = true";
        Self::start(backend, |config| {
            config.replace("name = \"embedded\"", shareable) + more
        })
        .await
    }

    async fn start(backend: SocketAddr, adapt: impl Fn(String) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (plain, tls, admin) = (free_address(), free_address(), free_address());
        let (chain, key) = self_signed().unwrap();
        fs::write(folder.path().join("chain.pem"), chain).unwrap();
        fs::write(folder.path().join("key.pem"), key.as_bytes()).unwrap();
        let config = adapt(popgate_config(plain, tls, admin, backend));
        fs::write(folder.path().join("popgate.toml"), config).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_popgate"))
            .args(["serve", "--config", "popgate.toml"])
            .current_dir(folder.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until_it_listens(admin).await;
        until_ready(admin).await;
        Self {
            plain,
            tls,
            admin,
            child,
            _folder: folder,
        }
    }

    /// HAProxy in TCP mode on one listener; `None` where it is not installed.
    pub(crate) async fn haproxy(backend: SocketAddr) -> Option<Self> {
        let program = ["/usr/sbin/haproxy", "/usr/bin/haproxy"];
        let program = program
            .iter()
            .map(Path::new)
            .find(|program| program.exists())?;
        let folder = tempfile::tempdir().unwrap();
        let plain = free_address();
        fs::write(
            folder.path().join("haproxy.cfg"),
            haproxy_config(plain, backend),
        )
        .unwrap();
        let child = Command::new(program)
            .args(["-db", "-f", "haproxy.cfg"])
            .current_dir(folder.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until_it_listens(plain).await;
        Some(Self {
            plain,
            tls: plain,
            admin: plain,
            child,
            _folder: folder,
        })
    }

    /// CPU time so far of the threads that it has now: a gate ends none while it serves.
    pub(crate) fn cpu(&self) -> Duration {
        cpu_of(self.child.id())
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Memory of its own, in octets.
    pub(crate) fn memory(&self) -> u64 {
        let status = self.proc_file("status");
        let line = status
            .lines()
            .find(|line| line.starts_with("RssAnon:"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
            * 1024
    }

    fn proc_file(&self, name: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{name}", self.child.id())).unwrap()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// CPU time so far of the threads that a process has now. In nanoseconds, where `stat` counts
/// hundredths of a second.
pub(crate) fn cpu_of(process: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let nanoseconds = threads
        .map(|thread| fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap())
        .map(|times| times.split(' ').next().unwrap().parse::<u64>().unwrap())
        .sum();
    Duration::from_nanos(nanoseconds)
}

pub(crate) fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

async fn until_it_listens(address: SocketAddr) {
    for _ in 0..1_000 {
        if TcpStream::connect(address).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing listens on {address}");
}

async fn until_ready(admin: SocketAddr) {
    for _ in 0..1_000 {
        if is_ready(admin).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the gate is not ready");
}

pub(crate) async fn is_ready(admin: SocketAddr) -> bool {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = TcpStream::connect(admin).await.unwrap();
    stream
        .write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    answer.starts_with(b"HTTP/1.1 200")
}

fn popgate_config(
    plain: SocketAddr,
    tls: SocketAddr,
    admin: SocketAddr,
    backend: SocketAddr,
) -> String {
    format!(
        r#"
[[listen]]
address = "{plain}"
tls = "off"

[[listen]]
address = "{tls}"
tls = "implicit"

[tls]
certificate = "chain.pem"
key = "key.pem"

[[backend]]
name = "embedded"
address = "{backend}"

[admin]
address = "{admin}"
trust_loopback = true

[defaults]
polls = {{ enforce = "off" }}
"#
    )
}

fn haproxy_config(plain: SocketAddr, backend: SocketAddr) -> String {
    format!(
        "global\n  nbthread 2\n  maxconn 2000\n\
         defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 600s\n  timeout server 600s\n\
         listen pop3\n  bind {plain}\n  server backend {backend}\n"
    )
}
