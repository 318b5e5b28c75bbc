//! Certificates: PEM in, one for each server name out.

use super::TlsError;
use crate::net::{CertificateFiles, TlsFiles};
use jiff::Timestamp;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Which certificate a client gets: by exact server name, then by `*.`, then the default.
#[derive(Debug)]
pub(super) struct Certificates {
    default: Arc<CertifiedKey>,
    exact: HashMap<String, Arc<CertifiedKey>>,
    /// By what stands behind `*.`, which stands for one label.
    wildcard: HashMap<String, Arc<CertifiedKey>>,
    /// When the server's own certificate of each file ends.
    pub(super) ends: HashMap<PathBuf, Timestamp>,
}

impl Certificates {
    pub(super) fn new(default: CertifiedKey) -> Self {
        Self {
            default: Arc::new(default),
            exact: HashMap::new(),
            wildcard: HashMap::new(),
            ends: HashMap::new(),
        }
    }

    pub(super) fn add(&mut self, names: &[String], certificate: CertifiedKey) {
        let certificate = Arc::new(certificate);
        for name in names {
            let name = name.to_ascii_lowercase();
            let certificate = Arc::clone(&certificate);
            match name.strip_prefix("*.") {
                Some(parent) => self.wildcard.insert(parent.to_owned(), certificate),
                None => self.exact.insert(name, certificate),
            };
        }
    }

    fn note_end(&mut self, file: &Path, end: Option<Timestamp>) {
        if let Some(end) = end {
            self.ends.insert(file.to_owned(), end);
        }
    }

    fn find(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let name = name.to_ascii_lowercase();
        let parent = || name.split_once('.').map(|(_, parent)| parent);
        self.exact
            .get(&name)
            .or_else(|| self.wildcard.get(parent()?))
    }
}

/// The same chains for the same names; a key belongs to its chain.
impl PartialEq for Certificates {
    fn eq(&self, other: &Self) -> bool {
        same_chain(&self.default, &other.default)
            && same_names(&self.exact, &other.exact)
            && same_names(&self.wildcard, &other.wildcard)
    }
}

fn same_names(
    a: &HashMap<String, Arc<CertifiedKey>>,
    b: &HashMap<String, Arc<CertifiedKey>>,
) -> bool {
    a.len() == b.len()
        && a.iter()
            .all(|(name, key)| b.get(name).is_some_and(|other| same_chain(key, other)))
}

fn same_chain(a: &Arc<CertifiedKey>, b: &Arc<CertifiedKey>) -> bool {
    a.cert == b.cert
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // A client that names no host, or one that is not ours, gets the first certificate: its
        // own check of the name says more than an aborted handshake.
        let shown = hello
            .server_name()
            .and_then(|name| self.find(name))
            .unwrap_or(&self.default);
        Some(Arc::clone(shown))
    }
}

/// Reads all that `files` name.
pub(super) fn read_all(files: &TlsFiles) -> Result<Certificates, TlsError> {
    let default = load(&files.default)?;
    let end = end_of(&default);
    let mut certificates = Certificates::new(default);
    certificates.note_end(&files.default.certificate, end);
    for (names, files) in &files.hosts {
        let certificate = load(files)?;
        certificates.note_end(&files.certificate, end_of(&certificate));
        certificates.add(names, certificate);
    }
    Ok(certificates)
}

/// When the server's own certificate ends; `None` where that cannot be read, which keeps no client
/// from taking it.
fn end_of(certificate: &CertifiedKey) -> Option<Timestamp> {
    let (_, own) = X509Certificate::from_der(certificate.cert.first()?).ok()?;
    Timestamp::from_second(own.validity().not_after.timestamp()).ok()
}

/// Reads a certificate chain and its key.
pub(super) fn load(files: &CertificateFiles) -> Result<CertifiedKey, TlsError> {
    let chain = read_certificates(&files.certificate)?;
    let key = read_key(&files.key)?;
    pair(chain, key).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            let chain = files.certificate.display();
            at(&files.key, format!("the key is not that of {chain}"))
        }
        other => at(&files.certificate, other.to_string()),
    })
}

/// Puts a certificate chain and its key together.
pub(super) fn from_pem(chain: &str, key: &str) -> Result<CertifiedKey, TlsError> {
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| TlsError::Setting(error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|error| TlsError::Setting(error.to_string()))?;
    pair(chain, key).map_err(|error| TlsError::Setting(error.to_string()))
}

/// All certificates of a PEM file; at least one.
pub(super) fn read_certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(file)?;
    let found = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| at(file, format!("no PEM: {error}")))?;
    if found.is_empty() {
        return Err(at(file, "holds no certificate (no `BEGIN CERTIFICATE`)"));
    }
    Ok(found)
}

fn read_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    // The file's octets are the key as well.
    let pem = zeroize::Zeroizing::new(read(file)?);
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| match error {
        pem::Error::NoItemsFound => at(
            file,
            "holds no private key that can be used; an encrypted one must be decrypted first",
        ),
        other => at(file, format!("no PEM: {other}")),
    })
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(file).map_err(|error| at(file, error.to_string()))
}

fn pair(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<CertifiedKey, rustls::Error> {
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())
}

pub(super) fn at(file: &Path, why: impl Into<String>) -> TlsError {
    TlsError::File {
        file: file.to_owned(),
        why: why.into(),
    }
}
