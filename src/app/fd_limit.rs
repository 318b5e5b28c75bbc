//! How many connections there is room for under the system's limit of open files.

use crate::limits::{DESCRIPTORS_RESERVED, SESSION_DESCRIPTORS};
use rustix::process::{Resource, getrlimit};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio_util::task::TaskTracker;

/// The room of one gate, shared by its ports. Running out of descriptors in the middle of a
/// login would look like a backend that is gone; here it is an answer before the greeting.
#[derive(Clone)]
pub(super) struct ConnectionLimit {
    /// Descriptors for clients and their backend connections; a reload changes it for all ports.
    descriptors: Arc<AtomicUsize>,
    /// `[server] connections`; 0: as many as there are descriptors for.
    connections: Arc<AtomicUsize>,
    sessions: TaskTracker,
    closers: TaskTracker,
}

impl ConnectionLimit {
    /// Room for `sessions`, whose backend connections outlive them in `closers`, where `services`
    /// (listeners and looks at backends) have a descriptor each; at most `connections`, where that
    /// is not 0.
    pub(super) fn new(
        services: usize,
        connections: usize,
        sessions: TaskTracker,
        closers: TaskTracker,
    ) -> Self {
        let connection_limit = Self {
            descriptors: Arc::default(),
            connections: Arc::default(),
            sessions,
            closers,
        };
        connection_limit.update(services, connections);
        connection_limit
    }

    /// Sets how many services there are from now on, and how many connections are allowed.
    pub(super) fn update(&self, services: usize, connections: usize) {
        // Read anew: `prlimit` can change it while the gate runs.
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let descriptors = for_sessions(limit, services);
        // Relaxed: each number stands for itself, and the old one does no harm for a moment.
        self.descriptors.store(descriptors, Ordering::Relaxed);
        self.connections.store(connections, Ordering::Relaxed);
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    fn descriptors(&self) -> usize {
        self.descriptors.load(Ordering::Relaxed)
    }

    /// Whether one more session could want for a descriptor.
    pub(super) fn is_full(&self) -> bool {
        // With the one that asks, which is in no task yet.
        let sessions = self.sessions.len() + 1;
        let connections = self.connections();
        let descriptors = self.descriptors();
        (connections > 0 && sessions > connections)
            || sessions * SESSION_DESCRIPTORS + self.closers.len() > descriptors
    }

    /// How many sessions fit at a time.
    pub(super) fn sessions_max(&self) -> usize {
        let most = self.descriptors() / SESSION_DESCRIPTORS;
        match self.connections() {
            0 => most,
            connections => connections.min(most),
        }
    }
}

/// What a limit of open files leaves for sessions: at least for one.
fn for_sessions(limit: u64, services: usize) -> usize {
    usize::try_from(limit)
        .unwrap_or(usize::MAX)
        .saturating_sub(DESCRIPTORS_RESERVED + services)
        .max(SESSION_DESCRIPTORS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    fn connection_limit(descriptors: usize) -> ConnectionLimit {
        ConnectionLimit {
            descriptors: Arc::new(AtomicUsize::new(descriptors)),
            connections: Arc::default(),
            sessions: TaskTracker::new(),
            closers: TaskTracker::new(),
        }
    }

    #[tokio::test]
    async fn a_backend_connection_that_is_being_ended_takes_room_from_newcomers() {
        let connection_limit = connection_limit(3);
        assert!(!connection_limit.is_full());
        let closer = connection_limit.closers.spawn(pending::<()>());
        assert!(!connection_limit.is_full());
        connection_limit.closers.spawn(pending::<()>());
        assert!(connection_limit.is_full());
        closer.abort();
        assert!(closer.await.is_err());
        assert!(!connection_limit.is_full());
        connection_limit.sessions.spawn(pending::<()>());
        assert!(connection_limit.is_full());
    }

    #[tokio::test]
    async fn the_configuration_may_allow_fewer() {
        let connection_limit = connection_limit(100);
        connection_limit.connections.store(1, Ordering::Relaxed);
        assert_eq!(connection_limit.sessions_max(), 1);
        assert!(!connection_limit.is_full());
        connection_limit.sessions.spawn(pending::<()>());
        assert!(connection_limit.is_full());
    }

    #[test]
    fn there_is_room_for_one_under_the_smallest_limit_and_no_overflow_without_one() {
        assert_eq!(connection_limit(for_sessions(0, 3)).sessions_max(), 1);
        let reserved = u64::try_from(DESCRIPTORS_RESERVED).unwrap();
        assert_eq!(
            connection_limit(for_sessions(reserved + 13, 3)).sessions_max(),
            5
        );
        assert!(connection_limit(for_sessions(u64::MAX, 3)).sessions_max() > 1 << 40);
    }
}
