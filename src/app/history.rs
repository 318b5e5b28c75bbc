//! What a gate keeps of the past.

use crate::config::Config;
use crate::journal::{History, Journal, Kept};
use jiff::Timestamp;
use std::sync::Arc;

/// The history of a gate that starts now.
pub(super) fn begin(config: &Config, now: Timestamp, journal: Option<Arc<Journal>>) -> History {
    History::new(now, kept(config), journal)
}

/// Without a file and an admin port nobody could ask for it.
fn kept(config: &Config) -> Kept {
    if config.journal.is_some() || config.admin.is_some() {
        Kept::All
    } else {
        Kept::Nothing
    }
}
