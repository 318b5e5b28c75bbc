//! The request to drain: by when sessions must have ended. The soonest of all requests holds.

use crate::gate::Stage;
use crate::time::{Duration, Instant};
use std::future::pending;
use tokio::sync::watch;
use tokio::time::sleep_until;

/// How a gate is told to drain. A clone tells the same one.
#[derive(Clone)]
pub(super) struct Drain {
    by: watch::Sender<Option<Instant>>,
    stage: watch::Sender<Stage>,
}

impl Drain {
    /// Nobody has asked yet. `stage` is the stage of the gate.
    pub(super) fn new(stage: watch::Sender<Stage>) -> Self {
        Self {
            by: watch::Sender::new(None),
            stage,
        }
    }

    /// Nobody new is served from now on; sessions go on for `grace`, or for what is left of a drain
    /// that is shorter: the returned time.
    pub(super) fn begin(&self, grace: Duration) -> Duration {
        let start = Instant::now();
        let by = start + grace;
        self.by.send_if_modified(|now| {
            let is_sooner = now.is_none_or(|now| by < now);
            if is_sooner {
                *now = Some(by);
            }
            is_sooner
        });
        self.enter(Stage::Draining);
        let soonest = self.by.borrow().unwrap_or(by);
        soonest.saturating_duration_since(start)
    }

    /// Goes on to `stage`, never back.
    pub(super) fn enter(&self, stage: Stage) {
        self.stage.send_if_modified(|now| {
            let is_next = *now < stage;
            if is_next {
                *now = stage;
            }
            is_next
        });
    }

    /// Returns when somebody has asked.
    pub(super) async fn begun(&self) {
        // It has a sender as long as `self` is there.
        let _ = self.by.subscribe().wait_for(Option::is_some).await;
    }

    /// Returns when the grace is over, also where it is made shorter meanwhile.
    pub(super) async fn over(&self) {
        let mut requests = self.by.subscribe();
        loop {
            let by = *requests.borrow_and_update();
            let over = async {
                match by {
                    Some(by) => sleep_until(by).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                () = over => return,
                Ok(()) = requests.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain() -> Drain {
        Drain::new(watch::Sender::new(Stage::Serving))
    }

    #[tokio::test(start_paused = true)]
    async fn the_soonest_of_all_requests_holds() {
        let drain = drain();
        let start = Instant::now();
        drain.begin(Duration::from_secs(60));
        let shortened = async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            drain.begin(Duration::from_secs(20));
            let left = drain.begin(Duration::from_secs(3_600));
            assert_eq!(left, Duration::from_secs(20));
        };
        tokio::join!(drain.over(), shortened);
        assert_eq!(start.elapsed().as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_takes_no_stage_back() {
        let drain = drain();
        drain.begin(Duration::ZERO);
        drain.begun().await;
        assert_eq!(*drain.stage.borrow(), Stage::Draining);
        drain.enter(Stage::Closing);
        drain.begin(Duration::ZERO);
        assert_eq!(*drain.stage.borrow(), Stage::Closing);
    }
}
