//! What the gate says at one moment.

use super::order::LockOrder;
use crate::admin::model::{BackendInfo, BackendStateWord, GateStatus, LockInfo, Page};
use crate::cli::client::{AdminClient, Failure};
use crate::limits::TOP_LOCKS_MAX;

/// All that the screen shows.
#[derive(Clone, Debug)]
pub(super) struct TopReading {
    pub(super) status: GateStatus,
    /// Those where somebody waits: the first of them.
    pub(super) locks: Page<LockInfo>,
    /// Those that are down first.
    pub(super) backends: Vec<BackendInfo>,
}

impl TopReading {
    /// Asks `gate` for all of it.
    pub(super) fn fetch(gate: &AdminClient, order: LockOrder) -> Result<Self, Failure> {
        let query = [
            ("contended", true.to_string()),
            ("sort", order.key().to_owned()),
            ("limit", TOP_LOCKS_MAX.to_string()),
        ];
        let status = gate.get("/status", &[])?;
        let locks = gate.get("/locks", &query)?;
        let mut backends: Vec<BackendInfo> = gate.list("/backends", &[], None)?.items;
        backends.sort_by_key(|backend| backend.state != BackendStateWord::Down);
        Ok(Self {
            status,
            locks,
            backends,
        })
    }
}
