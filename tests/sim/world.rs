//! One seed from beginning to end.

use crate::client::Program;
use crate::engine::EngineSite;
use crate::net::{Dialer, Link, Net};
use crate::plan::{BACKEND, ClientPlan, Ending, Fate, Plan, Style, gate_address, gate_host};
use crate::site::Site;
use crate::trace::Trace;
use crate::witness::{Counts, Witness};
use popgate::app::{BoundPort, Gate, Outside};
use popgate::config::Config;
use popgate::ids::{BackendName, ListenerName};
use popgate::limits::CLUSTER_LEAVE;
use popgate::net::Accept;
use popgate::observe::hub::EventSink;
use popgate::observe::metrics::Metrics;
use popgate::time::{Duration, Instant};
use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

/// Beyond the longest stall, keep-alive and time-out of the gate together.
const QUIET: Duration = Duration::from_secs(1000);

/// What became of a seed.
pub(crate) struct Outcome {
    pub(crate) faults: Vec<String>,
    pub(crate) digest: u64,
    pub(crate) counts: Counts,
    pub(crate) lasted: Duration,
}

impl Outcome {
    /// One line; two runs of a seed have the same.
    pub(crate) fn summary(&self) -> String {
        format!(
            "{:016x} {} {:?}",
            self.digest,
            self.counts.line(),
            self.lasted
        )
    }
}

struct World {
    plan: Plan,
    config: Config,
    net: Arc<Net>,
    site: Arc<Site>,
    trace: Arc<Trace>,
    witness: Arc<Witness>,
    metrics: Arc<Metrics>,
    engine: Option<Arc<EngineSite>>,
    /// Starts of gates, and which is where now.
    starts: u32,
    living: BTreeMap<usize, u32>,
}

/// A file with the secret of several gates, which goes with this.
struct SecretFile(PathBuf);

impl SecretFile {
    fn new() -> Self {
        // Named without a draw: what a seed plays must not depend on who plays beside it.
        let name = format!("popgate-sim-{}.secret", std::process::id());
        let file = std::env::temp_dir().join(name);
        fs::write(&file, "07".repeat(32)).expect("there is room for a file");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("it is ours");
        Self(file)
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Plays `seed`.
pub(crate) async fn play(seed: u64, aloud: bool) -> Outcome {
    let start = Instant::now();
    let mut random = fastrand::Rng::with_seed(seed);
    let trace = Arc::new(Trace::new(aloud));
    let plan = Plan::draw(&mut random);
    let secret = plan.engine.map(|_| SecretFile::new());
    let file = secret.as_ref().map(|it| it.0.as_path());
    let mut world = World::new(plan, random, file, Arc::clone(&trace));
    world.run().await;
    Outcome {
        faults: trace.faults(),
        digest: trace.digest(),
        counts: world.witness.counts(),
        lasted: start.elapsed(),
    }
}

impl World {
    fn new(
        plan: Plan,
        mut random: fastrand::Rng,
        secret: Option<&Path>,
        trace: Arc<Trace>,
    ) -> Self {
        trace.say(&format!("{plan:#?}"));
        let config = Config::parse(
            &plan.settings.toml(&plan.backend, secret),
            Path::new("sim.toml"),
        );
        let config = config.unwrap_or_else(|error| panic!("{error}"));
        let net = Net::new(random.fork(), Arc::clone(&trace));
        let backend = &plan.backend;
        net.add(
            BACKEND,
            Link::new(0..=backend.latency, backend.piece, 64 * 1024),
        );
        for client in &plan.clients {
            net.add(
                client.host,
                Link::new(0..=client.latency, client.piece, client.room),
            );
        }
        let engine = plan.engine.map(|lines| {
            let trace = Arc::clone(&trace);
            EngineSite::new(lines, random.fork(), trace)
        });
        let site = Site::new(backend, plan.users, plan.settings.shares, Arc::clone(&net));
        let witness = Witness::new(&plan, Arc::clone(&site), Arc::clone(&trace));
        let metrics = Metrics::new(
            &[],
            &[ListenerName::new("pop3")],
            &[BackendName::new("legacy")],
            1,
        );
        Self {
            plan,
            config,
            net,
            site,
            trace,
            witness,
            metrics: Arc::new(metrics.expect("names that fit")),
            engine,
            starts: 0,
            living: BTreeMap::new(),
        }
    }

    async fn run(&mut self) {
        self.site.start();
        let mut gates = Vec::new();
        for place in 0..self.plan.gates {
            gates.push(self.start_gate(place).await);
        }
        let over = CancellationToken::new();
        let (mut staying, mut vanishing) = (JoinSet::new(), JoinSet::new());
        for plan in self.plan.clients.clone() {
            let vanishes = matches!(plan.ending, Ending::Vanishes(_));
            let tasks = if vanishes {
                &mut vanishing
            } else {
                &mut staying
            };
            tasks.spawn(self.program(plan, &over).run());
        }
        let gates = self.fates(gates).await;
        while let Some(ended) = staying.join_next().await {
            self.trace
                .check(ended.is_ok(), || format!("a client failed: {ended:?}"));
        }
        self.trace.say("the clients have ended");
        self.be_quiet(&gates).await;
        self.come_once_more(&over).await;
        over.cancel();
        vanishing.shutdown().await;
        self.be_quiet(&gates).await;
        self.end(gates).await;
    }

    fn program(&self, plan: ClientPlan, over: &CancellationToken) -> Program {
        Program {
            plan,
            net: Arc::clone(&self.net),
            site: Arc::clone(&self.site),
            trace: Arc::clone(&self.trace),
            witness: Arc::clone(&self.witness),
            over: over.clone(),
        }
    }

    async fn start_gate(&mut self, place: usize) -> Gate {
        self.starts += 1;
        self.living.insert(place, self.starts);
        let outside = Outside {
            sinks: vec![
                self.witness.ear(self.starts),
                Arc::clone(&self.metrics) as Arc<dyn EventSink>,
            ],
            seed: Some(u64::from(self.starts)),
            engine: self
                .engine
                .as_ref()
                .map(|engine| engine.connect(self.starts, place)),
            ..Outside::dialing(Arc::new(Dialer {
                net: Arc::clone(&self.net),
                gate: gate_host(place),
            }))
        };
        let accept: Box<dyn Accept> = Box::new(self.net.listen(gate_address(place)));
        let ports = vec![BoundPort::new(gate_address(place), accept)];
        let gate = Gate::start_on(ports, &self.config, outside).await;
        let gate = gate.expect("nothing that it needs of the system");
        gate.looked_around().await;
        gate
    }

    async fn fates(&mut self, mut gates: Vec<Gate>) -> Vec<Gate> {
        let start = Instant::now();
        for (at, fate) in std::mem::take(&mut self.plan.fates) {
            sleep_until(start + at).await;
            self.trace.say(&format!("{fate:?}"));
            match fate {
                Fate::Outage(host, lasts) => self.outage(host, lasts),
                Fate::BackendOutage(lasts) => self.outage(BACKEND, lasts),
                Fate::BackendDies(lasts) => {
                    self.site.die().await;
                    sleep(lasts).await;
                    self.site.start();
                }
                Fate::BackendCrashes(lasts) => {
                    self.site.crash().await;
                    sleep(lasts).await;
                    self.net.set_up(BACKEND, true);
                    self.site.start();
                }
                Fate::Restart {
                    gate: place,
                    grace,
                    hurry,
                } => {
                    let gate = gates.remove(place);
                    if hurry {
                        gate.stop(grace, std::future::ready(())).await;
                    } else {
                        gate.stop(grace, std::future::pending()).await;
                    }
                    gates.insert(place, self.start_gate(place).await);
                }
                Fate::Engine(fate) => {
                    if let Some(engine) = &self.engine {
                        engine.suffers(fate);
                    }
                }
                Fate::Delivery(user) => self.site.deliver(user, fastrand::u64(..)),
            }
        }
        gates
    }

    fn outage(&self, host: IpAddr, lasts: Duration) {
        let net = Arc::clone(&self.net);
        net.set_up(host, false);
        tokio::spawn(async move {
            sleep(lasts).await;
            net.set_up(host, true);
        });
    }

    /// Waits until no gate has a session or a lock any more.
    async fn be_quiet(&self, gates: &[Gate]) {
        let in_use = || gates.iter().map(Gate::locks_in_use).sum::<usize>();
        let quiet = async {
            while self.witness.open_sessions() > 0 || in_use() > 0 {
                sleep(Duration::from_secs(1)).await;
            }
        };
        let quiet = timeout(QUIET, quiet).await.is_ok();
        self.trace.check(quiet, || {
            let (sessions, locks) = (self.witness.open_sessions(), in_use());
            format!("{sessions} sessions and {locks} locks do not end")
        });
    }

    /// Whatever happened: whoever comes now gets in at once and finds everything in order.
    async fn come_once_more(&self, over: &CancellationToken) {
        // The watcher has noticed that the backend is there, and no lock lingers.
        sleep(Duration::from_secs(40)).await;
        for user in 0..self.plan.users {
            let host = Ipv4Addr::new(10, 2, 0, u8::try_from(user).unwrap_or(u8::MAX)).into();
            self.net.add(host, Link::new(0..=5, 16 * 1024, 64 * 1024));
            let plan = ClientPlan {
                host,
                gate: user % self.plan.gates,
                user,
                start: Duration::ZERO,
                visits: 1,
                between: Duration::ZERO,
                passwords: vec![true],
                commands: ["UIDL", "STAT"].map(str::to_owned).into(),
                pause: Duration::ZERO,
                style: Style::LockStep,
                ending: Ending::Quit,
                latency: 5,
                piece: 16 * 1024,
                room: 64 * 1024,
            };
            self.program(plan, over).run().await;
            let through = self.witness.quit_well(host);
            self.trace.check(through, || {
                format!("maildrop {user} cannot be had any more")
            });
        }
    }

    async fn end(&self, gates: Vec<Gate>) {
        self.witness.conclude_clusters(&self.living);
        for gate in gates {
            let before = Instant::now();
            gate.stop(Duration::from_secs(60), std::future::pending())
                .await;
            let took = before.elapsed();
            // What its engine does not hear at once is told again.
            let told = self
                .engine
                .as_ref()
                .map_or(Duration::ZERO, |_| CLUSTER_LEAVE);
            self.trace.check(took < Duration::from_secs(1) + told, || {
                format!("a gate without sessions took {took:?} to stop")
            });
        }
        // Until the server has let go of the last session, too.
        sleep(Duration::from_secs(15)).await;
        self.witness.conclude().await;
        if let Some(engine) = &self.engine {
            let left = engine.left_behind();
            self.trace.check(left == (0, 0), || {
                format!(
                    "the engine remembers {} gates and {} maildrops",
                    left.0, left.1
                )
            });
        }
        let open = self.net.open_at_gate();
        self.trace.check(open == 0, || {
            format!("the gate left {open} connections open")
        });
        let metrics = self.metrics.render().unwrap_or_default();
        for gauge in ["sessions_open", "lock_waiters", "locks_held"] {
            let name = format!("popgate_{gauge}");
            let lines = metrics.lines().filter(|line| line.starts_with(&name));
            for line in lines {
                self.trace
                    .check(line.ends_with(" 0"), || format!("a gauge stays: {line}"));
            }
        }
    }
}
