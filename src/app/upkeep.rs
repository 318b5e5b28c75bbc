//! What is done once a minute: memories forget what does not matter any more, and blocks end.

use crate::limits::UPKEEP;
use crate::observe::event::Event;
use crate::session::Context;
use crate::time::Duration;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Goes on until `stop`. Entries of the block list that have no effect any more are kept for
/// `keep`.
pub(super) async fn upkeep(cx: Arc<Context>, keep: Duration, stop: CancellationToken) {
    let again_and_again = async {
        loop {
            tokio::time::sleep(UPKEEP).await;
            tidy_up(&cx, keep);
        }
    };
    stop.run_until_cancelled(again_and_again).await;
}

fn tidy_up(cx: &Context, keep: Duration) {
    let now = cx.moment();
    cx.admission.forget_idle(now.instant);
    let blocks = &cx.admission.blocks;
    let mut changes = blocks.expire(now.wall);
    changes.extend(blocks.forget(keep, now.wall));
    for change in changes {
        cx.events.emit(&Event::BlockChanged(Box::new(change)));
    }
}
