//! The cluster, for the sessions and the surfaces of a gate.

use super::acceptance::AcceptedElsewhere;
use super::keys::ClusterKeys;
use super::last_turns::LastTurns;
use super::link::EngineLink;
use super::member::ClusterState;
use super::node::NodeCommand;
use super::status::ClusterStatus;
use crate::limits::CLUSTER_LAST_NEWS;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

/// The cluster that a gate is in.
#[derive(Clone)]
pub struct ClusterHandle {
    /// Names and seals.
    pub keys: Arc<ClusterKeys>,
    /// Which passwords backends accepted at other gates.
    pub accepted: AcceptedElsewhere,
    /// Which session was the last in a maildrop.
    pub last_turns: LastTurns,
    status: watch::Receiver<ClusterStatus>,
    link: watch::Receiver<Option<Arc<dyn EngineLink>>>,
    commands: mpsc::Sender<NodeCommand>,
    settings: watch::Sender<Arc<str>>,
    blocks_told: watch::Receiver<bool>,
}

/// What a handle is made of.
pub struct HandleParts {
    /// Names and seals.
    pub keys: Arc<ClusterKeys>,
    /// Which passwords backends accepted at other gates.
    pub accepted: AcceptedElsewhere,
    /// Which session was the last in a maildrop.
    pub last_turns: LastTurns,
    /// How the gate stands.
    pub status: watch::Receiver<ClusterStatus>,
    /// The engine of now.
    pub link: watch::Receiver<Option<Arc<dyn EngineLink>>>,
    /// Who speaks with it.
    pub commands: mpsc::Sender<NodeCommand>,
    /// Where a reload puts the digest of the settings that gates should have alike.
    pub settings: watch::Sender<Arc<str>>,
    /// Whether the engine has all changes of the gate's block list.
    pub blocks_told: watch::Receiver<bool>,
}

impl ClusterHandle {
    /// What these say, and who is told.
    #[must_use]
    pub fn new(parts: HandleParts) -> Self {
        Self {
            keys: parts.keys,
            accepted: parts.accepted,
            last_turns: parts.last_turns,
            status: parts.status,
            link: parts.link,
            commands: parts.commands,
            settings: parts.settings,
            blocks_told: parts.blocks_told,
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

    /// Whether the engine is there, and has heard all that this gate holds.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.status.borrow().state == ClusterState::Healthy
    }

    /// Whether the gate has not found its engine yet since it started.
    #[must_use]
    pub fn is_joining(&self) -> bool {
        self.status.borrow().state == ClusterState::Joining
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

    /// From now on the gate's settings have this digest, which the other gates compare with theirs.
    pub fn have_settings(&self, digest: Arc<str>) {
        self.settings.send_replace(digest);
    }

    /// Tells the engine what it has not heard yet, gives back what is held and wanted, and says
    /// good-bye. Returns when that is done.
    pub async fn leave(&self) {
        // What cannot be told is known at this gate alone.
        let _ = timeout(CLUSTER_LAST_NEWS, self.last_news()).await;
        let (done, is_done) = oneshot::channel();
        if self.commands.send(NodeCommand::Leave(done)).await.is_ok() {
            // An error: the task has ended.
            let _ = is_done.await;
        }
    }

    /// Returns when the engine knows all that this gate knows, or is away.
    async fn last_news(&self) {
        let mut link = self.link.clone();
        let mut blocks_told = self.blocks_told.clone();
        let all_told = async {
            let _ = blocks_told.wait_for(|is_told| *is_told).await;
            self.accepted.all_told().await;
        };
        tokio::select! {
            () = all_told => {}
            _ = link.wait_for(Option::is_none) => {}
        }
    }
}
