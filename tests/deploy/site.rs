//! The site of the Compose file, with processes in place of containers: its configurations of popgate
//! and of HAProxy, with the names and ports of this machine.

use crate::engine::{EngineProcess, is_installed};
use crate::fire::{free_address, serve};
use crate::yaml::{document, text};
use crate::{COMPOSE, SETTINGS, read, skip};
use popgate::demo::certificate::self_signed;
use popgate::demo::server::{DemoOptions, DemoServer};
use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};

/// For what another process must do.
const PATIENCE: Duration = Duration::from_secs(60);
/// Maildrops that a gate has a session in.
const ACTIVE: &str = "popgate_locks_held";
const SECRET: &str = "6b1f0c5d9e2a47388c4f5e6d7a8b9c0d1e2f30415263748596a7b8c9daebfc0d";

/// Ends with it.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

struct Site {
    gates: Vec<Option<Process>>,
    admins: Vec<SocketAddr>,
    /// Plain POP3, at the balancer.
    balancer: SocketAddr,
    folder: tempfile::TempDir,
    _balancer: Process,
    _engine: EngineProcess,
}

/// Gates have one port, and an address each.
fn gate_address(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, u8::try_from(number).unwrap())
}

impl Site {
    async fn start() -> Option<Self> {
        if Command::new("haproxy").arg("-v").output().is_err() {
            skip("haproxy is not installed");
            return None;
        }
        if !is_installed() {
            return None;
        }
        let mut engine = EngineProcess::server(free_address("127.0.0.1"), &[], &[]);
        engine.revive(&[]);
        let file = document(&read(COMPOSE));
        let folder = tempfile::tempdir().unwrap();
        secrets(folder.path());
        let backend = free_address("127.0.0.1");
        let options = DemoOptions {
            any_user: true,
            ..DemoOptions::default()
        };
        // It ends with the runtime of the test.
        serve(&DemoServer::new(options), backend).await;
        let [plain, tls] = ["127.0.1.1"; 2].map(|it| free_address(it).port());
        let mut gates = Vec::new();
        let mut admins = Vec::new();
        for number in 1..=3 {
            let admin = free_address("127.0.0.1");
            let state = folder.path().join(format!("gate{number}"));
            fs::create_dir(&state).unwrap();
            let own = gate_address(number);
            let config = replaced(
                &read(SETTINGS),
                &[
                    ("0.0.0.0:110", &format!("{own}:{plain}")),
                    ("0.0.0.0:995", &format!("{own}:{tls}")),
                    ("127.0.0.1:9110", &admin.to_string()),
                    ("pop-server:110", &backend.to_string()),
                    ("valkey:6379", &engine.address.to_string()),
                    ("/run/secrets", folder.path().to_str().unwrap()),
                    ("/var/lib/popgate", state.to_str().unwrap()),
                ],
            );
            let name = folder.path().join(format!("gate{number}.toml"));
            fs::write(&name, config).unwrap();
            let checked = popgate("check", &name).output().unwrap();
            assert!(checked.status.success(), "{checked:?}");
            let log = fs::File::create(state.join("log")).unwrap();
            let gate = popgate("serve", &name).stderr(log).spawn().unwrap();
            gates.push(Some(Process(gate)));
            admins.push(admin);
        }
        let [front, front_tls] = ["127.0.0.1"; 2].map(free_address);
        let balancer = balancer(&file, folder.path(), [front, front_tls], [plain, tls]);
        let site = Self {
            gates,
            admins,
            balancer: front,
            folder,
            _balancer: balancer,
            _engine: engine,
        };
        for number in 1..=3 {
            site.until_healthy(number).await;
        }
        Some(site)
    }

    fn config(&self, gate: usize) -> std::path::PathBuf {
        self.folder.path().join(format!("gate{gate}.toml"))
    }

    /// Waits until a gate takes part in the cluster of three.
    async fn until_healthy(&self, gate: usize) {
        let until = Instant::now() + PATIENCE;
        loop {
            let said = popgate("cluster status", &self.config(gate))
                .output()
                .unwrap();
            let words = String::from_utf8_lossy(&said.stdout).into_owned();
            if said.status.success() && words.contains("healthy") {
                return;
            }
            assert!(Instant::now() < until, "gate{gate}: {said:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The only gate that has a session, as soon as that is so.
    async fn in_use(&self) -> usize {
        let until = Instant::now() + PATIENCE;
        loop {
            let mut used = Vec::new();
            for (index, gate) in self.gates.iter().enumerate() {
                if gate.is_some() && has_session(self.admins[index]).await {
                    used.push(index + 1);
                }
            }
            if let [gate] = used[..] {
                return gate;
            }
            assert!(Instant::now() < until, "{used:?}");
        }
    }

    /// Logs in from an address; the session goes on until the connection is dropped.
    async fn log_in(&self, client: Ipv4Addr) -> BufReader<TcpStream> {
        let until = Instant::now() + PATIENCE;
        loop {
            match log_in(self.balancer, client).await {
                Ok(session) => return session,
                // A gate that has just gone still gets clients, until a check finds it.
                Err(error) => assert!(Instant::now() < until, "{client}: {error}"),
            }
        }
    }

    /// The gate that a client comes to, where it has found the same one twice running; an answer
    /// to HAProxy that comes too late moves it meanwhile.
    async fn gate_of(&self, client: Ipv4Addr) -> usize {
        let until = Instant::now() + PATIENCE;
        let mut before = None;
        loop {
            let mut stream = self.log_in(client).await.into_inner();
            let gate = self.in_use().await;
            stream.write_all(b"QUIT\r\n").await.unwrap();
            stream.read_to_end(&mut Vec::new()).await.unwrap();
            if before == Some(gate) {
                return gate;
            }
            assert!(Instant::now() < until, "{client}: no gate of its own");
            before = Some(gate);
        }
    }

    /// A gate sees who a client is, behind the balancer.
    async fn shows_clients_addresses(&self) {
        let client = Ipv4Addr::new(127, 0, 2, 77);
        let _session = self.log_in(client).await;
        let gate = self.in_use().await;
        let said = popgate("sessions", &self.config(gate)).output().unwrap();
        let words = String::from_utf8_lossy(&said.stdout).into_owned();
        assert!(words.contains("127.0.2.77"), "{said:?}");
    }

    /// Waits until a client comes to this gate.
    async fn until_at(&self, client: Ipv4Addr, gate: usize) {
        let until = Instant::now() + PATIENCE;
        while self.gate_of(client).await != gate {
            assert!(Instant::now() < until, "{client}: gate{gate} was its own");
        }
    }
}

fn replaced(text: &str, changes: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "no {from} in {text}");
        text = text.replace(from, to);
    }
    text
}

/// What the head of the Compose file has its reader make.
fn secrets(folder: &Path) {
    let (chain, key) = self_signed().unwrap();
    for (name, text) in [
        ("fullchain.pem", chain.as_bytes()),
        ("privkey.pem", key.as_bytes()),
        ("cluster.secret", SECRET.as_bytes()),
    ] {
        let file = folder.join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(file, Permissions::from_mode(0o400)).unwrap();
    }
}

fn popgate(command: &str, config: &Path) -> Command {
    let mut popgate = Command::new(env!("CARGO_BIN_EXE_popgate"));
    popgate.args(command.split(' ')).arg("--config").arg(config);
    popgate
}

/// HAProxy, by the file that the Compose file gives it.
fn balancer(
    file: &serde_json::Value,
    folder: &Path,
    fronts: [SocketAddr; 2],
    [plain, tls]: [u16; 2],
) -> Process {
    let mut changes = vec![
        ("bind :110".to_owned(), format!("bind {}", fronts[0])),
        ("bind :995".to_owned(), format!("bind {}", fronts[1])),
        ("check port 110 ".to_owned(), format!("check port {plain} ")),
    ];
    for number in 1..=3 {
        let own = gate_address(number);
        changes.push((format!("gate{number}:110"), format!("{own}:{plain}")));
        changes.push((format!("gate{number}:995"), format!("{own}:{tls}")));
    }
    let changes: Vec<_> = changes.iter().map(|it| (&*it.0, &*it.1)).collect();
    let config = replaced(text(file, "/configs/haproxy/content"), &changes);
    let name = folder.join("haproxy.cfg");
    fs::write(&name, config).unwrap();
    let mut haproxy = Command::new("haproxy");
    haproxy.arg("-f").arg(&name);
    let checked = Command::new("haproxy")
        .arg("-c")
        .arg("-f")
        .arg(&name)
        .output();
    let checked = checked.unwrap();
    assert!(checked.status.success(), "{checked:?}");
    let running = haproxy
        .arg("-db")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Process(running.unwrap())
}

/// Whether the gate with this admin port has a session after login.
async fn has_session(admin: SocketAddr) -> bool {
    let mut stream = TcpStream::connect(admin).await.unwrap();
    let question = format!("GET /metrics HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
    stream.write_all(question.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let active = answer.lines().filter(|it| it.starts_with(ACTIVE));
    active
        .map(|it| it.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum::<f64>()
        > 0.0
}

async fn log_in(to: SocketAddr, client: Ipv4Addr) -> std::io::Result<BufReader<TcpStream>> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(IpAddr::V4(client), 0))?;
    let mut stream = BufReader::new(socket.connect(to).await?);
    for command in ["", "USER ann\r\n", "PASS wonderland\r\n"] {
        stream.get_mut().write_all(command.as_bytes()).await?;
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        if !line.starts_with("+OK") {
            return Err(std::io::Error::other(line));
        }
    }
    Ok(stream)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_client_comes_to_a_gate_of_its_own_and_to_another_only_while_that_is_away() {
    let Some(mut site) = Site::start().await else {
        return;
    };
    let clients = || (1..=8).map(|it| Ipv4Addr::new(127, 0, 2, it));
    site.shows_clients_addresses().await;
    let mut homes = Vec::new();
    for client in clients() {
        homes.push(site.gate_of(client).await);
    }
    let used: BTreeSet<usize> = homes.iter().copied().collect();
    assert_eq!(used.len(), 3, "{homes:?}");
    let gone = homes[0];
    site.gates[gone - 1] = None;
    for (client, home) in clients().zip(homes) {
        if home == gone {
            assert_ne!(site.gate_of(client).await, gone);
        } else {
            site.until_at(client, home).await;
        }
    }
}
