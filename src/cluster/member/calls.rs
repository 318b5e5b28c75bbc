//! Calls about maildrops: when they are made, and how many at a time.

use super::Member;
use super::io::MemberAction;
use crate::cluster::protocol::{MaildropId, SyncCall};
use crate::limits::{
    CLUSTER_ASK_AGAIN, CLUSTER_CALLS_MAX, CLUSTER_JITTER, CLUSTER_LOOK_AGAIN, CLUSTER_REPEAT,
    CLUSTER_RETRY,
};
use crate::time::{Duration, Instant};

impl Member {
    /// As many of those that wait for it as may.
    pub(super) fn call_queued(&mut self, now: Instant, out: &mut Vec<MemberAction>) {
        while self.calling < CLUSTER_CALLS_MAX
            && let Some(id) = self.queued.pop_front()
        {
            if let Some(maildrop) = self.maildrops.get_mut(&id) {
                maildrop.is_queued = false;
            }
            self.attend(id, now, out);
        }
    }

    /// When a maildrop is looked at again for which nothing is to be done now.
    pub(super) fn next_look(&mut self, id: MaildropId, now: Instant) -> Option<Instant> {
        let jitter = self.random.u64(0..=2 * milliseconds(CLUSTER_JITTER));
        let again = now + CLUSTER_ASK_AGAIN - CLUSTER_JITTER + Duration::from_millis(jitter);
        let goes_local = self.goes_local();
        let is_open = self.health.is_open();
        let maildrop = self.maildrops.get(&id)?;
        if goes_local {
            let free = maildrop.held_elsewhere_until();
            let free = free.filter(|_| !maildrop.is_local);
            return free.into_iter().chain(maildrop.elsewhere_until()).min();
        }
        // All is said anew when the engine is back.
        if maildrop.is_busy() || !is_open {
            return maildrop.elsewhere_until();
        }
        Some(if maildrop.must_say(now, self.lease_generation) {
            // There is no connection just now.
            now + CLUSTER_RETRY
        } else if maildrop.waits() {
            let free = maildrop.held_elsewhere_until();
            let moment = Duration::from_millis(10);
            [free, self.grace_until]
                .into_iter()
                .flatten()
                .filter(|at| *at > now)
                .map(|at| at + moment)
                .fold(again, Instant::min)
        } else if maildrop.elsewhere_until().is_some() {
            now + CLUSTER_LOOK_AGAIN
        } else {
            now + CLUSTER_REPEAT
        })
    }

    pub(super) fn sync(&mut self, id: MaildropId, now: Instant, out: &mut Vec<MemberAction>) {
        let hears = self.hears(now);
        let generation = self.lease_generation;
        let Some(epoch) = self.epoch.clone() else {
            return;
        };
        self.schedule(id, None);
        let is_full = self.calling >= CLUSTER_CALLS_MAX;
        let Some(maildrop) = self.maildrops.get_mut(&id) else {
            return;
        };
        if is_full {
            maildrop.is_unsaid = true;
            maildrop.is_queued = true;
            self.queued.push_back(id);
            return;
        }
        self.calling += 1;
        self.sequence += 1;
        let said = maildrop.say(now);
        maildrop.sent(said, self.sequence, generation, now);
        let statement = &maildrop.statement;
        out.push(MemberAction::Sync(SyncCall {
            maildrop: id,
            epoch,
            sequence: self.sequence,
            holds: said.holds,
            lease: self.options.lease,
            seen: maildrop.seen(),
            main: said.main,
            unproven: said.unproven,
            hears,
            home: statement.home.clone(),
            ended: statement
                .ended
                .map(|ended| now.saturating_duration_since(ended)),
            keep: maildrop.keep,
        }));
    }

    /// After a moment: it may have been the last one's that the engine can take.
    pub(super) fn say_again(&mut self, id: MaildropId, now: Instant) {
        let jitter = Duration::from_millis(self.random.u64(0..=milliseconds(CLUSTER_RETRY)));
        if let Some(maildrop) = self.maildrops.get_mut(&id) {
            maildrop.is_unsaid = true;
        }
        self.schedule(id, Some(now + CLUSTER_RETRY + jitter));
    }

    pub(super) fn schedule(&mut self, id: MaildropId, at: Option<Instant>) {
        let Some(maildrop) = self.maildrops.get_mut(&id) else {
            return;
        };
        if let Some(before) = maildrop.due.take() {
            self.due.remove(&(before, id));
        }
        maildrop.due = at;
        self.due.extend(at.map(|at| (at, id)));
    }

    /// Behind a new connection a beat is answered first: it may lead to a replica that was behind,
    /// which still has the epoch of before and would give turns that are over.
    pub(super) fn may_call(&self) -> bool {
        self.has_answered && self.health.is_open()
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
