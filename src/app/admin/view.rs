//! The gate as the API shows it. All is copied out first: no shard of a table is locked while it is
//! made into what is shown.

use super::AdminHandle;
use super::convert::{backend_info, lock_info, session_info, stage};
use super::history::journal_info;
use crate::admin::model::{
    BackendInfo, BackendTotals, BlockTotals, GateStatus, LockInfo, LockTotals, PausedInfo,
    RefusalTotals, Samples, SessionInfo, SessionTotals, TenantInfo,
};
use crate::admin::{GateAdmin, GateControl, GateView};
use crate::app::maintenance;
use crate::gate::{Context, Settings};
use crate::ids::{BackendName, SessionId, TenantName};
use crate::lock::LockView;
use crate::policy::pause::PausedNames;
use crate::policy::tenant::{LoginPolicy, TenantClaim, TenantTable};
use crate::time::{Duration, Instant};
use std::collections::HashMap;

impl GateView for AdminHandle {
    fn status(&self) -> GateStatus {
        let not_ready = self.ready().err();
        let counted = self.metrics.totals();
        GateStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: self.started,
            now: self.cx.moment().wall,
            stage: stage(*self.cx.stage.borrow()).to_owned(),
            ready: not_ready.is_none(),
            not_ready,
            log_level: self.control.log_level(),
            sessions: SessionTotals {
                open: self.cx.sessions.count(),
                max: self.connection_limit.sessions_max(),
                viewing: self.cx.admission.local.views.count(),
            },
            locks: lock_totals(&self.lock_views(), self.cx.moment().instant),
            refusals: RefusalTotals {
                lock: counted.lock_refusals,
                auth: counted.auth_refusals,
                rule: counted.rule_refusals,
            },
            logins: counted.logins,
            backends: backend_totals(&self.cx.settings()),
            blocks: self.block_totals(),
            paused: self.paused(),
            journal: journal_info(self.history.state()),
            cluster: self.cluster().cluster(),
        }
    }

    fn samples(&self) -> Samples {
        self.memory.shown_samples()
    }

    fn sessions(&self) -> Vec<SessionInfo> {
        let now = self.cx.moment();
        let sessions = self.cx.sessions.views();
        sessions.iter().map(|it| session_info(it, now)).collect()
    }

    fn session(&self, id: SessionId) -> Option<SessionInfo> {
        let session = self.cx.sessions.view(id)?;
        Some(session_info(&session, self.cx.moment()))
    }

    fn locks(&self) -> Vec<LockInfo> {
        lock_infos(&self.cx)
    }

    fn backends(&self) -> Vec<BackendInfo> {
        let settings = self.cx.settings();
        let paused = self.cx.pauses.now();
        settings
            .backends
            .values()
            .map(|backend| backend_info(backend, &paused))
            .collect()
    }

    fn tenants(&self) -> Vec<TenantInfo> {
        let settings = self.cx.settings();
        let mut domains = domains(&settings.tenants);
        let mut uses = self.tenant_uses();
        let paused = self.cx.pauses.now();
        settings
            .tenants
            .tenants()
            .enumerate()
            .map(|(index, tenant)| {
                let domains = domains.remove(&index).unwrap_or_default();
                let used = uses.remove(&tenant.name).unwrap_or_default();
                tenant_info(tenant, domains, &used, &paused)
            })
            .collect()
    }
}

/// Every lock of a gate, as it is shown.
pub(in crate::app) fn lock_infos(cx: &Context) -> Vec<LockInfo> {
    let now = cx.moment();
    let locks = cx.locks.snapshot(usize::MAX).locks;
    locks
        .iter()
        .map(|lock| lock_info(lock, &cx.sessions, now))
        .collect()
}

impl AdminHandle {
    fn paused(&self) -> PausedInfo {
        let paused = self.cx.pauses.now();
        PausedInfo {
            tenants: paused.tenants.iter().map(ToString::to_string).collect(),
            backends: paused.backends.iter().map(ToString::to_string).collect(),
        }
    }

    /// All of them: there are no more than sessions and closers.
    fn lock_views(&self) -> Vec<LockView> {
        self.cx.locks.snapshot(usize::MAX).locks
    }

    fn block_totals(&self) -> BlockTotals {
        // Blocks that ran out within the last minute would be counted as if they held.
        maintenance::end_blocks(&self.cx);
        let counts = self.cx.admission.shared.blocks.counts();
        BlockTotals {
            blocked: counts.iter().map(|it| it.blocked).sum(),
            released: counts.iter().map(|it| it.released).sum(),
        }
    }

    /// What each tenant that has anything has of it.
    fn tenant_uses(&self) -> HashMap<TenantName, TenantUse> {
        let now = self.cx.moment().instant;
        let mut uses: HashMap<TenantName, TenantUse> = HashMap::new();
        for (tenant, sessions) in self.cx.sessions.counts_by_tenant() {
            uses.entry(tenant).or_default().sessions = sessions;
        }
        for lock in self.lock_views() {
            if let Some(holder) = lock.holder {
                uses.entry(holder.claimant.tenant).or_default().locks_held += 1;
            }
            for waiter in lock.waiters {
                let used = uses.entry(waiter.claimant.tenant).or_default();
                used.waiting += 1;
                used.longest_wait = used.longest_wait.max(now.duration_since(waiter.since));
            }
        }
        uses
    }
}

#[derive(Default)]
struct TenantUse {
    sessions: usize,
    locks_held: usize,
    waiting: usize,
    longest_wait: Duration,
}

fn tenant_info(
    tenant: &LoginPolicy,
    domains: Vec<String>,
    used: &TenantUse,
    paused: &PausedNames,
) -> TenantInfo {
    TenantInfo {
        name: tenant.name.to_string(),
        domains,
        backends: tenant.backends.iter().map(BackendName::to_string).collect(),
        paused: paused.tenants.contains(&tenant.name),
        sessions: used.sessions,
        locks_held: used.locks_held,
        waiting: used.waiting,
        longest_wait_seconds: used.longest_wait.as_secs_f64(),
        wait_seconds: tenant.wait.as_secs_f64(),
    }
}

/// The domains of each tenant, by its place in the table.
fn domains(tenants: &TenantTable) -> HashMap<usize, Vec<String>> {
    let mut domains: HashMap<usize, Vec<String>> = HashMap::new();
    for (claim, index) in tenants.claims() {
        let domain = match claim {
            TenantClaim::Domain(domain) => domain.to_owned(),
            TenantClaim::Wildcard(parent) => format!("*.{parent}"),
            TenantClaim::ServerName(_) | TenantClaim::Listener(_) | TenantClaim::Nobody => continue,
        };
        domains.entry(index).or_default().push(domain);
    }
    // They come out of hash maps: an answer must not change where nothing has.
    domains.values_mut().for_each(|each| each.sort_unstable());
    domains
}

fn lock_totals(locks: &[LockView], now: Instant) -> LockTotals {
    let waiters = locks.iter().flat_map(|lock| &lock.waiters);
    let oldest = waiters.clone().map(|waiter| waiter.since).min();
    LockTotals {
        held: locks.iter().filter(|lock| lock.holder.is_some()).count(),
        waiting: waiters.count(),
        contended: locks.iter().filter(|lock| !lock.waiters.is_empty()).count(),
        longest_wait_seconds: oldest.map_or(0.0, |since| now.duration_since(since).as_secs_f64()),
    }
}

fn backend_totals(settings: &Settings) -> BackendTotals {
    let backends = settings.backends.values();
    BackendTotals {
        up: backends.filter(|backend| backend.is_up()).count(),
        total: settings.backends.len(),
    }
}
