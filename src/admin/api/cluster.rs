//! All gates of a cluster, as one of them knows them.

use super::locks::LockQuery;
use super::openapi::Refusals;
use crate::admin::model::{ClusterAnswer, ClusterLocks, GateLock, LockInfo};
use crate::admin::reply::{HttpRefusal, WrittenJson};
use crate::admin::request::ApiQuery;
use crate::admin::server::AdminState;
use crate::admin::{GateAdmin, LocksElsewhere, LocksOfGate};
use crate::cluster::messages::LocksWanted;
use crate::limits::CLUSTER_MESSAGE_MAX;
use axum::extract::State;
use std::collections::{HashMap, HashSet};
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
/// queue at each gate where somebody waits for it; conditions and order are of the maildrop at all
/// gates, whose locks stand together, the holder's first.
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
    let cluster = state.gate.cluster();
    let mut elsewhere = cluster.locks_elsewhere(&query.wanted()).await;
    if query.is_about_logins() && !elsewhere.gates.is_empty() {
        let ids = with_login(&state, &query, &elsewhere).await?;
        if !ids.is_empty() {
            elsewhere.renew(cluster.locks_elsewhere(&of_ids(ids)).await);
        }
    }
    let found = state.look(move |gate| AllLocks::of(gate, elsewhere, query));
    let mut found = found.await?;
    let unheld = found.unheld_on_page();
    if found.has_cluster && !unheld.is_empty() {
        found.add_holders(cluster.locks_elsewhere(&of_ids(unheld)).await);
    }
    state.answer(move |_| found.page()).await
}

/// All locks of these maildrops.
fn of_ids(ids: HashSet<String>) -> LocksWanted {
    LocksWanted {
        max: ids.len(),
        ids: Some(ids),
        ..LocksWanted::default()
    }
}

/// The maildrops at which a gate has a login that meets the conditions: what the others have of
/// them is a part of the answer.
async fn with_login(
    state: &AdminState,
    query: &LockQuery,
    elsewhere: &LocksElsewhere,
) -> Result<HashSet<String>, HttpRefusal> {
    let query = query.clone();
    let own = state.look(move |gate| {
        let mut locks = gate.view().locks();
        locks.retain(|lock| query.has_login(lock));
        locks
    });
    let own = own.await?;
    let ids: HashSet<&String> = elsewhere
        .gates
        .iter()
        .flat_map(|gate| &gate.locks)
        .chain(&own)
        .map(|lock| &lock.id)
        .collect();
    Ok(in_a_message(ids.into_iter().cloned()).collect())
}

/// As many of them as have room in one question.
fn in_a_message(ids: impl Iterator<Item = String>) -> impl Iterator<Item = String> {
    let mut octets = 0;
    ids.take_while(move |id| {
        octets += id.len() + AROUND_ID;
        octets <= CLUSTER_MESSAGE_MAX / 2
    })
}

/// The locks of one maildrop, at each gate that has one.
struct MaildropAtGates {
    /// The holder's first.
    gates: Vec<GateLock>,
    /// As if it were one lock.
    together: LockInfo,
}

/// What all gates said.
struct AllLocks {
    query: LockQuery,
    /// Those that meet the conditions of the query, in its order.
    maildrops: Vec<MaildropAtGates>,
    left_out: usize,
    unanswered: Vec<String>,
    has_cluster: bool,
}

impl AllLocks {
    fn of(gate: &dyn GateAdmin, elsewhere: LocksElsewhere, query: LockQuery) -> Self {
        let cluster = gate.cluster().cluster();
        let has_cluster = cluster.is_some();
        let here = cluster
            .into_iter()
            .flat_map(|it| it.gates)
            .find(|gate| gate.here);
        let own = gate.view().locks().into_iter().map(|lock| GateLock {
            gate: here.as_ref().map(|it| it.name.clone()),
            gate_id: here.as_ref().map(|it| it.id.clone()),
            lock,
        });
        let left_out = elsewhere.gates.iter().map(|gate| gate.left_out).sum();
        let mut by_id: HashMap<String, Vec<GateLock>> = HashMap::new();
        for lock in own.chain(elsewhere.gates.into_iter().flat_map(told)) {
            by_id.entry(lock.lock.id.clone()).or_default().push(lock);
        }
        let maildrops = by_id.into_values().filter_map(MaildropAtGates::of);
        let mut maildrops: Vec<_> = maildrops.filter(|it| it.is_selected(&query)).collect();
        maildrops.sort_by(|one, other| query.sort.compare(&one.together, &other.together));
        Self {
            query,
            maildrops,
            left_out,
            unanswered: elsewhere.unanswered,
            has_cluster,
        }
    }

    /// The maildrops on the page that somebody waits for, and that no gate is known to hold: the
    /// holder's gate says only what is waited for there.
    fn unheld_on_page(&self) -> HashSet<String> {
        let offset = self.query.offset;
        let limit = self.query.limit.count();
        let mut place = 0;
        let ids = self.maildrops.iter().filter_map(|maildrop| {
            let begin = place;
            place += maildrop.gates.len();
            let is_on_page = place > offset && begin < offset.saturating_add(limit);
            let is_unheld = maildrop.together.holder.is_none();
            (is_on_page && is_unheld).then(|| maildrop.together.id.clone())
        });
        in_a_message(ids).collect()
    }

    fn add_holders(&mut self, elsewhere: LocksElsewhere) {
        let held = elsewhere
            .gates
            .into_iter()
            .flat_map(told)
            .filter(|it| it.lock.holder.is_some());
        for held in held {
            let of = self
                .maildrops
                .iter_mut()
                .find(|it| it.together.id == held.lock.id);
            if let Some(maildrop) = of {
                // What that gate said a moment ago, it says better now.
                maildrop.gates.retain(|it| it.gate_id != held.gate_id);
                maildrop.gates.insert(0, held);
            }
        }
    }

    fn page(self) -> ClusterLocks {
        let total = self.maildrops.iter().map(|it| it.gates.len()).sum();
        let items = self.maildrops.into_iter().flat_map(|it| it.gates);
        ClusterLocks {
            items: items
                .skip(self.query.offset)
                .take(self.query.limit.count())
                .collect(),
            total,
            offset: self.query.offset,
            left_out: self.left_out,
            unanswered: self.unanswered,
            has_cluster: self.has_cluster,
        }
    }
}

/// Quotation marks and a comma.
const AROUND_ID: usize = 3;

fn told(of: LocksOfGate) -> impl Iterator<Item = GateLock> {
    let LocksOfGate {
        gate, id, locks, ..
    } = of;
    locks.into_iter().map(move |lock| GateLock {
        gate: Some(gate.clone()),
        gate_id: Some(id.clone()),
        lock,
    })
}

impl MaildropAtGates {
    /// Of one maildrop; `None`: there is no lock.
    fn of(mut gates: Vec<GateLock>) -> Option<Self> {
        gates.sort_by(|one, other| {
            let key = |it: &GateLock| (it.lock.holder.is_none(), it.gate.clone());
            key(one).cmp(&key(other))
        });
        let mut locks = gates.iter().map(|it| &it.lock);
        let mut together = locks.next()?.clone();
        for lock in locks {
            together.waiters.extend_from_slice(&lock.waiters);
            let longest = &mut together.longest_wait_seconds;
            *longest = longest.max(lock.longest_wait_seconds);
            together.backend = together.backend.or_else(|| lock.backend.clone());
        }
        Some(Self { gates, together })
    }

    /// Whether the maildrop meets the conditions, at whichever gates.
    fn is_selected(&self, query: &LockQuery) -> bool {
        query.selects(&self.together) || self.gates.iter().any(|it| query.selects(&it.lock))
    }
}
