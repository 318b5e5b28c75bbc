//! What all sessions of one gate share, handed down instead of being global.

use super::backend_conn::BackendConnection;
use super::pauses::Pauses;
use super::registry::Sessions;
use super::settings::{Reloads, Settings};
use crate::admission::Admission;
use crate::backend::connect::Backend;
use crate::backend::route;
use crate::cluster::handle::ClusterHandle;
use crate::dialect::{self, Class};
use crate::lock::Locks;
use crate::observe::event::Event;
use crate::observe::hub::EventHub;
use crate::policy::block::BlockChange;
use crate::policy::pause::PauseSubject;
use crate::pop3::capability::Capabilities;
use crate::pop3::reply::ReplyTo;
use crate::secret::TagKey;
use crate::time::{Duration, Moment, WallClock};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// How far a stop has come. It only goes forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Clients are served.
    Serving,
    /// Nobody new is served; waiters and sessions go on.
    Draining,
    /// Sessions are closed without QUIT, except those that have sent it.
    Closing,
    /// Every session is closed.
    Closed,
}

/// What all sessions of one gate share.
pub struct Context {
    /// Where events go.
    pub events: Arc<EventHub>,
    /// The locks.
    pub locks: Locks<BackendConnection>,
    /// What the configuration says, as the last reload left it.
    pub settings: watch::Receiver<Arc<Settings>>,
    /// The cluster that the gate is in, if it is in one.
    pub cluster: Option<ClusterHandle>,
    /// Makes the tags by which passwords are remembered.
    pub tag_key: TagKey,
    /// What is remembered of logins, and who is blocked.
    pub admission: Admission,
    /// What the wall clock says: the system's, or one that a test moves by hand.
    pub wall: WallClock,
    /// How far a stop has come.
    pub stage: watch::Receiver<Stage>,
    /// For jitter, and for picking one of several imitated answers.
    pub random: Mutex<fastrand::Rng>,
    /// All open sessions.
    pub sessions: Sessions,
    /// What operators have paused.
    pub pauses: Pauses,
}

impl Context {
    /// Whether nobody new is served any more.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stage.borrow() >= Stage::Draining
    }

    /// Returns when the stop has come as far as `stage`.
    pub(crate) async fn stage_reached(&self, stage: Stage) {
        let mut stages = self.stage.clone();
        if stages.wait_for(|now| *now >= stage).await.is_err() {
            // The gate is gone without a stop: as in a test that keeps the context alone.
            std::future::pending::<()>().await;
        }
    }

    /// The logins of `subject` wait from now on; `false`: they did already.
    pub fn pause(&self, subject: &PauseSubject) -> bool {
        let is_new = self.pauses.pause(subject);
        if is_new {
            self.pauses_changed();
        }
        is_new
    }

    /// The logins of `subject` go on; `false`: they did already.
    pub fn resume(&self, subject: &PauseSubject) -> bool {
        let was_paused = self.pauses.resume(subject);
        if was_paused {
            self.pauses_changed();
        }
        was_paused
    }

    /// Forgets what is paused of the names for which `exists` is false, and returns it.
    pub fn forget_paused(&self, exists: impl Fn(&PauseSubject) -> bool) -> Vec<PauseSubject> {
        let gone = self.pauses.retain(exists);
        if !gone.is_empty() {
            self.pauses_changed();
        }
        gone
    }

    /// Whether nobody knows yet whose turn it is: the engine has not been found since the start.
    pub(crate) fn is_joining(&self) -> bool {
        let cluster = self.cluster.as_ref();
        cluster.is_some_and(ClusterHandle::is_joining)
    }

    /// Whether new logins are refused, because nobody can say whether another gate is in their
    /// maildrop.
    pub(crate) fn refuses_logins(&self) -> bool {
        let cluster = self.cluster.as_ref();
        cluster.is_some_and(ClusterHandle::refuses_logins)
    }

    /// Returns when new logins are refused.
    pub(crate) async fn logins_refused(&self) {
        match &self.cluster {
            Some(cluster) => cluster.logins_refused().await,
            None => std::future::pending().await,
        }
    }

    /// Holders look again whether somebody waits for whom they may be pre-empted.
    fn pauses_changed(&self) {
        self.locks.wake_contended();
    }

    /// What the configuration says now.
    #[must_use]
    pub fn settings(&self) -> Arc<Settings> {
        // A copy: a borrow that lasts would hold up the reload that wants to replace it.
        Arc::clone(&self.settings.borrow())
    }

    /// Now, by both clocks.
    #[must_use]
    pub fn moment(&self) -> Moment {
        self.wall.now()
    }

    /// The reloads behind `settings`.
    pub(crate) fn reloads_after(&self, settings: &Arc<Settings>) -> Reloads {
        let mut reloads = self.settings.clone();
        // One that came since `settings` were taken must not be missed.
        if !Arc::ptr_eq(&reloads.borrow_and_update(), settings) {
            reloads.mark_changed();
        }
        Reloads(reloads)
    }

    /// Emits an event for each change of the block list.
    pub fn tell_blocks(&self, changes: &[BlockChange]) {
        for change in changes {
            let change = Box::new(change.clone());
            self.events.emit(Event::BlockChanged(change));
        }
    }

    /// Classifies a reply of `backend`, and emits an event that says so.
    pub(crate) fn backend_replied(&self, backend: &Backend, to: ReplyTo, line: &[u8]) -> Class {
        self.classify(backend, to, line, None)
    }

    /// Classifies the answer of `backend` to a login, which came `took` after the password; `None`
    /// where it had not been given.
    pub(crate) fn login_answered(
        &self,
        backend: &Backend,
        line: &[u8],
        took: Option<Duration>,
    ) -> Class {
        self.classify(backend, ReplyTo::Pass, line, took)
    }

    fn classify(
        &self,
        backend: &Backend,
        to: ReplyTo,
        line: &[u8],
        took: Option<Duration>,
    ) -> Class {
        let options = backend.options();
        let text = String::from_utf8_lossy(line);
        let class = dialect::classify(to, &text, &options.phrases);
        self.events.emit(Event::BackendReplied {
            backend: options.name.clone(),
            to,
            class,
            took,
            // A greeting or the answer to a command that succeeded says nothing worth a log line.
            line: (class != Class::Ok).then(|| text.into_owned()),
        });
        class
    }

    /// Waits until each backend was looked at once, or has had its time for that; a reload may
    /// bring others.
    pub(crate) async fn backends_known(&self) {
        let mut settings = self.settings();
        loop {
            let mut reloads = self.reloads_after(&settings);
            let known = async {
                for backend in settings.backends.values() {
                    backend.known_in_time().await;
                }
            };
            let reloaded = tokio::select! {
                // Where both are true the backends are known: there is nothing to wait for.
                biased;
                () = known => return,
                reloaded = reloads.next() => reloaded,
            };
            settings = reloaded;
        }
    }

    /// Whether a client is to be greeted. Where a backend is paused its login may wait for that
    /// one, which need not be up meanwhile.
    pub(crate) fn may_serve(&self) -> bool {
        let is_paused = !self.pauses.now().backends.is_empty();
        is_paused || route::may_serve(self.settings().backends.values())
    }

    /// What all backends list before login. Where none can be reached it is empty: nobody is
    /// greeted then, but a client that was greeted before may still ask.
    pub(crate) fn offered(&self) -> Arc<Capabilities> {
        route::common_capabilities(self.settings().backends.values()).unwrap_or_default()
    }

    /// What all backends list after login.
    pub(crate) fn offered_inside(&self) -> Arc<Capabilities> {
        let settings = self.settings();
        route::common_capabilities_inside(settings.backends.values()).unwrap_or_default()
    }

    /// A random number, from a generator that a test can seed.
    pub(crate) fn draw(&self) -> u64 {
        // A panic of one session must not end all others here.
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        random.u64(..)
    }

    /// `pause` give or take a quarter, so that retries of many sessions spread.
    pub(crate) fn jitter(&self, pause: Duration) -> Duration {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        pause.mul_f64(0.75 + 0.5 * random.f64())
    }
}
