//! The block list: who is refused for a while, because of what faults.
//!
//! Faults come in three classes. Guessing passwords is *permanent* and abuse of the protocol
//! *indeterminate*: both block as soon as there are enough of them. *Transient* faults happen to
//! honest programs on bad lines: they block a maildrop from an address, never the address, only
//! when they are many on one day, and not where somebody logs in. A connection that just ends is no
//! fault at all.
//!
//! Only a block for guessing is answered as a wrong password is, and grows; the others protect no
//! password, say what they are, and last minutes. Under each block one login a minute is really
//! tried ([`BlockList::take_trial`]), and a right password lifts it for its maildrop for a day. An
//! address from which many maildrops are accepted is never blocked as a whole.
//!
//! Times are of the wall clock, since blocks outlive the process; what is known of right passwords
//! and real tries does not. What a login with a proven password does is no fault, and such a login
//! passes: the caller sees to both.

mod entry;
mod faults;
mod filter;
mod list;
mod met;
mod tries;
mod welcome;

pub use entry::{
    BlockChange, BlockEntry, BlockId, BlockReason, BlockState, BlockTarget, ChangeKind,
};
pub use faults::{Offence, OffenceClass};
pub use filter::BlockFilter;
pub use list::{BlockCount, BlockList};
pub use met::{BlockQuery, BlockVerdict};

#[cfg(test)]
mod tests;
