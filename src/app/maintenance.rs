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
    /// What the journal had lost at the last look.
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
        // Once a minute: a full disk would else have a line for each of them.
        if lost > self.lost {
            self.cx.events.emit(loss(journal, lost - self.lost));
            self.lost = lost;
        }
    }
}

fn loss(journal: &Journal, changes: u64) -> Event {
    Event::JournalLost {
        changes,
        // Not `trouble`, which ends with the next attempt that succeeds.
        why: journal.why_lost(),
    }
}

/// Ends blocks that have run out: they have no effect any more in any case, and are not shown as if
/// they had.
pub(super) fn end_blocks(cx: &Context) {
    let blocks = &cx.admission.shared.blocks;
    blocks::tell(cx, blocks.expire(cx.moment().wall));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{EntryId, GateNotice, NoticeKind};
    use crate::journal::{JournalBounds, JournalOptions};
    use jiff::Timestamp;
    use std::fs;

    fn notice(id: u64) -> GateNotice {
        GateNotice {
            id: EntryId(id),
            at: Timestamp::UNIX_EPOCH,
            kind: NoticeKind::Started,
            subject: "".into(),
            text: "".into(),
        }
    }

    #[test]
    fn a_loss_is_told_with_its_reason_also_when_the_next_attempt_succeeds() {
        let folder = tempfile::tempdir().unwrap();
        let options = JournalOptions {
            file: folder.path().join("popgate.db"),
            sessions: true,
            bounds: JournalBounds {
                keep: Duration::from_secs(3600),
                rows: 0,
                size: 1 << 26,
            },
            hash_users: false,
            key_file: folder.path().join("journal.key"),
        };
        let journal = Journal::open(&options).unwrap().journal;
        journal.write_notice(notice(1));
        assert!(journal.flush());
        fs::remove_file(&options.file).unwrap();
        journal.write_notice(notice(2));
        assert!(journal.flush());
        let Event::JournalLost { changes: 1, why } = loss(&journal, journal.lost()) else {
            panic!("one is lost");
        };
        assert!(why.unwrap().contains("it was deleted while popgate ran"));
    }
}
