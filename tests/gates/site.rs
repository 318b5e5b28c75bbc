//! Gates, their engine and the backend behind them.

use crate::clocks;
use crate::door::Door;
use crate::fire::{Gate, Program, Setup, free_address, raise_open_files};
use crate::line::Line;
use crate::network::{Host, Network, ROUTER};
use crate::redis::Redis;
use popgate::demo::server::{DemoOptions, DemoServer};
use popgate::secret::Secret;
use rustix::process::{Pid, Signal, kill_process};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// What all gates of a site have in their secret's file.
pub(crate) const SECRET: &str = "6b1f0c5d9e2a47388c4f5e6d7a8b9c0d1e2f30415263748596a7b8c9daebfc0d";

/// The host of a network that has the engine; the gates are on those before.
pub(crate) const ENGINE: usize = 3;

/// How long a gate's lease is, unless a test says otherwise.
pub(crate) const LEASE: Duration = Duration::from_secs(15);

/// A tenant whose clients wait for as long as they may, and whose sessions nobody ends.
pub(crate) const PATIENT: &str = "[[tenant]]\nname = \"t\"\ndomains = [\"example.com\"]\n\
                                  preempt_idle = \"off\"\nwait = \"55s\"\n";

pub(crate) struct Site {
    pub(crate) engine: Redis,
    pub(crate) gates: Vec<Gate>,
    pub(crate) backend: Arc<DemoServer>,
    pub(crate) door: Door,
    address: SocketAddr,
    /// Keys of `[cluster]` and tables behind it, of gates that start from now on.
    pub(crate) settings: String,
    /// Further keys of their `[defaults]`.
    pub(crate) defaults: String,
    /// How many have been started.
    started: AtomicUsize,
    nodes: String,
    trusts: &'static [&'static str],
    /// Where the gates run, and by which clocks.
    places: [Place; 3],
}

/// Where a gate runs.
#[derive(Clone, Default)]
pub(crate) struct Place {
    /// Its host: the network namespace and the address.
    host: Option<(String, String)>,
    /// The file that says by how much its clock is off.
    clock: Option<PathBuf>,
}

impl Place {
    /// On this host, with a clock that goes right.
    pub(crate) fn on(host: &Host) -> Self {
        Self {
            host: Some((host.namespace.clone(), host.address.clone())),
            clock: None,
        }
    }

    /// Here, with a clock that is off by what the file says.
    pub(crate) fn with_clock(clock: &Path) -> Self {
        Self {
            host: None,
            clock: Some(clock.to_owned()),
        }
    }
}

const THIS_HOST: &[&str] = &["127.0.0.0/8", "::1/128"];

impl Site {
    /// Three gates that have joined. `settings`: keys of `[cluster]` and tables behind it.
    pub(crate) async fn start(settings: &str) -> Option<Self> {
        Self::start_at(Default::default(), settings).await
    }

    /// As [`Self::start`], without gates.
    pub(crate) async fn start_without_gates() -> Option<Self> {
        let engine = Redis::start()?;
        let nodes = format!("nodes = [\"{}\"]", engine.address);
        Some(Self::before(engine, nodes, "", Default::default(), THIS_HOST).await)
    }

    /// As [`Self::start`], with gates that have places of their own.
    pub(crate) async fn start_at(places: [Place; 3], settings: &str) -> Option<Self> {
        let engine = Redis::start()?;
        let nodes = format!("nodes = [\"{}\"]", engine.address);
        let site = Self::before(engine, nodes, settings, places, THIS_HOST).await;
        Some(site.with_gates().await)
    }

    /// As [`Self::start`], with a line to the engine that can be slow.
    pub(crate) async fn start_behind_line(settings: &str) -> Option<(Self, Line)> {
        let engine = Redis::start()?;
        let line = Line::to(engine.address).await;
        let nodes = format!("nodes = [\"{}\"]", line.address);
        let site = Self::before(engine, nodes, settings, Default::default(), THIS_HOST).await;
        Some((site.with_gates().await, line))
    }

    /// As [`Self::start`], with an engine whose clock can be set.
    pub(crate) async fn start_before_clock(settings: &str) -> Option<Self> {
        let engine = Redis::start_with_clock()?;
        let nodes = format!("nodes = [\"{}\"]", engine.address);
        let site = Self::before(engine, nodes, settings, Default::default(), THIS_HOST).await;
        Some(site.with_gates().await)
    }

    /// As [`Self::start`], where no network is trusted: clients of this host may be blocked.
    pub(crate) async fn start_untrusting(settings: &str) -> Option<Self> {
        let engine = Redis::start()?;
        let nodes = format!("nodes = [\"{}\"]", engine.address);
        let places = Default::default();
        let site = Self::before(engine, nodes, settings, places, &["192.0.2.0/24"]).await;
        Some(site.with_gates().await)
    }

    /// As [`Self::start`], each on a host of its own: the gates on the first three, the engine on
    /// the fourth.
    pub(crate) async fn start_in(network: &Network, settings: &str) -> Option<Self> {
        let engine = Redis::start_on(&network.hosts[ENGINE], &[])?;
        let nodes = format!("nodes = [\"{}\"]", engine.address);
        Some(Self::start_with(network, engine, nodes, settings).await)
    }

    /// Before this engine, found by these keys of `[cluster]`.
    pub(crate) async fn start_with(
        network: &Network,
        engine: Redis,
        nodes: String,
        settings: &str,
    ) -> Self {
        let places = [0, 1, 2].map(|number| Place::on(&network.hosts[number]));
        let site = Self::before(engine, nodes, settings, places, &["10.0.0.0/8"]).await;
        site.with_gates().await
    }

    async fn before(
        engine: Redis,
        nodes: String,
        settings: &str,
        places: [Place; 3],
        trusts: &'static [&'static str],
    ) -> Self {
        raise_open_files();
        let backend = DemoServer::new(DemoOptions {
            any_user: true,
            // The one whose password may be wrong.
            users: vec![(
                "carl@strict.example".to_owned(),
                Secret::new(b"secret".to_vec()),
            )],
            // Each session that overlaps another is let in, and counted.
            locking: false,
            ..DemoOptions::default()
        });
        let is_here = places[0].host.is_none();
        let address = free_address(if is_here { "127.0.0.1" } else { ROUTER });
        let door = Door::open_at(address, Arc::clone(&backend)).await;
        Self {
            engine,
            gates: Vec::new(),
            backend,
            door,
            address,
            settings: settings.to_owned(),
            defaults: String::new(),
            started: AtomicUsize::new(0),
            nodes,
            trusts,
            places,
        }
    }

    async fn with_gates(mut self) -> Self {
        for _ in 0..3 {
            let gate = self.another(SECRET).await;
            self.gates.push(gate);
        }
        for gate in &self.gates {
            is_healthy(gate).await;
        }
        self
    }

    /// One more gate, with this secret, which is not among the site's.
    pub(crate) async fn another(&self, secret: &str) -> Gate {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.keep().join("cluster.secret");
        std::fs::write(&file, format!("{secret}\n")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&file, mode).unwrap();
        let config = format!(
            "[[backend]]\nname = \"embedded\"\naddress = \"{}\"\nshareable = true\n\
             [defaults]\npolls = {{ enforce = \"off\" }}\ncleartext = \"always\"\n{}\
             [cluster]\n{}\nsecret_file = {file:?}\nname = \"pop{}\"\n{}\n",
            self.address,
            self.defaults,
            self.nodes,
            self.started.fetch_add(1, Ordering::Relaxed),
            self.settings
        );
        let place = self
            .places
            .get(self.gates.len())
            .cloned()
            .unwrap_or_default();
        let clock = place
            .clock
            .as_deref()
            .map(clocks::by_file)
            .unwrap_or_default();
        let environment: Vec<_> = clock
            .iter()
            .map(|(name, is)| (*name, is.as_str()))
            .collect();
        let (namespace, host) = place.host.unzip();
        Gate::start(Setup {
            config: &config,
            host: host.as_deref().unwrap_or("127.0.0.1"),
            namespace: namespace.as_deref(),
            environment: &environment,
            trusted_networks: self.trusts,
            admin: "trust_loopback = true",
            // Else it would lose its engine while other tests keep the processors busy.
            goes_first: true,
            ..Setup::default()
        })
        .await
    }

    /// One more gate of the site, as a rolling restart starts it.
    pub(crate) async fn next(&self) -> Gate {
        self.another(SECRET).await
    }

    /// Sessions that overlapped in a maildrop, as the backend saw them.
    pub(crate) fn overlaps(&self) -> u64 {
        self.backend.log().overlaps()
    }

    /// Logs in at one of the gates.
    pub(crate) async fn log_in(&self, gate: usize, user: &str) -> std::io::Result<Program> {
        log_in(self.gates[gate].ports.plain, user).await
    }
}

/// Connects and logs in.
pub(crate) async fn log_in(to: SocketAddr, user: &str) -> std::io::Result<Program> {
    let mut program = Program::unheard(to).await?;
    program.ok(String::new()).await?;
    program.log_in(user).await?;
    Ok(program)
}

/// Logs in and out at each gate: all of them know the password then.
pub(crate) async fn proven(site: &Site, user: &str) {
    for gate in 0..site.gates.len() {
        let mut program = site.log_in(gate, user).await.unwrap();
        program.ok("QUIT".to_owned()).await.unwrap();
    }
}

/// Waits until a gate takes part.
pub(crate) async fn is_healthy(gate: &Gate) {
    has_state(gate, "healthy", Duration::from_secs(30)).await;
}

pub(crate) async fn has_state(gate: &Gate, state: &str, within: Duration) {
    let label = format!("state=\"{state}\"");
    gate.wait_for("popgate_cluster_state", &[&label], 1.0, within)
        .await;
}

pub(crate) fn signal(gate: &Gate, signal: Signal) {
    let id = Pid::from_raw(gate.id().try_into().unwrap()).unwrap();
    kill_process(id, signal).unwrap();
}

/// It does nothing any more, and its connections stay. Returns when that is so: a signal reaches a
/// process that is busy with other things only after a moment.
pub(crate) fn freeze(gate: &Gate) {
    signal(gate, Signal::STOP);
    let tasks = format!("/proc/{}/task", gate.id());
    let is_stopped = |task: &Path| state(&task.join("stat")) == Some('T');
    while !std::fs::read_dir(&tasks)
        .unwrap()
        .all(|task| is_stopped(&task.unwrap().path()))
    {
        std::thread::yield_now();
    }
}

/// Waits until the gate's process has ended by itself.
pub(crate) async fn has_ended(gate: &Gate) {
    let stat = format!("/proc/{}/stat", gate.id());
    let until = Instant::now() + Duration::from_secs(20);
    // Nobody has asked yet how it ended.
    while state(Path::new(&stat)) != Some('Z') {
        assert!(Instant::now() < until, "{}", gate.log_tail());
        sleep(Duration::from_millis(20)).await;
    }
}

/// The letter behind the name in brackets; `None`: there is no such thread.
fn state(stat: &Path) -> Option<char> {
    let text = std::fs::read_to_string(stat).ok()?;
    text.rsplit(") ").next()?.chars().next()
}
