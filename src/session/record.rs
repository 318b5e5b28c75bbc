//! What is told of a session at its end, gathered on the way.

mod recognition;

use crate::gate::{OpenSession, Peer, Phase, SessionHandle};
use crate::history::{Encryption, HistoryEntry, HistoryLogin};
use crate::ids::{BackendName, SessionId};
use crate::limits::HISTORY_TEXT_MAX;
use crate::net::TlsMode;
use crate::net::conn::Conn;
use crate::observe::event::{End, EndCause, Event, SessionSummary};
use crate::observe::hub::EventHub;
use crate::policy::attempt::LoginAttempt;
use crate::pop3::keyword::Keyword;
use crate::program::Step;
use crate::time::{Duration, Instant, Moment};
use recognition::Recognition;
use std::sync::Arc;

/// The session's summary in the making. Whatever ends the session, a panic and a cancelled task
/// too, the drop of its record tells the one [`Event::SessionEnded`].
pub(super) struct Record {
    events: Arc<EventHub>,
    session: OpenSession,
    peer: Arc<Peer>,
    /// Boxed, since a session in clear has none.
    tls: Option<Box<TlsFacts>>,
    opened: Instant,
    held_since: Option<Instant>,
    /// When the last login was granted the lock.
    granted: Option<Instant>,
    /// Why the last login was refused; the session ends by it if the client gives up.
    refusal: Option<EndCause>,
    ended: bool,
    /// The last login.
    attempt: Option<Arc<LoginAttempt>>,
    /// Which program it comes from.
    recognition: Recognition,
    /// What was spent before it; none where its end is told.
    before_login: Option<Spent>,
    /// Whether the backend let the last login in.
    entered: bool,
    excused: bool,
    /// Whether the last login waited while it was paused.
    met_pause: bool,
    pub(super) summary: SessionSummary,
}

/// How a session's connection is encrypted.
struct TlsFacts {
    encryption: Encryption,
    server_name: Option<Box<str>>,
}

/// Time that a session has spent.
#[derive(Clone, Copy)]
struct Spent {
    /// Waiting for locks.
    waited: Duration,
    /// Held for coming too often, or for wrong passwords.
    delayed: Duration,
    /// Holding locks.
    held: Duration,
}

impl Record {
    pub(super) fn open(events: Arc<EventHub>, session: OpenSession, peer: &Arc<Peer>) -> Self {
        let id = session.handle().id();
        let listener = peer.listener.clone();
        let client = peer.client;
        let opened = Event::SessionOpened {
            session: id,
            listener: listener.clone(),
            client,
        };
        let summary = SessionSummary {
            session: id,
            listener,
            client,
            tls: None,
            tenant: None,
            maildrop: None,
            backend: None,
            duration: Duration::ZERO,
            waited: Duration::ZERO,
            delayed: Duration::ZERO,
            held: Duration::ZERO,
            commands: 0,
            bytes_to_client: 0,
            bytes_to_backend: 0,
            listed: None,
            retrieved: 0,
            deleted: 0,
            cause: EndCause::Shutdown,
        };
        let record = Self {
            events,
            session,
            peer: Arc::clone(peer),
            tls: None,
            opened: Instant::now(),
            held_since: None,
            granted: None,
            refusal: None,
            ended: false,
            attempt: None,
            recognition: Recognition::default(),
            before_login: None,
            entered: false,
            excused: false,
            met_pause: false,
            summary,
        };
        // Told only now: from here on the end is told, too, whatever happens.
        record.events.emit(opened);
        record
    }

    pub(super) fn session(&self) -> SessionId {
        self.summary.session
    }

    /// The session as others see it.
    pub(super) fn handle(&self) -> Arc<SessionHandle> {
        Arc::clone(self.session.handle())
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.session.handle().enter(phase);
    }

    /// The connection speaks TLS from now on.
    pub(super) fn secured(&mut self, conn: &Conn) {
        self.session.handle().secured(conn.client_hello());
        self.summary.tls = conn.tls_version().map(str::to_owned);
        let encryption = match conn.tls_parameters() {
            None => Encryption::None,
            Some(parameters) if self.peer.tls == TlsMode::Stls => Encryption::Stls(parameters),
            Some(parameters) => Encryption::Implicit(parameters),
        };
        self.tls = Some(Box::new(TlsFacts {
            encryption,
            server_name: conn.server_name().map(kept_text),
        }));
    }

    /// The backend let it in.
    pub(super) fn entered_maildrop(&mut self) {
        self.entered = true;
        if let Some(attempt) = &self.attempt {
            self.recognition.came(&self.session, attempt);
        }
        self.enter(Phase::Transaction);
    }

    /// The client said this before login; `sent_ahead`: before what it said last was answered.
    pub(super) fn commanded(&mut self, line: &[u8], sent_ahead: bool) {
        let handle = self.session.handle();
        handle.commanded(Keyword::of_line(line));
        let mut trace = handle.trace();
        trace.push(Step::of_line(line), sent_ahead);
        handle.traced(&trace);
    }

    /// A login was read.
    pub(super) fn login_began(&mut self, attempt: &Arc<LoginAttempt>) {
        // One that was answered at once, as the one before it was.
        if let Some(cause) = self.refusal.clone() {
            self.login_ended(&cause);
        }
        self.before_login = Some(self.spent());
        self.met_pause = false;
        self.granted = None;
        self.summary.backend = None;
        self.recognition = Recognition::of_login(&self.session, attempt);
        self.identified(attempt);
    }

    /// A login was read; or a reload, or another session's login, has changed what is known of it.
    pub(super) fn identified(&mut self, attempt: &Arc<LoginAttempt>) {
        let remembered = self.recognition.remembered();
        self.session.handle().identified(attempt, remembered);
        self.summary.maildrop = Some(attempt.login.clone());
        self.attempt = Some(Arc::clone(attempt));
        let tenant = &attempt.policy.name;
        if self.summary.tenant.as_ref() != Some(tenant) {
            let from = self.summary.tenant.replace(tenant.clone());
            self.events.emit(Event::TenantKnown {
                session: attempt.session,
                from,
                tenant: tenant.clone(),
            });
        }
    }

    /// The last login.
    pub(super) fn attempt(&self) -> Option<&LoginAttempt> {
        self.attempt.as_deref()
    }

    /// What its client says from here on does not count as abuse of the protocol: it was sent ahead
    /// behind a login that did not succeed, or is the protocol of a health check.
    pub(super) fn excuse(&mut self) {
        self.excused = true;
    }

    pub(super) fn is_excused(&self) -> bool {
        self.excused
    }

    /// Whether the last login has no answer yet.
    pub(super) fn login_is_open(&self) -> bool {
        self.before_login.is_some()
    }

    /// Whether a backend may have heard the password of the last login.
    pub(super) fn reached_backend(&self) -> bool {
        self.summary.backend.is_some()
    }

    /// The last login waits, and is paused.
    pub(super) fn paused(&mut self) {
        self.met_pause = true;
    }

    /// Whether the last login waited while it was paused.
    pub(super) fn met_pause(&self) -> bool {
        self.met_pause
    }

    pub(super) fn on_backend(&mut self, backend: &BackendName) {
        self.session.handle().on_backend(backend);
        self.summary.backend = Some(backend.clone());
    }

    pub(super) fn waited(&mut self, wait: Duration) {
        self.summary.waited += wait;
    }

    pub(super) fn delayed(&mut self, delay: Duration) {
        self.summary.delayed += delay;
    }

    pub(super) fn lock_taken(&mut self) {
        self.enter(Phase::LoggingIn);
        let now = Instant::now();
        self.held_since = Some(now);
        self.granted = Some(now);
    }

    pub(super) fn lock_given(&mut self) {
        if let Some(since) = self.held_since.take() {
            self.summary.held += since.elapsed();
        }
    }

    /// A login was refused; the client may try again, or give up.
    pub(super) fn refused(&mut self, cause: EndCause) {
        self.login_ended(&cause);
        self.refusal = Some(cause);
        self.excuse();
    }

    /// Told once for each login.
    fn login_ended(&mut self, cause: &EndCause) {
        if let Some((attempt, before)) = self.attempt.clone().zip(self.before_login.take()) {
            self.tell_entry(cause, Some((&attempt, before)));
        }
    }

    fn tell_entry(&self, cause: &EndCause, login: Option<(&LoginAttempt, Spent)>) {
        let now = self.events.now();
        let login = login.map(|(attempt, before)| Box::new(self.login(attempt, before, now)));
        let tls = self.tls.as_deref();
        let program = self.session.handle().program(now.instant);
        let entry = HistoryEntry {
            session: self.session(),
            opened: now.wall_at(self.opened),
            ended: now.wall,
            listener: self.summary.listener.clone(),
            port: self.peer.port,
            client: self.summary.client,
            encryption: tls.map_or(Encryption::None, |tls| tls.encryption.clone()),
            server_name: tls.and_then(|tls| tls.server_name.clone()),
            login,
            end: cause.end(),
            cause: cause.name(),
            sentence: kept_text(&cause.to_string()),
            answer: None,
            idle: Duration::ZERO,
            commands: self.summary.commands,
            program,
            is_twin: self.recognition.is_twin(&self.session, program.family),
            trace: self.session.handle().trace(),
        };
        self.events.emit(Event::Recorded(Arc::new(entry)));
    }

    fn login(&self, attempt: &LoginAttempt, before: Spent, now: Moment) -> HistoryLogin {
        let spent = self.spent();
        HistoryLogin {
            asked: now.wall_at(attempt.asked),
            name: attempt.login.clone(),
            key: attempt.key.clone(),
            tenant: attempt.tenant().clone(),
            proven: attempt.is_proven(),
            backend: self.summary.backend.clone(),
            entered: self.entered,
            ahead: None,
            delayed: spent.delayed.saturating_sub(before.delayed),
            waited: spent.waited.saturating_sub(before.waited),
            granted: self.granted.map(|granted| now.wall_at(granted)),
            held: spent.held.saturating_sub(before.held),
            locked_replies: 0,
            backend_answer: None,
            rule: None,
            early: None,
            listed: self.summary.listed,
            retrieved: self.summary.retrieved,
            deleted: self.summary.deleted,
            marked: 0,
            bytes_to_client: self.summary.bytes_to_client,
            bytes_to_backend: self.summary.bytes_to_backend,
        }
    }

    fn spent(&self) -> Spent {
        Spent {
            waited: self.summary.waited,
            delayed: self.summary.delayed,
            held: self.summary.held,
        }
    }

    /// A client that gives up after a refusal ends by that refusal: "left before login" would hide
    /// why.
    pub(super) fn why_it_ended(&mut self, cause: EndCause) -> EndCause {
        let gave_up = matches!(cause.end(), End::LeftBeforeLogin | End::QuitBeforeLogin);
        self.refusal.take().filter(|_| gave_up).unwrap_or(cause)
    }

    pub(super) fn end(mut self, cause: EndCause) {
        self.summary.cause = cause;
        self.ended = true;
    }

    /// Nobody said how it ended: a panic, or the task was cancelled, which only a stop does.
    fn ended_without_word(&mut self) {
        if std::thread::panicking() {
            self.summary.cause = EndCause::Panicked;
            self.events.emit(Event::Panicked {
                session: self.summary.session,
            });
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if !self.ended {
            self.ended_without_word();
        }
        // Where a panic cut the phases, the time held would be lost.
        self.lock_given();
        self.summary.duration = self.opened.elapsed();
        let cause = self.summary.cause.clone();
        if let Some(attempt) = self.attempt.clone() {
            self.login_ended(&cause);
            self.recognition
                .left(&self.session, &attempt, !self.entered);
        } else {
            self.tell_entry(&cause, None);
        }
        self.events
            .emit(Event::SessionEnded(Box::new(self.summary.clone())));
    }
}

/// The beginning of what others said.
fn kept_text(text: &str) -> Box<str> {
    text[..text.floor_char_boundary(HISTORY_TEXT_MAX)].into()
}
