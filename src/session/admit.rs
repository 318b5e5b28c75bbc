//! From a login to its turn to ask for the lock: the rules are asked, and one that comes too often
//! is held.

use super::context::Context;
use super::faults;
use super::queue;
use super::record::Record;
use super::refusal::not_taken;
use super::{Admitted, Identified, Login, Next};
use crate::dialect::Class;
use crate::observe::event::{EndCause, Event, PollDecision};
use crate::policy::admission::{PollVerdict, Verdict};
use crate::time::{Duration, Instant};
use std::ops::ControlFlow::{Break, Continue};

/// Gets the lock, or answers the login with a refusal.
pub(super) async fn admit(
    cx: &Context,
    record: &mut Record,
    mut login: Identified,
) -> Next<Login<Admitted>> {
    if let Some(answer) = login.client.login_budget.spent {
        return login.answer(answer).await;
    }
    let (places, poll) = match cx.admission.check(&login.attempt, cx.moment()) {
        Verdict::Admit { places, poll } => (places, poll),
        Verdict::Refuse(refusal) => {
            if refusal.looks_like_a_wrong_password() {
                // A wrong password that came as soon would have been held, too.
                let poll = cx.admission.measure(&login.attempt, Instant::now());
                hold(cx, record, &mut login, poll).await?;
            }
            return login.refuse_by_rule(cx, record, refusal).await;
        }
    };
    if let Err(why) = login
        .settings
        .route(&login.attempt.policy, None)
        .can_take(login.proof.replayable())
    {
        drop(places);
        let line = not_taken(why);
        return login.refuse(cx, record, Class::Perm, line).await;
    }
    tell_poll(cx, record, &login, poll);
    hold(cx, record, &mut login, poll).await?;
    queue::wait_for_lock(cx, record, login, places).await
}

fn tell_poll(cx: &Context, record: &Record, login: &Identified, poll: PollVerdict) {
    let (decision, early) = match poll {
        PollVerdict::Unlimited => return,
        PollVerdict::InTime => (PollDecision::Admitted, Duration::ZERO),
        PollVerdict::Shadow(early) => (PollDecision::Shadow, early),
        PollVerdict::Hold { early, .. } => (PollDecision::Delayed, early),
    };
    cx.events.emit(Event::PollDecided {
        session: record.session(),
        tenant: login.attempt.policy.name.clone(),
        decision,
        early,
    });
    if decision == PollDecision::Delayed {
        faults::of_limit(cx, &login.attempt);
    }
}

/// Holds a login that comes too often. It has no place in the queue meanwhile.
async fn hold(
    cx: &Context,
    record: &mut Record,
    login: &mut Identified,
    poll: PollVerdict,
) -> Next<()> {
    let PollVerdict::Hold { until, .. } = poll else {
        return Continue(());
    };
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
) -> Next<()> {
    let mut reloads = cx.reloads_after(&login.settings);
    loop {
        let by = until.min(login.until());
        tokio::select! {
            biased;
            () = login.client.left() => return Break(EndCause::LeftWaiting),
            () = tokio::time::sleep_until(by) => return Continue(()),
            settings = reloads.next() => {
                login.reloaded(record, settings);
                until = match cx.admission.measure(&login.attempt, Instant::now()) {
                    PollVerdict::Hold { until, .. } => until,
                    _ => return Continue(()),
                };
            }
        }
    }
}
