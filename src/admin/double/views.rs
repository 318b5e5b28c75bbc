//! What is to be seen of the gate and of those beside it.

use super::*;

/// With one other gate, `b`, which has the same locks and no session but 7; and one, `c`, that is
/// frozen.
impl ClusterAdmin for GateDouble {
    fn cluster(&self) -> Option<ClusterInfo> {
        self.cluster.clone()
    }

    fn locks_elsewhere<'a>(&'a self, wanted: &'a LocksWanted) -> BoxFuture<'a, LocksElsewhere> {
        let mut all = LocksElsewhere::default();
        if self.cluster.is_some() {
            let known = self.held_elsewhere.iter().chain(&self.locks);
            let is_wanted = |lock: &&LockInfo| match &wanted.ids {
                Some(ids) => ids.contains(&lock.id),
                None => {
                    (!wanted.contended || !lock.waiters.is_empty())
                        && lock.has_login(wanted.tenant.as_deref(), wanted.address.as_ref())
                }
            };
            let locks = known.filter(is_wanted).cloned().collect();
            all.gates.push(LocksOfGate {
                gate: "b".to_owned(),
                id: "b0".to_owned(),
                locks,
                left_out: 2,
            });
            all.unanswered.push("c".to_owned());
            self.wanted.lock().unwrap().push(wanted.clone());
        }
        Box::pin(async { all })
    }

    fn kick_elsewhere<'a>(
        &'a self,
        gate: &'a str,
        session: SessionId,
        operator: &'a Operator,
    ) -> BoxFuture<'a, KickElsewhere> {
        let outcome = match (gate, session) {
            ("b", SessionId(7)) => {
                self.note(&format!("kick {session} at {gate}"), operator);
                KickElsewhere::Answered(Kick::Kicked)
            }
            ("b", _) => KickElsewhere::Answered(Kick::NoSuchSession),
            ("c", _) => KickElsewhere::Unanswered,
            ("twice", _) => KickElsewhere::SeveralGates(vec!["01".to_owned(), "02".to_owned()]),
            _ => KickElsewhere::NoSuchGate(vec!["b".to_owned(), "c".to_owned()]),
        };
        Box::pin(async { outcome })
    }
}

impl GateView for GateDouble {
    fn status(&self) -> GateStatus {
        GateStatus {
            version: "0.0.0".to_owned(),
            started: Timestamp::UNIX_EPOCH,
            now: Timestamp::UNIX_EPOCH,
            stage: "serving".to_owned(),
            ready: self.ready().is_ok(),
            not_ready: self.ready().err(),
            log_level: "info".to_owned(),
            sessions: SessionTotals {
                open: self.sessions.len(),
                max: 100,
                viewing: 0,
            },
            locks: LockTotals {
                held: self.locks.len(),
                waiting: 0,
                contended: 0,
                longest_wait_seconds: 0.0,
            },
            refusals: RefusalTotals {
                lock: 0,
                auth: 0,
                rule: 0,
            },
            logins: 0,
            backends: BackendTotals { up: 0, total: 0 },
            blocks: BlockTotals {
                blocked: 0,
                released: 0,
            },
            paused: PausedInfo::default(),
            journal: JournalInfo::default(),
            cluster: self.cluster.clone(),
        }
    }

    fn samples(&self) -> Samples {
        Samples {
            interval_seconds: 5.0,
            newest: None,
            sessions: vec![None],
            locks_held: vec![None],
            waiting: vec![None],
            longest_wait_seconds: vec![None],
            refusals: vec![None],
            logins: vec![None],
        }
    }

    fn sessions(&self) -> Vec<SessionInfo> {
        self.sessions.clone()
    }

    fn session(&self, id: SessionId) -> Option<SessionInfo> {
        self.sessions.iter().find(|it| it.id == id.0).cloned()
    }

    fn locks(&self) -> Vec<LockInfo> {
        self.locks.clone()
    }

    fn backends(&self) -> Vec<BackendInfo> {
        self.backends.clone()
    }

    fn tenants(&self) -> Vec<TenantInfo> {
        self.tenants.clone()
    }
}
