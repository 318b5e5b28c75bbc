//! From a login to the right to ask for the lock: the rules judge it, and one that comes too often
//! is held.

use super::faults;
use super::queue;
use super::record::Record;
use super::refusal::not_taken;
use super::{Admitted, Identified, Next};
use crate::admission::Verdict;
use crate::dialect::Class;
use crate::gate::{Context, Settings};
use crate::history::EarlyLogin;
use crate::observe::event::{EndCause, Event, PollDecision, RuleEvent};
use crate::policy::poll::PollVerdict;
use crate::time::{Duration, Instant};
use std::sync::Arc;

/// Gets the lock, or answers the login with a refusal. That is boxed: each login that waits would
/// keep room for how it might have been refused.
pub(super) async fn admit(
    cx: &Context,
    record: &mut Record,
    mut login: Box<Identified>,
) -> Next<Admitted> {
    // A wait on this connection was spent: see [`Identified::turn_away`].
    if let Some(answer) = login.answer_of_spent_wait(cx) {
        return Err(Box::pin(login.turn_away_again(record, answer)).await.into());
    }
    login.ask_elsewhere(cx, record).await;
    let (slots, poll) = match cx.admission.check(&login.attempt, cx.moment()) {
        Verdict::Admit { slots, poll } => (slots, poll),
        Verdict::Refuse(refusal) => {
            if refusal.looks_like_a_wrong_password() {
                // A wrong password that came as soon would have been held, too.
                let poll = cx.admission.measure(&login.attempt, Instant::now());
                hold(cx, record, &mut login, poll).await?;
            }
            return Err(Box::pin(login.refuse_by_rule(cx, record, refusal))
                .await
                .into());
        }
    };
    if let Err(why) = login
        .settings
        .route(&login.attempt.policy, None)
        .can_take(login.proof.replayable())
    {
        // Refused before it waits for a lock that would be of no use to it; its slots do not wait
        // until a slow client has taken the answer.
        drop(slots);
        let line = not_taken(why);
        let refused = Box::pin(login.refuse(cx, record, Class::Perm, line)).await;
        return Err(refused.into());
    }
    if let Some((stands_on, reason)) = login.fresh(cx, poll).await {
        tell_absorbed(cx, record, &login, poll);
        return Err(login.let_in(cx, record, slots, stands_on, reason));
    }
    tell_poll(cx, &login, poll);
    if let PollVerdict::Shadow(early) = poll {
        record.came_early(EarlyLogin {
            decision: PollDecision::Shadow,
            early,
        });
    }
    hold(cx, record, &mut login, poll).await?;
    queue::acquire_lock(cx, record, login, slots).await
}

/// Emits what was decided of its poll.
fn tell_poll(cx: &Context, login: &Identified, poll: PollVerdict) {
    let (decision, early) = match poll {
        PollVerdict::Unlimited => return,
        PollVerdict::InTime => (PollDecision::Admitted, Duration::ZERO),
        PollVerdict::Shadow(early) => (PollDecision::Shadow, early),
        PollVerdict::Hold { early, .. } => (PollDecision::Delayed, early),
    };
    cx.events.emit(Event::Rule(RuleEvent::PollDecided {
        session: login.attempt.session,
        tenant: login.attempt.tenant().clone(),
        decision,
        early,
    }));
    if decision == PollDecision::Delayed {
        faults::of_limit(cx, login);
    }
}

/// Emits that its poll costs the backend nothing.
fn tell_absorbed(cx: &Context, record: &mut Record, login: &Identified, poll: PollVerdict) {
    let early = match poll {
        PollVerdict::Unlimited => return,
        PollVerdict::InTime => Duration::ZERO,
        PollVerdict::Shadow(early) | PollVerdict::Hold { early, .. } => {
            let decision = PollDecision::Absorbed;
            record.came_early(EarlyLogin { decision, early });
            early
        }
    };
    cx.events.emit(Event::Rule(RuleEvent::PollDecided {
        session: login.attempt.session,
        tenant: login.attempt.tenant().clone(),
        decision: PollDecision::Absorbed,
        early,
    }));
}

/// Holds a login that comes too often. It has no place in the queue meanwhile: one that polls every
/// second would otherwise be first in line each time.
async fn hold(
    cx: &Context,
    record: &mut Record,
    login: &mut Identified,
    poll: PollVerdict,
) -> Result<(), EndCause> {
    let PollVerdict::Hold { until, early } = poll else {
        return Ok(());
    };
    record.came_early(EarlyLogin {
        decision: PollDecision::Delayed,
        early,
    });
    record.delays();
    let began = Instant::now();
    let held = hold_until(cx, record, login, until).await;
    login.client.waited(began.elapsed());
    record.delayed(began.elapsed());
    held
}

/// Returns at `until`, or earlier where a reload lets it in.
async fn hold_until(
    cx: &Context,
    record: &mut Record,
    login: &mut Identified,
    mut until: Instant,
) -> Result<(), EndCause> {
    let mut reloads = cx.reloads_after(&login.settings);
    loop {
        let by = until.min(login.wait_deadline());
        tokio::select! {
            // A client that has left is not let in by a reload or by the end of its time.
            biased;
            () = login.client.left() => {
                if login.destination(cx).is_paused() {
                    record.paused();
                }
                return Err(EndCause::LeftWaiting);
            }
            () = tokio::time::sleep_until(by) => return Ok(()),
            settings = reloads.next() => {
                login.apply_reload(record, settings);
                until = match cx.admission.measure(&login.attempt, Instant::now()) {
                    PollVerdict::Hold { until, .. } => until,
                    _ => return Ok(()),
                };
            }
        }
    }
}

impl Identified {
    /// When all its waiting ends: for its quota, for the lock, and for a retry. The rest of `wait`
    /// is the backend's, for its answer to the login.
    pub(super) fn wait_deadline(&self) -> Instant {
        let policy = &self.attempt.policy;
        let reserve = self.settings.route(policy, None).login_reserve();
        self.attempt.asked + policy.wait.saturating_sub(reserve)
    }

    /// Asks again what is known of its password: the backend may have accepted it from another
    /// session meanwhile.
    pub(super) fn refresh_standing(&mut self, cx: &Context, record: &mut Record) {
        let standing = cx.admission.standing(self.attempt.tag, Instant::now());
        if standing != self.attempt.standing {
            Arc::make_mut(&mut self.attempt).standing = standing;
            record.identified(&self.attempt);
        }
    }

    /// Asks whether a backend accepted its password at another gate, where this one does not know.
    async fn ask_elsewhere(&mut self, cx: &Context, record: &mut Record) {
        let Some(cluster) = &cx.cluster else {
            return;
        };
        let tag = self.attempt.tag;
        if self.attempt.was_accepted_lately() {
            return;
        }
        if let Some(left) = cluster.accepted.look_up(tag).await {
            let cache = &cx.admission.shared.auth_cache;
            cache.accepted_elsewhere(tag, left, Instant::now());
            self.refresh_standing(cx, record);
        }
    }

    /// Takes over what a reload made of its policy. Where it would wait for another lock now (which
    /// a reload allows only if that is on other backends), it stays with what it waits for.
    pub(super) fn apply_reload(&mut self, record: &mut Record, settings: Arc<Settings>) {
        let identity = self.client.identify(&self.attempt.login, &settings);
        if identity.key != self.attempt.key {
            return;
        }
        self.proof.read_by(identity.policy);
        Arc::make_mut(&mut self.attempt).policy = Arc::clone(identity.policy);
        self.settings = settings;
        record.identified(&self.attempt);
    }
}
