//! What gates ask each other for their operators: whose locks they have, and to end a session.

use crate::admin::model::LockInfo;
use crate::admin::{KickElsewhere, LocksElsewhere, LocksOfGate};
use crate::app::admin::lock_infos;
use crate::app::beginning::random_octets;
use crate::app::control;
use crate::cluster::handle::ClusterHandle;
use crate::cluster::keys::Sealed;
use crate::cluster::messages::{GateMessage, LocksWanted, UnreadMessage};
use crate::cluster::protocol::GateId;
use crate::cluster::status::GateSeen;
use crate::gate::{Context, Kick};
use crate::ids::SessionId;
use crate::limits::{
    CLUSTER_ANSWER, CLUSTER_ANSWER_PARTS, CLUSTER_ANSWERS_MAX, CLUSTER_CLOCKS_TOLD,
    CLUSTER_LOCKS_TOLD, CLUSTER_MESSAGE_MAX, OPERATOR_REASON_MAX,
};
use crate::net::BoxFuture;
use crate::observe::event::{ClusterEvent, Event, Operator};
use crate::observe::hub::EventHub;
use crate::time::{Instant, WallClock};
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// What a message has beside its text: the envelope, the other fields, the seal.
const AROUND: usize = 1024;

/// What others ask of this gate.
pub(in crate::app) trait Answers: Send + Sync {
    /// Its locks, as the admin port shows them.
    fn locks(&self) -> Vec<LockInfo>;

    /// Ends a session, and tells of it.
    fn kick(&self, session: SessionId, operator: &Operator) -> Kick;
}

impl Answers for Context {
    fn locks(&self) -> Vec<LockInfo> {
        lock_infos(self)
    }

    fn kick(&self, session: SessionId, operator: &Operator) -> Kick {
        control::kick(self, session, operator)
    }
}

/// The other gates, as far as they can be asked.
pub(in crate::app) struct OtherGates {
    cluster: ClusterHandle,
    wall: WallClock,
    events: Arc<EventHub>,
    /// Questions that wait for their answers.
    asked: Mutex<HashMap<u64, mpsc::Sender<GateMessage>>>,
    /// Gates are asked for their locks once at a time, however many operators want them.
    asking: tokio::sync::Mutex<()>,
}

impl OtherGates {
    pub(in crate::app) fn new(
        cluster: ClusterHandle,
        wall: WallClock,
        events: Arc<EventHub>,
    ) -> Self {
        Self {
            cluster,
            wall,
            events,
            asked: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    /// Hears what other gates say for as long as there is a node.
    pub(in crate::app) async fn hear(
        self: Arc<Self>,
        mut messages: mpsc::Receiver<Arc<[u8]>>,
        answers: Arc<dyn Answers>,
    ) {
        let mut under_way = FuturesUnordered::<BoxFuture<'static, ()>>::new();
        let mut told = HashMap::new();
        loop {
            let heard = tokio::select! {
                heard = messages.recv() => heard,
                Some(()) = under_way.next() => continue,
            };
            let message = match heard {
                Some(sealed) => self.open(&sealed, &mut told),
                None => return,
            };
            let Some(message) = message else { continue };
            if let GateMessage::Locks { .. } | GateMessage::Kicked { .. } = message {
                self.answered(message);
            } else if under_way.len() < CLUSTER_ANSWERS_MAX {
                let answering = Arc::clone(&self).answer(message, Arc::clone(&answers));
                under_way.push(Box::pin(answering));
            }
        }
    }

    /// `told`: when it was told last of which gate that the clocks are apart.
    fn open(&self, sealed: &[u8], told: &mut HashMap<GateId, Instant>) -> Option<GateMessage> {
        let octets = self.cluster.keys.open(Sealed::Message, sealed).ok()?;
        let now = self.wall.now();
        let read = GateMessage::decode(&octets, self.cluster.status().gate, now.wall);
        if let Err(UnreadMessage::Stale { from, age }) = read {
            let lately = |at: Instant| now.instant.saturating_duration_since(at);
            told.retain(|_, at| lately(*at) < CLUSTER_CLOCKS_TOLD);
            if let Entry::Vacant(place) = told.entry(from) {
                place.insert(now.instant);
                let gate = self.called(from);
                self.events
                    .emit(Event::Cluster(ClusterEvent::ClocksApart { gate, age }));
            }
        }
        read.ok()
    }

    /// An answer that nobody waits for, or of which there is too much, is dropped.
    fn answered(&self, message: GateMessage) {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waits) = asked.get(&message.question()) {
            let _ = waits.try_send(message);
        }
    }

    async fn answer(self: Arc<Self>, message: GateMessage, answers: Arc<dyn Answers>) {
        let Some(from) = message.sender() else { return };
        match message {
            GateMessage::AskLocks {
                question, wanted, ..
            } => {
                // On a thread of its own, as a read of the admin port.
                let read = tokio::task::spawn_blocking(move || parts(answers.locks(), &wanted));
                if let Ok(told) = read.await {
                    self.tell_locks(from, question, told).await;
                }
            }
            GateMessage::Kick {
                question,
                session,
                operator: address,
                reason,
                ..
            } => {
                let reason = Some(self.reason(from, reason).into());
                let operator = Operator { address, reason };
                let outcome = answers.kick(SessionId(session), &operator);
                let kicked = GateMessage::Kicked {
                    question,
                    from: self.name(),
                    outcome: outcome.as_str().to_owned(),
                };
                self.tell(from, &kicked).await;
            }
            GateMessage::Locks { .. } | GateMessage::Kicked { .. } => {}
        }
    }

    /// Why a session is ended, for the record of this gate.
    fn reason(&self, from: GateId, reason: Option<String>) -> String {
        let by = self.called(from);
        match reason {
            None => format!("by gate {by}"),
            Some(reason) => {
                let reason: String = reason.chars().take(OPERATOR_REASON_MAX).collect();
                format!("by gate {by}: {reason}")
            }
        }
    }

    /// What people call a gate.
    fn called(&self, gate: GateId) -> String {
        let gates = self.cluster.status().gates;
        let seen = gates.into_iter().find(|it| it.gate == gate);
        seen.map_or_else(|| gate.to_string(), |seen| seen.name)
    }

    async fn tell_locks(&self, to: GateId, question: u64, told: LockParts) {
        let last = told.parts.len().saturating_sub(1);
        for (place, locks) in told.parts.into_iter().enumerate() {
            let part = GateMessage::Locks {
                question,
                from: self.name(),
                locks,
                is_last: place == last,
                left_out: told.left_out,
            };
            if !self.tell(to, &part).await {
                return;
            }
        }
    }

    /// `false`: the gate does not hear.
    async fn tell(&self, to: GateId, message: &GateMessage) -> bool {
        let octets = message.encode(to, self.wall.now().wall);
        let sealed = self.cluster.keys.seal(Sealed::Message, &octets);
        match (self.cluster.link(), sealed) {
            (Some(link), Ok(sealed)) => link.tell(to, sealed).await == Ok(true),
            _ => false,
        }
    }

    fn name(&self) -> String {
        self.cluster.status().gate.to_string()
    }

    /// The locks of all other gates.
    pub(in crate::app) async fn ask_locks(&self, wanted: &LocksWanted) -> LocksElsewhere {
        let _turn = self.asking.lock().await;
        let others = self.others();
        let asking = others
            .iter()
            .map(|gate| self.ask_locks_of(gate.gate, wanted));
        let answers = join_all(asking).await;
        let mut all = LocksElsewhere::default();
        for (gate, answer) in others.into_iter().zip(answers) {
            match answer {
                Some((locks, left_out)) => all.gates.push(LocksOfGate {
                    gate: gate.name,
                    id: gate.gate.to_string(),
                    locks,
                    left_out,
                }),
                None => all.unanswered.push(gate.name),
            }
        }
        all
    }

    fn others(&self) -> Vec<GateSeen> {
        let mut status = self.cluster.status();
        status.gates.retain(|gate| gate.gate != status.gate);
        status.gates
    }

    async fn ask_locks_of(
        &self,
        gate: GateId,
        wanted: &LocksWanted,
    ) -> Option<(Vec<LockInfo>, usize)> {
        let mut asked = self.asked(gate)?;
        let question = GateMessage::AskLocks {
            question: asked.question,
            from: self.name(),
            wanted: wanted.clone(),
        };
        timeout(CLUSTER_ANSWER, async {
            if !self.tell(gate, &question).await {
                return None;
            }
            let mut all = Vec::new();
            loop {
                if let GateMessage::Locks {
                    locks,
                    is_last,
                    left_out,
                    ..
                } = asked.next().await?
                {
                    let came = locks.len();
                    let before = all.len();
                    let read = locks.into_iter().map(serde_json::from_value::<LockInfo>);
                    all.extend(read.filter_map(Result::ok));
                    let unread = came - (all.len() - before);
                    if is_last {
                        return Some((all, left_out + unread));
                    }
                }
            }
        })
        .await
        .ok()
        .flatten()
    }

    /// Ends a session at the gate of this name or identity.
    pub(in crate::app) async fn kick(
        &self,
        gate: &str,
        session: SessionId,
        operator: &Operator,
    ) -> KickElsewhere {
        let Some(one) = self.named(gate) else {
            return self.which(gate);
        };
        let Some(mut asked) = self.asked(one.gate) else {
            return KickElsewhere::Unanswered;
        };
        let question = GateMessage::Kick {
            question: asked.question,
            from: self.name(),
            session: session.0,
            operator: operator.address,
            reason: operator.reason.as_ref().map(ToString::to_string),
        };
        let kicking = timeout(CLUSTER_ANSWER, async {
            if !self.tell(one.gate, &question).await {
                return None;
            }
            match asked.next().await? {
                GateMessage::Kicked { outcome, .. } => Kick::named(&outcome),
                _ => None,
            }
        });
        match kicking.await {
            Ok(Some(kick)) => KickElsewhere::Answered(kick),
            _ => KickElsewhere::Unanswered,
        }
    }

    /// The gate of this name or identity; none where several have it, this one too.
    fn named(&self, gate: &str) -> Option<GateSeen> {
        let status = self.cluster.status();
        let mut found = status
            .gates
            .into_iter()
            .filter(|it| it.name == gate || it.gate.to_string() == gate);
        match (found.next(), found.next()) {
            (Some(one), None) if one.gate != status.gate => Some(one),
            _ => None,
        }
    }

    /// No other gate, or more than one, has this name.
    fn which(&self, gate: &str) -> KickElsewhere {
        let gates = self.cluster.status().gates;
        let named: Vec<_> = gates
            .iter()
            .filter(|it| it.name == gate)
            .map(|it| it.gate.to_string())
            .collect();
        if named.is_empty() {
            KickElsewhere::NoSuchGate(self.others().into_iter().map(|it| it.name).collect())
        } else {
            KickElsewhere::SeveralGates(named)
        }
    }

    /// A new question to this gate; `None`: the system gives no random number.
    fn asked(&self, gate: GateId) -> Option<Asked<'_>> {
        let question = u64::from_be_bytes(random_octets(None).ok()?);
        let (waits, answers) = mpsc::channel(CLUSTER_ANSWER_PARTS);
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.insert(question, waits);
        Some(Asked {
            gates: self,
            gate,
            question,
            answers,
        })
    }
}

/// A question that waits for its answer, for as long as it is kept.
struct Asked<'a> {
    gates: &'a OtherGates,
    gate: GateId,
    question: u64,
    answers: mpsc::Receiver<GateMessage>,
}

impl Asked<'_> {
    /// The next part of the answer.
    async fn next(&mut self) -> Option<GateMessage> {
        loop {
            let message = self.answers.recv().await?;
            if message.sender() == Some(self.gate) {
                return Some(message);
            }
        }
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let asked = self.gates.asked.lock();
        asked
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.question);
    }
}

/// Locks as they are told.
struct LockParts {
    /// At least one, which may be empty.
    parts: Vec<Vec<Value>>,
    left_out: usize,
}

/// What is `wanted` of `locks`, those that people look for first, in parts that fit into a message.
fn parts(mut locks: Vec<LockInfo>, wanted: &LocksWanted) -> LockParts {
    locks.retain(|lock| is_wanted(lock, wanted));
    let all = locks.len();
    // Contended ones by their longest wait, held ones behind them.
    locks.sort_by(|one, other| {
        (other
            .longest_wait_seconds
            .total_cmp(&one.longest_wait_seconds))
        .then_with(|| other.holder.is_some().cmp(&one.holder.is_some()))
        .then_with(|| one.id.cmp(&other.id))
    });
    let mut parts = vec![Vec::new()];
    let mut told = 0;
    let mut octets = 0;
    for lock in locks.iter().take(wanted.max.min(CLUSTER_LOCKS_TOLD)) {
        let Ok(value) = serde_json::to_value(lock) else {
            continue;
        };
        let length = value.to_string().len() + 1;
        if length > CLUSTER_MESSAGE_MAX - AROUND {
            continue;
        }
        if octets + length > CLUSTER_MESSAGE_MAX - AROUND {
            if parts.len() == CLUSTER_ANSWER_PARTS {
                break;
            }
            parts.push(Vec::new());
            octets = 0;
        }
        octets += length;
        told += 1;
        if let Some(part) = parts.last_mut() {
            part.push(value);
        }
    }
    LockParts {
        parts,
        left_out: all - told,
    }
}

fn is_wanted(lock: &LockInfo, wanted: &LocksWanted) -> bool {
    let maildrop = wanted.maildrop.as_deref();
    (!wanted.contended || !lock.waiters.is_empty())
        && maildrop.is_none_or(|part| lock.maildrop.to_lowercase().contains(part))
        && (wanted.tenant.is_none() && wanted.address.is_none()
            || lock.has_login(wanted.tenant.as_deref(), wanted.address.as_ref()))
        && (wanted.backend.as_deref()).is_none_or(|backend| lock.is_on(backend))
        && (wanted.ids.as_ref()).is_none_or(|ids| ids.contains(&lock.id))
}

#[cfg(test)]
mod tests;
