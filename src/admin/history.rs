//! What of the past can be looked at.

use super::model::{HistoryPage, NoticeList};
use crate::history::HistoryQuery;
use crate::ids::UserName;
use crate::journal::HistoryError;
use jiff::Timestamp;

/// The history of a gate. Its methods block.
pub trait HistoryView: Send + Sync {
    /// The entries that `query` asks for; with a `user`, only logins to the maildrop that a login
    /// of this name leads to. Where no history is kept, there are none, and the page says so.
    ///
    /// # Errors
    /// The question cannot be answered.
    fn entries(
        &self,
        user: Option<&UserName>,
        query: HistoryQuery,
    ) -> Result<HistoryPage, HistoryError>;

    /// What happened to the gate from `since` to before `until`, the latest first.
    ///
    /// # Errors
    /// The question cannot be answered.
    fn notices(&self, since: Timestamp, until: Timestamp) -> Result<NoticeList, HistoryError>;
}
