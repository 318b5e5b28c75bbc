//! What is done once a minute: memories forget what does not matter any more, and blocks end.

use super::blocks;
use crate::gate::Context;
use crate::journal::{History, Journal};
use crate::limits::UPKEEP;
use crate::observe::event::Event;
use crate::time::Duration;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What there is to look after.
pub(super) struct Maintenance {
    pub(super) cx: Arc<Context>,
    pub(super) journal: Option<Arc<Journal>>,
    pub(super) history: History,
    /// How long entries of the block list are kept that have no effect any more.
    pub(super) keep: Duration,
    /// Changes that the journal had lost at the last look.
    pub(super) lost: u64,
}

impl Maintenance {
    /// Goes on until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let again_and_again = async {
            loop {
                tokio::time::sleep(UPKEEP).await;
                self.tidy_up();
            }
        };
        stop.run_until_cancelled(again_and_again).await;
    }

    fn tidy_up(&mut self) {
        let now = self.cx.moment();
        self.cx.admission.forget_idle(now.instant);
        self.history.forget(now.wall);
        self.cx.sessions.forget_programs(now.instant);
        if let Some(journal) = &self.journal {
            journal.keep_within_bounds(now.wall);
        }
        end_blocks(&self.cx);
        let blocks = &self.cx.admission.shared.blocks;
        blocks::tell(&self.cx, blocks.forget(self.keep, now.wall));
        self.tell_losses();
    }

    fn tell_losses(&mut self) {
        let Some(journal) = &self.journal else { return };
        let lost = journal.lost();
        // Once a minute: a full disk would else have a line for each change.
        if lost > self.lost {
            self.cx.events.emit(Event::JournalLost {
                changes: lost - self.lost,
                why: journal.trouble(),
            });
            self.lost = lost;
        }
    }
}

/// Ends blocks that have run out: they have no effect any more in any case, and are not shown as if
/// they had.
pub(super) fn end_blocks(cx: &Context) {
    let blocks = &cx.admission.shared.blocks;
    blocks::tell(cx, blocks.expire(cx.moment().wall));
}
