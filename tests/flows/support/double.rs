//! A backend whose side the script holds.

use super::PATIENCE;
use super::wire::Wire;
use popgate::demo::server::DemoServer;
use popgate::net::{BoxFuture, Dial, Io};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Room on a backend's connection, each way: what a small TCP buffer holds.
const ROOM: usize = 64 * 1024;

/// What answers when the gate dials.
#[derive(Clone)]
enum Behind {
    /// The script.
    Script,
    /// A demo server.
    Demo(Arc<DemoServer>),
    /// A script that plays each connection.
    Each(Arc<dyn Fn(Wire) + Send + Sync>),
    /// Nobody: the connection is refused.
    Nobody,
    /// A fault of popgate: it panics once, then the script answers.
    Panic,
}

/// One backend.
pub(super) struct Double {
    name: String,
    behind: Mutex<Behind>,
    /// The capability lines that a look finds; `None` while nobody looks.
    looked_at: Mutex<Option<Vec<String>>>,
    dialed: mpsc::UnboundedSender<Wire>,
    arrivals: tokio::sync::Mutex<mpsc::UnboundedReceiver<Wire>>,
    dials: AtomicUsize,
}

impl Double {
    pub(super) fn new(name: &str) -> Self {
        let (dialed, arrivals) = mpsc::unbounded_channel();
        Self {
            name: name.to_owned(),
            behind: Mutex::new(Behind::Script),
            looked_at: Mutex::new(None),
            dialed,
            arrivals: tokio::sync::Mutex::new(arrivals),
            dials: AtomicUsize::new(0),
        }
    }

    /// The backend's side of the next connection.
    pub(super) async fn next(&self) -> Wire {
        let mut arrivals = self.arrivals.lock().await;
        let wire = timeout(PATIENCE, arrivals.recv()).await;
        wire.ok().flatten().unwrap_or_else(|| {
            panic!("no connection to {} within {PATIENCE:?}", self.name);
        })
    }

    /// Connections of sessions so far, taken up by the script or not.
    pub(super) fn dials(&self) -> usize {
        self.dials.load(Ordering::Relaxed)
    }

    pub(super) fn serve_by(&self, demo: Arc<DemoServer>) {
        set(&self.behind, Behind::Demo(demo));
    }

    pub(super) fn serve_each(&self, script: Arc<dyn Fn(Wire) + Send + Sync>) {
        set(&self.behind, Behind::Each(script));
    }

    pub(super) fn cut_off(&self) {
        set(&self.behind, Behind::Nobody);
    }

    pub(super) fn panics(&self) {
        set(&self.behind, Behind::Panic);
    }

    pub(super) fn restore(&self) {
        set(&self.behind, Behind::Script);
    }

    /// What a look finds from now on; `None`: no one looks any more.
    pub(super) fn be_looked_at(&self, capabilities: Option<Vec<String>>) {
        set(&self.looked_at, capabilities);
    }

    fn connect(&self) -> io::Result<Box<dyn Io>> {
        let behind = get(&self.behind);
        if matches!(behind, Behind::Nobody) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        if matches!(behind, Behind::Panic) {
            self.restore();
            panic!("injected while dialing");
        }
        let looked_at = get(&self.looked_at);
        let number = match looked_at {
            Some(_) => 0,
            None => self.dials.fetch_add(1, Ordering::Relaxed) + 1,
        };
        let name = format!("{} {number}", self.name);
        let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let (wire, end) = Wire::pair(&name, nowhere, ROOM);
        match (looked_at, behind) {
            (Some(capabilities), _) => {
                tokio::spawn(show(wire, capabilities));
            }
            (None, Behind::Demo(demo)) => {
                tokio::spawn(demo.serve_connection(wire.into_conn()));
            }
            (None, Behind::Each(script)) => script(wire),
            (None, _) => self
                .dialed
                .send(wire)
                .map_err(|_| io::ErrorKind::ConnectionRefused)?,
        }
        Ok(Box::new(end))
    }
}

impl Dial for Double {
    fn dial<'a>(&'a self, _address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        Box::pin(async { self.connect() })
    }
}

/// Serves the watcher's look. It asks CAPA unless the settings say what the backend can do.
async fn show(mut wire: Wire, capabilities: Vec<String>) {
    let lines = capabilities.iter().map(|line| format!("{line}\r\n"));
    let list = format!("+OK this I can\r\n{}.\r\n", lines.collect::<String>());
    wire.greets().await;
    while wire.read_line().await == "CAPA" {
        wire.send(&list).await;
    }
}

fn set<T>(place: &Mutex<T>, value: T) {
    *place.lock().unwrap_or_else(PoisonError::into_inner) = value;
}

fn get<T: Clone>(place: &Mutex<T>) -> T {
    place.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
