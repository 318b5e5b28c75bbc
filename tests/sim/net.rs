//! A network in memory on tokio's clock: hosts around one gate, each with a link to it that may be
//! slow, go down, and come back.
//!
//! What matters of TCP is there: bytes arrive in order, late and in pieces of any size; kernels hold
//! a bounded number of them; FIN and RST; a close with unread bytes resets; what was sent while a
//! link is down arrives when it is up again, but a reset does not; a host that crashed knows nothing
//! of its connections; keep-alive and TCP_USER_TIMEOUT end what has no peer any more.

mod end;
mod pipe;

pub(crate) use end::End;

use crate::lock;
use crate::trace::Trace;
use end::connect;
use popgate::net::{Accept, BoxFuture, Dial, Io};
use popgate::time::{Duration, Instant};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, watch};

/// The state of a host's link to the gate, and of the host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkState {
    pub(crate) up: bool,
    /// Since when it is so.
    pub(crate) since: Instant,
    /// How often the host crashed.
    pub(crate) crashes: u32,
}

/// A host's link to the gate.
pub(crate) struct Link {
    pub(crate) state: watch::Sender<LinkState>,
    /// One way, in milliseconds.
    latency: RangeInclusive<u64>,
    /// The most octets that arrive together.
    piece: usize,
    /// What a kernel holds for one connection, each way.
    pub(crate) room: usize,
}

/// The network.
pub(crate) struct Net {
    links: Mutex<BTreeMap<IpAddr, Arc<Link>>>,
    listeners: Mutex<BTreeMap<SocketAddr, mpsc::UnboundedSender<(End, SocketAddr)>>>,
    random: Mutex<fastrand::Rng>,
    next_port: Mutex<u16>,
    /// Ends of connections that the gate has open.
    open_at_gate: Arc<AtomicUsize>,
    trace: Arc<Trace>,
}

impl Link {
    pub(crate) fn new(latency: RangeInclusive<u64>, piece: usize, room: usize) -> Self {
        let state = LinkState {
            up: true,
            since: Instant::now(),
            crashes: 0,
        };
        Self {
            state: watch::Sender::new(state),
            latency,
            piece,
            room,
        }
    }

    fn delay(&self, random: &mut fastrand::Rng) -> Duration {
        Duration::from_millis(random.u64(self.latency.clone()))
    }

    fn piece(&self, random: &mut fastrand::Rng) -> usize {
        random.usize(1..=self.piece)
    }

    async fn wait_until_up(&self) {
        let mut state = self.state.subscribe();
        // The sender lives in `self`.
        let _ = state.wait_for(|state| state.up).await;
    }

    fn crashes(&self) -> u32 {
        self.state.borrow().crashes
    }
}

impl Net {
    pub(crate) fn new(random: fastrand::Rng, trace: Arc<Trace>) -> Arc<Self> {
        Arc::new(Self {
            links: Mutex::default(),
            listeners: Mutex::default(),
            random: Mutex::new(random),
            next_port: Mutex::new(40_000),
            open_at_gate: Arc::default(),
            trace,
        })
    }

    pub(crate) fn add(&self, host: IpAddr, link: Link) {
        lock(&self.links).insert(host, Arc::new(link));
    }

    pub(crate) fn link(&self, host: IpAddr) -> Arc<Link> {
        Arc::clone(&lock(&self.links)[&host])
    }

    /// Cuts or mends a host's link.
    pub(crate) fn set_up(&self, host: IpAddr, up: bool) {
        let link = self.link(host);
        self.trace.say(&format!(
            "link of {host} is {}",
            if up { "up" } else { "down" }
        ));
        link.state.send_if_modified(|state| {
            let changes = state.up != up;
            if changes {
                state.up = up;
                state.since = Instant::now();
            }
            changes
        });
    }

    /// The host is gone without a word, with all that it knows of its connections.
    pub(crate) fn crash(&self, host: IpAddr) {
        let link = self.link(host);
        self.trace.say(&format!("host {host} crashes"));
        link.state.send_modify(|state| {
            state.up = false;
            state.since = Instant::now();
            state.crashes += 1;
        });
    }

    /// Listens; the listener before it, if any, gets nothing more.
    pub(crate) fn listen(self: &Arc<Self>, address: SocketAddr) -> Listener {
        let (sender, arrivals) = mpsc::unbounded_channel();
        lock(&self.listeners).insert(address, sender);
        Listener(arrivals)
    }

    /// Connects `host` with a listener; one of both is the gate.
    pub(crate) async fn connect(
        &self,
        from: IpAddr,
        to: SocketAddr,
        host: IpAddr,
    ) -> io::Result<(End, SocketAddr)> {
        let link = self.link(host);
        let (mut random, local) = (self.fork(), self.local(from));
        tokio::time::sleep(link.delay(&mut random)).await;
        link.wait_until_up().await;
        let listener = lock(&self.listeners).get(&to).cloned();
        let listener = listener.ok_or(io::ErrorKind::ConnectionRefused)?;
        let gate_calls = host == to.ip();
        let (caller, called) = connect(&link, &mut random, gate_calls, &self.open_at_gate);
        listener
            .send((called, local))
            .map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
        tokio::time::sleep(link.delay(&mut random)).await;
        link.wait_until_up().await;
        Ok((caller, local))
    }

    fn fork(&self) -> fastrand::Rng {
        lock(&self.random).fork()
    }

    fn local(&self, from: IpAddr) -> SocketAddr {
        let mut next = lock(&self.next_port);
        *next += 1;
        SocketAddr::new(from, *next)
    }

    pub(crate) fn open_at_gate(&self) -> usize {
        self.open_at_gate.load(Ordering::Relaxed)
    }
}

/// Where connections arrive.
pub(crate) struct Listener(mpsc::UnboundedReceiver<(End, SocketAddr)>);

impl Listener {
    pub(crate) async fn next(&mut self) -> (End, SocketAddr) {
        match self.0.recv().await {
            Some(arrival) => arrival,
            // Another listens there now.
            None => std::future::pending().await,
        }
    }
}

impl Accept for Listener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(Box<dyn Io>, SocketAddr)>> {
        Box::pin(async {
            let (end, from) = self.next().await;
            Ok((Box::new(end) as Box<dyn Io>, from))
        })
    }
}

/// How the gate reaches its backends.
pub(crate) struct Dialer {
    pub(crate) net: Arc<Net>,
    pub(crate) gate: IpAddr,
}

impl Dial for Dialer {
    fn dial<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        Box::pin(async move {
            let to: SocketAddr = address.parse().map_err(io::Error::other)?;
            let (end, _) = self.net.connect(self.gate, to, to.ip()).await?;
            Ok(Box::new(end) as Box<dyn Io>)
        })
    }
}
