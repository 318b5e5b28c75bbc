//! A certificate authority for tests.

use crate::net::CertificateFiles;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// Signs certificates and writes them to files of its own.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        // Each has a name of its own, else one would seem to be another with a bad signature.
        let name = format!("authority {:x?}", &key.public_key_raw()[..8]);
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let own = params.self_signed(&key).unwrap();
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("ca.pem"), own.pem()).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            folder,
        }
    }

    /// Its own certificate.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Its own certificate and its key, PEM.
    pub(crate) fn own(&self) -> (String, String) {
        let certificate = fs::read_to_string(self.file()).unwrap();
        (certificate, self.issuer.key().serialize_pem())
    }

    /// A certificate for `names`, as files.
    pub(crate) fn files(&self, names: &[&str]) -> CertificateFiles {
        let (certificate, key) = self.pem(names);
        let files = CertificateFiles {
            certificate: self.folder.path().join(format!("{}.pem", names[0])),
            key: self.folder.path().join(format!("{}.key", names[0])),
        };
        fs::write(&files.certificate, certificate).unwrap();
        fs::write(&files.key, key).unwrap();
        files
    }

    /// A certificate for `names` and its key, PEM.
    pub(crate) fn pem(&self, names: &[&str]) -> (String, String) {
        self.sign(&params(names))
    }

    /// One that ended on the first day of 2020.
    pub(crate) fn expired(&self, names: &[&str]) -> (String, String) {
        let mut params = params(names);
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

fn params(names: &[&str]) -> CertificateParams {
    CertificateParams::new(
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>(),
    )
    .unwrap()
}
