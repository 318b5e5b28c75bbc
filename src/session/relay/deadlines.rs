//! What time alone decides in a relay: that a client takes nothing, that nobody says anything,
//! that an idle holder keeps others waiting; and when to check next.

use super::Relay;
use super::idleness::Activity;
use crate::limits::{
    CLIENT_WRITE_STALL, HALF_CLOSED, HALF_CLOSED_SILENCE, LISTING_PART_KEPT_FOR, PREEMPT_AGAIN,
    PREEMPT_BETWEEN, PREEMPT_IDLE_LONG, RELAY_TICK,
};
use crate::observe::event::{EndCause, Event, Preemption, SharingEvent};
use crate::policy::sharing::StandsOn;
use crate::pop3::exchange::Quit;
use crate::session::let_in::engine_is_well;
use crate::time::{Duration, Instant};

impl Relay<'_, '_, '_> {
    /// Why the session ends now, if it does.
    pub(super) fn check_deadlines(&mut self, now: Instant) -> Option<EndCause> {
        if let Some(since) = self.pump.client().blocked_since()
            && now.duration_since(since) >= CLIENT_WRITE_STALL
        {
            return self.stalled();
        }
        if now.duration_since(self.pump.last_activity()) >= self.attempt.policy.idle_timeout {
            return Some(self.timed_out());
        }
        if let Some(end) = self.pump.check_silence(now) {
            return Some(self.end(&end));
        }
        if self.is_half_closed_for_too_long(now) {
            return Some(self.left());
        }
        self.update_idleness(now);
        if now.duration_since(self.pump.last_activity()) >= LISTING_PART_KEPT_FOR {
            self.pump.forget_part_of_listing();
        }
        self.count_listing();
        if self.pump.is_at_rest() {
            self.pump.ask_for_listing();
        }
        None
    }

    /// What is read of a listing takes room before it is kept: its client may take it slowly, or
    /// never ask for the rest.
    fn count_listing(&mut self) {
        if !self.listing.takes(self.pump.exchange().listing_footprint()) {
            self.pump.give_up_listing();
            let tenant = self.attempt.tenant().clone();
            self.compares().tell(SharingEvent::NoRoom { tenant });
        }
    }

    /// What the session goes on from without its maildrop, where another one waits for that. A
    /// program that stays logged in and does nothing keeps nobody out, and notices nothing.
    pub(super) fn demote(&self, now: Instant) -> Option<StandsOn> {
        self.demote_at().filter(|at| *at <= now)?;
        let is_taken = self.client_has_taken_all();
        let is_at_rest = self.pump.is_at_rest() && self.pump.exchange().can_leave_maildrop();
        let sharing = self.sharing.as_ref().filter(|_| is_at_rest && is_taken)?;
        let stands_on = sharing.stands_on()?;
        self.cx.events.emit(Event::Sharing(SharingEvent::Demoted {
            tenant: self.attempt.tenant().clone(),
            fetched: self.pump.exchange().has_fetched(),
        }));
        Some(stands_on)
    }

    /// When this session has been idle for long enough to go back to its listing.
    fn demote_at(&self) -> Option<Instant> {
        let since = self.idleness.since().filter(|_| self.contended.get())?;
        let limit = self.demote_limit()?;
        // A stop would end it at once.
        let is_held = self.next_is_paused() || self.cx.is_stopping();
        let at = since + limit;
        // Nothing wakes it when the engine is back.
        let at = match engine_is_well(self.cx) {
            true => at,
            false => at.max(Instant::now() + RELAY_TICK),
        };
        (!is_held).then_some(at)
    }

    /// How long this session may be idle before that. One that has fetched messages goes back only
    /// once: some servers change what they list by it.
    fn demote_limit(&self) -> Option<Duration> {
        let policy = &self.attempt.policy;
        let exchange = self.pump.exchange();
        let sharing = self.sharing.as_ref()?;
        if !policy.sharing.demotion || !sharing.may_leave() || !exchange.can_leave_maildrop() {
            return None;
        }
        // It would go on from ids that name other messages then.
        if !self.compares().is_shareable() {
            return None;
        }
        match exchange.has_fetched() {
            true if sharing.was_demoted() => None,
            true => policy.preempt_idle,
            false => policy.sharing.demote_idle.or(policy.preempt_idle),
        }
    }

    /// A client that has sent QUIT is not needed any more: its deletions are committed without it.
    fn stalled(&mut self) -> Option<EndCause> {
        if self.pump.exchange().quit() != Quit::None {
            self.pump.give_up_client();
            return None;
        }
        Some(EndCause::Stalled)
    }

    fn timed_out(&self) -> EndCause {
        match self.pump.exchange().quit() {
            Quit::None => EndCause::IdleTimeout,
            Quit::Sent | Quit::Answered { .. } => EndCause::SilentAtQuit,
        }
    }

    /// A client that has shut its sending side waits for the rest of its answers: not for long
    /// while somebody else wants the maildrop, and not for ever otherwise. In an opaque session,
    /// and behind a lone dot, the backend's silence is the only sign that there is no rest.
    fn is_half_closed_for_too_long(&self, now: Instant) -> bool {
        let Some(since) = self.pump.client_ended() else {
            return false;
        };
        let exchange = self.pump.exchange();
        let silence = if exchange.opaque() || exchange.is_at_rest() {
            RELAY_TICK
        } else {
            HALF_CLOSED_SILENCE
        };
        let contended = self.contended.get() && now.duration_since(since) >= HALF_CLOSED;
        contended || self.pump.silence(now) >= silence
    }

    pub(super) fn update_idleness(&mut self, now: Instant) {
        let exchange = self.pump.exchange();
        let client = self.pump.client();
        let activity = Activity {
            progress: exchange.progress(),
            progress_is_awaited: exchange.progress_is_awaited(),
            octets: client.octets(),
            delivered: client.delivered(),
        };
        self.idleness.update(activity, now);
        self.pump.watch_delivery(now);
        let session = self.record.handle();
        session.owes_octets(!self.client_has_taken_all(), now);
        self.pump.watch_for_traffic();
    }

    pub(super) fn preempt(&self, now: Instant) -> Option<EndCause> {
        let (limit, reason) = self.idle_limit()?;
        let at = self
            .preempt_at()
            .filter(|_| !self.idleness.awaits_progress())?;
        // Between two replies, if there is such a moment.
        let by = if self.pump.is_at_rest() {
            at
        } else {
            at + PREEMPT_BETWEEN
        };
        if now < by {
            return None;
        }
        self.cx.events.emit(Event::Preempted {
            session: self.attempt.session,
            tenant: self.attempt.policy.name.clone(),
            reason,
        });
        Some(EndCause::Preempted { idle: limit })
    }

    /// How long this session may be idle while another waits; `None` where it is never cut for
    /// that.
    fn idle_limit(&self) -> Option<(Duration, Preemption)> {
        let preempt_idle = self.attempt.policy.preempt_idle?;
        let exchange = self.pump.exchange();
        let long = preempt_idle.max(PREEMPT_IDLE_LONG);
        match exchange.quit() {
            Quit::Sent | Quit::Answered { .. } => None,
            // Nobody knows whether an opaque session has deletions, or is in mid-reply.
            Quit::None if exchange.opaque() => Some((long, Preemption::IdleOpaque)),
            Quit::None if exchange.tally().marked > 0 => {
                Some((long, Preemption::IdleWithDeletions))
            }
            Quit::None => Some((preempt_idle, Preemption::Idle)),
        }
    }

    /// When this session has been idle for too long for those who wait.
    fn preempt_at(&self) -> Option<Instant> {
        let (limit, _) = self.idle_limit().filter(|_| self.contended.get())?;
        let at = self.idleness.since()? + limit;
        (!self.next_is_paused()).then_some(at)
    }

    /// Whether the next one in the main lane would not be let in: nobody is closed for that. It is
    /// looked at again when something is resumed.
    fn next_is_paused(&self) -> bool {
        let paused = self.cx.pauses.now();
        let next = || self.cx.locks.next_tenant(&self.attempt.key);
        paused.backends.contains(&self.backend.options().name)
            || (!paused.tenants.is_empty() && next().is_some_and(|it| paused.tenants.contains(&it)))
    }

    /// Every tick while something is under way, and more often while that alone keeps a holder from
    /// being pre-empted; at rest when the next thing falls due, so that an idle session is not
    /// woken.
    pub(super) fn next_check(&self) -> Instant {
        let now = Instant::now();
        let demote_at = self.demote_at();
        let preempt_at = self.preempt_at().into_iter().chain(demote_at).min();
        // Nothing wakes it when the client's system has what was written, and others may wait for
        // that: to be let in beside it, or for its maildrop.
        let is_awaited = self.sharing.is_some() && !self.client_has_taken_all();
        let next = if self.is_under_way() || is_awaited {
            let is_due = preempt_at.is_some_and(|at| at <= now);
            now + if is_due { PREEMPT_AGAIN } else { RELAY_TICK }
        } else {
            let idle = self.pump.last_activity() + self.attempt.policy.idle_timeout;
            preempt_at.map_or(idle, |at| at.min(idle))
        };
        next.max(now)
    }

    fn client_has_taken_all(&self) -> bool {
        let client = self.pump.client();
        client.delivered() >= client.octets()
    }

    fn is_under_way(&self) -> bool {
        let half_closed = self.pump.client_ended().is_some();
        let listing = self.pump.exchange().has_part_of_listing();
        !self.pump.is_at_rest() || self.idleness.since().is_none() || half_closed || listing
    }
}
