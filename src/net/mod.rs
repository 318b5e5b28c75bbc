//! Connections: the seams where the outside begins, TCP behind them, TLS on top.

pub mod conn;
pub mod dial;
pub mod listen;
pub mod proxy_protocol;
mod resolver;
mod send_queue;
mod socket;
pub mod tls;

pub use resolver::ResolverChoice;

use crate::ids::ListenerName;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncWrite};

/// A future that a seam returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A byte stream that knows a little of its socket. In-memory streams keep the defaults.
pub trait Io: AsyncRead + AsyncWrite + Send + Sync + Unpin {
    /// Bytes written that the peer's kernel has not acknowledged (`SIOCOUTQ`).
    fn unacknowledged(&self) -> usize {
        0
    }

    /// Whether the kernel holds octets of the peer, its end or an error that nobody has read: a
    /// read may not find them yet, since the runtime hears of them between two turns of a task.
    /// Streams that cannot tell say that it may.
    fn may_have_arrived(&self) -> bool {
        true
    }

    /// Probes the peer hard (`true`: dead within 15 s) or normally.
    fn probe_hard(&self, _hard: bool) {}

    /// Whom the socket is connected to.
    fn peer(&self) -> Option<SocketAddr> {
        None
    }

    /// Makes the close a reset: nothing that is unsent is sent any more.
    fn reset_on_close(&self) {}
}

impl Io for tokio::io::DuplexStream {}

/// Where client connections come from.
pub trait Accept: Send {
    /// The next connection, whose socket probes its peer normally. Cancel-safe: a dropped future
    /// loses no connection.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(Box<dyn Io>, SocketAddr)>>;
}

/// How backends are reached.
pub trait Dial: Send + Sync {
    /// Connects to `address`, a `host:port`. The socket does not probe its peer before it is told.
    fn dial<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Io>>>;
}

/// How a port or a backend speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// Not at all.
    Off,
    /// After STLS (RFC 2595).
    Stls,
    /// From the first byte (RFC 8314).
    Implicit,
}

/// One `[[listen]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenOptions {
    /// Its name, or else its address.
    pub name: ListenerName,
    /// Where it binds.
    pub address: SocketAddr,
    /// Whether and when it speaks TLS.
    pub tls: TlsMode,
    /// Whether each connection begins with a PROXY protocol header, from trusted networks only.
    pub proxy_protocol: bool,
}

/// `[tls]`: the certificates of the listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate of clients that name no server, or an unknown one.
    pub default: CertificateFiles,
    /// Each `[[tls.host]]`: its names and its certificate.
    pub hosts: Vec<(Vec<String>, CertificateFiles)>,
}

/// A certificate chain and its key, PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain, the server's own first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}
