//! The file with what all gates of a cluster know.

use super::keys::ClusterSecret;
use crate::access::{advice, whose_to_read};
use crate::limits::{CLUSTER_SECRET_FILE_MAX, CLUSTER_SECRET_OCTETS};
use crate::secret::Secret;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A secret's file that cannot be used, or made: the operator's to put right.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// It is not there.
    #[error(
        "{} is not there\n\
         hint: make one with `popgate cluster secret {}`, and copy it to all gates",
        .0.display(), .0.display()
    )]
    Absent(PathBuf),
    /// It is not there, and should hold a password.
    #[error(
        "{} is not there\n\
         hint: write the password of the engine's user into it, a line, and let popgate's group \
         alone read it, as with `chgrp popgate {} && chmod 0640 {}`",
        .0.display(), .0.display(), .0.display()
    )]
    PasswordAbsent(PathBuf),
    /// What it holds is no password.
    #[error(
        "{} does not hold one line with a password\n\
         hint: write the password of the engine's user into it, and nothing else", .0.display()
    )]
    NoPassword(PathBuf),
    /// It cannot be read.
    #[error("{} cannot be read: {source}{}", file.display(), rights(file, source))]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Others on the host may read it.
    #[error(
        "{} may be read by everybody on this host\nhint: chmod 0640 {}, or 0600",
        .0.display(), .0.display()
    )]
    Open(PathBuf),
    /// What it holds is no secret.
    #[error(
        "{} does not hold 64 hex digits\n\
         hint: copy it anew from another gate, or make one with `popgate cluster secret FILE` for \
         all gates", .0.display()
    )]
    NoSecret(PathBuf),
    /// It cannot be made.
    #[error("{} cannot be made: {source}{}", file.display(), advice(file, source))]
    CannotMake {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The system gives no random octets.
    #[error("the system gives no random bytes")]
    Random,
}

fn rights(file: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => whose_to_read(file),
        _ => String::new(),
    }
}

/// The secret in `file`.
///
/// # Errors
/// It is not there, or not to be used.
pub fn read(file: &Path) -> Result<ClusterSecret, SecretFileError> {
    let text = octets_of(file)?;
    ClusterSecret::parse(&text).ok_or_else(|| SecretFileError::NoSecret(file.to_owned()))
}

/// The password in `file`, without its line end.
///
/// # Errors
/// It is not there, or not to be used.
pub fn read_password(file: &Path) -> Result<Secret, SecretFileError> {
    let text = octets_of(file).map_err(|error| match error {
        SecretFileError::Absent(file) => SecretFileError::PasswordAbsent(file),
        other => other,
    })?;
    let line = text.strip_suffix(b"\n").unwrap_or(&text);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let is_password = (1..CLUSTER_SECRET_FILE_MAX).contains(&line.len())
        && !line.iter().any(|octet| [b'\n', b'\r', 0].contains(octet));
    match is_password {
        true => Ok(Secret::new(line.to_vec())),
        false => Err(SecretFileError::NoPassword(file.to_owned())),
    }
}

/// Of a file that is longer than any secret, no more than shows that it is none.
fn octets_of(file: &Path) -> Result<Zeroizing<Vec<u8>>, SecretFileError> {
    let failed = |source: io::Error| {
        let file = file.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => SecretFileError::Absent(file),
            _ => SecretFileError::Unreadable { file, source },
        }
    };
    let open = File::open(file).map_err(failed)?;
    if open.metadata().map_err(failed)?.mode() & 0o004 != 0 {
        return Err(SecretFileError::Open(file.to_owned()));
    }
    let mut octets = Zeroizing::new(Vec::with_capacity(CLUSTER_SECRET_FILE_MAX));
    let most = u64::try_from(CLUSTER_SECRET_FILE_MAX).unwrap_or(u64::MAX);
    open.take(most).read_to_end(&mut octets).map_err(failed)?;
    Ok(octets)
}

/// A new secret.
///
/// # Errors
/// The system gives no random octets.
pub fn random() -> Result<ClusterSecret, SecretFileError> {
    let mut octets = Zeroizing::new([0; CLUSTER_SECRET_OCTETS]);
    SystemRandom::new()
        .fill(&mut *octets)
        .map_err(|_| SecretFileError::Random)?;
    Ok(ClusterSecret::new(*octets))
}

/// Makes `file`, with mode 0600, and a new secret in it. One that is there stays.
///
/// # Errors
/// It is there, or cannot be made.
pub fn make(file: &Path) -> Result<(), SecretFileError> {
    let text = random()?.text();
    let written = || {
        let mut options = OpenOptions::new();
        let mut open = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(file)?;
        open.write_all(text.as_bytes())?;
        open.sync_all()
    };
    written().map_err(|source| SecretFileError::CannotMake {
        file: file.to_owned(),
        source,
    })
}
