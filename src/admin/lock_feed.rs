//! What the stream of lock changes is made of.

use super::model::LockInfo;
use crate::ids::MaildropKey;

/// The locks of a gate, and which of them change.
pub trait LockFeed: Send + Sync {
    /// Gathers from now on which locks change, from nothing; or does no longer.
    fn gather(&self, gathers: bool);

    /// The locks that have changed since the last call; one may be there several times. None where
    /// some of them are not known.
    fn changed(&self) -> Option<Vec<MaildropKey>>;

    /// Whether somebody waits for a lock.
    fn is_contended(&self, key: &MaildropKey) -> bool;

    /// All locks that somebody waits for.
    fn contended(&self) -> Vec<MaildropKey>;

    /// A lock as it is now: without holder and waiters where it is free.
    fn lock(&self, key: &MaildropKey) -> LockInfo;

    /// At most `max` of the locks in use: those first whose waiters have waited longest.
    fn locks(&self, contended_only: bool, max: usize) -> ShownLocks;

    /// A reader of the stream has come.
    fn reader_came(&self);

    /// A reader of the stream has left.
    fn reader_left(&self);
}

/// Locks that are shown to a reader.
#[derive(Clone, Debug, Default)]
pub struct ShownLocks {
    /// Them, each with what is locked.
    pub locks: Vec<(MaildropKey, LockInfo)>,
    /// How many more there are.
    pub left_out: usize,
}
