//! The cluster, for the sessions and the surfaces of a gate.

use super::acceptance::AcceptedElsewhere;
use super::keys::ClusterKeys;
use super::link::EngineLink;
use super::node::NodeCommand;
use super::status::ClusterStatus;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

/// The cluster that a gate is in.
#[derive(Clone)]
pub struct ClusterHandle {
    /// Names and seals.
    pub keys: Arc<ClusterKeys>,
    /// Which passwords backends accepted at other gates.
    pub accepted: AcceptedElsewhere,
    status: watch::Receiver<ClusterStatus>,
    link: watch::Receiver<Option<Arc<dyn EngineLink>>>,
    commands: mpsc::Sender<NodeCommand>,
}

impl ClusterHandle {
    /// What these say, and who is told.
    #[must_use]
    pub fn new(
        keys: Arc<ClusterKeys>,
        accepted: AcceptedElsewhere,
        status: watch::Receiver<ClusterStatus>,
        link: watch::Receiver<Option<Arc<dyn EngineLink>>>,
        commands: mpsc::Sender<NodeCommand>,
    ) -> Self {
        Self {
            keys,
            accepted,
            status,
            link,
            commands,
        }
    }

    /// How the gate stands.
    #[must_use]
    pub fn status(&self) -> ClusterStatus {
        self.status.borrow().clone()
    }

    /// Whether new logins are refused.
    #[must_use]
    pub fn refuses_logins(&self) -> bool {
        self.status.borrow().refuses_logins()
    }

    /// Returns when new logins are refused.
    pub async fn logins_refused(&self) {
        let mut status = self.status.clone();
        if status
            .wait_for(ClusterStatus::refuses_logins)
            .await
            .is_err()
        {
            // The gate ends, and its sessions with it.
            std::future::pending::<()>().await;
        }
    }

    /// Why clients should go to another gate; `None`: they need not.
    #[must_use]
    pub fn unready(&self) -> Option<String> {
        self.status.borrow().unready()
    }

    /// The engine, if there is a connection to it.
    #[must_use]
    pub fn link(&self) -> Option<Arc<dyn EngineLink>> {
        self.link.borrow().clone()
    }

    /// Gives back what is held and wanted, and says good-bye. Returns when that is done.
    pub async fn leave(&self) {
        let (done, is_done) = oneshot::channel();
        if self.commands.send(NodeCommand::Leave(done)).await.is_ok() {
            // An error: the task has ended.
            let _ = is_done.await;
        }
    }
}
