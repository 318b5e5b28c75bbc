//! A login whose tenant or backend an operator has paused: it waits before its backend hears
//! anything of it. It holds its lock meanwhile, so that the order of the queue stays; where other
//! gates serve the maildrop, too, it has not asked for its turn yet.

use super::record::Record;
use super::{Admitted, Identified};
use crate::backend::route::Route;
use crate::gate::{Context, Phase, Settings};
use crate::limits::PROBE_DOWN;
use crate::observe::event::EndCause;
use crate::policy::attempt::LoginAttempt;
use crate::pop3::sasl::Credentials;
use crate::time::Instant;
use tokio::time::{sleep, sleep_until};

/// What decides where a login goes.
#[derive(Clone, Copy)]
pub(super) struct Destination<'a> {
    pub(super) cx: &'a Context,
    pub(super) settings: &'a Settings,
    pub(super) attempt: &'a LoginAttempt,
    pub(super) credentials: &'a Credentials,
}

impl Destination<'_> {
    /// The backends that the login may go to now.
    pub(super) fn route(self) -> Route {
        let home = self.cx.locks.home(&self.attempt.key);
        self.settings
            .route(&self.attempt.policy, home)
            .that_takes(self.credentials)
            .with_paused(&self.cx.pauses.now().backends)
    }

    /// Whether it has to wait until an operator resumes its tenant, or its backend.
    pub(super) fn is_paused(self) -> bool {
        let paused = self.cx.pauses.now();
        // Most of the time nothing is, and no route need be made to know it.
        paused.tenants.contains(&self.attempt.policy.name)
            || (!paused.backends.is_empty() && self.route().is_paused())
    }

    /// Returns when it is paused.
    pub(super) async fn paused(self) {
        let mut changes = self.cx.pauses.changes();
        while !self.is_paused() {
            changes.next().await;
        }
    }
}

impl Identified {
    pub(super) fn destination<'a>(&'a self, cx: &'a Context) -> Destination<'a> {
        Destination {
            cx,
            settings: &self.settings,
            attempt: &self.attempt,
            credentials: self.proof.replayable(),
        }
    }
}

/// How a hold ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// The login goes on.
    Over,
    /// Its wait is spent.
    Spent,
}

/// Holds a login as long as it is paused.
pub(super) async fn hold(
    cx: &Context,
    record: &mut Record,
    admitted: &mut Admitted,
) -> Result<Hold, EndCause> {
    if !admitted.login.destination(cx).is_paused() {
        return Ok(Hold::Over);
    }
    // A server that is paused is to be left alone.
    drop(admitted.lock.take_prewarmed());
    // The pause is no part of the hand-over, nor of the time that the lock was of use.
    let _ = admitted.lock.take_freed_at();
    record.lock_given();
    record.paused();
    record.enter(Phase::Waiting);
    let began = Instant::now();
    let held = hold_until_resumed(cx, record, &mut admitted.login).await;
    record.waited(began.elapsed());
    record.lock_taken();
    held
}

/// Holds a login before it asks for its turn, where other gates serve the maildrop, too: they may
/// not be paused, and must not wait for one that is.
pub(super) async fn hold_before_turn(
    cx: &Context,
    record: &mut Record,
    login: &mut Identified,
) -> Result<Hold, EndCause> {
    if cx.cluster.is_none() || !login.destination(cx).is_paused() {
        return Ok(Hold::Over);
    }
    record.paused();
    let began = Instant::now();
    let held = hold_until_resumed(cx, record, login).await;
    login.client.waited(began.elapsed());
    record.waited(began.elapsed());
    held
}

async fn hold_until_resumed(
    cx: &Context,
    record: &mut Record,
    login: &mut Identified,
) -> Result<Hold, EndCause> {
    let mut changes = cx.pauses.changes();
    let mut reloads = cx.reloads_after(&login.settings);
    while login.destination(cx).is_paused() {
        let until = login.wait_deadline();
        tokio::select! {
            // Nothing of a client that has left goes to the backend, also where it is resumed.
            biased;
            () = login.client.left() => return Err(EndCause::LeftWaiting),
            () = changes.next() => {}
            () = sleep_until(until) => return Ok(Hold::Spent),
            settings = reloads.next() => login.apply_reload(record, settings),
            // Another backend may come first by now, which is told to nobody who waits here.
            () = sleep(PROBE_DOWN) => {}
        }
    }
    Ok(Hold::Over)
}
