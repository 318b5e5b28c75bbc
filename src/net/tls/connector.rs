//! The client's side of TLS: towards backends, and of a command towards the admin port.

use super::certificates::{at, read_certificates};
use super::{Leg, TlsError, bounded};
use crate::limits::TLS_UNSENT_MAX;
use crate::net::Io;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Makes connections to one server TLS.
#[derive(Clone)]
pub struct Connector {
    connector: TlsConnector,
    name: ServerName<'static>,
    /// `None`: no authority is asked.
    roots: Option<Arc<RootCertStore>>,
}

impl Connector {
    /// For a backend whose certificate must have `server_name`, a host name or an IP address,
    /// and be signed by an authority of `ca` (PEM), or of the system where `ca` is absent.
    /// Without `verify` any certificate will do, as long as the backend has its key.
    ///
    /// # Errors
    /// The operator's: a file that cannot be used, or a name that is none.
    pub fn new(ca: Option<&Path>, server_name: &str, verify: bool) -> Result<Self, TlsError> {
        let trust = match verify {
            true => Trust::Authorities(Authorities::read(ca)?.0),
            false => Trust::Holder(None),
        };
        Self::trusting(trust, certified_name(server_name)?)
    }

    /// The same for a server whose certificate one of `authorities`, read before, must have signed.
    ///
    /// # Errors
    /// The operator's: a name that is none.
    pub fn of_authorities(authorities: &Authorities, server_name: &str) -> Result<Self, TlsError> {
        let trust = Trust::Authorities(Arc::clone(&authorities.0));
        Self::trusting(trust, certified_name(server_name)?)
    }

    /// For a server that must show the very certificate that stands first in `file` (PEM),
    /// whoever signed it and whatever name it has: it is known, and needs no authority.
    ///
    /// # Errors
    /// The operator's: the file cannot be used.
    pub fn pinned(file: &Path) -> Result<Self, TlsError> {
        let pinned = read_certificates(file)?
            .into_iter()
            .next()
            .ok_or_else(|| at(file, "holds no certificate"))?;
        // An address: no server name is sent.
        let name = ServerName::from(IpAddr::from(Ipv4Addr::LOCALHOST));
        Self::trusting(Trust::Holder(Some(pinned)), name)
    }

    fn trusting(trust: Trust, name: ServerName<'static>) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Setting(format!("TLS cannot be set up: {error}")))?;
        let (config, roots) = match trust {
            Trust::Authorities(roots) => {
                (builder.with_root_certificates(roots.clone()), Some(roots))
            }
            Trust::Holder(pinned) => {
                let verifier = Arc::new(HolderOfKey { pinned, algorithms });
                let builder = builder.dangerous();
                (builder.with_custom_certificate_verifier(verifier), None)
            }
        };
        let connector = TlsConnector::from(Arc::new(config.with_no_client_auth()));
        Ok(Self {
            connector,
            name,
            roots,
        })
    }

    /// Whether `other` trusts the same authorities.
    #[must_use]
    pub fn trusts_whom(&self, other: &Self) -> bool {
        let anchors = |connector: &Self| connector.roots.as_ref().map(|roots| roots.roots.clone());
        anchors(self) == anchors(other)
    }

    /// Makes `io` TLS. The handshake is bounded.
    ///
    /// # Errors
    /// The server's fault, or its line's.
    pub async fn connect(&self, io: Box<dyn Io>) -> Result<TlsStream<Box<dyn Io>>, TlsError> {
        // Boxed: the state of a handshake is large, and is needed for a moment only.
        let connect = self.connector.connect(self.name.clone(), io);
        let mut stream = Box::pin(bounded(Leg::Backend, connect)).await?;
        stream.get_mut().1.set_buffer_limit(Some(TLS_UNSENT_MAX));
        Ok(stream)
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

fn certified_name(server_name: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(server_name.to_owned()).map_err(|_| {
        let what = "is no host name or IP address that a certificate can have";
        TlsError::Setting(format!("server_name {server_name:?} {what}"))
    })
}

/// Who may have signed the certificates of servers.
#[derive(Clone)]
pub struct Authorities(Arc<RootCertStore>);

impl Authorities {
    /// Those of `ca` (PEM), or of the system where it is absent.
    ///
    /// # Errors
    /// The operator's: the file cannot be used, or the system has none.
    pub fn read(ca: Option<&Path>) -> Result<Self, TlsError> {
        let roots = ca.map_or_else(system_roots, roots_of)?;
        Ok(Self(Arc::new(roots)))
    }

    /// Whether `other` are the same.
    #[must_use]
    pub fn are_as(&self, other: &Self) -> bool {
        self.0.roots == other.0.roots
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorities({})", self.0.len())
    }
}

fn roots_of(file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates(file)? {
        roots
            .add(certificate)
            .map_err(|error| at(file, format!("a certificate cannot be used: {error}")))?;
    }
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Stores of systems hold some that rustls cannot read: one of those is no reason to fail.
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added > 0 {
        return Ok(roots);
    }
    let why = found
        .errors
        .first()
        .map_or(String::new(), |e| format!(" ({e})"));
    Err(TlsError::Setting(format!(
        "the system has no certificate authorities{why}; install ca-certificates, or name a file with `ca`"
    )))
}

/// Whose certificate is taken.
enum Trust {
    /// One that is signed by these authorities, for the name that was asked for.
    Authorities(Arc<RootCertStore>),
    /// This one, or any where there is none.
    Holder(Option<CertificateDer<'static>>),
}

/// Takes a certificate without an authority, though only from a server that has its key.
#[derive(Debug)]
struct HolderOfKey {
    /// The one that it must be; `verify = false` asks for none.
    pinned: Option<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

/// The server has another certificate than the pinned one.
#[derive(Debug, thiserror::Error)]
#[error("is not the one of the configuration file")]
pub(super) struct NotPinned;

impl ServerCertVerifier for HolderOfKey {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match &self.pinned {
            Some(pinned) if pinned != end_entity => {
                Err(CertificateError::Other(OtherError(Arc::new(NotPinned))).into())
            }
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
