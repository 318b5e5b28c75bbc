//! The JSON of the admin API, version 1: what answers and events hold. The command line reads the
//! same types, and the OpenAPI document is made of them.
//!
//! Times are RFC 3339 in UTC; a key that ends in `_seconds` is a number of seconds, with
//! fractions. A client must ignore keys that it does not know: new ones may come. What is absent is
//! `null`.

mod backend;
mod cluster;
mod control;
mod general;
mod history;
mod lock;
mod page;
mod report;
mod samples;
mod session;
mod status;
mod stream;
mod tenant;
mod user;

pub use backend::{BackendInfo, BackendStateWord};
pub use cluster::{ClusterAnswer, ClusterInfo, ClusterLocks, GateInfo, GateLock};
pub use control::{DrainBody, KickInfo, LogLevel, ReasonBody};
pub use general::{EmptyBody, ErrorInfo, ReloadInfo};
pub use history::{
    HistoryEntryInfo, HistoryLoginInfo, HistoryPage, JournalInfo, NoticeInfo, NoticeList,
    ProgramInfo,
};
pub use lock::{HolderInfo, LockInfo, WaiterInfo};
pub use page::Page;
pub use report::{CauseInfo, ReportInfo, TimelineBar, TimelineInfo, TimelineMark, TimelineRow};
pub use samples::Samples;
pub use session::SessionInfo;
pub use status::{
    BackendTotals, BlockTotals, GateStatus, LockTotals, PausedInfo, RefusalTotals, SessionTotals,
};
pub use stream::{LocksAtOnce, MissedInfo};
pub use tenant::TenantInfo;
pub use user::{
    LimitInfo, LoginInfo, PenaltyInfo, PollInfo, SharedBackendInfo, SharingInfo, UserInfo,
};
