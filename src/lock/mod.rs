//! The lock of each maildrop: who holds it, who waits, who is next.
//!
//! [`queue`] decides, without I/O. [`Locks`] keeps one queue for each maildrop that is in use and
//! carries out what it decides. [`WaiterHandle`] is a place in a queue, [`LockGuard`] the lock
//! itself: dropping either, also by panic or cancellation, gives back what it stands for.
//!
//! Each file knows only those before it: `queue`, `watch` (how a session hears of its place),
//! `entry` (one maildrop), `table` (all of them), `claim` (a ticket in the table), `guard`,
//! `waiter`, `locks`, and `shared` (what other gates hear and say, where there are any).

mod claim;
mod ends;
mod entry;
mod guard;
mod locks;
mod prewarmed;
pub mod queue;
pub mod shared;
mod table;
#[cfg(test)]
mod tests;
mod view;
mod waiter;
mod watch;

pub use guard::{LockBroken, LockGuard, Permission};
pub use locks::{AcquireResult, Locks};
pub use view::{Claimant, HolderView, LockView, LocksSnapshot, WaiterView};
pub use waiter::{WaitEvent, WaiterHandle};
pub use watch::{SenderGone, WatchReader};

use crate::ids::BackendName;
use std::future::Future;

/// The backend connection of a lock's holder.
pub trait BackendClose: Send + Sync + 'static {
    /// The backend that it leads to.
    fn backend(&self) -> &BackendName;

    /// Ends the connection and waits until the backend has let go: its EOF, or a bound.
    /// `after_quit`: the backend has answered QUIT, and closes by itself or when its client does.
    ///
    /// Returns whether the EOF was seen. May be dropped and called again.
    fn close(&mut self, after_quit: bool) -> impl Future<Output = bool> + Send;
}
