//! The block list of a gate: what it begins with, and who may change it.

use super::StartError;
use crate::admin::blocks::BlockListAdmin;
use crate::admission::block_list::BlockList;
use crate::config::Config;
use crate::gate::Context;
use crate::history::{HistoryAnswer, SharingFact, StoredBlockChange};
use crate::journal::{History, HistoryError, Journal, JournalError};
use crate::policy::block::{
    BlockAction, BlockChange, BlockEntry, BlockFilter, BlockId, BlockTarget, ChangedBy,
    ListedBlock, TransientCount,
};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// A block list, and the file that it is kept in.
pub(super) struct OpenedBlockList {
    pub(super) list: Arc<BlockList>,
    pub(super) journal: Option<Arc<Journal>>,
    /// What the process before has found out about sharing.
    pub(super) sharing: Vec<SharingFact>,
    /// What the operator should know, a sentence each.
    pub(super) notices: Vec<String>,
}

/// The list of the process before; without `[journal]` an empty one, which dies with this one.
pub(super) async fn open(config: &Config) -> Result<OpenedBlockList, StartError> {
    let Some(options) = &config.journal else {
        return Ok(OpenedBlockList {
            list: Arc::default(),
            journal: None,
            sharing: Vec::new(),
            notices: Vec::new(),
        });
    };
    let asked = options.clone();
    // It reads a file, and a slow disk must not stop other tasks.
    let opened = spawn_blocking(move || Journal::open(&asked))
        .await
        .map_err(|_| JournalError::Thread(std::io::ErrorKind::Other.into()))??;
    let set_aside = opened.set_aside.map(|aside| {
        let old = aside.file.display();
        let why = aside.why;
        format!(
            "[journal] {} was corrupt ({why}): it is {old} now, and a new one is begun",
            options.file.display()
        )
    });
    Ok(OpenedBlockList {
        list: Arc::new(BlockList::restore(opened.blocks, opened.last_block)),
        journal: Some(Arc::new(opened.journal)),
        sharing: opened.sharing,
        notices: set_aside.into_iter().chain(opened.notice).collect(),
    })
}

/// What the admin port does to the list.
pub(super) struct BlockAdmin {
    pub(super) cx: Arc<Context>,
    pub(super) history: History,
}

impl BlockListAdmin for BlockAdmin {
    fn entries(&self, filter: &BlockFilter) -> Vec<BlockEntry> {
        let blocks = &self.cx.admission.shared.blocks;
        blocks.entries(filter, self.cx.moment().wall)
    }

    fn counting(&self, filter: &BlockFilter) -> Vec<ListedBlock> {
        let blocks = &self.cx.admission.shared.blocks;
        blocks.counting(filter, self.cx.moment().wall)
    }

    fn transient(&self, targets: &[BlockTarget]) -> Vec<Option<TransientCount>> {
        let blocks = &self.cx.admission.shared.blocks;
        blocks.transient(targets, self.cx.moment().wall)
    }

    fn change(&self, filter: &BlockFilter, action: BlockAction, by: IpAddr) -> Vec<BlockEntry> {
        let blocks = &self.cx.admission.shared.blocks;
        let by = ChangedBy::Operator(by);
        // Told a few at a time, as they are made: a login may change the same entry again at once,
        // and the file has what was told last.
        blocks
            .change(filter, action, by, self.cx.moment().wall)
            .flat_map(|changes| tell(&self.cx, changes))
            .map(|change| change.entry)
            .collect()
    }

    fn would_change(&self, filter: &BlockFilter, action: BlockAction) -> Vec<BlockEntry> {
        let blocks = &self.cx.admission.shared.blocks;
        blocks.would_change(filter, action, self.cx.moment().wall)
    }

    fn history(
        &self,
        id: BlockId,
    ) -> Result<Option<HistoryAnswer<StoredBlockChange>>, HistoryError> {
        let changes = self.history.block_changes(id)?;
        let is_listed = || !self.entries(&BlockFilter::ids(vec![id])).is_empty();
        let is_known = may_be_known(&changes) || is_listed();
        Ok(is_known.then_some(changes))
    }
}

/// Where something is missing, it may have been about the entry.
fn may_be_known(changes: &HistoryAnswer<StoredBlockChange>) -> bool {
    !changes.items.is_empty() || changes.incomplete.is_some()
}

/// Tells of `changes`, and gives them back.
pub(super) fn tell(cx: &Context, changes: Vec<BlockChange>) -> Vec<BlockChange> {
    cx.tell_blocks(&changes);
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_unknown_only_where_all_that_is_kept_was_asked() {
        let mut changes = HistoryAnswer::complete(Vec::new());
        assert!(!may_be_known(&changes));
        changes.incomplete = Some("no answer".to_owned());
        assert!(may_be_known(&changes));
    }
}
