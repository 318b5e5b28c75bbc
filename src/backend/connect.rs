//! Reaching a backend: from nothing to its greeting.

use super::BackendOptions;
use super::health::Known;
use super::lines::{self, LineError, read_status};
use super::slots::BackendSlots;
pub use super::slots::Permit;
use crate::net::conn::Conn;
use crate::net::tls::{Connector, TlsError};
use crate::net::{Dial, TlsMode, proxy_protocol};
use crate::pop3::reply::Status;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::timeout;

/// One backend: how to reach it, and what is known of it.
pub struct Backend {
    options: BackendOptions,
    connector: Option<Connector>,
    dial: Arc<dyn Dial>,
    /// Shared with the backends whose place this one has taken.
    places: Arc<BackendSlots>,
    /// Shared with those of them that were reached in the same way.
    pub(super) known: Arc<Known>,
}

/// A connection to a backend that has greeted.
pub struct GreetedConnection {
    /// The connection, at the start of AUTHORIZATION.
    pub conn: Conn,
    /// Keep it until the backend has let go of the connection.
    pub permit: Permit,
    /// The greeting without its line end; `conn.blank_lines` stood before it.
    pub greeting: String,
    /// What STLS was answered with, where it was asked for.
    pub stls: Option<StlsAnswer>,
}

/// What a backend answered to STLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StlsAnswer {
    /// The line without its end.
    pub line: String,
    /// Empty lines that stood before it.
    pub blank_lines: usize,
}

/// The connection, its greeting, and the answer to STLS.
type Reached = (Conn, String, Option<StlsAnswer>);

/// Why a backend cannot be used now; always its own fault, or that of the line to it.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is no connection, or it failed.
    #[error("{address} cannot be reached: {source}")]
    Unreachable {
        /// The backend's address.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// It did not greet in time.
    #[error("{address} did not greet in time")]
    TimedOut {
        /// The backend's address.
        address: String,
    },
    /// It took the connection and closed it: it is broken, or full without saying so.
    #[error("{address} {}", LineError::Closed)]
    Closed {
        /// The backend's address.
        address: String,
    },
    /// Its greeting is an error.
    #[error("{address} refused the connection: {}", text(line))]
    Refused {
        /// The backend's address.
        address: String,
        /// The greeting without its line end.
        line: Vec<u8>,
    },
    /// It does not speak POP3 as it should.
    #[error("{address} {what}")]
    Protocol {
        /// The backend's address.
        address: String,
        /// What it did.
        what: String,
    },
    /// It does not speak TLS as it should.
    #[error("{address}: {source}")]
    Tls {
        /// The backend's address.
        address: String,
        /// What is wrong.
        source: TlsError,
    },
}

impl Backend {
    /// A backend that nothing is known of yet; no connection is made.
    ///
    /// # Errors
    /// The operator's: `ca` or `server_name` cannot be used.
    pub fn new(options: BackendOptions, dial: Arc<dyn Dial>) -> Result<Self, TlsError> {
        let connector = match options.tls {
            TlsMode::Off => None,
            TlsMode::Stls | TlsMode::Implicit => Some(connector(&options)?),
        };
        Ok(Self {
            connector,
            dial,
            places: Arc::new(BackendSlots::new(options.connections)),
            known: Arc::default(),
            options,
        })
    }

    /// The same backend with other `options`, to take this one's place. Where the address is the
    /// same, the connections that are open count there too; where it is also reached in the same
    /// way, what is known of it goes over, else it has yet to be looked at. Nothing changes here
    /// until it [enters service](Backend::enter_service).
    ///
    /// # Errors
    /// As [`Backend::new`].
    pub fn with_options_from(&self, options: BackendOptions) -> Result<Self, TlsError> {
        let mut next = Self::new(options, Arc::clone(&self.dial))?;
        if next.options.address == self.options.address {
            next.places = Arc::clone(&self.places);
        }
        if next.options.reaches_as(&self.options) {
            next.known = Arc::clone(&self.known);
        }
        Ok(next)
    }

    /// Whether `other` has the same options, and its authorities' file says the same.
    #[must_use]
    pub fn is_as(&self, other: &Self) -> bool {
        let authorities = match (&self.connector, &other.connector) {
            (Some(own), Some(others)) => own.trusts_whom(others),
            (own, others) => own.is_none() == others.is_none(),
        };
        self.options == other.options && authorities
    }

    /// From now on its `connections` hold, also for sessions that have, or wait for, a connection
    /// of its predecessor.
    pub fn enter_service(&self) {
        self.places.set_limit(self.options.connections);
    }

    /// What the configuration says of it.
    #[must_use]
    pub fn options(&self) -> &BackendOptions {
        &self.options
    }

    /// Waits until `connections` leaves room for one more, first come first served. Cancel-safe.
    pub async fn permit(&self) -> Permit {
        self.places.take().await
    }

    /// Leave for one more connection now; `None` where `connections` are open.
    #[must_use]
    pub fn try_permit(&self) -> Option<Permit> {
        self.places.try_take()
    }

    /// Changes whenever somebody finds no place under `connections` from now on.
    pub(super) fn place_wanted(&self) -> watch::Receiver<u64> {
        self.places.wanted()
    }

    /// Connections that are open or being made, looks at it included.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.places.in_use()
    }

    /// Waits for a place under `connections`, then connects up to the greeting. `from` is the
    /// client that a PROXY protocol header names, if the backend wants one.
    ///
    /// # Errors
    /// The backend cannot be used now. The wait for a place is not bounded, what follows is.
    pub async fn connect(
        &self,
        from: Option<SocketAddr>,
    ) -> Result<GreetedConnection, ConnectError> {
        let permit = self.permit().await;
        self.connect_with(permit, from).await
    }

    /// [`Backend::connect`] for a caller that has a permit.
    ///
    /// # Errors
    /// The backend cannot be used now.
    pub async fn connect_with(
        &self,
        permit: Permit,
        from: Option<SocketAddr>,
    ) -> Result<GreetedConnection, ConnectError> {
        // One bound for all steps: a backend that is slow in each of them is late, too.
        let steps = timeout(self.options.connect_timeout, self.reach(from)).await;
        let (conn, greeting, stls) = steps.unwrap_or_else(|_| Err(self.late()))?;
        Ok(GreetedConnection {
            conn,
            permit,
            greeting,
            stls,
        })
    }

    async fn reach(&self, from: Option<SocketAddr>) -> Result<Reached, ConnectError> {
        let dialed = self.dial.dial(&self.options.address).await;
        let mut conn = Conn::unprobed(dialed.map_err(|error| self.unreachable(error))?);
        // The header is the first thing on a connection, ahead of TLS.
        if self.options.proxy_protocol {
            let header = self.proxy_header(from);
            conn.write_all(&header)
                .await
                .map_err(|error| self.unreachable(error))?;
        }
        if self.options.tls == TlsMode::Implicit {
            conn = self.secure(conn).await?;
        }
        let greeting = self.greeting(&mut conn).await?;
        if self.options.tls != TlsMode::Stls {
            return Ok((conn, greeting, None));
        }
        let before = conn.blank_lines;
        let line = self.stls(&mut conn).await?;
        let blank_lines = conn.blank_lines - before;
        conn = self.secure(conn).await?;
        // A connection under TLS counts from 0.
        conn.blank_lines = before;
        Ok((conn, greeting, Some(StlsAnswer { line, blank_lines })))
    }

    fn proxy_header(&self, from: Option<SocketAddr>) -> Vec<u8> {
        let Some(client) = from else {
            return proxy_protocol::write_v2_local();
        };
        // The protocol wants to know what the client connected to. A backend takes it for its own
        // address, so it gets that, where it is known without asking a name server.
        let unknown = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let local = self.options.address.parse().unwrap_or(unknown);
        proxy_protocol::write_v2(client, local)
    }

    async fn greeting(&self, conn: &mut Conn) -> Result<String, ConnectError> {
        let line = read_status(conn)
            .await
            .map_err(|error| self.broken(error))?;
        match Status::of_line(&line) {
            Status::Ok => Ok(text(&line)),
            Status::Err => Err(ConnectError::Refused {
                address: self.options.address.clone(),
                line,
            }),
            Status::Continue | Status::Other => Err(self.broken(lines::no_status(&line))),
        }
    }

    /// Where STLS is set there is no going on without it.
    async fn stls(&self, conn: &mut Conn) -> Result<String, ConnectError> {
        conn.write_all(b"STLS\r\n")
            .await
            .map_err(|error| self.unreachable(error))?;
        let line = read_status(conn)
            .await
            .map_err(|error| self.broken(error))?;
        match Status::of_line(&line) {
            Status::Ok => Ok(text(&line)),
            _ => Err(ConnectError::Protocol {
                address: self.options.address.clone(),
                what: format!("does not do STLS: {}", text(&line)),
            }),
        }
    }

    async fn secure(&self, conn: Conn) -> Result<Conn, ConnectError> {
        let Some(connector) = &self.connector else {
            return Ok(conn);
        };
        let secured = conn.connect_tls(connector).await;
        secured.map_err(|source| ConnectError::Tls {
            address: self.options.address.clone(),
            source,
        })
    }

    pub(super) fn late(&self) -> ConnectError {
        ConnectError::TimedOut {
            address: self.options.address.clone(),
        }
    }

    fn unreachable(&self, source: io::Error) -> ConnectError {
        ConnectError::Unreachable {
            address: self.options.address.clone(),
            source,
        }
    }

    fn broken(&self, error: LineError) -> ConnectError {
        match error {
            LineError::Io(source) => self.unreachable(source),
            LineError::Closed => ConnectError::Closed {
                address: self.options.address.clone(),
            },
            other => ConnectError::Protocol {
                address: self.options.address.clone(),
                what: other.to_string(),
            },
        }
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend")
            .field("name", &self.options.name)
            .finish_non_exhaustive()
    }
}

fn connector(options: &BackendOptions) -> Result<Connector, TlsError> {
    let name = options
        .server_name
        .as_deref()
        .unwrap_or_else(|| host(&options.address));
    Connector::new(options.ca.as_deref(), name, options.verify)
}

/// The host of `host:port`, without the brackets of an IPv6 address.
fn host(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}

#[cfg(test)]
mod tests;
