//! The files that the configuration names: they must be there, and fit, before a port is bound.

use super::error::Diagnostic;
use super::mistakes::Diagnostics;
use super::schema::tables::{ClusterTable, File};
use super::value::At;
use crate::cluster::secret_file::{self, SecretFileError};
use crate::net::CertificateFiles;
use crate::net::tls::{TlsError, check_authorities, check_certificate};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Looks at each file that `file` names, relative to `folder`.
pub(super) fn check(file: &File, folder: &Path, diagnostics: &mut Diagnostics) {
    if let Some(table) = &file.tls {
        check_pair(&table.certificate, &table.key, folder, diagnostics);
        for host in &table.host {
            check_pair(&host.certificate, &host.key, folder, diagnostics);
        }
    }
    if let Some(table) = &file.admin
        && let (Some(certificate), Some(key)) = (&table.certificate, &table.key)
    {
        check_pair(certificate, key, folder, diagnostics);
    }
    if let Some(table) = &file.cluster {
        check_cluster(table, folder, diagnostics);
    }
    for backend in &file.backend {
        if let Some(ca) = &backend.get_ref().ca {
            check_ca(ca, folder, diagnostics);
        }
    }
}

/// The files of a cluster: its secret is one.
fn check_cluster(table: &ClusterTable, folder: &Path, diagnostics: &mut Diagnostics) {
    if let Some(ca) = &table.ca {
        check_ca(ca, folder, diagnostics);
    }
    if let Some(at) = &table.password_file
        && !at.is_refused()
        && let Err(error) = secret_file::read_password(&folder.join(&at.value))
    {
        diagnostics.note_first(unusable(at, &error));
    }
    let at = &table.secret_file;
    if !at.is_refused()
        && let Err(error) = secret_file::read(&folder.join(&at.value))
    {
        diagnostics.note_first(unusable(at, &error));
    }
}

/// With the hint apart that stands on a line of its own.
fn unusable(at: &At<PathBuf>, error: &SecretFileError) -> Diagnostic {
    let said = error.to_string();
    match said.split_once("\nhint: ") {
        Some((message, hint)) => Diagnostic::new(at.span.clone(), message).hint(hint),
        None => Diagnostic::new(at.span.clone(), said),
    }
}

/// Authorities that sign the certificates of servers.
fn check_ca(ca: &At<PathBuf>, folder: &Path, diagnostics: &mut Diagnostics) {
    if is_there(ca, folder, diagnostics)
        && let Err(error) = check_authorities(&folder.join(&ca.value))
    {
        diagnostics.note(Diagnostic::new(ca.span.clone(), error.to_string()));
    }
}

/// A certificate and its key.
fn check_pair(
    certificate: &At<PathBuf>,
    key: &At<PathBuf>,
    folder: &Path,
    diagnostics: &mut Diagnostics,
) {
    let are_there = [certificate, key].map(|at| is_there(at, folder, diagnostics));
    if are_there != [true; 2] {
        return;
    }
    let files = CertificateFiles {
        certificate: folder.join(&certificate.value),
        key: folder.join(&key.value),
    };
    if let Err(error) = check_certificate(&files) {
        let is_of_key = matches!(&error, TlsError::File { file, .. } if *file == files.key);
        let wrong = if is_of_key { key } else { certificate };
        diagnostics.note(Diagnostic::new(wrong.span.clone(), error.to_string()));
    }
}

/// Whether it can be read.
fn is_there(at: &At<PathBuf>, folder: &Path, diagnostics: &mut Diagnostics) -> bool {
    if at.is_refused() {
        return false;
    }
    let path = folder.join(&at.value);
    let opened = fs::File::open(&path).and_then(|file| refuse_folder(&file));
    if let Err(error) = &opened {
        let message = format!("`{}` cannot be read: {error}", path.display());
        diagnostics.note_first(Diagnostic::new(at.span.clone(), message));
    }
    opened.is_ok()
}

/// A folder can be opened, and only reading it fails.
fn refuse_folder(file: &fs::File) -> io::Result<()> {
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(())
}
