//! From a login that the rules let in to the lock of its maildrop.

use super::lookout::{Lookout, Seeks};
use super::paused::{self, Hold};
use super::record::Record;
use super::{Admitted, Exit, Greeted, Identified, Next};
use crate::admission::LoginSlots;
use crate::dialect::Class;
use crate::gate::{BackendConnection, Context, Settings};
use crate::limits::{PROBE_DOWN, PROBE_REPLY};
use crate::lock::{AcquireResult, LockGuard, WaitEvent, WaiterHandle};
use crate::observe::event::{EndCause, LockOutcome};
use crate::policy::attempt::LoginAttempt;
use crate::policy::sharing::{LetInReason, StandsOn};
use crate::time::Instant;
use std::sync::Arc;
use tokio::time::{sleep, timeout};

/// Gets the lock, or answers the login with a refusal, unless it is let in without the lock.
pub(super) async fn acquire_lock(
    cx: &Context,
    record: &mut Record,
    mut login: Box<Identified>,
    slots: LoginSlots,
) -> Next<Admitted> {
    match acquire(cx, record, &mut login, Seeks::ListingToo).await {
        Ok(lock) => Ok(Admitted { login, lock, slots }),
        // Boxed: each waiter would keep room for how a wait fails.
        Err(failed) => Err(Box::pin(failed.answer(cx, record, *login, slots)).await),
    }
}

/// Gets the lock.
pub(super) async fn acquire(
    cx: &Context,
    record: &mut Record,
    login: &mut Identified,
    seeks: Seeks,
) -> Result<LockGuard<BackendConnection>, WaitFailed> {
    // The lane depends on it, and the login may have been held for seconds.
    login.refresh_standing(cx, record);
    if cx.refuses_logins() {
        return Err(WaitFailed::EngineAway);
    }
    let held = paused::hold_before_turn(cx, record, login).await;
    if held.map_err(WaitFailed::Ended)? == Hold::Spent {
        return Err(WaitFailed::Paused);
    }
    let until = login.wait_deadline();
    let lock = match cx.locks.acquire(&login.attempt, until).await {
        AcquireResult::Granted(lock) => lock,
        // No fault of this client's: others fill the lane, and it may be the owner.
        AcquireResult::Full { ahead } => {
            record.queued(ahead);
            return Err(match login.destination(cx).is_paused() {
                true => WaitFailed::Paused,
                false => WaitFailed::QueueFull,
            });
        }
        AcquireResult::Waiting(waiter) => {
            record.queued(waiter.ahead());
            let began = Instant::now();
            record.waits(began);
            let waited = wait(cx, record, login, waiter, seeks).await;
            login.client.waited(began.elapsed());
            record.waited(began.elapsed());
            waited?
        }
    };
    record.lock_taken();
    Ok(lock)
}

/// Why there is no lock.
pub(super) enum WaitFailed {
    /// None is needed: another session was shown this listing meanwhile.
    Listed(StandsOn),
    /// The time for it is over, or another took its place.
    Spent,
    /// There was no place for it.
    QueueFull,
    /// The same while its tenant or its backend is paused.
    Paused,
    /// The backend refused the password, which another gave it, in these words or without any.
    PasswordRefused(Option<Arc<[u8]>>),
    /// The gate may not say any more whose turn it is.
    EngineAway,
    /// The client has left, or was kicked.
    Ended(EndCause),
}

impl WaitFailed {
    fn spent(is_paused: bool) -> Self {
        if is_paused { Self::Paused } else { Self::Spent }
    }

    /// The client hears of it, or is let in without the lock.
    async fn answer(
        self,
        cx: &Context,
        record: &mut Record,
        login: Identified,
        slots: LoginSlots,
    ) -> Exit {
        let cause = match self {
            Self::Spent => {
                let cause = EndCause::HeldByAnother;
                return login.after_spent_wait(cx, record, slots, cause).await;
            }
            Self::QueueFull => {
                let cause = EndCause::QueueFull;
                return login.after_spent_wait(cx, record, slots, cause).await;
            }
            Self::Listed(stands_on) => {
                return login.let_in(cx, record, slots, stands_on, LetInReason::Fresh);
            }
            Self::PasswordRefused(line) => {
                drop(slots);
                return password_refused(cx, record, login, line).await.into();
            }
            Self::Paused => EndCause::Paused,
            Self::EngineAway => EndCause::EngineAway,
            Self::Ended(cause) => return cause.into(),
        };
        // The answer may be held, and must not keep another's place meanwhile.
        drop(slots);
        login.turn_away(cx, record, cause).await.into()
    }
}

/// The backend's words are about this password, though another login gave it.
async fn password_refused(
    cx: &Context,
    record: &mut Record,
    login: Identified,
    line: Option<Arc<[u8]>>,
) -> Result<Greeted, EndCause> {
    let Some(line) = line else {
        let cause = EndCause::ClosedAtPassOfAnother {
            accepted_lately: login.attempt.was_accepted_lately(),
        };
        return login.refuse_without_words(cx, record, cause).await;
    };
    record.backend_replied(Class::Auth, &line);
    login.refuse(cx, record, Class::Auth, &line).await
}

/// Waits for its turn. Meanwhile the client is watched, a reload may change how long it waits, and
/// the head of the queue connects to the backend in advance, so that a hand-over costs no
/// handshake.
async fn wait(
    cx: &Context,
    record: &mut Record,
    login: &mut Identified,
    mut waiter: WaiterHandle<BackendConnection>,
    seeks: Seeks,
) -> Result<LockGuard<BackendConnection>, WaitFailed> {
    let session = record.handle();
    let mut reloads = cx.reloads_after(&login.settings);
    let mut pauses = cx.pauses.changes();
    let mut until = login.wait_deadline();
    let mut lookout = Lookout::new(cx, seeks);
    loop {
        let is_paused = login.destination(cx).is_paused();
        if is_paused {
            record.paused();
            waiter.give_up_prewarmed();
        }
        let wants_prewarmed = !is_paused && waiter.wants_prewarmed();
        let settings = Arc::clone(&login.settings);
        let attempt = Arc::clone(&login.attempt);
        // Connects to nothing before it is polled. Boxed: only the first in line does.
        let ahead = async { Box::pin(connect_ahead(cx, &settings, &attempt)).await };
        tokio::select! {
            // Nothing of a client that has left goes to the backend, also where its turn has come.
            biased;
            () = login.client.left() => {
                // Its password may be proven by now, and then leaving is no offence.
                login.refresh_standing(cx, record);
                waiter.leave(LockOutcome::ClientGone);
                return Err(WaitFailed::Ended(EndCause::LeftWaiting));
            }
            kicked = session.kicked() => {
                waiter.leave(LockOutcome::Kicked);
                return Err(WaitFailed::Ended(kicked));
            }
            event = waiter.next_event() => match event {
                WaitEvent::Granted(lock) => return Ok(lock),
                WaitEvent::Woken => lookout.wake(),
                WaitEvent::Evicted => return Err(WaitFailed::spent(is_paused)),
                WaitEvent::Refused(line) => return Err(WaitFailed::PasswordRefused(line)),
                WaitEvent::Broken => return Err(WaitFailed::Ended(EndCause::LockBroken)),
            },
            last = lookout.due() => if let Some(stands_on) = lookout.look(record, login, last) {
                waiter.leave(LockOutcome::LetIn);
                return Err(WaitFailed::Listed(stands_on));
            },
            () = cx.logins_refused() => {
                waiter.leave(LockOutcome::EngineAway);
                return Err(WaitFailed::EngineAway);
            }
            () = tokio::time::sleep_until(until) => {
                // Nobody could say yet whether another gate is in the maildrop.
                if cx.is_joining() {
                    waiter.leave(LockOutcome::EngineAway);
                    return Err(WaitFailed::EngineAway);
                }
                waiter.leave(if is_paused { LockOutcome::Paused } else { LockOutcome::Timeout });
                return Err(WaitFailed::spent(is_paused));
            }
            () = pauses.next() => lookout.wake(),
            settings = reloads.next() => {
                login.apply_reload(record, settings);
                until = login.wait_deadline();
                lookout.wake();
            }
            prewarmed = ahead, if wants_prewarmed => waiter.keep_prewarmed(prewarmed),
        }
    }
}

/// A greeted connection for the next holder, as soon as one can be had; the backend was told the
/// client's address.
async fn connect_ahead(
    cx: &Context,
    settings: &Settings,
    attempt: &LoginAttempt,
) -> BackendConnection {
    loop {
        let route = settings
            .route(&attempt.policy, cx.locks.home(&attempt.key))
            .with_paused(&cx.pauses.now().backends);
        if route.preconnects()
            && let Some((backend, greeted)) = route.connect_ahead(attempt.client).await
        {
            let mut prewarmed = BackendConnection::new(backend, greeted, attempt.client);
            let forwarded = prewarmed.forward_client_addr(cx, attempt.client);
            if let Ok(Ok(())) = timeout(PROBE_REPLY, forwarded).await {
                return prewarmed;
            }
        }
        // No hurry: its turn connects in any case.
        sleep(PROBE_DOWN).await;
    }
}
