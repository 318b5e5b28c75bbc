//! What the API shows, made of what the gate has.

use crate::admin::model::{
    BackendInfo, BackendStateWord, CauseInfo, HolderInfo, LockInfo, ProgramInfo, SessionInfo,
    WaiterInfo,
};
use crate::backend::connect::Backend;
use crate::backend::health::State;
use crate::gate::{Phase, SessionView, Sessions, Stage};
use crate::ids::MaildropKey;
use crate::lock::queue::Lane;
use crate::lock::{HolderView, LockView, WaiterView};
use crate::policy::pause::PausedNames;
use crate::policy::sharing::LetInReason;
use crate::program::{Family, ProgramGuess};
use crate::report::causes::FoundCause;
use crate::report::words::Words;
use crate::time::{Instant, Moment};
use std::fmt::Write;

/// A session that had the maildrop stands on its listing.
const SENT_BACK: &str = "sent_back";

/// A lock as `now`, with what `sessions` know of its holder.
pub(super) fn lock_info(lock: &LockView, sessions: &Sessions, now: Moment) -> LockInfo {
    let holder = lock.holder.as_ref().map(|holder| {
        let session = sessions.view(holder.claimant.session);
        let session = session.filter(|session| is_inside(session, lock, holder));
        holder_info(holder, session.as_ref(), now)
    });
    let waiters: Vec<_> = lock
        .waiters
        .iter()
        .map(|waiter| {
            let session = sessions.view(waiter.claimant.session);
            waiter_info(waiter, session.as_ref(), now)
        })
        .collect();
    let tenant = holder.as_ref().map(|it| &it.tenant);
    LockInfo {
        id: lock_id(&lock.key),
        maildrop: lock.key.to_string(),
        backends: lock
            .key
            .backends()
            .iter()
            .map(ToString::to_string)
            .collect(),
        backend: lock.home.as_ref().map(ToString::to_string),
        tenant: tenant.or(waiters.first().map(|it| &it.tenant)).cloned(),
        holder,
        longest_wait_seconds: longest_wait(&waiters),
        waiters,
    }
}

fn longest_wait(waiters: &[WaiterInfo]) -> f64 {
    waiters
        .iter()
        .map(|it| it.waited_seconds)
        .fold(0.0, f64::max)
}

/// Whether the session that was granted the lock is still in the maildrop. Else its backend
/// connection is being closed, and it may have logged in again, here or elsewhere.
fn is_inside(session: &SessionView, lock: &LockView, holder: &HolderView) -> bool {
    let waits_again = lock
        .waiters
        .iter()
        .any(|waiter| waiter.claimant.session == holder.claimant.session);
    let is_here = session
        .login
        .as_ref()
        .is_some_and(|login| login.key == lock.key);
    is_here && !waits_again && is_logged_in(session.phase)
}

fn is_logged_in(phase: Phase) -> bool {
    match phase {
        // Waiting: it was granted the lock a moment ago, or is paused while it holds it.
        Phase::Waiting | Phase::LoggingIn | Phase::Transaction | Phase::Update => true,
        Phase::Greeting | Phase::Authorization | Phase::Viewing | Phase::Closing => false,
    }
}

/// Octets that are no printable ASCII are escaped as in a URL, so that no two locks share an id.
pub(super) fn lock_id(key: &MaildropKey) -> String {
    let backends: Vec<_> = key.backends().iter().map(|it| it.as_str()).collect();
    let mut id = backends.join(",");
    id.push('/');
    for &octet in key.maildrop().as_bytes() {
        if octet.is_ascii_graphic() && octet != b'%' {
            id.push(char::from(octet));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(id, "%{octet:02X}");
        }
    }
    id
}

/// `session`: none where it is over, and the end of its backend connection is awaited.
fn holder_info(holder: &HolderView, session: Option<&SessionView>, now: Moment) -> HolderInfo {
    let claimant = &holder.claimant;
    HolderInfo {
        session: claimant.session.0,
        client: claimant.client.to_string(),
        tenant: claimant.tenant.to_string(),
        program: session.and_then(|session| program(session.program)),
        lane: lane(holder.lane).to_owned(),
        since: now.wall_at(holder.since),
        held_seconds: seconds(holder.since, now),
        phase: session
            .map_or(Phase::Closing, |session| session.phase)
            .as_str()
            .to_owned(),
        last_command: session.and_then(last_command),
        idle_seconds: session.map(|session| seconds(session.active, now)),
        retrieved: session.map_or(0, |session| session.retrieved),
        bytes_to_client: session.map_or(0, |session| session.bytes_to_client),
        bytes_to_backend: session.map_or(0, |session| session.bytes_to_backend),
    }
}

/// `session`: none where it has just gone.
fn waiter_info(waiter: &WaiterView, session: Option<&SessionView>, now: Moment) -> WaiterInfo {
    let claimant = &waiter.claimant;
    WaiterInfo {
        session: claimant.session.0,
        client: claimant.client.to_string(),
        tenant: claimant.tenant.to_string(),
        program: session.and_then(|session| program(session.program)),
        lane: lane(waiter.lane).to_owned(),
        since: now.wall_at(waiter.since),
        waited_seconds: seconds(waiter.since, now),
        until: now.wall_at(waiter.until),
    }
}

pub(super) fn session_info(session: &SessionView, now: Moment) -> SessionInfo {
    let login = session.login.as_ref();
    SessionInfo {
        id: session.id.0,
        client: session.client.to_string(),
        listener: session.listener.to_string(),
        opened: session.opened.wall,
        open_seconds: seconds(session.opened.instant, now),
        maildrop: login.map(|login| login.maildrop.to_string()),
        tenant: login.map(|login| login.tenant.to_string()),
        backend: login.and_then(|login| Some(login.backend.as_ref()?.to_string())),
        program: program(session.program),
        phase: session.phase.as_str().to_owned(),
        listing: listing(session),
        last_command: last_command(session),
        idle_seconds: Some(seconds(session.active, now)),
        retrieved: session.retrieved,
        bytes_to_client: session.bytes_to_client,
        bytes_to_backend: session.bytes_to_backend,
    }
}

pub(super) fn backend_info(backend: &Backend, paused: &PausedNames) -> BackendInfo {
    let options = backend.options();
    let state = backend.state();
    BackendInfo {
        name: options.name.to_string(),
        address: options.address.clone(),
        state: match &state {
            State::Unknown => BackendStateWord::Unknown,
            State::Up(_) => BackendStateWord::Up,
            State::Down(_) => BackendStateWord::Down,
        },
        why: match state {
            State::Down(why) => Some(why),
            State::Unknown | State::Up(_) => None,
        },
        paused: paused.backends.contains(&options.name),
        connections: backend.connections(),
        connections_max: (options.connections > 0).then_some(options.connections),
    }
}

/// As lists show it, in few words; none where it is not known.
pub(super) fn program(guess: ProgramGuess) -> Option<String> {
    (guess.family != Family::Unknown).then(|| guess.to_string())
}

pub(super) fn cause_info(found: &FoundCause, words: &Words) -> CauseInfo {
    let told = words.cause(found);
    CauseInfo {
        cause: found.cause.as_str().to_owned(),
        likelihood: found.likelihood.as_str().to_owned(),
        title: told.title,
        evidence: told.evidence,
        advice: told.advice,
    }
}

pub(super) fn program_info(guess: ProgramGuess) -> ProgramInfo {
    ProgramInfo {
        name: guess.family.as_str().to_owned(),
        confidence: guess.confidence.as_str().to_owned(),
    }
}

/// What it stands on; none where it is not without its maildrop.
fn listing(session: &SessionView) -> Option<String> {
    let is_viewing = session.phase == Phase::Viewing;
    let listing = session.login.as_ref().filter(|_| is_viewing)?.listing?;
    let word = listing.let_in.map_or(SENT_BACK, LetInReason::as_str);
    Some(word.to_owned())
}

fn last_command(session: &SessionView) -> Option<String> {
    session.last_command.map(|it| it.as_str().to_owned())
}

fn lane(lane: Lane) -> &'static str {
    match lane {
        Lane::Main => "main",
        Lane::Unproven => "unproven",
    }
}

pub(super) fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Serving => "serving",
        Stage::Draining => "draining",
        Stage::Closing => "closing",
        Stage::Closed => "closed",
    }
}

fn seconds(since: Instant, now: Moment) -> f64 {
    now.instant.saturating_duration_since(since).as_secs_f64()
}
