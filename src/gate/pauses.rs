//! What is paused in this gate, and how those that it concerns hear of a change.

use crate::policy::pause::{PauseSubject, PausedNames};
use std::sync::Arc;
use tokio::sync::watch;

/// What is paused, in memory only: it outlives a reload, and not the process. A clone is the same.
#[derive(Clone, Default)]
pub struct Pauses(Arc<watch::Sender<Arc<PausedNames>>>);

impl Pauses {
    /// What is paused now.
    #[must_use]
    pub fn now(&self) -> Arc<PausedNames> {
        Arc::clone(&self.0.borrow())
    }

    /// Pauses `subject`; `false`: it was paused.
    pub fn pause(&self, subject: &PauseSubject) -> bool {
        self.change(|names| names.pause(subject))
    }

    /// Resumes `subject`; `false`: it was not paused.
    pub fn resume(&self, subject: &PauseSubject) -> bool {
        self.change(|names| names.resume(subject))
    }

    /// Forgets the names for which `exists` is false, and returns them.
    pub fn retain(&self, exists: impl Fn(&PauseSubject) -> bool) -> Vec<PauseSubject> {
        // Before the lock, which every login passes.
        let gone = self.now().missing(exists);
        for subject in &gone {
            self.resume(subject);
        }
        gone
    }

    /// Changes, as they come from now on.
    pub(crate) fn changes(&self) -> PauseChanges {
        PauseChanges(self.0.subscribe())
    }

    fn change(&self, change: impl FnOnce(&mut PausedNames) -> bool) -> bool {
        self.0
            .send_if_modified(|names| change(Arc::make_mut(names)))
    }
}

/// Changes of what is paused.
pub(crate) struct PauseChanges(watch::Receiver<Arc<PausedNames>>);

impl PauseChanges {
    /// Returns when something was paused or resumed. Cancel-safe.
    pub(crate) async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            // The gate is gone, and nobody resumes anything any more.
            std::future::pending::<()>().await;
        }
    }
}
