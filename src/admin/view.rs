//! What of a gate can be looked at.

use super::model::{BackendInfo, GateStatus, LockInfo, Samples, SessionInfo, TenantInfo};
use crate::ids::SessionId;

/// A gate as it is now. Each answer is a copy: nothing of the gate is locked while it is filtered,
/// sorted and written.
pub trait GateView: Send + Sync {
    /// All at a glance.
    fn status(&self) -> GateStatus;

    /// The recent past, for charts.
    fn samples(&self) -> Samples;

    /// Every open session.
    fn sessions(&self) -> Vec<SessionInfo>;

    /// One session, if it is open.
    fn session(&self, id: SessionId) -> Option<SessionInfo>;

    /// Every lock that is held or waited for.
    fn locks(&self) -> Vec<LockInfo>;

    /// Every backend of the configuration in force.
    fn backends(&self) -> Vec<BackendInfo>;

    /// Every tenant of the configuration in force, the default one too.
    fn tenants(&self) -> Vec<TenantInfo>;
}
