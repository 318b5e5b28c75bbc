//! What the operator wants of the file.

use crate::time::Duration;
use std::path::PathBuf;

/// `[journal]`: what outlives the process.
#[derive(Clone, Debug)]
pub struct JournalOptions {
    /// The database.
    pub file: PathBuf,
    /// Whether entries of the history are kept; if not, the block list alone is.
    pub sessions: bool,
    /// How much is kept.
    pub bounds: JournalBounds,
    /// Whether names of users are kept as keyed hashes.
    pub hash_users: bool,
    /// The key of those hashes.
    pub key_file: PathBuf,
}

/// How much the file may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalBounds {
    /// How long what has happened is remembered.
    pub keep: Duration,
    /// Most entries of the history; 0: as many as the others allow.
    pub rows: u64,
    /// Most octets of the file.
    pub size: u64,
}
