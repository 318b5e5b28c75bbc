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
    match &config.journal {
        Some(journal) if !journal.sessions => Kept::Blocks,
        None if config.admin.is_none() => Kept::Nothing,
        _ => Kept::All,
    }
}
