//! A certificate for the demo's TLS ports, made anew at each start.

use rcgen::{CertificateParams, DnType, KeyPair};
use zeroize::Zeroizing;

/// A self-signed certificate for localhost, 127.0.0.1 and ::1, and its key (ECDSA P-256),
/// both PEM.
///
/// # Errors
/// Where the random source or the signature fails.
pub fn self_signed() -> Result<(String, Zeroizing<String>), rcgen::Error> {
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut params = CertificateParams::new(names)?;
    params
        .distinguished_name
        .push(DnType::CommonName, "popgate demo");
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), Zeroizing::new(key.serialize_pem())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use std::sync::Arc;
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    #[tokio::test]
    async fn a_client_that_trusts_it_may_call_the_server_by_each_name() {
        let (certificate, key) = self_signed().unwrap();
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let server = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate],
                PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
            );
        let acceptor = TlsAcceptor::from(Arc::new(server.unwrap()));
        let client = rustls::ClientConfig::builder().with_root_certificates(roots);
        let connector = TlsConnector::from(Arc::new(client.with_no_client_auth()));
        for name in ["localhost", "127.0.0.1", "::1"] {
            let (near, far) = tokio::io::duplex(1 << 16);
            let name = ServerName::try_from(name).unwrap();
            let (client, server) =
                tokio::join!(connector.connect(name, near), acceptor.accept(far));
            client.unwrap();
            server.unwrap();
        }
    }
}
