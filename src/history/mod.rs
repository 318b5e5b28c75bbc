//! What is kept of the past: one [`HistoryEntry`] for each login, and for each session that ended
//! without one.
//!
//! Pure: entries come from sessions, live in memory and in the journal, and are looked for with a
//! [`HistoryQuery`].

mod answer;
mod end;
mod entry;
mod query;
mod stored;
mod text;

pub use answer::HistoryAnswer;
pub use end::{CauseName, Culprit, End};
pub use entry::{
    BackendAnswer, EarlyLogin, Encryption, HistoryEntry, HistoryLogin, ListingUse, TlsParameters,
};
pub use query::{EntryId, HistoryQuery, StoredEntry};
pub use stored::{GateNotice, NoticeKind, SharingFact, StoredBlockChange};
pub use text::{CUT_MARK, kept_line, kept_text};

#[cfg(test)]
pub(crate) mod tests;
