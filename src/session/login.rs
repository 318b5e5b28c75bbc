//! From the lock to the maildrop: the login at the backend, and again where that may help.

mod backend_login;
mod retries;

use super::paused::{self, Destination, Hold};
use super::record::Record;
use super::sharing::{Compares, Sharing};
use super::{Admitted, Identified, LoggedIn, Next};
use crate::admission::LoginSlots;
use crate::dialect::Class;
use crate::gate::{BackendConnection, Context, Phase};
use crate::lock::LockGuard;
use crate::observe::event::{EndCause, Event};
use crate::policy::attempt::LoginAttempt;
use crate::policy::sharing::KilledBy;
use crate::time::Instant;
pub(in crate::session) use backend_login::Outcome;
use backend_login::{BackendLogin, Paused, Tries};

/// Logs in at the backend, or releases the lock and answers the login with a refusal.
pub(super) async fn log_in(
    cx: &Context,
    record: &mut Record,
    mut admitted: Admitted,
) -> Next<LoggedIn> {
    let began = Instant::now();
    let outcome = outcome(cx, record, &mut admitted).await?;
    admitted.login.client.waited(began.elapsed());
    conclude(cx, record, admitted, outcome).await
}

/// How it ends at the backend, with all the times that it is paused before a try.
pub(super) async fn outcome(
    cx: &Context,
    record: &mut Record,
    admitted: &mut Admitted,
) -> Result<Outcome, EndCause> {
    let mut tries = Tries::default();
    loop {
        if paused::hold(cx, record, admitted).await? == Hold::Spent {
            return Ok(Outcome::Locked(EndCause::Paused));
        }
        if let Ok(outcome) = ask_backend(cx, record, admitted, &mut tries).await? {
            return Ok(outcome);
        }
    }
}

/// A client that leaves meanwhile ends the login. Here nothing else but `login_timeout` cuts one
/// that has begun.
async fn ask_backend(
    cx: &Context,
    record: &mut Record,
    admitted: &mut Admitted,
    tries: &mut Tries,
) -> Result<Result<Outcome, Paused>, EndCause> {
    let Admitted { login, lock, .. } = admitted;
    let contended = lock.contended();
    let deadline = login.wait_deadline();
    let Identified {
        client,
        attempt,
        proof,
        settings,
    } = &mut **login;
    let mut backend_login = BackendLogin {
        destination: Destination {
            cx,
            settings,
            attempt,
            credentials: proof.replayable(),
        },
        deadline,
        record,
        lock,
        tries,
    };
    // It may have left since the runtime has looked: the lock can come in the same turn.
    client.conn.catch_up().await;
    tokio::select! {
        // Nothing of a client that has left goes to the backend.
        biased;
        // The guard in `admitted` is dropped, and closes the connection before the lock is free.
        () = client.left_for_good(contended) => Err(EndCause::LeftWaiting),
        outcome = backend_login.run() => Ok(outcome),
    }
}

/// The client hears how it ended, and the lock is kept or released.
async fn conclude(
    cx: &Context,
    record: &mut Record,
    admitted: Admitted,
    outcome: Outcome,
) -> Next<LoggedIn> {
    let Admitted {
        login,
        mut lock,
        slots,
    } = admitted;
    match outcome {
        Outcome::Accepted(line) => {
            accepted(cx, &login.attempt, &mut lock);
            let compares = Compares {
                cx,
                attempt: &login.attempt,
            };
            let sharing = Sharing::of(&compares, login.proof, login.settings, &mut lock);
            Ok(LoggedIn {
                client: login.client,
                attempt: login.attempt,
                lock,
                slots,
                welcome: Some(line),
                sharing,
            })
        }
        Outcome::Refused { class, line } => {
            if class == Class::Auth {
                cx.admission.refused(&login.attempt, Instant::now());
                lock.refused(Some(&line));
            }
            release(record, lock, slots, Phase::Waiting);
            Err(login.refuse(cx, record, class, &line).await.into())
        }
        Outcome::RefusedWithoutWords(error) => {
            cx.admission
                .refused_without_words(&login.attempt, Instant::now());
            lock.refused(None);
            release(record, lock, slots, Phase::Waiting);
            let cause = EndCause::ClosedAtPass {
                error,
                accepted_lately: login.attempt.was_accepted_lately(),
            };
            Err(login.refuse_without_words(cx, record, cause).await.into())
        }
        Outcome::Locked(cause) => {
            record.enter(Phase::Waiting);
            record.lock_given();
            drop(lock);
            Err(login.after_spent_wait(cx, record, slots, cause).await)
        }
        // No answer at all, as from a dead server: a line of ours would be taken for the backend's.
        Outcome::Unreachable(cause) => {
            release(record, lock, slots, Phase::Closing);
            login.client.farewell(b"").await;
            Err(cause.into())
        }
    }
}

/// The backend has let it in. Told before the client hears of it: its next login may come on
/// another connection at once.
pub(super) fn accepted(
    cx: &Context,
    attempt: &LoginAttempt,
    lock: &mut LockGuard<BackendConnection>,
) {
    let now = cx.moment();
    let changes = cx.admission.accepted(attempt, now);
    lock.accepted();
    cx.tell_blocks(&changes);
    let listings = &cx.admission.local.listings;
    let compares = Compares { cx, attempt };
    let measures = attempt.policy.sharing.measures();
    let killed = listings.accepted(
        compares.place(),
        &attempt.login,
        attempt.tag,
        measures,
        now.instant,
    );
    compares.killed(KilledBy::Login, killed);
    cx.events.emit(Event::LoginAccepted {
        session: attempt.session,
        tenant: attempt.tenant().clone(),
    });
}

/// Before the answer, which may be held for seconds: no other login is to wait for that, or to find
/// a limit reached by one that is refused already.
fn release(
    record: &mut Record,
    lock: LockGuard<BackendConnection>,
    slots: LoginSlots,
    phase: Phase,
) {
    record.enter(phase);
    record.lock_given();
    drop((lock, slots));
}
