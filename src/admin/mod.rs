//! The admin port: metrics and health for machines, an API for those who have the token, and a page
//! that shows in a browser what the API says.

mod api;
pub mod blocks;
mod cluster;
mod control;
#[cfg(test)]
mod double;
mod filter;
mod gate;
mod guard;
mod history;
mod lock_feed;
pub mod model;
mod page;
mod paging;
mod probes;
mod query;
mod reads;
mod reply;
mod reports;
mod request;
mod routes;
pub mod server;
mod stream;
pub mod token;
mod users;
mod view;

pub use api::document;
pub use cluster::{ClusterAdmin, KickElsewhere, LocksElsewhere, LocksOfGate};
pub use control::{GateControl, UnknownName};
pub use gate::{GateAdmin, Reload, ReloadRefusal, Reloaded};
pub use guard::AdminPolicy;
pub use history::HistoryView;
pub use lock_feed::{LockFeed, ShownLocks};
pub use reports::{
    PictureLabels, ReportQuery, ReportRefusal, ReportView, TimelineQuery, TimelineView,
};
pub use server::{AdminState, serve};
pub use users::{UserQuery, UserView};
pub use view::GateView;
