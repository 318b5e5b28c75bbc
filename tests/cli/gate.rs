//! A running `popgate serve` before an embedded server, and what it tells systemd.

use popgate::demo::server::{DemoOptions, DemoServer};
use popgate::secret::Secret;
use popgate::time::{Duration, Instant};
use serde_json::Value;
use socket2::{Domain, Socket, Type};
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// No answer of a program on this machine takes so long.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Gate {
    pub(crate) address: SocketAddr,
    pub(crate) metrics: SocketAddr,
    /// The embedded server's, past the gate.
    pub(crate) backend: SocketAddr,
    pub(crate) server: Arc<DemoServer>,
    /// Taken by `wait`.
    child: Option<Child>,
    notices: UnixDatagram,
    folder: tempfile::TempDir,
    _runtime: Runtime,
}

impl Gate {
    /// Starts the backend and the gate, and waits until it tells systemd that it is ready.
    pub(crate) fn start(password: &str, environment: &[(&str, &str)], grace: &str) -> Self {
        Self::start_with(password, environment, |gate| configuration(gate, grace))
    }

    /// The same with a configuration that `edit` has changed.
    pub(crate) fn start_edited(password: &str, edit: impl Fn(String) -> String) -> Self {
        Self::start_with(password, &[], |gate| edit(configuration(gate, "60s")))
    }

    /// One with an API, which takes passwords of anybody without TLS and answers wrong ones at once;
    /// `more` is added to its file.
    pub(crate) fn start_with_api(more: &str) -> Self {
        Self::start_edited("secret", |text| {
            let settings = "[defaults]\ncleartext = \"always\"\nfailures = { delay = \"0s\" }\n";
            let text = text.replacen("[admin]", "[admin]\ntoken_file = \"admin.token\"", 1);
            format!("{settings}{text}{more}")
        })
    }

    fn start_with(
        password: &str,
        environment: &[(&str, &str)],
        configuration: impl Fn(&Addresses) -> String,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = Runtime::new().unwrap();
        let (server, backend) = start_server(&runtime, password);
        let [address, metrics] = free_addresses();
        let text = configuration(&Addresses {
            address,
            backend,
            metrics,
        });
        fs::write(folder.path().join("popgate.toml"), text).unwrap();
        let notices = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        notices.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut gate = Self {
            address,
            metrics,
            backend,
            server,
            child: None,
            notices,
            folder,
            _runtime: runtime,
        };
        gate.spawn(environment);
        gate
    }

    fn spawn(&mut self, environment: &[(&str, &str)]) {
        let child = Command::new(env!("CARGO_BIN_EXE_popgate"))
            .args(["serve", "--config"])
            .arg(self.folder().join("popgate.toml"))
            .env("NOTIFY_SOCKET", self.folder().join("notify"))
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        self.child = Some(child);
        self.wait_for_notice("READY=1");
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Starts it anew where it was killed.
    pub(crate) fn start_again(&mut self) {
        self.spawn(&[]);
    }

    /// What a command that talks to it says as JSON.
    pub(crate) fn told(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(crate::code(&output), 0, "{}", crate::stderr(&output));
        serde_json::from_str(&crate::stdout(&output)).unwrap()
    }

    /// Asks so again and again until `is_so`: the gate does things a moment after a client has
    /// written.
    pub(crate) fn await_told(&self, arguments: &[&str], is_so: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let told = self.told(arguments);
            if is_so(&told) {
                return told;
            }
            assert!(Instant::now() < end, "{arguments:?} says {told:#}");
        }
    }

    /// Runs a command that talks to it.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let arguments = [arguments, &["--config", "popgate.toml"]].concat();
        crate::popgate(self.folder(), &arguments)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Replaces one thing in the configuration by another, and reloads.
    pub(crate) fn reload(&self, from: &str, to: &str) {
        let file = self.folder().join("popgate.toml");
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{from} is not in {text}");
        fs::write(&file, text.replacen(from, to, 1)).unwrap();
        self.signal("HUP");
        self.wait_for_notice("RELOADING=1");
        self.wait_for_notice("READY=1");
    }

    /// Waits until the gate tells systemd so.
    pub(crate) fn wait_for_notice(&self, notice: &str) {
        let mut buffer = [0; 1024];
        loop {
            // A wait with a timeout is not restarted behind a signal (signal(7)).
            let octets = match self.notices.recv(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                received => received.expect("no notice came"),
            };
            let text = String::from_utf8_lossy(&buffer[..octets]);
            if text.lines().any(|line| line == notice) {
                return;
            }
        }
    }

    pub(crate) fn connect(&self) -> Client {
        self.connect_to(self.address)
    }

    pub(crate) fn connect_to(&self, address: SocketAddr) -> Client {
        Self::greeted(TcpStream::connect(address).unwrap())
    }

    /// Connects from one of the many addresses of this machine.
    pub(crate) fn connect_from(&self, address: [u8; 4]) -> Client {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((address, 0)).into()).unwrap();
        socket.connect(&self.address.into()).unwrap();
        Self::greeted(socket.into())
    }

    fn greeted(stream: TcpStream) -> Client {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut client = Client(BufReader::new(stream));
        assert!(client.line().starts_with("+OK"), "not greeted");
        client
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([format!("-{name}"), self.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// What the kernel says of the process.
    pub(crate) fn proc_file(&self, name: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{name}", self.id())).unwrap()
    }

    pub(crate) fn scrape(&self) -> String {
        self.get("/metrics", "")
    }

    /// What the admin port answers, its head included, to a request with these `headers`.
    pub(crate) fn get(&self, path: &str, headers: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        let mut stream = TcpStream::connect(self.metrics).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    /// The end of the process, and all that it said.
    pub(crate) fn wait(mut self) -> Output {
        self.child.take().unwrap().wait_with_output().unwrap()
    }

    fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }
}

impl Drop for Gate {
    /// A test that failed leaves no gate behind.
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A mail program, a line at a time.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    pub(crate) fn ask(&mut self, command: &str) -> String {
        self.send(command);
        self.line()
    }

    /// Says `command`, and does not wait for an answer.
    pub(crate) fn send(&mut self, command: &str) {
        self.0
            .get_mut()
            .write_all(format!("{command}\r\n").as_bytes())
            .unwrap();
    }

    pub(crate) fn log_in(&mut self, password: &str) -> String {
        assert!(self.ask("USER ann").starts_with("+OK"));
        self.ask(&format!("PASS {password}"))
    }
}

fn start_server(runtime: &Runtime, password: &str) -> (Arc<DemoServer>, SocketAddr) {
    let password = Secret::new(password.as_bytes().to_vec());
    let users = vec![("ann".to_owned(), password)];
    let server = DemoServer::new(DemoOptions {
        users,
        ..DemoOptions::default()
    });
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(Arc::clone(&server).serve(listener, CancellationToken::new()));
    (server, address)
}

/// An address that was free a moment ago.
pub(crate) fn free_address() -> SocketAddr {
    let [address] = free_addresses();
    address
}

/// Addresses that were free a moment ago; all of them at once, or one could come twice.
fn free_addresses<const N: usize>() -> [SocketAddr; N] {
    let listeners = [(); N].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap())
}

/// What a configuration names.
struct Addresses {
    address: SocketAddr,
    backend: SocketAddr,
    metrics: SocketAddr,
}

fn configuration(gate: &Addresses, grace: &str) -> String {
    let Addresses {
        address,
        backend,
        metrics,
    } = gate;
    format!(
        r#"
[server]
grace = "{grace}"

[[listen]]
address = "{address}"
tls = "off"

[[backend]]
name = "demo"
address = "{backend}"

[admin]
address = "{metrics}"
"#
    )
}

/// Lets real time pass: another process knows no other.
#[expect(clippy::disallowed_methods, reason = "no runtime runs in this thread")]
pub(crate) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}
