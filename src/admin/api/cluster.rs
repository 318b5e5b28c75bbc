//! All gates of a cluster, as one of them knows them.

use super::locks::LockQuery;
use super::openapi::Refusals;
use crate::admin::LocksElsewhere;
use crate::admin::model::{ClusterAnswer, ClusterLocks, GateLock};
use crate::admin::reply::{HttpRefusal, WrittenJson};
use crate::admin::request::ApiQuery;
use crate::admin::server::AdminState;
use axum::extract::State;
use std::sync::Arc;

/// The gates of the cluster
#[utoipa::path(
    get,
    path = "/api/v1/cluster",
    tag = "gate",
    operation_id = "cluster",
    responses(
        (status = 200, description = "How this gate stands with the others", body = ClusterAnswer),
        Refusals,
    ),
)]
pub(super) async fn cluster(
    State(state): State<Arc<AdminState>>,
) -> Result<WrittenJson, HttpRefusal> {
    let look = state.answer(|gate| ClusterAnswer {
        cluster: gate.cluster().cluster(),
    });
    look.await
}

/// Locks of all gates
///
/// Each gate is asked, and has a second to answer. A maildrop has one holder among all gates, and a
/// queue at each gate where somebody waits for it.
#[utoipa::path(
    get,
    path = "/api/v1/cluster/locks",
    tag = "locks",
    operation_id = "list_locks_of_all_gates",
    params(LockQuery),
    responses(
        (status = 200, description = "Locks that meet all conditions", body = ClusterLocks),
        Refusals,
    ),
)]
pub(super) async fn locks(
    State(state): State<Arc<AdminState>>,
    ApiQuery(query): ApiQuery<LockQuery>,
) -> Result<WrittenJson, HttpRefusal> {
    let elsewhere = state.gate.cluster().locks_elsewhere().await;
    let listed = state.answer(move |gate| {
        let cluster = gate.cluster().cluster();
        let has_cluster = cluster.is_some();
        let here = cluster
            .into_iter()
            .flat_map(|it| it.gates)
            .find(|gate| gate.here)
            .map(|gate| gate.name);
        let own = gate.view().locks();
        let own = own.into_iter().map(|lock| GateLock {
            gate: here.clone(),
            lock,
        });
        page(own.collect(), elsewhere, &query, has_cluster)
    });
    listed.await
}

fn page(
    own: Vec<GateLock>,
    elsewhere: LocksElsewhere,
    query: &LockQuery,
    has_cluster: bool,
) -> ClusterLocks {
    let left_out = elsewhere.gates.iter().map(|gate| gate.left_out).sum();
    let theirs = elsewhere.gates.into_iter().flat_map(|of| {
        let gate = of.gate;
        of.locks.into_iter().map(move |lock| GateLock {
            gate: Some(gate.clone()),
            lock,
        })
    });
    let mut items: Vec<_> = own
        .into_iter()
        .chain(theirs)
        .filter(|it| query.selects(&it.lock))
        .collect();
    items.sort_by(|one, other| {
        let ordered = query.sort.compare(&one.lock, &other.lock);
        ordered.then_with(|| one.gate.cmp(&other.gate))
    });
    ClusterLocks {
        total: items.len(),
        items: items
            .into_iter()
            .skip(query.offset)
            .take(query.limit.count())
            .collect(),
        offset: query.offset,
        left_out,
        unanswered: elsewhere.unanswered,
        has_cluster,
    }
}
