//! What is remembered for the admin port alone; a gate without one remembers none of it.

use super::AdminHandle;
use crate::admin::GateView;
use crate::admin::model::{GateStatus, Samples};
use crate::limits::SAMPLE_INTERVAL;
use crate::observe::changed_locks::ChangedLocks;
use crate::observe::hub::EventSink;
use crate::observe::recent::RecentLogins;
use crate::observe::samples::{Sample, SampleRing};
use crate::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// What is remembered for the admin port. A clone is the same one.
#[derive(Clone, Default)]
pub(in crate::app) struct AdminMemory {
    pub(super) recent: Arc<RecentLogins>,
    pub(super) changed_locks: Arc<ChangedLocks>,
    samples: Arc<Mutex<SampleRing>>,
}

impl AdminMemory {
    /// Those parts of it that hear of events.
    pub(in crate::app) fn sinks(&self) -> [Arc<dyn EventSink>; 2] {
        [self.recent.clone(), self.changed_locks.clone()]
    }

    pub(super) fn shown_samples(&self) -> Samples {
        let samples = self.samples();
        Samples {
            interval_seconds: SAMPLE_INTERVAL.as_secs_f64(),
            newest: samples.newest(),
            sessions: column(&samples, |sample| sample.sessions),
            locks_held: column(&samples, |sample| sample.locks_held),
            waiting: column(&samples, |sample| sample.waiting),
            longest_wait_seconds: column(&samples, |sample| sample.longest_wait.as_secs_f64()),
            refusals: column(&samples, |sample| sample.refusals),
            logins: column(&samples, |sample| sample.logins),
        }
    }

    fn samples(&self) -> MutexGuard<'_, SampleRing> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn column<T>(samples: &SampleRing, value: impl Fn(&Sample) -> T) -> Vec<Option<T>> {
    let kept = samples.kept();
    kept.map(|sample| sample.map(&value)).collect()
}

/// Takes a sample each [`SAMPLE_INTERVAL`], until `stop`.
pub(in crate::app) async fn take_samples(gate: Arc<AdminHandle>, stop: CancellationToken) {
    let again_and_again = async {
        let mut ticks = interval(SAMPLE_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            let gate = Arc::clone(&gate);
            // A walk through all locks must not hold up the sessions of this worker. It fails where
            // it panics: then there is a gap.
            let _ = spawn_blocking(move || gate.take_sample()).await;
        }
    };
    stop.run_until_cancelled(again_and_again).await;
}

impl AdminHandle {
    fn take_sample(&self) {
        let sample = sample_of(&self.status());
        self.memory.samples().take(self.cx.moment(), sample);
    }
}

fn sample_of(status: &GateStatus) -> Sample {
    let refusals = &status.refusals;
    let longest_wait = Duration::try_from_secs_f64(status.locks.longest_wait_seconds);
    Sample {
        sessions: status.sessions.open as u64,
        locks_held: status.locks.held as u64,
        waiting: status.locks.waiting as u64,
        longest_wait: longest_wait.unwrap_or_default(),
        refusals: refusals.lock + refusals.auth + refusals.rule,
        logins: status.logins,
    }
}
