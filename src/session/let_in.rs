//! Logins that popgate lets in by itself, on a listing that the same login was shown before: where
//! both are fresh, and where the wait for the maildrop is spent.
//!
//! Beside other gates the engine is asked as well whether the session that was shown the listing
//! was the last in its maildrop: a login with another password, a refusal, a deletion or a
//! promotion at another gate that reaches the engine has a later turn. What other gates deleted
//! before is not known here, nor are their views; these change nothing before they are promoted.

use super::record::Record;
use super::view::Viewing;
use super::{Exit, Identified};
use crate::admission::LoginSlots;
use crate::cluster::handle::ClusterHandle;
use crate::gate::{Context, Settings};
use crate::ids::BackendName;
use crate::observe::event::{EndCause, Event, SharingEvent};
use crate::policy::attempt::LoginAttempt;
use crate::policy::poll::PollVerdict;
use crate::policy::sharing::{Asker, LetInReason, StandsOn};
use crate::time::{Duration, Instant};

/// popgate's own answer to the password.
const LET_IN: &[u8] = b"+OK Logged in\r\n";

/// Whether sessions at this backend may stand on listings.
pub(super) fn may_share(cx: &Context, settings: &Settings, backend: &BackendName) -> bool {
    let options = settings.backends.get(backend).map(|it| it.options());
    let seen = cx.admission.local.proofs.of(backend);
    options.is_some_and(|options| options.shareable.allows(seen))
}

/// Whether other gates, if there are any, can be asked about. While they cannot nothing new is
/// shared; views that stand go on, by the gate's own queues.
pub(super) fn engine_is_well(cx: &Context) -> bool {
    cx.cluster.as_ref().is_none_or(ClusterHandle::is_healthy)
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

impl FreshListing {
    fn now(self) -> Option<StandsOn> {
        match self {
            Self::Now(stands_on) => Some(stands_on),
            Self::Later(_) | Self::None => None,
        }
    }
}

impl Identified {
    /// What this login may be let in on instead of the maildrop, and why.
    pub(super) async fn fresh(
        &self,
        cx: &Context,
        poll: PollVerdict,
    ) -> Option<(StandsOn, LetInReason)> {
        let find = || self.fresh_here(cx, poll);
        self.confirmed(cx, find, |(stands_on, _)| stands_on).await
    }

    /// What `find` finds, if the session that was shown it was the last in the maildrop, at
    /// whichever gate. One that began while the engine was away had no turn: nobody knows.
    async fn confirmed<T>(
        &self,
        cx: &Context,
        find: impl Fn() -> Option<T>,
        stands_on: impl Fn(&T) -> &StandsOn,
    ) -> Option<T> {
        let found = find()?;
        let Some(cluster) = &cx.cluster else {
            return Some(found);
        };
        let turn = stands_on(&found).turn?;
        let is_last = cluster.last_turns.is_last(&self.attempt.key, turn).await;
        // Here somebody may have come meanwhile.
        find().filter(|found| is_last && stands_on(found).turn == Some(turn))
    }

    /// As far as this gate knows.
    fn fresh_here(&self, cx: &Context, poll: PollVerdict) -> Option<(StandsOn, LetInReason)> {
        let sharing = &self.attempt.policy.sharing;
        let polls = &self.attempt.rules().polls;
        let (age, reason) = match poll {
            PollVerdict::Hold { .. } => (sharing.age_if_early(polls), LetInReason::Absorbed),
            _ => (sharing.fresh, LetInReason::Fresh),
        };
        let beside_busy = !cx.admission.local.listings.has_deletions(&self.attempt.key);
        Some((self.fresh_within(cx, age, beside_busy).now()?, reason))
    }

    /// What it may be let in on while it waits for the lock, as far as this gate knows: where the
    /// holder is about to delete messages, it loses nothing by waiting on.
    pub(super) fn fresh_meanwhile(&self, cx: &Context) -> FreshListing {
        self.fresh_within(cx, self.attempt.policy.sharing.fresh, false)
    }

    /// `beside_busy`: also while other sessions of the maildrop are busy. What it is shown could be
    /// deleted by one of them. Where sessions of another gate delete, that is not known here: a
    /// view that stood before them may end for it, and the maildrop is not shared for a day then.
    fn fresh_within(&self, cx: &Context, age: Duration, beside_busy: bool) -> FreshListing {
        let sharing = &self.attempt.policy.sharing;
        if !sharing.is_on() || !sharing.let_in || !self.attempt.is_proven() {
            return FreshListing::None;
        }
        let listings = &cx.admission.local.listings;
        let asker = asker(&self.attempt);
        let now = Instant::now();
        let key = &self.attempt.key;
        let stands_on = listings.fresh(key, &asker, age, sharing.fresh, now);
        let Some(stands_on) = stands_on.filter(|it| self.may_stand_on(cx, it)) else {
            return FreshListing::None;
        };
        let rest_at = if beside_busy {
            now
        } else {
            self.others_rest_at(cx, now)
        };
        match rest_at > now {
            true => FreshListing::Later(rest_at),
            false => FreshListing::Now(stands_on),
        }
    }

    /// When no other session of the maildrop is about to delete messages.
    fn others_rest_at(&self, cx: &Context, now: Instant) -> Instant {
        let key = &self.attempt.key;
        // In this order: a view may become the holder in between.
        let views = cx.admission.local.views.of(key);
        (views.into_iter().chain(cx.locks.holder(key)))
            .filter_map(|session| cx.sessions.rest(session))
            .map(|rest| rest.rests_at(now))
            .max()
            .unwrap_or(now)
    }

    /// What this login was shown last, where its wait is spent.
    async fn last_resort(&self, cx: &Context, cause: &EndCause) -> Option<StandsOn> {
        let find = || self.last_resort_here(cx, cause);
        self.confirmed(cx, find, |stands_on| stands_on).await
    }

    /// As far as this gate knows.
    fn last_resort_here(&self, cx: &Context, cause: &EndCause) -> Option<StandsOn> {
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
        may_share(cx, &self.settings, &stands_on.backend) && engine_is_well(cx) && !is_held
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
        let stands_on = match self.attempt.is_proven() {
            true => self.last_resort(cx, &cause).await,
            false => None,
        };
        match stands_on {
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
