//! Gates, their engine and the backend behind them.

use crate::fire::{Gate, Program, Setup, free_address, raise_open_files, serve};
use crate::redis::Redis;
use popgate::demo::server::{DemoOptions, DemoServer};
use popgate::secret::Secret;
use rustix::process::{Pid, Signal, kill_process};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What all gates of a site have in their secret's file.
const SECRET: &str = "6b1f0c5d9e2a47388c4f5e6d7a8b9c0d1e2f30415263748596a7b8c9daebfc0d";

/// How long a gate's lease is, unless a test says otherwise.
pub(crate) const LEASE: Duration = Duration::from_secs(15);

pub(crate) struct Site {
    pub(crate) engine: Redis,
    pub(crate) gates: Vec<Gate>,
    pub(crate) backend: Arc<DemoServer>,
    address: SocketAddr,
    settings: String,
    trusts: &'static [&'static str],
    _serving: (CancellationToken, JoinHandle<()>),
}

impl Site {
    /// Three gates that have joined. `settings`: keys of `[cluster]` and tables behind it.
    pub(crate) async fn start(settings: &str) -> Option<Self> {
        let trusts = &["127.0.0.0/8", "::1/128"];
        Self::start_trusting(settings, trusts).await
    }

    /// As [`Self::start`], where no network is trusted: clients of this host may be blocked.
    pub(crate) async fn start_untrusting(settings: &str) -> Option<Self> {
        Self::start_trusting(settings, &["192.0.2.0/24"]).await
    }

    async fn start_trusting(settings: &str, trusts: &'static [&'static str]) -> Option<Self> {
        raise_open_files();
        let engine = Redis::start()?;
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
        let address = free_address("127.0.0.1");
        let serving = serve(&backend, address).await;
        let mut site = Self {
            engine,
            gates: Vec::new(),
            backend,
            address,
            settings: settings.to_owned(),
            trusts,
            _serving: serving,
        };
        for _ in 0..3 {
            let gate = site.another(SECRET).await;
            site.gates.push(gate);
        }
        for gate in &site.gates {
            is_healthy(gate).await;
        }
        Some(site)
    }

    /// One more gate, with this secret, which is not among the site's.
    pub(crate) async fn another(&self, secret: &str) -> Gate {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.keep().join("cluster.secret");
        std::fs::write(&file, format!("{secret}\n")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&file, mode).unwrap();
        let config = format!(
            "[[backend]]\nname = \"embedded\"\naddress = \"{}\"\n\
             [defaults]\npolls = {{ enforce = \"off\" }}\ncleartext = \"always\"\n\
             [cluster]\nnodes = [\"{}\"]\nsecret_file = {file:?}\nname = \"pop{}\"\n{}\n",
            self.address,
            self.engine.address,
            self.gates.len(),
            self.settings
        );
        Gate::start(Setup {
            config: &config,
            trusted_networks: self.trusts,
            admin: "trust_loopback = true",
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
