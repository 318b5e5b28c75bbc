//! The gate as a whole: built from a configuration, stopped in stages.

mod accept;
mod admin;
mod backends;
mod beginning;
mod block_share;
mod blocks;
mod changes;
mod cluster;
mod control;
#[cfg(test)]
mod double;
mod drain;
mod fd_limit;
mod gauges;
mod history;
mod maintenance;
mod ports;
mod reload;
mod serve;
mod stop;
mod workers;

pub use reload::{Changes, ReloadError};
pub use serve::{ServeError, serve};
pub use workers::Workers;

use crate::admin::token::TokenError;
use crate::admin::{self as admin_port, AdminState, Reload};
use crate::cluster::secret_file::SecretFileError;
use crate::config::Config;
use crate::gate::{Context, Kick, Pauses, SessionView, Sessions, Settings, Stage};
use crate::history::NoticeKind;
use crate::ids::{ListenerName, SessionId};
use crate::journal::{History, Journal, JournalError};
use crate::limits;
use crate::net::listen::BindError;
use crate::net::tls::{Acceptor, Authorities, TlsError};
use crate::net::{Accept, Dial};
use crate::observe::hub::{EventHub, EventSink, Subscription};
use crate::observe::log::LogFilter;
use crate::observe::metrics::{Metrics, MetricsError};
use crate::time::Duration;
use accept::Port;
use admin::{AdminHandle, AdminMemory, take_samples};
use backends::{Backends, Watches};
use beginning::{
    admission, bind_admin, connection_limit, first_settings, hear_of_blocks, jitter, locks,
    metrics, policy, restore_sharing, sinks, tag_key, token, wall_clock,
};
use blocks::BlockAdmin;
use cluster::{Answers, ClusterPart, OtherGates};
pub use cluster::{EngineEvents, authorities, engine_options};
use control::OperatorControl;
use drain::Drain;
use fd_limit::ConnectionLimit;
use maintenance::Maintenance;
use ports::{NewPorts, Ports, bind};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What a gate reaches out with; tests put their own doubles here.
pub struct Outside {
    /// How backends are reached.
    pub dial: Arc<dyn Dial>,
    /// Who hears of events, beside the metrics.
    pub sinks: Vec<Arc<dyn EventSink>>,
    /// The certificates, where they do not come from the files of `[tls]`.
    pub acceptor: Option<Acceptor>,
    /// What all random draws follow from, if a run is to be repeatable. A gate on a real network
    /// has none: its key would be known.
    pub seed: Option<u64>,
    /// What reads the configuration again when the admin port is asked to.
    pub reload: Option<Reload>,
    /// The filter of the log, if the log is this gate's own.
    pub log: Option<LogFilter>,
    /// The engine of its cluster, where it is no Redis.
    pub engine: Option<EngineEvents>,
    /// The threads that serve clients.
    pub workers: Workers,
}

impl Outside {
    /// With nothing but a way to backends.
    #[must_use]
    pub fn dialing(dial: Arc<dyn Dial>) -> Self {
        Self {
            dial,
            sinks: Vec::new(),
            acceptor: None,
            seed: None,
            reload: None,
            log: None,
            engine: None,
            workers: Workers::default(),
        }
    }
}

/// A port that clients come to.
pub struct BoundPort {
    /// Where it is bound.
    pub address: SocketAddr,
    /// What comes there: to each of the workers a part of it.
    pub accepts: Vec<Box<dyn Accept>>,
}

impl BoundPort {
    /// A port where all that comes is in one place.
    #[must_use]
    pub fn new(address: SocketAddr, accept: Box<dyn Accept>) -> Self {
        let accepts = vec![accept];
        Self { address, accepts }
    }
}

/// Why a gate could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port could not be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A certificate or an authority's file cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The admin port could not be had.
    #[error("`address` of `[admin]`: {0}")]
    Admin(BindError),
    /// The system gave no random bytes.
    #[error("the system gives no random bytes")]
    Random,
    /// The journal cannot be had.
    #[error("[journal] {0}")]
    Journal(#[from] JournalError),
    /// The secret of the cluster, or its user's password, cannot be had.
    #[error("[cluster] {0}")]
    Cluster(#[from] SecretFileError),
    /// The token of the admin port cannot be had.
    #[error("[admin] {0}")]
    Token(#[from] TokenError),
    /// A metric was built wrong: a fault of popgate.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
}

/// A running gate. Dropping it closes its ports and leaves its other tasks running; [`Gate::stop`]
/// ends them.
pub struct Gate {
    cx: Arc<Context>,
    /// What a reload swaps.
    settings: watch::Sender<Arc<Settings>>,
    /// The configuration in force; locked for as long as a reload takes.
    config: tokio::sync::Mutex<Config>,
    dial: Arc<dyn Dial>,
    /// Who may have signed the certificates of the cluster's engine, where TLS is spoken to it.
    engine_authorities: Option<watch::Sender<Authorities>>,
    /// Whether the certificates do not come from files.
    acceptor_is_given: bool,
    metrics: Arc<Metrics>,
    memory: AdminMemory,
    history: History,
    drain: Drain,
    ports: Ports,
    watches: Watches,
    admin: Option<SocketAddr>,
    /// Client connections.
    sessions: TaskTracker,
    /// Backend connections that are being ended.
    closers: TaskTracker,
    /// What goes on until the last session has ended.
    services: TaskTracker,
    stop_services: CancellationToken,
    connection_limit: ConnectionLimit,
    notices: Vec<String>,
}

impl Gate {
    /// Binds every port, then serves. Nothing is served if a port cannot be had.
    ///
    /// # Errors
    /// The configuration's, where a file cannot be used; the system's, where a port cannot be had.
    pub async fn start(config: &Config, outside: Outside) -> Result<Self, StartError> {
        let ports = config
            .listeners
            .iter()
            .map(|listener| bind(listener, &outside.workers))
            .collect::<Result<_, _>>()?;
        Self::start_on(ports, config, outside).await
    }

    /// As [`Gate::start`] where the clients' ports are there already: one for each listener of
    /// the configuration, in its order.
    ///
    /// # Errors
    /// As [`Gate::start`].
    pub async fn start_on(
        ports: Vec<BoundPort>,
        config: &Config,
        outside: Outside,
    ) -> Result<Self, StartError> {
        let metrics = Arc::new(metrics(config)?);
        let memory = AdminMemory::default();
        let mut sinks = sinks(outside.sinks, &metrics, &memory, config);
        let opened = blocks::open(config).await?;
        let clock = wall_clock(outside.seed);
        let history = history::begin(config, clock.now().wall, opened.journal.clone());
        sinks.extend(history.sink());
        let own_blocks = hear_of_blocks(config, &mut sinks);
        let events = Arc::new(EventHub::new(clock, sinks));
        let cluster = ClusterPart::new(config, outside.seed, outside.engine, &events, own_blocks)?;
        let (stage, stages) = watch::channel(Stage::Serving);
        let sessions = TaskTracker::new();
        let closers = TaskTracker::new();
        let connection_limit = connection_limit(config, &outside.workers, &sessions, &closers);
        let acceptor_is_given = outside.acceptor.is_some();
        let settings = first_settings(config, outside.acceptor, &outside.dial)?;
        let cx = Arc::new(Context {
            locks: locks(&events, &closers, cluster.as_ref()),
            settings: settings.subscribe(),
            tag_key: tag_key(outside.seed, cluster.as_ref())?,
            cluster: cluster.as_ref().map(|cluster| cluster.handle.clone()),
            admission: admission(opened.list, cluster.as_ref(), config),
            wall: clock,
            stage: stages,
            random: Mutex::new(jitter(outside.seed)),
            sessions: Sessions::default(),
            pauses: Pauses::default(),
            events,
        });
        let admin = bind_admin(config).await?;
        let token = token(config)?;
        let gate = Self {
            cx,
            settings,
            config: tokio::sync::Mutex::new(config.clone()),
            dial: outside.dial,
            engine_authorities: cluster.as_ref().and_then(|it| it.authorities.clone()),
            acceptor_is_given,
            metrics,
            memory,
            history,
            drain: Drain::new(stage),
            ports: Ports::served_by(outside.workers),
            watches: Watches::default(),
            admin: local_address(admin.as_ref()),
            sessions,
            closers,
            services: TaskTracker::new(),
            stop_services: CancellationToken::new(),
            connection_limit,
            notices: opened.notices.into_iter().chain(token.notice).collect(),
        };
        restore_sharing(&gate.cx.admission.local, &opened.sharing, clock.now());
        // Nothing fails from here on: an error leaves none of these tasks behind.
        let others = gate.begin(config, opened.journal, cluster);
        if let Some(listener) = admin {
            let control = gate.control(outside.log);
            let handle = gate.admin_handle(control, outside.reload, others);
            let state = AdminState::new(handle, token.token, policy(config));
            gate.serve_admin(listener, state);
        }
        // Last: a client that comes finds all that its session needs.
        gate.open_ports(config.listeners.iter().cloned().zip(ports).collect());
        Ok(gate)
    }

    /// Where a listener is bound: the port too, where the configuration says 0.
    #[must_use]
    pub fn address(&self, listener: &str) -> Option<SocketAddr> {
        self.listeners()
            .into_iter()
            .find(|(name, _)| name.as_str() == listener)
            .map(|(_, address)| address)
    }

    /// Each listener, and where it is bound.
    #[must_use]
    pub fn listeners(&self) -> Vec<(ListenerName, SocketAddr)> {
        self.ports.addresses()
    }

    /// How long sessions and waiters go on after a stop signal, as the configuration in force says.
    #[must_use]
    pub fn grace(&self) -> Duration {
        self.cx.settings().grace
    }

    /// Returns when the gate has been asked to drain, as the admin port does. [`Gate::finish`] does
    /// the rest.
    pub async fn drain_begun(&self) {
        self.drain.begun().await;
    }

    /// Where the admin port is bound.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// What the operator should know of the start, a sentence each.
    #[must_use]
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// All events from now on, for a reader that keeps its own pace.
    #[must_use]
    pub fn events(&self) -> Subscription {
        self.cx.events.subscribe()
    }

    /// Maildrops that are held, waited for, or being closed.
    #[must_use]
    pub fn locks_in_use(&self) -> usize {
        self.cx.locks.in_use()
    }

    /// Every open session, the oldest first.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionView> {
        self.cx.sessions.views()
    }

    /// Ends a session wherever it waits, without QUIT; but none whose client has sent that.
    pub fn kick(&self, session: SessionId) -> Kick {
        self.cx.sessions.kick(session, None)
    }

    /// How many sessions there is room for at a time; beyond that clients are turned away.
    #[must_use]
    pub fn sessions_max(&self) -> usize {
        self.connection_limit.sessions_max()
    }

    /// Waits until every backend was looked at once: from then on clients are greeted if any can
    /// be.
    pub async fn looked_around(&self) {
        for backend in self.cx.settings().backends.values() {
            backend.known().await;
        }
    }

    /// From now on these backends are watched, and no others; the tasks of others end.
    fn watch(&self, backends: &Backends) -> Vec<JoinHandle<()>> {
        let events = &self.cx.events;
        let stop = &self.stop_services;
        self.watches.follow(backends, events, &self.services, stop)
    }

    fn keep_up(&self, config: &Config, journal: Option<Arc<Journal>>) {
        let started = self.history.gate_started();
        self.history
            .note(NoticeKind::Started, env!("CARGO_PKG_VERSION"), started);
        let options = config.journal.as_ref();
        let maintenance = Maintenance {
            cx: Arc::clone(&self.cx),
            journal,
            history: self.history.clone(),
            keep: options.map_or(limits::BLOCKS_KEPT, |journal| journal.bounds.keep),
            lost: 0,
        };
        self.services
            .spawn(maintenance.run(self.stop_services.clone()));
    }

    /// Starts what runs beside the sessions, but for the ports.
    fn begin(
        &self,
        config: &Config,
        journal: Option<Arc<Journal>>,
        cluster: Option<ClusterPart>,
    ) -> Option<Arc<OtherGates>> {
        self.watch(&self.cx.settings().backends);
        self.keep_up(config, journal);
        self.take_part(cluster)
    }

    fn take_part(&self, cluster: Option<ClusterPart>) -> Option<Arc<OtherGates>> {
        let cluster = cluster?;
        let others = Arc::new(OtherGates::new(
            cluster.handle.clone(),
            self.cx.wall,
            Arc::clone(&self.cx.events),
        ));
        let (messages, told) = mpsc::channel(limits::CLUSTER_MESSAGES_MAX);
        let answers = Arc::clone(&self.cx) as Arc<dyn Answers>;
        let hearing = Arc::clone(&others).hear(told, answers);
        let stop = self.stop_services.clone();
        self.services
            .spawn(async move { stop.run_until_cancelled(hearing).await });
        let dial = Arc::clone(&self.dial);
        let stop = &self.stop_services;
        cluster.start(&self.cx, dial, &self.services, stop, messages);
        Some(others)
    }

    fn control(&self, log: Option<LogFilter>) -> OperatorControl {
        OperatorControl {
            cx: Arc::clone(&self.cx),
            drain: self.drain.clone(),
            log,
        }
    }

    fn admin_handle(
        &self,
        control: OperatorControl,
        reload: Option<Reload>,
        others: Option<Arc<OtherGates>>,
    ) -> Arc<AdminHandle> {
        let handle = Arc::new(AdminHandle {
            cx: Arc::clone(&self.cx),
            control,
            others,
            metrics: Arc::clone(&self.metrics),
            blocks: BlockAdmin {
                cx: Arc::clone(&self.cx),
                history: self.history.clone(),
            },
            connection_limit: self.connection_limit.clone(),
            memory: self.memory.clone(),
            domains: Arc::default(),
            started: self.history.gate_started(),
            history: self.history.clone(),
            reload,
        });
        let stop = self.stop_services.clone();
        self.services.spawn(take_samples(Arc::clone(&handle), stop));
        handle
    }

    fn serve_admin(&self, listener: TcpListener, state: AdminState) {
        let stop = self.stop_services.clone();
        self.services
            .spawn(admin_port::serve(listener, Arc::new(state), stop));
    }

    fn open_ports(&self, ports: NewPorts) {
        let port = |options, bound| Port {
            cx: Arc::clone(&self.cx),
            options,
            bound,
            sessions: self.sessions.clone(),
            connection_limit: self.connection_limit.clone(),
        };
        self.ports.open(ports, &self.services, port);
    }
}

fn local_address(listener: Option<&TcpListener>) -> Option<SocketAddr> {
    listener?.local_addr().ok()
}
