//! Gathers what changes while somebody reads, and for a while after.

use super::LockStreams;
use crate::admin::reply::WrittenJson;
use crate::ids::MaildropKey;
use crate::limits::{STREAM_GATHER, STREAM_LINGER, STREAM_STATUS};
use std::collections::HashSet;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};

impl LockStreams {
    /// Goes on for ever; dropping the future ends it.
    pub(crate) async fn feed(&self) {
        let mut readers = self.readers.subscribe();
        // The sender is there as long as this is.
        while readers.wait_for(|readers| *readers > 0).await.is_ok() {
            self.gate.lock_feed().gather(true);
            self.restart();
            tokio::select! {
                () = self.gather_changes() => {}
                () = self.tell_status() => {}
                () = nobody_reads(&mut readers) => {}
            }
            self.feed.send_modify(|feed| feed.last = None);
            self.gate.lock_feed().gather(false);
        }
    }

    async fn gather_changes(&self) {
        let mut ticks = every(STREAM_GATHER);
        loop {
            ticks.tick().await;
            match self.gate.lock_feed().changed() {
                Some(changed) if changed.is_empty() => {}
                Some(changed) => self.note(changed.into_iter().collect()),
                None => self.restart(),
            }
        }
    }

    fn note(&self, changed: HashSet<MaildropKey>) {
        let feed = self.gate.lock_feed();
        for key in changed {
            // For one lock at a time: readers want it, too.
            let mut log = self.log();
            let is_contended = feed.is_contended(&key);
            log.changed(key, is_contended);
        }
        self.publish();
    }

    /// Every reader needs a snapshot: changes may be unknown.
    fn restart(&self) {
        let contended = self.gate.lock_feed().contended();
        self.log().restart(contended);
        self.publish();
    }

    fn publish(&self) {
        let last = self.log().last();
        self.feed.send_modify(|feed| feed.last = Some(last));
    }

    async fn tell_status(&self) {
        let mut ticks = every(STREAM_STATUS);
        loop {
            ticks.tick().await;
            // Once for all readers, and on no thread that has sessions: it counts all locks.
            let status = (self.reads).run(|gate| WrittenJson::of(&gate.view().status()));
            if let Ok(Ok(status)) = status.await {
                self.feed.send_modify(|feed| {
                    feed.status = status.into_octets();
                    feed.statuses += 1;
                });
            }
        }
    }
}

fn every(period: crate::time::Duration) -> Interval {
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Returns when nobody has read for [`STREAM_LINGER`].
async fn nobody_reads(readers: &mut watch::Receiver<usize>) {
    while readers.wait_for(|readers| *readers == 0).await.is_ok() {
        let somebody = readers.wait_for(|readers| *readers > 0);
        if timeout(STREAM_LINGER, somebody).await.is_err() {
            return;
        }
    }
}
