//! From a login that the rules let in to the lock of its maildrop.

use super::backend_conn::BackendConnection;
use super::context::{Context, Settings};
use super::record::Record;
use super::{Admitted, Identified, Login, Next};
use crate::dialect::Class;
use crate::limits::{PROBE_DOWN, PROBE_REPLY};
use crate::lock::{Ask, Asked, LockGuard, Turn, Waiting};
use crate::observe::event::{EndCause, LockOutcome};
use crate::policy::admission::Places;
use crate::policy::attempt::LoginAttempt;
use crate::time::Instant;
use std::ops::ControlFlow::{Break, Continue};
use std::sync::Arc;
use tokio::time::{sleep, timeout};

/// Gets the lock, or answers the login with a refusal.
pub(super) async fn wait_for_lock(
    cx: &Context,
    record: &mut Record,
    mut login: Identified,
    places: Places,
) -> Next<Login<Admitted>> {
    // Another's login may have proven it while it was held.
    login.look_again(cx, record);
    let lock = match cx.locks.ask(ask(&login)) {
        Asked::Granted(lock) => lock,
        // It is no fault of its own: the lane is full of others, and it may be the owner's.
        Asked::Full => {
            let cause = EndCause::QueueFull;
            return login.turn_away(cx, record, cause).await;
        }
        Asked::Waiting(waiting) => {
            let since = Instant::now();
            let waited = wait(cx, record, &mut login, waiting).await;
            login.client.waited(since.elapsed());
            record.waited(since.elapsed());
            match waited? {
                Ok(lock) => lock,
                Err(InVain::Spent) => {
                    let cause = EndCause::HeldByAnother;
                    return login.turn_away(cx, record, cause).await;
                }
                Err(InVain::Refused(line)) => {
                    // The answer may be held, and must not keep another's place meanwhile.
                    drop(places);
                    return refuse(cx, record, login, line.as_deref()).await;
                }
            }
        }
    };
    record.lock_taken();
    Continue(Login::Through(Admitted {
        login,
        lock,
        places,
    }))
}

fn ask(login: &Identified) -> Ask {
    let attempt = &login.attempt;
    Ask {
        proven: attempt.is_proven(),
        key: attempt.key.clone(),
        session: attempt.session,
        tenant: attempt.policy.name.clone(),
        password: attempt.tag,
        address: attempt.prefix(),
        capacity: attempt.policy.queue,
        until: login.until(),
    }
}

/// Why waiting brought no lock, where the client is still there.
enum InVain {
    Refused(Option<Arc<[u8]>>),
    Spent,
}

/// The backend refused the password, which another gave it, in these words or without any.
async fn refuse(
    cx: &Context,
    record: &mut Record,
    login: Identified,
    line: Option<&[u8]>,
) -> Next<Login<Admitted>> {
    match line {
        Some(line) => login.refuse(cx, record, Class::Auth, line).await,
        None => {
            let cause = EndCause::ClosedAtPassOfAnother {
                accepted_lately: login.attempt.was_accepted_lately(),
            };
            login.refuse_without_words(cx, record, cause).await
        }
    }
}

/// Waits for its turn; meanwhile watches the client, and the head of the queue connects to the
/// backend in advance. A reload changes how long.
async fn wait(
    cx: &Context,
    record: &mut Record,
    login: &mut Identified,
    mut waiting: Waiting<BackendConnection>,
) -> Next<Result<LockGuard<BackendConnection>, InVain>> {
    let session = record.handle();
    let mut reloads = cx.reloads_after(&login.settings);
    let mut until = login.until();
    loop {
        let wants_spare = waiting.wants_spare();
        let settings = Arc::clone(&login.settings);
        let attempt = Arc::clone(&login.attempt);
        let ahead = connect_ahead(cx, &settings, &attempt);
        tokio::select! {
            // Nothing of a client that has left goes to the backend, also where its turn has come.
            biased;
            () = login.client.left() => {
                login.look_again(cx, record);
                waiting.leave(LockOutcome::ClientGone);
                return Break(EndCause::LeftWaiting);
            }
            () = session.kicked() => {
                waiting.leave(LockOutcome::Kicked);
                return Break(EndCause::Kicked);
            }
            turn = waiting.turn() => match turn {
                Turn::Granted(lock) => return Continue(Ok(lock)),
                Turn::Moved => {}
                Turn::Evicted => return Continue(Err(InVain::Spent)),
                Turn::Refused(line) => return Continue(Err(InVain::Refused(line))),
            },
            () = tokio::time::sleep_until(until) => {
                waiting.leave(LockOutcome::Timeout);
                return Continue(Err(InVain::Spent));
            }
            settings = reloads.next() => {
                login.reloaded(record, settings);
                until = login.until();
            }
            spare = ahead, if wants_spare => waiting.keep_spare(spare),
        }
    }
}

/// A connection for whoever is next, as soon as one can be had; the backend knows its
/// client then.
async fn connect_ahead(
    cx: &Context,
    settings: &Settings,
    attempt: &LoginAttempt,
) -> BackendConnection {
    loop {
        let route = settings.route(&attempt.policy, cx.locks.home(&attempt.key));
        if route.preconnects()
            && let Some((backend, greeted)) = route.connect_ahead(attempt.client).await
        {
            let mut spare = BackendConnection::new(backend, greeted, attempt.client);
            let named = spare.forward_client_addr(cx, attempt.client);
            if let Ok(Ok(())) = timeout(PROBE_REPLY, named).await {
                return spare;
            }
        }
        sleep(PROBE_DOWN).await;
    }
}
