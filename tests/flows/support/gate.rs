//! The gate in the middle.

use super::PATIENCE;
use super::double::Double;
use super::recorder::Recorder;
use super::visitor::Visitor;
use super::wire::Wire;
use popgate::admission::Admission;
use popgate::admission::block_list::BlockList;
use popgate::backend::connect::Backend;
use popgate::backend::health::watch_backend;
use popgate::config::Config;
use popgate::demo::certificate::self_signed;
use popgate::demo::server::DemoServer;
use popgate::gate::{Context, Pauses, Sessions, Settings, Stage};
use popgate::ids::{BackendName, SessionId};
use popgate::lock::Locks;
use popgate::net::tls::Acceptor;
use popgate::observe::event::{Event, LockEvent, SessionSummary};
use popgate::observe::hub::{EventHub, EventSink};
use popgate::secret::TagKey;
use popgate::time::{Instant, Moment, WallClock};
use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::AtomicU16;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The listeners of every gate. Settings may add others.
const LISTENERS: &str = r#"
[server]
trusted_networks = ["127.0.0.0/8"]
[tls]
certificate = "made for the test"
key = "made for the test"
[[listen]]
name = "pop3"
address = "127.0.0.1:110"
[[listen]]
name = "pop3s"
address = "127.0.0.1:995"
tls = "implicit"
[[listen]]
name = "clear"
address = "127.0.0.1:1110"
tls = "off"
"#;

const BACKEND: &str = "[[backend]]\nname = \"legacy\"\naddress = \"10.0.0.5:110\"\n";

/// What a backend says that it can do, unless a script says otherwise.
const CAPABILITIES: &[&str] = &["TOP", "UIDL", "PIPELINING", "USER", "SASL PLAIN"];

/// A gate without ports.
pub(crate) struct Gate {
    pub(crate) cx: Arc<Context>,
    pub(crate) events: Arc<Recorder>,
    reloads: watch::Sender<Arc<Settings>>,
    /// How far a stop has come.
    pub(crate) stage: watch::Sender<Stage>,
    /// Backend connections that are being ended.
    pub(crate) closers: TaskTracker,
    /// Client connections.
    pub(crate) sessions: TaskTracker,
    pub(super) config: Config,
    doubles: HashMap<String, Arc<Double>>,
    pub(super) clients: AtomicU16,
    tasks: Mutex<HashMap<SocketAddr, AbortHandle>>,
}

impl Gate {
    /// One backend named `legacy`, which was looked at; passwords may come in clear.
    pub(crate) async fn classic() -> Self {
        Self::with("[defaults]\ncleartext = \"always\"\n").await
    }

    /// A gate with these settings: `[defaults]`, `[[tenant]]`, and `[[backend]]` where it is not
    /// the one named `legacy`. Listeners are `pop3` (STLS), `pop3s` (implicit TLS) and `clear`
    /// (no TLS); 127.0.0.0/8 is trusted. All backends were looked at.
    pub(crate) async fn with(settings: &str) -> Self {
        let gate = Self::unseen(settings);
        for name in gate.doubles.keys() {
            gate.look(name, CAPABILITIES).await;
        }
        gate
    }

    /// As [`Gate::with`], and the rules for polls, failures and blocks hold as the settings say
    /// them, or by default.
    pub(crate) async fn strict(settings: &str) -> Self {
        let gate = Self::build(settings, Vec::new());
        for name in gate.doubles.keys() {
            gate.look(name, CAPABILITIES).await;
        }
        gate
    }

    /// As [`Gate::with`], and `sink` hears of each event, too, after [`Gate::events`].
    pub(crate) async fn heard_by(sink: Arc<dyn EventSink>, settings: &str) -> Self {
        let gate = Self::build(&without_rules(settings), vec![sink]);
        for name in gate.doubles.keys() {
            gate.look(name, CAPABILITIES).await;
        }
        gate
    }

    /// As [`Gate::with`], but no backend was looked at.
    pub(crate) fn unseen(settings: &str) -> Self {
        Self::build(&without_rules(settings), Vec::new())
    }

    /// As [`Gate::with`], and the only backend is told addresses by XOIP.
    pub(crate) async fn telling_by_xoip() -> Self {
        let backend = BACKEND.replace("address", "xoip = true\naddress");
        Self::with(&format!("{backend}[defaults]\ncleartext = \"always\"\n")).await
    }

    fn build(settings: &str, sinks: Vec<Arc<dyn EventSink>>) -> Self {
        Self::of(config(settings), sinks)
    }

    fn of(config: Config, mut sinks: Vec<Arc<dyn EventSink>>) -> Self {
        let events = Arc::new(Recorder::new());
        sinks.insert(0, events.clone());
        let clock = WallClock::From(Moment {
            instant: Instant::now(),
            wall: jiff::Timestamp::UNIX_EPOCH,
        });
        let hub = Arc::new(EventHub::new(clock, sinks));
        let (stage, stages) = watch::channel(Stage::Serving);
        let closers = TaskTracker::new();
        let doubles = doubles(&config);
        let (reloads, settings) = watch::channel(Arc::new(Settings {
            admin_acceptor: None,
            tenants: config.tenants.clone(),
            backends: backends(&config, &doubles),
            acceptor: Some(acceptor()),
            trusted: config.server.trusted_networks.clone(),
            grace: config.server.grace,
            resolver: config.resolver,
        }));
        let cx = Context {
            cluster: None,
            events: Arc::clone(&hub),
            locks: Locks::new(hub, closers.clone()),
            settings,
            tag_key: TagKey::new(&[7; 32]),
            admission: Admission::new(Arc::new(BlockList::default()), None),
            wall: clock,
            stage: stages,
            random: Mutex::new(fastrand::Rng::with_seed(7)),
            sessions: Sessions::default(),
            pauses: Pauses::default(),
        };
        Self {
            cx: Arc::new(cx),
            events,
            reloads,
            stage,
            closers,
            sessions: TaskTracker::new(),
            config,
            doubles,
            clients: AtomicU16::new(0),
            tasks: Mutex::default(),
        }
    }

    /// Has the tenants of these settings from now on. The backends stay.
    pub(crate) fn reload(&self, settings: &str) {
        let before = self.cx.settings();
        self.reloads.send_replace(Arc::new(Settings {
            admin_acceptor: None,
            tenants: config(settings).tenants,
            backends: before.backends.clone(),
            acceptor: before.acceptor.clone(),
            trusted: before.trusted.clone(),
            grace: before.grace,
            resolver: before.resolver,
        }));
    }

    /// A client at the listener `pop3`, from an address that is not trusted.
    pub(crate) fn visitor(&self) -> Visitor<'_> {
        Visitor::of(self)
    }

    /// A client that has connected, and read nothing yet. They are `client 1`, `client 2`, ….
    pub(crate) fn client(&self) -> Wire {
        self.visitor().connect()
    }

    /// A client that has the greeting.
    pub(crate) async fn greeted(&self) -> Wire {
        self.visitor().greeted().await
    }

    /// A client that has sent USER and PASS, and has no answer yet.
    pub(crate) async fn asking(&self, user: &str, password: &str) -> Wire {
        self.visitor().asking(user, password).await
    }

    /// A client that the backend let in, and the backend's side of it.
    pub(crate) async fn log_in(&self, user: &str, password: &str) -> (Wire, Wire) {
        let mut client = self.asking(user, password).await;
        let mut backend = self.dialed().await;
        backend.lets_in(user, password).await;
        client.expect(format!("+OK {user}, come in\r\n")).await;
        (client, backend)
    }

    /// A whole session, so that the password is proven.
    pub(crate) async fn prove(&self, user: &str, password: &str) {
        let released = |event: &Event| matches!(event, Event::Lock(LockEvent::Released { .. }));
        let before = self.events.count(released);
        let (mut client, mut backend) = self.log_in(user, password).await;
        client.send("QUIT\r\n").await;
        backend.expect("QUIT\r\n").await;
        backend.send("+OK bye\r\n").await;
        client.expect("+OK bye\r\n").await;
        client.close();
        backend.close();
        self.told_nth(before, released).await;
    }

    /// The script's side of the gate's next connection to the only backend.
    pub(crate) async fn dialed(&self) -> Wire {
        self.only().next().await
    }

    /// The script's side of the gate's next connection to this backend.
    pub(crate) async fn dialed_at(&self, backend: &str) -> Wire {
        self.double(backend).next().await
    }

    /// Connections of sessions to the only backend so far.
    pub(crate) fn dials(&self) -> usize {
        self.only().dials()
    }

    /// Lets the backend's watcher look once; it finds these capabilities, or a backend that was
    /// cut off. They are the ones of after login, too: no session asks for them.
    pub(crate) async fn look(&self, backend: &str, capabilities: &[&str]) {
        self.look_alone(backend, capabilities).await;
        self.nobody_asks(backend);
    }

    /// No session asks any more what this backend lists after login: the same as before.
    pub(crate) fn nobody_asks(&self, backend: &str) {
        if let Some(asking) = self.backend(backend).leave_to_ask() {
            asking.not_listed();
        }
    }

    /// As [`Gate::look`], and the next session asks what the backend lists after login.
    pub(crate) async fn look_alone(&self, backend: &str, capabilities: &[&str]) {
        let double = self.double(backend);
        let capabilities = capabilities.iter().map(|&line| line.to_owned());
        double.be_looked_at(Some(capabilities.collect()));
        let watched = self.backend(backend);
        let mut state = watched.watch();
        state.mark_unchanged();
        let (events, stop) = (Arc::clone(&self.cx.events), CancellationToken::new());
        tokio::spawn(watch_backend(watched, events, stop.clone()));
        let looked = timeout(PATIENCE, state.changed()).await;
        assert!(
            matches!(looked, Ok(Ok(()))),
            "no end of the look at {backend}"
        );
        stop.cancel();
        double.be_looked_at(None);
    }

    /// From now on a demo server is behind the only backend's address.
    pub(crate) fn serve_by(&self, demo: &Arc<DemoServer>) {
        self.only().serve_by(Arc::clone(demo));
    }

    /// From now on this script plays the only backend, on each connection anew.
    pub(crate) fn serve_each<F>(&self, script: impl Fn(Wire) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let play = move |wire| drop(tokio::spawn(script(wire)));
        self.only().serve_each(Arc::new(play));
    }

    /// From now on connections to this backend are refused.
    pub(crate) fn cut_off(&self, backend: &str) {
        self.double(backend).cut_off();
    }

    /// From now on they are not refused any more.
    pub(crate) fn restore(&self, backend: &str) {
        self.double(backend).restore();
    }

    /// The first event of this kind, among those that came and those that will.
    pub(crate) async fn told(&self, which: impl Fn(&Event) -> bool) -> Event {
        self.told_nth(0, which).await
    }

    /// The event of this kind that comes behind `skip` others of it.
    pub(crate) async fn told_nth(&self, skip: usize, which: impl Fn(&Event) -> bool) -> Event {
        let told = timeout(PATIENCE, self.events.wait_for_nth(skip, which)).await;
        told.unwrap_or_else(|_| panic!("no such event among {:#?}", self.events.events()))
    }

    /// Waits until this client stands in a queue.
    pub(crate) async fn queued(&self, client: &Wire) {
        let id = self.session(client).await;
        self.told(|event| matches!(event, Event::Lock(LockEvent::Queued { session, .. }) if *session == id))
            .await;
    }

    /// The number of this client's session.
    pub(crate) async fn session(&self, wire: &Wire) -> SessionId {
        let address = wire.address;
        let opened = self
            .told(
                |event| matches!(event, Event::SessionOpened { client, .. } if *client == address),
            )
            .await;
        let Event::SessionOpened { session, .. } = opened else {
            unreachable!("it was asked for")
        };
        session
    }

    /// How the session of this client (`client 1`) ended.
    pub(crate) async fn end_of(&self, client: &str) -> SessionSummary {
        let number = client.trim_start_matches("client ");
        let port: u16 = number.parse().expect("a name like `client 1`");
        let is_its = |event: &Event| matches!(event, Event::SessionEnded(summary) if summary.client.port() == port);
        match self.told(is_its).await {
            Event::SessionEnded(summary) => *summary,
            other => unreachable!("{other:?}"),
        }
    }

    /// What the gate knows of a backend.
    pub(crate) fn backend(&self, name: &str) -> Arc<Backend> {
        Arc::clone(&self.cx.settings().backends[&BackendName::new(name)])
    }

    /// Cancels the task of this client's session.
    pub(crate) fn cancel(&self, client: &Wire) {
        self.tasks()[&client.address].abort();
    }

    /// The next connection to the only backend panics instead.
    pub(crate) fn dialing_panics(&self) {
        self.only().panics();
    }

    pub(super) fn tasks(&self) -> MutexGuard<'_, HashMap<SocketAddr, AbortHandle>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn only(&self) -> &Double {
        assert_eq!(self.doubles.len(), 1, "which of the backends?");
        self.doubles.values().next().expect("there is one")
    }

    fn double(&self, backend: &str) -> &Double {
        &self.doubles[backend]
    }
}

/// These tests are about locks: nobody comes too often, and a wrong password is answered at once.
fn without_rules(settings: &str) -> String {
    const OFF: &str = "[defaults]\npolls = { enforce = \"off\" }\nblocks = { enforce = \"off\" }\n\
                       failures = { delay = \"0s\", max_delay = \"0s\", same_password = 0 }\n";
    if settings.contains("[defaults]\n") {
        settings.replacen("[defaults]\n", OFF, 1)
    } else {
        format!("{OFF}{settings}")
    }
}

fn config(settings: &str) -> Config {
    let backend = if settings.contains("[[backend]]") {
        ""
    } else {
        BACKEND
    };
    let text = format!("{LISTENERS}{backend}{settings}");
    let config = Config::parse(&text, Path::new("flows.toml"));
    config.unwrap_or_else(|error| panic!("{error}"))
}

fn doubles(config: &Config) -> HashMap<String, Arc<Double>> {
    let names = config.backends.iter().map(|options| options.name.as_str());
    names
        .map(|name| (name.to_owned(), Arc::new(Double::new(name))))
        .collect()
}

fn backends(
    config: &Config,
    doubles: &HashMap<String, Arc<Double>>,
) -> HashMap<BackendName, Arc<Backend>> {
    let backends = config.backends.iter().map(|options| {
        let dial = Arc::clone(&doubles[options.name.as_str()]);
        let backend = Backend::new(options.clone(), dial).expect("no TLS to set up");
        (options.name.clone(), Arc::new(backend))
    });
    backends.collect()
}

fn acceptor() -> Arc<Acceptor> {
    let (certificate, key) = self_signed().expect("a certificate");
    Arc::new(Acceptor::from_pem(&certificate, &key).expect("it fits its key"))
}
