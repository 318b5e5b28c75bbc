//! What went wrong at a client's end: an event counts it, and the block list judges it. What a
//! proven login does never blocks, and nothing from a trusted network counts.

use super::Identified;
use super::record::Record;
use crate::gate::{Context, Peer};
use crate::ids::{SessionId, TenantName};
use crate::limits::PATIENCE_MIN;
use crate::observe::event::{End, Event, OffenceKind, RuleEvent};
use crate::policy::attempt::LoginAttempt;
use crate::policy::block::Offence;
use crate::time::Duration;

/// Counts a login that met a limit. While it is paused that is no offence: programs that gave up
/// come again, and meet the places that logins before them still hold.
pub(super) fn of_limit(cx: &Context, login: &Identified) {
    let attempt = &login.attempt;
    let proven = attempt.is_proven();
    let kind = OffenceKind::MetLimit;
    tell(cx, attempt.session, attempt.tenant(), kind, proven);
    if !proven && !login.destination(cx).is_paused() {
        count(cx, attempt, Offence::MetLimit);
    }
}

/// Counts a wrong password. One that the backend accepted lately is no guess: it is stale, or the
/// server's user database is out of order.
pub(super) fn of_guess(cx: &Context, attempt: &LoginAttempt) {
    let is_stale = attempt.was_accepted_lately();
    let kind = OffenceKind::Guess;
    tell(cx, attempt.session, attempt.tenant(), kind, is_stale);
    if !is_stale {
        count(cx, attempt, Offence::Guess { tag: attempt.tag });
    }
}

/// Counts how a session ended. That it ended before it gave a password leads to no block: health
/// checks connect, read the greeting and close. What it said may be abuse, until one of its logins
/// was refused.
pub(super) fn of_end(cx: &Context, record: &Record, peer: &Peer, end: End) {
    let Some(attempt) = record.attempt() else {
        return of_end_without_login(cx, record, peer, end);
    };
    return_trial(cx, record, attempt, end);
    let Some((kind, offence)) = offence_of(end, Some(attempt)).filter(|_| !is_excused(record, end))
    else {
        return;
    };
    // After a login the password was right.
    let proven = attempt.is_proven() || end == End::Left;
    tell(cx, attempt.session, attempt.tenant(), kind, proven);
    // It was the operator who let it wait.
    let of_pause = end == End::LeftWaiting && record.met_pause();
    if let Some(offence) = offence.filter(|_| !proven && !of_pause) {
        count(cx, attempt, offence);
    }
}

fn of_end_without_login(cx: &Context, record: &Record, peer: &Peer, end: End) {
    let Some((kind, offence)) = offence_of(end, None).filter(|_| !is_excused(record, end)) else {
        return;
    };
    let settings = cx.settings();
    let policy = settings.tenants.of_listener(None, &peer.listener);
    tell(cx, record.session(), &policy.name, kind, false);
    if let Some(offence) = offence.filter(|_| !peer.trusted) {
        let changes = cx.admission.shared.blocks.record(
            None,
            peer.prefix(),
            &policy.name,
            offence,
            &policy.rules.blocks,
            cx.moment().wall,
        );
        cx.tell_blocks(&changes);
    }
}

/// What an end is counted as, and the offence that it may be.
fn offence_of(end: End, attempt: Option<&LoginAttempt>) -> Option<(OffenceKind, Option<Offence>)> {
    let waited = attempt.map_or(Duration::ZERO, |attempt| attempt.asked.elapsed());
    match end {
        End::ClientViolation => Some((OffenceKind::Abuse, Some(Offence::Abuse))),
        End::LeftBeforeLogin => Some((OffenceKind::LeftBeforeLogin, None)),
        // It waited as long as any mail program does: that is the backend's fault, or the holder's.
        End::LeftWaiting if waited >= PATIENCE_MIN => Some((OffenceKind::AbandonedWait, None)),
        End::LeftWaiting => Some((OffenceKind::AbandonedWait, Some(Offence::AbandonedWait))),
        End::Left => Some((OffenceKind::LostLine, None)),
        _ => None,
    }
}

/// Whether what a client said is no abuse; then each of its passwords was judged by itself.
fn is_excused(record: &Record, end: End) -> bool {
    end == End::ClientViolation && record.is_excused()
}

/// Leaves the trial login under a block to another, where this one ended before it came to a
/// backend. Once a backend may have heard the password the trial is spent: a guesser that left
/// before each answer could otherwise try as many as it likes.
fn return_trial(cx: &Context, record: &Record, attempt: &LoginAttempt, end: End) {
    let may_be_open = matches!(
        end,
        End::LeftWaiting | End::BackendUnreachable | End::Kicked
    );
    // One that was answered has given its trial back by then, or has spent it.
    if may_be_open && record.login_is_open() && !record.reached_backend() {
        let blocks = &cx.admission.shared.blocks;
        blocks.return_trial(attempt, cx.moment().wall);
    }
}

fn tell(cx: &Context, session: SessionId, tenant: &TenantName, fault: OffenceKind, proven: bool) {
    cx.events.emit(Event::Rule(RuleEvent::Faulted {
        session,
        tenant: tenant.clone(),
        fault,
        proven,
    }));
}

fn count(cx: &Context, attempt: &LoginAttempt, offence: Offence) {
    if attempt.trusted {
        return;
    }
    let changes = cx.admission.shared.blocks.record(
        Some(&attempt.key),
        attempt.prefix(),
        &attempt.policy.name,
        offence,
        &attempt.rules().blocks,
        cx.moment().wall,
    );
    cx.tell_blocks(&changes);
}
