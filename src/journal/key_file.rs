//! The key of the hashes that stand for names: a file that popgate makes and the operator keeps.

use super::names::NameKey;
use crate::access::{advice, whose_to_read};
use crate::limits::NAME_KEY_OCTETS;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A key file that cannot be used: the operator's to put right.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It is there, and cannot be read.
    #[error("the key file {} cannot be read: {source}{}", file.display(), rights(file, source))]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not there, and cannot be made.
    #[error("the key file {} cannot be made: {source}{}", file.display(), advice(file, source))]
    CannotMake {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What it holds is no key.
    #[error(
        "the key file {} holds no key\n\
         hint: put the right one in its place, or remove it: popgate makes a new one then, and \
         names of before cannot be asked for any more", file.display()
    )]
    NoKey {
        /// The file.
        file: PathBuf,
    },
    /// It is another key than the one that the journal was written with.
    #[error(
        "the key file {} is not the one that the journal was written with\n\
         hint: put the right one in its place, or remove it: popgate makes a new one then, and \
         names of before cannot be asked for any more", file.display()
    )]
    Other {
        /// The file.
        file: PathBuf,
    },
}

fn rights(file: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => whose_to_read(file),
        _ => String::new(),
    }
}

/// The key of `file`; none where there is no such file.
pub(super) fn read(file: &Path) -> Result<Option<NameKey>, KeyFileError> {
    let text = match fs::read(file) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            let file = file.to_owned();
            return Err(KeyFileError::Unreadable { file, source });
        }
    };
    let octets = URL_SAFE_NO_PAD
        .decode(text.trim_ascii())
        .map(Zeroizing::new);
    octets
        .ok()
        .filter(|octets| octets.len() == NAME_KEY_OCTETS)
        .and_then(|octets| NameKey::new(&octets).ok())
        .map(Some)
        .ok_or_else(|| KeyFileError::NoKey {
            file: file.to_owned(),
        })
}

/// Makes `file`, with mode 0600, and a key in it.
pub(super) fn make(file: &Path) -> Result<NameKey, KeyFileError> {
    try_make(file).map_err(|source| KeyFileError::CannotMake {
        file: file.to_owned(),
        source,
    })
}

fn try_make(file: &Path) -> io::Result<NameKey> {
    let mut octets = Zeroizing::new([0; NAME_KEY_OCTETS]);
    let no_randomness = |_| io::Error::other("the system gives no random octets");
    SystemRandom::new()
        .fill(&mut *octets)
        .map_err(no_randomness)?;
    let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(*octets) + "\n");
    let mut options = OpenOptions::new();
    let mut open = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?;
    open.write_all(text.as_bytes())?;
    // Without its key what is written from now on could not be asked for.
    open.sync_all()?;
    NameKey::new(&*octets).map_err(no_randomness)
}
