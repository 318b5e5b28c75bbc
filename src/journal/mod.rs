//! What is kept of the past: the latest of it in memory, and more in a file that outlives the
//! process, SQLite, written by a thread of its own.
//!
//! Nobody waits for the file: what happens is noted in memory and written with others in one
//! transaction. What finds no room, or a full disk, is lost and counted, and the gate goes on.

mod block_rows;
mod conversion;
mod entry_rows;
mod file;
mod file_thread;
mod history;
mod key_file;
mod memory;
mod meta;
mod migration;
mod names;
mod notice;
mod notice_rows;
mod open;
mod options;
mod query;
mod queue;
mod reader;
mod redact;
mod schema;
mod segments;
mod sharing_rows;
mod values;
mod words;
mod writer;

pub use history::{History, HistoryError, JournalState, Kept, KeptIn};
pub use key_file::KeyFileError;
pub use names::is_name_hash;
pub use open::{JournalError, Opened, SetAside};
pub use options::{JournalBounds, JournalOptions};
pub use reader::{FileContents, JournalReader, ReadError};
pub use redact::NAME_STAND_IN;
pub use writer::Journal;

#[cfg(test)]
mod tests;
