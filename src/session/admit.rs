//! From a login to its turn to ask for the lock: the rules are asked, and one that comes too often
//! is held.

use super::context::Context;
use super::faults;
use super::queue;
use super::record::Record;
use super::refusal::not_taken;
use super::{Admitted, Identified, Login, Next};
use crate::dialect::Class;
use crate::ids::MaildropKey;
use crate::observe::event::{EndCause, Event, PollDecision};
use crate::policy::admission::{Candidate, PollVerdict, Verdict};
use crate::secret::PasswordTag;
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
    let who = Who::of(cx, &login);
    record.asks(login.asked, who.proven);
    record.knocks(&who.key, who.password);
    let verdict = cx.admission.check(&who.candidate(&login), cx.moment());
    let (places, poll) = match verdict {
        Verdict::Admit { places, poll } => (places, poll),
        Verdict::Refuse(refusal) => {
            if refusal.looks_like_a_wrong_password() {
                // A wrong password that came as soon would have been held, too.
                let poll = cx.admission.measure(&who.candidate(&login), Instant::now());
                hold(cx, record, &mut login, &who, poll).await?;
            }
            return login.refuse_by_rule(cx, record, &who, refusal).await;
        }
    };
    if let Err(why) = login
        .settings
        .route(&login.tenant, None)
        .can_take(&login.credentials)
    {
        drop(places);
        let line = not_taken(why);
        return login.refuse(cx, record, &who, Class::Perm, line).await;
    }
    tell_poll(cx, record, &login, &who, poll);
    hold(cx, record, &mut login, &who, poll).await?;
    queue::wait_for_lock(cx, record, login, who, places).await
}

/// Who logs in, as locks and rules know it.
pub(super) struct Who {
    pub(super) key: MaildropKey,
    pub(super) password: PasswordTag,
    /// Whether the backend accepted the password lately, when it came.
    pub(super) proven: bool,
    /// Whether it did, and may have refused it since.
    pub(super) accepted_lately: bool,
}

impl Who {
    fn of(cx: &Context, login: &Identified) -> Self {
        let key = login.key(&login.tenant);
        let (user, password) = (&login.credentials.user, &login.credentials.password);
        let password = cx.tag_key.tag(&key, user, password);
        Self {
            proven: cx.auth_cache.is_proven(password, login.asked),
            accepted_lately: cx.auth_cache.was_accepted_lately(password, login.asked),
            key,
            password,
        }
    }

    pub(super) fn candidate<'a>(&'a self, login: &'a Identified) -> Candidate<'a> {
        let (tenant, peer) = (&login.tenant, &login.client.peer);
        Candidate {
            maildrop: &self.key,
            tenant: &tenant.name,
            rules: &tenant.rules,
            address: peer.address.ip(),
            trusted: peer.trusted,
            password: self.password,
            proven: self.proven,
            accepted_lately: self.accepted_lately,
            asked: login.asked,
        }
    }
}

fn tell_poll(cx: &Context, record: &Record, login: &Identified, who: &Who, poll: PollVerdict) {
    let (decision, early) = match poll {
        PollVerdict::Unlimited => return,
        PollVerdict::InTime => (PollDecision::Admitted, Duration::ZERO),
        PollVerdict::Shadow(early) => (PollDecision::Shadow, early),
        PollVerdict::Hold { early, .. } => (PollDecision::Delayed, early),
    };
    cx.events.emit(Event::PollDecided {
        session: record.session(),
        tenant: login.tenant.name.clone(),
        decision,
        early,
    });
    if decision == PollDecision::Delayed {
        faults::of_limit(cx, record, login, who);
    }
}

/// Holds a login that comes too often. It has no place in the queue meanwhile.
async fn hold(
    cx: &Context,
    record: &mut Record,
    login: &mut Identified,
    who: &Who,
    poll: PollVerdict,
) -> Next<()> {
    let PollVerdict::Hold { until, .. } = poll else {
        return Continue(());
    };
    let began = Instant::now();
    let held = hold_until(cx, record, login, who, until).await;
    login.client.waited(began.elapsed());
    record.delayed(began.elapsed());
    held
}

/// Returns at `until`, or earlier where a reload lets it in.
async fn hold_until(
    cx: &Context,
    record: &mut Record,
    login: &mut Identified,
    who: &Who,
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
                login.reloaded(record, &who.key, settings);
                until = match cx.admission.measure(&who.candidate(login), Instant::now()) {
                    PollVerdict::Hold { until, .. } => until,
                    _ => return Continue(()),
                };
            }
        }
    }
}
