//! The server's side of TLS.

use super::certificates::{self, Certificates};
use super::{Leg, TlsError, bounded};
use crate::limits::TLS_UNSENT_MAX;
use crate::net::TlsFiles;
use crate::program::HelloFingerprint;
use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ProducesTickets};
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// Makes client connections TLS, with a certificate by server name.
///
/// Tickets are on: a program that polls every minute resumes, instead of costing a signature
/// each time.
pub struct Acceptor {
    config: Arc<ServerConfig>,
    certificates: Arc<Certificates>,
    /// Outlives reloads, so that they do not make every client handshake in full.
    ticketer: Arc<dyn ProducesTickets>,
}

/// A client connection that speaks TLS.
pub struct AcceptedStream<S> {
    /// What is spoken in it.
    pub stream: TlsStream<S>,
    /// What its client offered.
    pub hello: HelloFingerprint,
}

impl Acceptor {
    /// Reads all certificates and keys.
    ///
    /// # Errors
    /// The operator's: it names the file and what is wrong with it.
    pub fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        Self::new(certificates::read_all(files)?)
    }

    /// One certificate for all names, from PEM text.
    ///
    /// # Errors
    /// The text is no PEM, or the two do not belong together.
    pub fn from_pem(chain: &str, key: &str) -> Result<Self, TlsError> {
        Self::new(Certificates::new(certificates::from_pem(chain, key)?))
    }

    fn new(certificates: Certificates) -> Result<Self, TlsError> {
        let ticketer = aws_lc_rs::Ticketer::new().map_err(|error| unusable(&error))?;
        Self::with(certificates, ticketer)
    }

    fn with(
        certificates: Certificates,
        ticketer: Arc<dyn ProducesTickets>,
    ) -> Result<Self, TlsError> {
        let certificates = Arc::new(certificates);
        Ok(Self {
            config: configure(&certificates, &ticketer)?,
            certificates,
            ticketer,
        })
    }

    /// Reads all certificates and keys again, for an acceptor that takes this one's place: clients
    /// that come back resume there.
    ///
    /// # Errors
    /// As [`Acceptor::load`].
    pub fn renewed(&self, files: &TlsFiles) -> Result<Self, TlsError> {
        Self::with(certificates::read_all(files)?, Arc::clone(&self.ticketer))
    }

    /// Whether `other` shows the same certificates to everybody.
    #[must_use]
    pub fn shows_what(&self, other: &Self) -> bool {
        self.certificates == other.certificates
    }

    /// When the certificate of each file ends: the server's own, not those above it in the chain.
    #[must_use]
    pub fn certificate_ends(&self) -> &HashMap<PathBuf, Timestamp> {
        &self.certificates.ends
    }

    /// Speaks TLS on `io`. The handshake is bounded in time.
    ///
    /// # Errors
    /// The client's: it speaks no TLS, none that is spoken here, or not in time.
    pub async fn accept<S>(&self, io: S) -> Result<AcceptedStream<S>, TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let handshake = async {
            // In two halves, since only between them does rustls show what the client offers.
            let acceptor = rustls::server::Acceptor::default();
            let started = LazyConfigAcceptor::new(acceptor, io).await?;
            let hello = fingerprint(&started.client_hello());
            let stream = started.into_stream(Arc::clone(&self.config)).await?;
            Ok(AcceptedStream { stream, hello })
        };
        // Boxed: the state of a handshake is large, and is needed for a moment only.
        let mut accepted = Box::pin(bounded(Leg::Client, handshake)).await?;
        let (_, session) = accepted.stream.get_mut();
        session.set_buffer_limit(Some(TLS_UNSENT_MAX));
        Ok(accepted)
    }
}

fn fingerprint(hello: &ClientHello<'_>) -> HelloFingerprint {
    let groups = hello.named_groups().unwrap_or_default();
    let schemes = hello.signature_schemes();
    HelloFingerprint::new(
        hello.cipher_suites().iter().map(|&suite| suite.into()),
        groups.iter().map(|&group| group.into()),
        schemes.iter().map(|&scheme| scheme.into()),
        hello.alpn().into_iter().flatten(),
    )
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").finish_non_exhaustive()
    }
}

fn configure(
    certificates: &Arc<Certificates>,
    ticketer: &Arc<dyn ProducesTickets>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(certificates) as Arc<_>);
    config.ticketer = Arc::clone(ticketer);
    // A mail program opens one connection at a time: it has use for one ticket.
    config.send_tls13_tickets = 1;
    Ok(Arc::new(config))
}

fn unusable(error: &rustls::Error) -> TlsError {
    TlsError::Setting(format!("TLS cannot be set up: {error}"))
}
