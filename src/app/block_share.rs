//! The block list that all gates of a cluster share: a task that carries changes both ways.

use crate::cluster::blocks::BlockShare;
use crate::cluster::handle::ClusterHandle;
use crate::cluster::node::BlockNews;
use crate::gate::Context;
use crate::limits::CLUSTER_BEAT;
use crate::observe::event::{BlocksDirection, ClusterEvent, Event};
use crate::observe::hub::{EventSink, Stamped};
use crate::policy::block::BlockChange;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// Hears of each change of this gate's block list.
pub(super) struct ChangesOfBlocks(pub(super) mpsc::Sender<BlockChange>);

impl EventSink for ChangesOfBlocks {
    /// What finds no room is known at this gate alone.
    fn handle(&self, event: &Stamped) {
        if let Event::BlockChanged(change) = &event.event {
            let _ = self.0.try_send(change.as_ref().clone());
        }
    }
}

/// Carries changes both ways.
pub(super) struct BlockSharing {
    pub(super) cx: Arc<Context>,
    pub(super) cluster: ClusterHandle,
    pub(super) own: mpsc::Receiver<BlockChange>,
    pub(super) news: mpsc::Receiver<BlockNews>,
}

impl BlockSharing {
    pub(super) async fn run(mut self) {
        let mut share = BlockShare::new(Arc::clone(&self.cluster.keys));
        loop {
            let has_unsent = !share.unsent().is_empty();
            tokio::select! {
                change = self.own.recv() => match change {
                    Some(change) => share.changed(&change),
                    None => return,
                },
                news = self.news.recv() => match news {
                    Some(news) => {
                        self.apply(&mut share, &news);
                        continue;
                    }
                    None => return,
                },
                // The engine was away, or did not answer.
                () = sleep(CLUSTER_BEAT), if has_unsent => {}
            }
            self.send(&mut share).await;
        }
    }

    fn apply(&self, share: &mut BlockShare, news: &BlockNews) {
        let now = self.cx.moment().wall;
        let blocks = &self.cx.admission.shared.blocks;
        let changes: Vec<_> = news
            .rows
            .iter()
            .filter_map(|row| share.received(row, news.epoch))
            .flat_map(|change| blocks.changed_elsewhere(&change, now))
            .collect();
        self.cx.tell_blocks(&changes);
        self.tell(BlocksDirection::Received, changes.len());
    }

    async fn send(&self, share: &mut BlockShare) {
        let puts = share.unsent();
        let Some(link) = self.cluster.link().filter(|_| !puts.is_empty()) else {
            return;
        };
        if let Ok(versions) = link.put_blocks(puts.clone()).await {
            share.sent(&puts, &versions);
            self.tell(BlocksDirection::Sent, puts.len());
        }
    }

    fn tell(&self, direction: BlocksDirection, changes: usize) {
        if changes > 0 {
            let event = ClusterEvent::BlocksShared { direction, changes };
            self.cx.events.emit(Event::Cluster(event));
        }
    }
}
