//! How each backend answers a wrong password. What is learned from an answer, and how another login
//! is answered alike, is a rule: [`AuthFailureTemplate`].

use crate::ids::{BackendName, UserName};
use crate::policy::auth_failure_template::AuthFailureTemplate;
use crate::time::Duration;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The last line with which each backend refused a password, and how long its last answers took.
///
/// Holds as many backends as the configuration has named since the start: strangers add none, and
/// nothing is ever evicted.
#[derive(Default)]
pub struct AuthFailureTemplates {
    backends: Mutex<HashMap<BackendName, AuthFailureTemplate>>,
}

impl AuthFailureTemplates {
    /// No backend has answered yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A backend answered the wrong password of `user` with `line`, without its line end, `took`
    /// after it was asked.
    pub fn record(&self, backend: &BackendName, user: &UserName, line: &[u8], took: Duration) {
        let mut backends = self.backends();
        let template = backends.entry(backend.clone()).or_default();
        template.answered(user, line, took);
    }

    /// A backend closed the connection instead of answering a wrong password, `took` after it was
    /// asked.
    pub fn record_close(&self, backend: &BackendName, took: Duration) {
        let mut backends = self.backends();
        backends.entry(backend.clone()).or_default().closed(took);
    }

    /// Whether the connection is to be closed instead of answered with the line of
    /// [`AuthFailureTemplates::render`], as that backend did the last time.
    #[must_use]
    pub fn closes(&self, backends: &[BackendName]) -> bool {
        let known = self.backends();
        backends
            .iter()
            .find_map(|name| known.get(name))
            .is_some_and(AuthFailureTemplate::closes)
    }

    /// A line for `user`, without its line end, and how long it takes until it comes, as the first
    /// of `backends` answers that has answered a wrong password. `draw` is a random number.
    #[must_use]
    pub fn render(
        &self,
        backends: &[BackendName],
        user: &UserName,
        draw: u64,
    ) -> (Vec<u8>, Duration) {
        let known = self.backends();
        // In order of preference: the login would have gone to the first of them.
        match backends.iter().find_map(|name| known.get(name)) {
            Some(template) => template.render(user, draw),
            None => AuthFailureTemplate::default().render(user, draw),
        }
    }

    fn backends(&self) -> MutexGuard<'_, HashMap<BackendName, AuthFailureTemplate>> {
        self.backends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
