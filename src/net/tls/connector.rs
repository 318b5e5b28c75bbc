//! The client's side of TLS: towards backends.

use super::certificates::{at, read_certificates};
use super::{Leg, TlsError, bounded};
use crate::limits::TLS_UNSENT_MAX;
use crate::net::Io;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Makes connections to one backend TLS.
#[derive(Clone)]
pub struct Connector {
    connector: TlsConnector,
    name: ServerName<'static>,
    /// `None`: any certificate will do.
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
        let name = ServerName::try_from(server_name.to_owned()).map_err(|_| {
            let what = "is no host name or IP address that a certificate can have";
            TlsError::Setting(format!("server_name {server_name:?} {what}"))
        })?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Setting(format!("TLS cannot be set up: {error}")))?;
        let roots = verify.then(|| roots(ca).map(Arc::new)).transpose()?;
        let config = if let Some(roots) = &roots {
            builder.with_root_certificates(Arc::clone(roots))
        } else {
            let verifier = Arc::new(AnyCertificate(algorithms));
            builder
                .dangerous()
                .with_custom_certificate_verifier(verifier)
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

    pub(in crate::net) async fn connect(
        &self,
        io: Box<dyn Io>,
    ) -> Result<TlsStream<Box<dyn Io>>, TlsError> {
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

fn roots(ca: Option<&Path>) -> Result<RootCertStore, TlsError> {
    ca.map_or_else(system_roots, roots_of)
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

/// `verify = false`: any certificate, though only from a server that has its key.
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
