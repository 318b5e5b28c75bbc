//! The block list: who is refused for a while, because of what faults.
//!
//! Faults come in three classes. Guessing passwords is *permanent* and abuse of the protocol
//! *indeterminate*: both block as soon as there are enough of them. *Transient* faults happen to
//! honest programs on bad lines, and block only when they are many on one day, and only an
//! address from which nobody logs in.
//!
//! Times are of the wall clock, since blocks outlive the process. What a login with a proven
//! password does is no fault, and such a login passes: the caller sees to both.

mod entry;
mod fading;
mod faults;
mod filter;
mod list;

pub use entry::{BlockId, Change, ChangeKind, Entry, Reason, State, Who};
pub use faults::{Fault, FaultClass};
pub use filter::Filter;
pub use list::{BlockList, Count};

#[cfg(test)]
mod tests;
