//! Which passwords backends accepted at other gates.
//!
//! What the engine says moves a login to the main lane and past blocks. It lets nobody in: the
//! backend is asked each time.

use super::link::{EngineLink, LinkError};
use crate::admission::TellsElsewhere;
use crate::limits::{CLUSTER_ACCEPTANCES_MAX, CLUSTER_LOOKUPS_MAX};
use crate::observe::event::{CallResult, ClusterEvent, EngineCall, Event};
use crate::observe::hub::EventHub;
use crate::secret::PasswordTag;
use crate::time::{Duration, Instant};
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc, watch};

/// The engine of now, if there is a connection to it.
type EngineWatch = watch::Receiver<Option<Arc<dyn EngineLink>>>;

/// Which passwords backends accepted at other gates.
#[derive(Clone)]
pub struct AcceptedElsewhere {
    link: EngineWatch,
    news: mpsc::Sender<(PasswordTag, bool)>,
    lookups: Arc<Semaphore>,
    events: Arc<EventHub>,
}

impl AcceptedElsewhere {
    /// And the task that tells the engine what backends said here.
    pub fn new(
        link: EngineWatch,
        events: Arc<EventHub>,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (news, told) = mpsc::channel(CLUSTER_ACCEPTANCES_MAX);
        let telling = tell(told, link.clone(), Arc::clone(&events));
        let elsewhere = Self {
            link,
            news,
            lookups: Arc::new(Semaphore::new(CLUSTER_LOOKUPS_MAX)),
            events,
        };
        (elsewhere, telling)
    }

    /// How much longer a password counts as accepted at another gate; `None`: it does not, or the
    /// engine does not say in time.
    pub async fn look_up(&self, tag: PasswordTag) -> Option<Duration> {
        // Beyond that many at a time nobody waits for an answer: somebody guesses.
        let _place = self.lookups.try_acquire().ok()?;
        let link = self.link.borrow().clone()?;
        let began = Instant::now();
        let answer = link.accepted(tag.short()).await;
        tell_called(
            &self.events,
            answer.as_ref().err().map(LinkError::result),
            began,
        );
        answer.ok().flatten()
    }
}

impl TellsElsewhere for AcceptedElsewhere {
    /// What finds no room is not told: another gate has its owner wait in the lane of strangers
    /// once more.
    fn backend_said(&self, tag: PasswordTag, is_accepted: bool) {
        let _ = self.news.try_send((tag, is_accepted));
    }
}

async fn tell(
    mut told: mpsc::Receiver<(PasswordTag, bool)>,
    link: EngineWatch,
    events: Arc<EventHub>,
) {
    while let Some((tag, is_accepted)) = told.recv().await {
        let engine = link.borrow().clone();
        let Some(engine) = engine else {
            continue;
        };
        let began = Instant::now();
        let answer = match is_accepted {
            true => engine.put_accepted(tag.short()).await,
            false => engine.remove_accepted(tag.short()).await,
        };
        tell_called(&events, answer.err().map(|error| error.result()), began);
    }
}

fn tell_called(events: &EventHub, error: Option<CallResult>, began: Instant) {
    events.emit(Event::Cluster(ClusterEvent::Called {
        call: EngineCall::Acceptance,
        result: error.unwrap_or(CallResult::Answered),
        took: began.elapsed(),
    }));
}
