//! The running gate, as the admin port sees it.

use super::blocks::BlockListAdmin;
use super::cluster::ClusterAdmin;
use super::control::GateControl;
use super::history::HistoryView;
use super::lock_feed::LockFeed;
use super::reports::{ReportView, TimelineView};
use super::users::UserView;
use super::view::GateView;
use crate::net::BoxFuture;
use crate::net::tls::Acceptor;
use crate::observe::metrics::MetricsError;
use std::sync::Arc;

/// What a reload did, a sentence for each change; or why all is as it was.
pub type Reloaded = Result<Vec<String>, ReloadRefusal>;

/// Why a reload was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReloadRefusal {
    /// What is wrong with the configuration.
    #[error("{0}")]
    Mistake(String),
    /// Another one has not ended.
    #[error("a reload is under way: ask again when it has ended")]
    UnderWay,
    /// The gate drains.
    #[error("popgate is stopping")]
    Stopping,
    /// The gate was started without a file.
    #[error("this gate has no file to read again")]
    NoFile,
}

/// Reads the configuration again.
pub type Reload = Arc<dyn Fn() -> BoxFuture<'static, Reloaded> + Send + Sync>;

/// What the admin port shows of a gate, and does to it. A subject of the API is a trait
/// in a file of its own, and one method here that gives it.
pub trait GateAdmin: Send + Sync {
    /// All metrics as of now, in the Prometheus text format.
    ///
    /// # Errors
    /// A fault of popgate.
    fn metrics(&self) -> Result<String, MetricsError>;

    /// Whether clients are served; if not, why, in a sentence for the operator.
    ///
    /// # Errors
    /// They are not.
    fn ready(&self) -> Result<(), String>;

    /// A request was answered with `status`. `route` is the template of its path.
    fn answered(&self, route: &str, status: u16);

    /// What makes the port's connections TLS, as the last reload left it; none where they are in
    /// clear.
    fn acceptor(&self) -> Option<Arc<Acceptor>>;

    /// What can be looked at.
    fn view(&self) -> &dyn GateView;

    /// What operators do to it.
    fn control(&self) -> &dyn GateControl;

    /// The other gates of its cluster.
    fn cluster(&self) -> &dyn ClusterAdmin;

    /// What of one user can be looked at.
    fn users(&self) -> &dyn UserView;

    /// What of one user's past can be looked at.
    fn timelines(&self) -> &dyn TimelineView;

    /// Reports for tickets.
    fn reports(&self) -> &dyn ReportView;

    /// What the stream of lock changes is made of.
    fn lock_feed(&self) -> &dyn LockFeed;

    /// What of the past can be looked at.
    fn history(&self) -> &dyn HistoryView;

    /// The block list.
    fn blocks(&self) -> &dyn BlockListAdmin;

    /// Reads the configuration again. It goes on also where nobody waits for its end.
    fn reload(&self) -> BoxFuture<'static, Reloaded>;
}
