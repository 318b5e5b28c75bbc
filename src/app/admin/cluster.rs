//! The other gates, as the API shows them.

use super::AdminHandle;
use crate::admin::model::{ClusterInfo, GateInfo};
use crate::admin::{ClusterAdmin, KickElsewhere, LocksElsewhere};
use crate::cluster::messages::LocksWanted;
use crate::cluster::status::ClusterStatus;
use crate::ids::SessionId;
use crate::net::BoxFuture;
use crate::observe::event::Operator;

impl ClusterAdmin for AdminHandle {
    fn cluster(&self) -> Option<ClusterInfo> {
        let cluster = self.cx.cluster.as_ref()?;
        Some(cluster_info(&cluster.status()))
    }

    fn locks_elsewhere<'a>(&'a self, wanted: &'a LocksWanted) -> BoxFuture<'a, LocksElsewhere> {
        Box::pin(async move {
            match &self.others {
                Some(others) => others.ask_locks(wanted).await,
                None => LocksElsewhere::default(),
            }
        })
    }

    fn kick_elsewhere<'a>(
        &'a self,
        gate: &'a str,
        session: SessionId,
        operator: &'a Operator,
    ) -> BoxFuture<'a, KickElsewhere> {
        Box::pin(async move {
            match &self.others {
                Some(others) => others.kick(gate, session, operator).await,
                None => KickElsewhere::NoSuchGate(Vec::new()),
            }
        })
    }
}

fn cluster_info(status: &ClusterStatus) -> ClusterInfo {
    let why = [&status.why, &status.doubt];
    let gates = status.gates.iter().map(|gate| GateInfo {
        name: gate.name.clone(),
        id: gate.gate.to_string(),
        here: gate.gate == status.gate,
        settings_differ: gate.settings != status.settings,
    });
    ClusterInfo {
        state: status.state.as_str().to_owned(),
        why: why.into_iter().find(|why| !why.is_empty()).cloned(),
        gates: gates.collect(),
    }
}
