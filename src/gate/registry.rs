//! All open sessions of a gate, seen and ended from outside.
//!
//! A session writes what it does into its [`SessionHandle`] as it goes: one atomic for each thing,
//! and a mutex for the names of its login. A reader never holds up a session: [`Sessions::views`]
//! takes the handles out of the map first, a shard at a time, and reads them then.

mod login;
mod program;
mod rest;

pub use login::{SeenLogin, StandingOn};

use self::login::{RegisteredListing, RegisteredLogin};
use super::peer::Peer;
use super::programs::Programs;
use super::seen_trace::SeenTrace;
use crate::history::kept_line;
use crate::ids::{BackendName, ListenerName, MaildropKey, SessionId, TenantName};
use crate::observe::end::EndCause;
use crate::policy::attempt::LoginAttempt;
use crate::policy::sharing::LetInReason;
use crate::pop3::exchange::Tally;
use crate::pop3::keyword::Keyword;
use crate::program::{Family, HelloFingerprint, ProgramGuess};
use crate::str_enum::str_enum;
use crate::time::{Instant, Moment};
use atomic_waker::AtomicWaker;
use dashmap::DashMap;
use std::collections::HashMap;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

str_enum! {
    /// How far a session has come.
    Phase {
        /// It has no greeting yet: TLS, or a first look at the backends, comes before.
        Greeting = "greeting",
        /// It may log in (RFC 1939 section 4).
        Authorization = "authorization",
        /// Its login is held, or waits for the maildrop.
        Waiting = "waiting",
        /// It holds the lock, and the backend is asked.
        LoggingIn = "logging_in",
        /// It is logged in, and stands on a listing: it does not hold its maildrop.
        Viewing = "viewing",
        /// It is in its maildrop (RFC 1939 section 5).
        Transaction = "transaction",
        /// It has sent QUIT, and the backend has not answered (RFC 1939 section 6).
        Update = "update",
        /// It has given its maildrop up, and takes the last words.
        Closing = "closing",
    }
}

str_enum! {
    /// What became of a kick.
    Kick {
        /// The session ends now, without QUIT.
        Kicked = "kicked",
        /// Its client has sent QUIT, so it is left alone: what it marked is to be deleted.
        AfterQuit = "after_quit",
        /// It is ending already.
        Ending = "ending",
        /// There is none with this number.
        NoSuchSession = "no_such_session",
    }
}

/// What is known of a session at one moment.
#[derive(Clone, Debug)]
pub struct SessionView {
    /// Its number.
    pub id: SessionId,
    /// The client's address.
    pub client: SocketAddr,
    /// The listener that accepted it.
    pub listener: ListenerName,
    /// When it was opened.
    pub opened: Moment,
    /// Its last login.
    pub login: Option<SeenLogin>,
    /// How far it has come.
    pub phase: Phase,
    /// The last command of its client.
    pub last_command: Option<Keyword>,
    /// The program that its client is thought to be.
    pub program: ProgramGuess,
    /// Messages retrieved whole.
    pub retrieved: u64,
    /// Octets to the client after login.
    pub bytes_to_client: u64,
    /// Octets to the backend after login.
    pub bytes_to_backend: u64,
    /// When the client sent something or was sent something last.
    pub active: Instant,
}

/// The registry. A clone is the same one.
#[derive(Clone, Default)]
pub struct Sessions(Arc<Registry>);

#[derive(Default)]
struct Registry {
    /// The number of the last session.
    last: AtomicU64,
    open: DashMap<SessionId, Arc<SessionHandle>>,
    programs: Programs,
}

impl Sessions {
    /// Every open session, the oldest first.
    #[must_use]
    pub fn views(&self) -> Vec<SessionView> {
        let handles = self.handles();
        handles.iter().map(|handle| handle.view()).collect()
    }

    /// One session, if it is open.
    #[must_use]
    pub fn view(&self, id: SessionId) -> Option<SessionView> {
        Some(self.handle(id)?.view())
    }

    /// Those whose last login was for this maildrop, the oldest first.
    #[must_use]
    pub fn views_in(&self, key: &MaildropKey) -> Vec<SessionView> {
        let mut handles = self.handles();
        handles.retain(|handle| handle.is_in(key));
        handles.iter().map(|handle| handle.view()).collect()
    }

    /// How many sessions each tenant has that has any. For the figures of a page: no view is made,
    /// and no program guessed.
    #[must_use]
    pub fn counts_by_tenant(&self) -> HashMap<TenantName, usize> {
        let mut counts = HashMap::new();
        for handle in self.handles() {
            if let Some(login) = &handle.words().login {
                *counts.entry(login.attempt.tenant().clone()).or_default() += 1;
            }
        }
        counts
    }

    /// How many sessions are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.open.len()
    }

    /// Ends a session wherever it waits, without QUIT, for the operator's `reason`; but none whose
    /// client has sent that.
    pub fn kick(&self, id: SessionId, reason: Option<Arc<str>>) -> Kick {
        self.handle(id)
            .map_or(Kick::NoSuchSession, |handle| handle.kick(reason))
    }

    /// Forgets programs that have not been seen for long.
    pub fn forget_programs(&self, now: Instant) {
        self.0.programs.forget(now);
    }

    /// Out of the map: a view waits for a mutex, and no shard may be locked meanwhile.
    fn handles(&self) -> Vec<Arc<SessionHandle>> {
        let open = &self.0.open;
        let mut handles: Vec<_> = open.iter().map(|entry| Arc::clone(entry.value())).collect();
        handles.sort_unstable_by_key(|handle| handle.id);
        handles
    }

    fn handle(&self, id: SessionId) -> Option<Arc<SessionHandle>> {
        self.0.open.get(&id).map(|entry| Arc::clone(entry.value()))
    }

    /// A new session, which is seen until the answer is dropped.
    pub(crate) fn open(&self, peer: &Arc<Peer>, opened: Moment) -> OpenSession {
        // Relaxed: numbers must differ, and no other memory depends on them.
        let id = SessionId(self.0.last.fetch_add(1, Ordering::Relaxed) + 1);
        let handle = Arc::new(SessionHandle::new(id, Arc::clone(peer), opened));
        self.0.open.insert(id, Arc::clone(&handle));
        OpenSession {
            registry: Arc::clone(&self.0),
            handle,
        }
    }
}

/// A session's place in the registry. Its drop, also by a panic or a cancelled task, ends it.
pub(crate) struct OpenSession {
    registry: Arc<Registry>,
    handle: Arc<SessionHandle>,
}

impl OpenSession {
    pub(crate) fn handle(&self) -> &Arc<SessionHandle> {
        &self.handle
    }

    /// What is remembered of programs.
    pub(crate) fn programs(&self) -> &Programs {
        &self.registry.programs
    }
}

impl Drop for OpenSession {
    fn drop(&mut self) {
        self.registry.open.remove(&self.handle.id);
    }
}

/// What a session shows of itself, and how it hears of a kick.
pub(crate) struct SessionHandle {
    id: SessionId,
    peer: Arc<Peer>,
    opened: Moment,
    words: Mutex<SessionNames>,
    /// Its [`Phase`], with [`QUIT`] and [`KICKED`]. In one atomic, so that of QUIT and a kick one
    /// comes first and the other one knows.
    state: AtomicU8,
    /// The place of its [`Keyword`] in all of them; [`NO_COMMAND`] before the first.
    last_command: AtomicU8,
    trace: SeenTrace,
    /// Whether the relay owes its client a reply.
    awaits_reply: AtomicBool,
    /// Whether octets for its client were on their way at the last look.
    owes_octets: AtomicBool,
    retrieved: AtomicU64,
    /// It has retrieved one, also before it was sent back to its listing.
    has_fetched: AtomicBool,
    to_client: AtomicU64,
    to_backend: AtomicU64,
    /// When something moved last between the client and popgate, in milliseconds since `opened`.
    active: AtomicU64,
    /// The session's task.
    task: AtomicWaker,
}

/// What is no number.
#[derive(Default)]
struct SessionNames {
    login: Option<RegisteredLogin>,
    /// What its client offered in TLS.
    hello: Option<HelloFingerprint>,
    /// Why it was kicked, where the operator has said so.
    kick_reason: Option<Arc<str>>,
    /// The last error line that its client was sent.
    answer: Option<Box<str>>,
}

/// The client has sent QUIT.
const QUIT: u8 = 0x40;
/// Somebody has kicked the session.
const KICKED: u8 = 0x80;
/// The rest of the state.
const PHASE: u8 = 0x0f;

const NO_COMMAND: u8 = u8::MAX;

impl SessionHandle {
    fn new(id: SessionId, peer: Arc<Peer>, opened: Moment) -> Self {
        Self {
            id,
            peer,
            opened,
            words: Mutex::default(),
            state: AtomicU8::new(Phase::Greeting as u8),
            last_command: AtomicU8::new(NO_COMMAND),
            trace: SeenTrace::new(),
            awaits_reply: AtomicBool::new(false),
            owes_octets: AtomicBool::new(false),
            retrieved: AtomicU64::new(0),
            has_fetched: AtomicBool::new(false),
            to_client: AtomicU64::new(0),
            to_backend: AtomicU64::new(0),
            active: AtomicU64::new(0),
            task: AtomicWaker::new(),
        }
    }

    pub(crate) fn id(&self) -> SessionId {
        self.id
    }

    pub(crate) fn enter(&self, phase: Phase) {
        // A client that may log in again has not sent QUIT: a line that looked like one behind its
        // login may be the response to an AUTH, and must not protect the next login from a kick.
        let kept = if phase == Phase::Authorization {
            !(PHASE | QUIT)
        } else {
            !PHASE
        };
        self.update(|state| Some(state & kept | phase as u8));
    }

    /// The client has sent QUIT, and no kick ends the session any more. False if one came before:
    /// then the QUIT must not reach the backend, for whoever kicked was told that it will not.
    #[must_use]
    pub(crate) fn quit_sent(&self) -> bool {
        self.update(|state| (state & KICKED == 0).then_some(state | QUIT))
    }

    /// Whether it has, and no kick came before.
    pub(crate) fn has_sent_quit(&self) -> bool {
        self.state.load(Ordering::Acquire) & QUIT != 0
    }

    /// `remembered`: what an earlier session of this client was that began like this one.
    pub(crate) fn identified(&self, attempt: &Arc<LoginAttempt>, remembered: Option<Family>) {
        self.words().login = Some(RegisteredLogin::new(attempt, remembered));
    }

    /// Its login is held for a while: it came too often, or its password was wrong.
    pub(crate) fn delayed(&self) {
        if let Some(login) = &mut self.words().login {
            login.delayed = true;
        }
    }

    /// Its login waits for the lock since `since`.
    pub(crate) fn queued(&self, since: Instant) {
        if let Some(login) = &mut self.words().login {
            login.queued = Some(since);
        }
    }

    /// It goes on without its maildrop: popgate has let it in for this reason, or it was sent back.
    pub(crate) fn stands_on_listing(&self, let_in: Option<LetInReason>) {
        let since = self.opened.instant.elapsed().as_millis();
        if let Some(login) = &mut self.words().login {
            login.listing = Some(RegisteredListing {
                let_in,
                // Of a session that is older than seven weeks it is too early.
                since: u32::try_from(since).unwrap_or(u32::MAX),
            });
        }
    }

    pub(crate) fn on_backend(&self, backend: &BackendName) {
        if let Some(login) = &mut self.words().login {
            login.backend = Some(backend.clone());
        }
    }

    pub(crate) fn commanded(&self, keyword: Keyword) {
        self.last_command.store(keyword as u8, Ordering::Relaxed);
    }

    /// The client was sent this error line.
    pub(crate) fn refused(&self, line: &[u8]) {
        self.words().answer = Some(kept_line(line));
    }

    /// The last error line that the client was sent, since it was taken last.
    pub(crate) fn take_answer(&self) -> Option<Box<str>> {
        self.words().answer.take()
    }

    /// What the relay has done so far. The session alone writes this, so a plain store will do.
    pub(crate) fn relayed(&self, tally: &Tally, to_client: u64, to_backend: u64) {
        self.retrieved.store(tally.retrieved, Ordering::Relaxed);
        self.has_fetched
            .fetch_or(tally.retrieved > 0, Ordering::Relaxed);
        self.to_client.store(to_client, Ordering::Relaxed);
        self.to_backend.store(to_backend, Ordering::Relaxed);
    }

    /// Returns when the session is kicked, with the end that it has then. Cancel-safe. Only the
    /// session's own task may wait.
    pub(crate) async fn kicked(&self) -> EndCause {
        poll_fn(|task| self.poll_kicked(task)).await;
        EndCause::Kicked {
            reason: self.kick_reason(),
        }
    }

    pub(crate) fn poll_kicked(&self, task: &Context<'_>) -> Poll<()> {
        // First: a kick in between wakes the task.
        self.task.register(task.waker());
        if self.is_kicked() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Whether the session was kicked. Where it was not, its task hears of a kick only if it also
    /// waits for one.
    pub(crate) fn is_kicked(&self) -> bool {
        self.state.load(Ordering::Acquire) & KICKED != 0
    }

    /// Why the session was kicked, where the operator has said so.
    pub(crate) fn kick_reason(&self) -> Option<Arc<str>> {
        self.words().kick_reason.clone()
    }

    fn kick(&self, reason: Option<Arc<str>>) -> Kick {
        // Held until the reason is there: whoever sees the kick waits for it.
        let mut words = self.words();
        let kicked = self
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
                (answer(state) == Kick::Kicked).then_some(state | KICKED)
            });
        match kicked {
            Ok(_) => {
                words.kick_reason = reason;
                drop(words);
                self.task.wake();
                Kick::Kicked
            }
            // The state that refused it: the one of now may be another.
            Err(refused_by) => answer(refused_by),
        }
    }

    /// Whether it was changed.
    fn update(&self, change: impl Fn(u8) -> Option<u8>) -> bool {
        // No `fetch_or`: whether a bit may be set depends on the others.
        self.state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, change)
            .is_ok()
    }

    fn view(&self) -> SessionView {
        let state = self.state.load(Ordering::Acquire);
        let last_command = usize::from(self.last_command.load(Ordering::Relaxed));
        // A guard in the literal below would be held to its end, and the guess takes it, too.
        let opened = self.opened.instant;
        let login = self.words().login.as_ref().map(|login| login.seen(opened));
        SessionView {
            id: self.id,
            client: self.peer.client,
            listener: self.peer.listener.clone(),
            opened: self.opened,
            login,
            phase: match phase(state) {
                // No session enters `Update`: QUIT is a bit, so that a kick cannot slip in between.
                Phase::Transaction if state & QUIT != 0 => Phase::Update,
                phase => phase,
            },
            last_command: Keyword::ALL.get(last_command).copied(),
            program: self.program(Instant::now()),
            retrieved: self.retrieved.load(Ordering::Relaxed),
            bytes_to_client: self.to_client.load(Ordering::Relaxed),
            bytes_to_backend: self.to_backend.load(Ordering::Relaxed),
            active: self.active(),
        }
    }

    fn is_in(&self, key: &MaildropKey) -> bool {
        let words = self.words();
        words
            .login
            .as_ref()
            .is_some_and(|login| login.attempt.key == *key)
    }

    fn words(&self) -> MutexGuard<'_, SessionNames> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn phase(state: u8) -> Phase {
    let place = usize::from(state & PHASE);
    // Only phases are stored, so the last resort is never taken.
    Phase::ALL.get(place).copied().unwrap_or(Phase::Closing)
}

/// What a kick leads to in this state.
fn answer(state: u8) -> Kick {
    // Of two kicks the first one ends it.
    if state & KICKED != 0 || phase(state) == Phase::Closing {
        Kick::Ending
    } else if state & QUIT != 0 {
        Kick::AfterQuit
    } else {
        Kick::Kicked
    }
}

#[cfg(test)]
mod tests;
