//! What is kept of the past: the latest of it in memory, and more in a file that outlives the
//! process, SQLite, written by a thread of its own.
//!
//! Nobody waits for the file: what happens is noted in memory and written with others in one
//! transaction. What finds no room, or a full disk, is lost and counted, and the gate goes on.

mod history;
mod memory;
mod notice;
mod open;
mod rows;
mod writer;

pub use history::{History, HistoryError, JournalState, Kept, KeptIn};
pub use open::{JournalError, Opened, SetAside};
pub use writer::Journal;

#[cfg(test)]
mod tests;
