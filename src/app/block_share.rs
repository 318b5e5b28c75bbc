//! The block list that all gates of a cluster share: a task that carries changes both ways.

use crate::cluster::blocks::BlockShare;
use crate::cluster::handle::ClusterHandle;
use crate::cluster::link::{EngineLink, LinkError};
use crate::cluster::member::BlockNews;
use crate::cluster::protocol::{BlockPut, Epoch, GateId};
use crate::gate::Context;
use crate::limits::{CLUSTER_BEAT, CLUSTER_CALL};
use crate::observe::event::{BlocksDirection, CallResult, ClusterEvent, EngineCall, Event};
use crate::observe::hub::{EventSink, Stamped};
use crate::policy::block::{BlockChange, BlockFilter, BlockTarget};
use crate::time::Instant;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::sleep_until;

/// Changes of this gate's block list that are not looked at yet: of each entry the last one. So
/// there is room for all changes that an operator makes at once.
pub(super) struct ChangesOfBlocks {
    waiting: Mutex<HashMap<BlockTarget, BlockChange>>,
    changed: Notify,
    /// Whether the engine has all of them.
    is_told: watch::Sender<bool>,
}

impl Default for ChangesOfBlocks {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
            changed: Notify::new(),
            is_told: watch::Sender::new(true),
        }
    }
}

impl EventSink for ChangesOfBlocks {
    fn handle(&self, event: &Stamped) {
        let Event::BlockChanged(change) = &event.event else {
            return;
        };
        if !BlockShare::is_told(change) {
            return;
        }
        let mut waiting = self.lock();
        waiting.insert(change.entry.target.clone(), change.as_ref().clone());
        self.is_told.send_replace(false);
        drop(waiting);
        self.changed.notify_one();
    }
}

impl ChangesOfBlocks {
    /// Whether the engine has all of them.
    pub(super) fn told(&self) -> watch::Receiver<bool> {
        self.is_told.subscribe()
    }

    fn take(&self) -> HashMap<BlockTarget, BlockChange> {
        std::mem::take(&mut *self.lock())
    }

    /// The engine has all that was taken.
    fn all_told(&self) {
        let waiting = self.lock();
        if waiting.is_empty() {
            self.is_told.send_replace(true);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<BlockTarget, BlockChange>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries changes both ways.
pub(super) struct BlockSharing {
    cx: Arc<Context>,
    cluster: ClusterHandle,
    own: Arc<ChangesOfBlocks>,
    news: mpsc::Receiver<BlockNews>,
    share: BlockShare,
    epoch: Option<Epoch>,
    /// When the engine is offered something again: the other gates offer theirs meanwhile.
    next_offer: Instant,
    /// When it is told again what it did not take.
    next_try: Instant,
}

impl BlockSharing {
    pub(super) fn new(
        cx: Arc<Context>,
        cluster: ClusterHandle,
        gate: GateId,
        own: Arc<ChangesOfBlocks>,
        news: mpsc::Receiver<BlockNews>,
    ) -> Self {
        let mut share = BlockShare::new(Arc::clone(&cluster.keys), gate);
        let now = cx.moment().wall;
        let blocks = &cx.admission.shared.blocks;
        for entry in blocks.entries(&BlockFilter::default(), now) {
            share.restored(&entry, now);
        }
        Self {
            cx,
            cluster,
            own,
            news,
            share,
            epoch: None,
            next_offer: Instant::now(),
            next_try: Instant::now(),
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            let next_send = self.next_send();
            tokio::select! {
                () = self.own.changed.notified() => {}
                news = self.news.recv() => match news {
                    Some(news) => self.hear(&news),
                    None => return,
                },
                () = sleep_until(next_send), if self.share.is_unsent() => {}
            }
            let now = self.now();
            self.share.forget(now);
            for change in self.own.take().into_values() {
                self.share.changed(&change, now);
            }
            let dropped = self.share.take_dropped();
            self.tell(BlocksDirection::Dropped, dropped);
            self.send().await;
        }
    }

    fn hear(&mut self, news: &BlockNews) {
        let now = self.now();
        if news.after == 0 {
            self.share.reading_begins();
        }
        let changes: Vec<_> = news
            .rows
            .iter()
            .filter_map(|row| self.share.received(&row.name, &row.stored, now))
            .collect();
        self.take_over(&changes, now);
        if news.is_all {
            self.share.reading_ended();
        }
        self.meet(&news.epoch);
    }

    /// An engine that began anew may have lost what it knew of passwords.
    fn meet(&mut self, epoch: &Epoch) {
        if self.epoch.as_ref() == Some(epoch) {
            return;
        }
        if self.epoch.replace(epoch.clone()).is_some() {
            self.cx.admission.shared.auth_cache.tell_again();
        }
    }

    /// All changes of this gate, and a part of what the engine lacks otherwise.
    async fn send(&mut self) {
        // For an engine that is away, or does not answer.
        self.next_try = Instant::now() + CLUSTER_CALL;
        let Some(link) = self.cluster.link() else {
            return;
        };
        while !self.share.has_told_news() {
            let puts = self.share.news(self.now());
            if !self.put(&link, puts).await {
                return;
            }
        }
        self.own.all_told();
        let offers = self.share.offers(self.now());
        if self.next_offer <= Instant::now() && !offers.is_empty() {
            self.next_offer = Instant::now() + CLUSTER_BEAT;
            self.put(&link, offers).await;
        }
    }

    fn next_send(&self) -> Instant {
        match self.share.has_told_news() {
            true => self.next_offer.max(self.next_try),
            false => self.next_try,
        }
    }

    /// Returns whether the engine answered.
    async fn put(&mut self, link: &Arc<dyn EngineLink>, puts: Vec<BlockPut>) -> bool {
        let began = Instant::now();
        let answer = link.put_blocks(puts.clone()).await;
        let result = answer
            .as_ref()
            .map_or_else(LinkError::result, |_| CallResult::Answered);
        self.cx.events.emit(Event::Cluster(ClusterEvent::Called {
            call: EngineCall::Blocks,
            result,
            took: began.elapsed(),
        }));
        let Ok(counts) = answer else {
            return false;
        };
        let now = self.now();
        let changes = self.share.sent(&puts, &counts, now);
        let taken = counts.iter().filter(|counts| counts.is_none()).count();
        self.tell(BlocksDirection::Sent, taken);
        self.take_over(&changes, now);
        true
    }

    /// What other gates changed is so here, too.
    fn take_over(&self, changes: &[BlockChange], now: Timestamp) {
        let blocks = &self.cx.admission.shared.blocks;
        let changes: Vec<_> = changes
            .iter()
            .flat_map(|change| blocks.changed_elsewhere(change, now))
            .collect();
        self.cx.tell_blocks(&changes);
        self.tell(BlocksDirection::Received, changes.len());
    }

    fn tell(&self, direction: BlocksDirection, changes: usize) {
        if changes > 0 {
            let event = ClusterEvent::BlocksShared { direction, changes };
            self.cx.events.emit(Event::Cluster(event));
        }
    }

    fn now(&self) -> Timestamp {
        self.cx.moment().wall
    }
}

#[cfg(test)]
mod tests;
