//! What the admin port shows of this gate, and does to it.

mod cluster;
mod convert;
mod feed;
mod history;
mod memory;
mod report;
mod sharing;
mod timeline;
mod users;
mod view;

pub(super) use memory::{AdminMemory, take_samples};
pub(super) use view::lock_infos;

use super::blocks::BlockAdmin;
use super::cluster::OtherGates;
use super::control::OperatorControl;
use super::fd_limit::ConnectionLimit;
use super::gauges;
use crate::admin::blocks::BlockListAdmin;
use crate::admin::{
    ClusterAdmin, GateAdmin, GateControl, GateView, HistoryView, LockFeed, Reload, ReloadRefusal,
    Reloaded, ReportView, TimelineView, UserView,
};
use crate::backend::connect::Backend;
use crate::backend::health::State;
use crate::backend::route::can_serve;
use crate::cluster::handle::ClusterHandle;
use crate::gate::{Context, Settings, Stage};
use crate::journal::History;
use crate::net::BoxFuture;
use crate::net::tls::Acceptor;
use crate::observe::metrics::{Metrics, MetricsError};
use crate::report::domain::DomainChecker;
use jiff::Timestamp;
use std::sync::Arc;

/// A gate at its admin port.
pub(super) struct AdminHandle {
    pub(super) cx: Arc<Context>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) blocks: BlockAdmin,
    pub(super) control: OperatorControl,
    /// None where the gate is alone.
    pub(super) others: Option<Arc<OtherGates>>,
    pub(super) connection_limit: ConnectionLimit,
    pub(super) memory: AdminMemory,
    pub(super) history: History,
    /// Shared with what asks for a domain after the answer has been given up.
    pub(super) domains: Arc<DomainChecker>,
    pub(super) started: Timestamp,
    /// None where the gate was started without a file that could be read again.
    pub(super) reload: Option<Reload>,
}

impl GateAdmin for AdminHandle {
    /// First sets the gauges that no event sets.
    fn metrics(&self) -> Result<String, MetricsError> {
        gauges::set(
            &self.metrics,
            &self.cx,
            &self.connection_limit,
            &self.history,
        );
        self.metrics.render()
    }

    fn ready(&self) -> Result<(), String> {
        let stage = *self.cx.stage.borrow();
        let is_paused = !self.cx.pauses.now().backends.is_empty();
        let cluster = self.cx.cluster.as_ref();
        if let Some(why) = cluster.and_then(ClusterHandle::unready) {
            return Err(why);
        }
        ready(stage, &self.cx.settings(), is_paused)
    }

    fn answered(&self, route: &str, status: u16) {
        self.metrics.admin_request(route, status);
    }

    fn acceptor(&self) -> Option<Arc<Acceptor>> {
        self.cx.settings().admin_acceptor.clone()
    }

    fn view(&self) -> &dyn GateView {
        self
    }

    fn lock_feed(&self) -> &dyn LockFeed {
        self
    }

    fn control(&self) -> &dyn GateControl {
        &self.control
    }

    fn cluster(&self) -> &dyn ClusterAdmin {
        self
    }

    fn users(&self) -> &dyn UserView {
        self
    }

    fn timelines(&self) -> &dyn TimelineView {
        self
    }

    fn history(&self) -> &dyn HistoryView {
        self
    }

    fn reports(&self) -> &dyn ReportView {
        self
    }

    fn blocks(&self) -> &dyn BlockListAdmin {
        &self.blocks
    }

    fn reload(&self) -> BoxFuture<'static, Reloaded> {
        match &self.reload {
            Some(reload) => reload(),
            None => Box::pin(async { Err(ReloadRefusal::NoFile) }),
        }
    }
}

/// `/readyz`: whether a new client would be greeted. `is_paused`: a backend is, which need not be
/// up meanwhile.
fn ready(stage: Stage, settings: &Settings, is_paused: bool) -> Result<(), String> {
    if stage != Stage::Serving {
        return Err("stopping".to_owned());
    }
    if is_paused || can_serve(settings.backends.values()) {
        return Ok(());
    }
    let is_unknown = |backend: &Arc<Backend>| backend.state() == State::Unknown;
    if settings.backends.values().any(is_unknown) {
        return Err("the backends have not been checked yet".to_owned());
    }
    Err("no backend can be reached".to_owned())
}
