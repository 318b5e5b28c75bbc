//! The rules of the block list: which offences lead to a block, how long it lasts, and what a login
//! meets. Pure; the list itself is a store.
//!
//! Offences come in three classes. Guessing passwords is *permanent* and abuse of the protocol
//! *indeterminate*: both block as soon as there are enough of them. *Transient* ones happen to
//! honest programs on bad lines: they block a maildrop from an address, never the address, only
//! when they are many on one day, and not where somebody logs in. A connection that just ends is no
//! offence at all.
//!
//! Only a block for guessing is answered as a wrong password is, and grows; the others protect no
//! password, say what they are, and last minutes. Under each block one login a minute is let
//! through as a trial, and a right password lifts it for its maildrop for a day. An address from
//! which many maildrops are accepted is never blocked as a whole.
//!
//! Times are of the wall clock, since blocks outlive the process. What a login with a proven
//! password does is no offence, and such a login passes: the caller sees to both.

mod at_login;
mod change;
mod entry;
mod filter;
mod listed;
mod offence;

pub use at_login::BlockVerdict;
pub use change::{BlockAction, BlockChange, ChangeKind, ChangedBy};
pub(crate) use entry::later;
pub use entry::{BlockCount, BlockEntry, BlockId, BlockState, BlockTarget, Renewal};
pub use filter::BlockFilter;
pub use listed::{CountedPair, ListedBlock};
pub use offence::{
    BlockCause, BlockReason, Offence, OffenceClass, OffenceCounter, Period, Scope, Threshold,
    TransientCount,
};
