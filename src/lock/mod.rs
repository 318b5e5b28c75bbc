//! The lock of each maildrop: who holds it, who waits, who is next.
//!
//! [`queue`] decides, without I/O. [`Locks`] keeps one queue for each maildrop that is in use and
//! carries out what it decides. [`Waiting`] is a place in a queue, [`LockGuard`] the lock itself:
//! dropping either, also by panic or cancellation, gives back what it stands for.

mod ends;
mod guard;
pub mod queue;
mod store;
mod waiting;

pub use guard::LockGuard;
pub use store::{Ask, Asked, Locks};
pub use waiting::{Turn, Waiting};

use crate::ids::BackendName;
use std::future::Future;

/// The backend connection that a holder of a lock has met.
pub trait BackendClose: Send + Sync + 'static {
    /// Which backend it leads to.
    fn backend(&self) -> &BackendName;

    /// Ends the connection and waits until the backend has let go: its EOF, or a bound.
    /// `after_quit`: the backend has answered QUIT, and closes by itself or when its client does.
    ///
    /// Returns whether the EOF was seen. May be dropped and called again.
    fn close(&mut self, after_quit: bool) -> impl Future<Output = bool> + Send;
}
