//! The history of the gate, as the API shows it.

use crate::admin::model::JournalInfo;
use crate::journal::JournalState;

pub(super) fn journal_info(state: JournalState) -> JournalInfo {
    JournalInfo {
        kept_in: state.kept_in.as_str().to_owned(),
        since: state.since,
        entries: state.entries,
        bytes: state.bytes,
        lost: state.lost,
        trouble: state.trouble,
    }
}
