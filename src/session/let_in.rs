//! Logins that popgate lets in by itself, on a listing that the same login was shown before: where
//! both are fresh, and where the wait for the maildrop is spent.

use super::record::Record;
use super::view::Viewing;
use super::{Exit, Identified};
use crate::admission::LoginSlots;
use crate::gate::{Context, Settings};
use crate::ids::BackendName;
use crate::observe::event::{EndCause, Event, SharingEvent};
use crate::policy::attempt::LoginAttempt;
use crate::policy::poll::PollVerdict;
use crate::policy::rules::PollMode;
use crate::policy::sharing::{Asker, LetInReason, StandsOn};
use crate::time::{Duration, Instant};

/// popgate's own answer to the password.
const LET_IN: &[u8] = b"+OK Logged in\r\n";

/// Whether sessions at this backend may stand on listings. Other gates may be in its maildrops
/// without a word to this one.
pub(super) fn may_share(cx: &Context, settings: &Settings, backend: &BackendName) -> bool {
    let options = settings.backends.get(backend).map(|it| it.options());
    let seen = cx.admission.local.proofs.of(backend);
    let allowed = options.is_some_and(|options| options.shareable.allows(seen));
    allowed && cx.cluster.is_none()
}

/// The login, as it asks for what it was shown before.
fn asker(attempt: &LoginAttempt) -> Asker {
    Asker {
        login: attempt.login.kept(),
        tag: attempt.tag,
        client: attempt.prefix(),
    }
}

/// What a login may be let in on.
pub(super) enum FreshListing {
    /// This.
    Now(StandsOn),
    /// Something that is good from then on, if others do nothing.
    Later(Instant),
    /// Nothing.
    None,
}

impl Identified {
    /// What this login may be let in on instead of the maildrop, and why.
    pub(super) fn fresh(&self, cx: &Context, poll: PollVerdict) -> Option<(StandsOn, LetInReason)> {
        let sharing = &self.attempt.policy.sharing;
        let polls = &self.attempt.rules().polls;
        let is_early = matches!(poll, PollVerdict::Hold { .. });
        let (age, reason) = match is_early {
            true if polls.mode == PollMode::Absorb => (
                sharing.fresh.max(polls.login_delay()),
                LetInReason::Absorbed,
            ),
            true => (sharing.fresh, LetInReason::Absorbed),
            false => (sharing.fresh, LetInReason::Fresh),
        };
        match self.fresh_within(cx, age) {
            FreshListing::Now(stands_on) => Some((stands_on, reason)),
            FreshListing::Later(_) | FreshListing::None => None,
        }
    }

    /// What it may be let in on while it waits for the lock.
    pub(super) fn fresh_meanwhile(&self, cx: &Context) -> FreshListing {
        self.fresh_within(cx, self.attempt.policy.sharing.fresh)
    }

    fn fresh_within(&self, cx: &Context, age: Duration) -> FreshListing {
        let sharing = &self.attempt.policy.sharing;
        if !sharing.is_on() || !sharing.let_in || !self.attempt.is_proven() {
            return FreshListing::None;
        }
        let listings = &cx.admission.local.listings;
        let asker = asker(&self.attempt);
        let now = Instant::now();
        let key = &self.attempt.key;
        let stands_on = listings.fresh(key, &asker, age, sharing.fresh, now);
        match stands_on.filter(|it| self.may_stand_on(cx, it)) {
            None => FreshListing::None,
            // What it is shown could be deleted beside it.
            Some(_) if listings.has_deletions(key) && self.others_rest_at(cx, now) > now => {
                FreshListing::Later(self.others_rest_at(cx, now))
            }
            Some(stands_on) => FreshListing::Now(stands_on),
        }
    }

    /// When no other session of the maildrop is about to delete messages.
    fn others_rest_at(&self, cx: &Context, now: Instant) -> Instant {
        let key = &self.attempt.key;
        (cx.locks.holder(key).into_iter())
            .chain(cx.admission.local.views.of(key))
            .filter_map(|session| cx.sessions.rest(session))
            .map(|rest| rest.rests_at(now))
            .max()
            .unwrap_or(now)
    }

    /// What this login was shown last, where its wait is spent.
    fn last_resort(&self, cx: &Context, cause: &EndCause) -> Option<StandsOn> {
        let sharing = &self.attempt.policy.sharing;
        let is_for_the_lock = matches!(
            cause,
            EndCause::HeldByAnother
                | EndCause::QueueFull
                | EndCause::LockedElsewhere { .. }
                | EndCause::BackendFull
        );
        if !sharing.is_on() || !sharing.end_of_wait || !is_for_the_lock {
            return None;
        }
        let listings = &cx.admission.local.listings;
        let asker = asker(&self.attempt);
        let stands_on = listings.last_resort(&self.attempt.key, &asker, Instant::now())?;
        self.may_stand_on(cx, &stands_on).then_some(stands_on)
    }

    /// An operator who has paused the maildrop has stopped what would follow, too; and a stop of
    /// the gate would end the session at once.
    fn may_stand_on(&self, cx: &Context, stands_on: &StandsOn) -> bool {
        let is_held = self.destination(cx).is_paused() || cx.is_stopping();
        may_share(cx, &self.settings, &stands_on.backend) && !is_held
    }

    /// The wait for the maildrop is spent: the login is let in on what it was shown last, or turned
    /// away.
    pub(super) async fn after_spent_wait(
        mut self,
        cx: &Context,
        record: &mut Record,
        slots: LoginSlots,
        cause: EndCause,
    ) -> Exit {
        self.refresh_standing(cx, record);
        let proven = self.attempt.is_proven();
        match self.last_resort(cx, &cause).filter(|_| proven) {
            Some(stands_on) => self.let_in(cx, record, slots, stands_on, LetInReason::WaitSpent),
            None => {
                // The answer may be held, and must not keep another's place meanwhile.
                drop(slots);
                self.turn_away(cx, record, cause).await.into()
            }
        }
    }

    /// Lets it in. Its client hears of that when the view begins.
    pub(super) fn let_in(
        self,
        cx: &Context,
        record: &mut Record,
        slots: LoginSlots,
        stands_on: StandsOn,
        reason: LetInReason,
    ) -> Exit {
        if !record.reached_backend() {
            // No backend has heard its password: under a block another may have the trial login.
            let blocks = &cx.admission.shared.blocks;
            blocks.return_trial(&self.attempt, cx.moment().wall);
        }
        cx.events.emit(Event::Sharing(SharingEvent::LetIn {
            tenant: self.attempt.tenant().clone(),
            reason,
        }));
        record.let_in(reason);
        Exit::View(Box::new(Viewing::let_in(
            cx, self, slots, stands_on, LET_IN,
        )))
    }
}
