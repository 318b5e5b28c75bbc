//! The file that outlives the process: SQLite, written by a thread of its own.
//!
//! Nobody waits for it: a change is noted in memory and written with others in one transaction.
//! What finds no room, or a full disk, is lost and counted, and the gate goes on.

mod open;
mod rows;
mod writer;

pub use open::{JournalError, Opened, SetAside};
pub use writer::Journal;

#[cfg(test)]
mod tests;
