//! What is told of a session at its end and of each of its logins, gathered on the way.

mod login_facts;
mod recognition;

use crate::dialect::Class;
use crate::gate::{OpenSession, Peer, Phase, SessionHandle};
use crate::history::{EarlyLogin, Encryption, HistoryEntry, HistoryLogin, ListingUse, kept_text};
use crate::ids::{BackendName, MaildropKey, SessionId};
use crate::net::TlsMode;
use crate::net::conn::Conn;
use crate::observe::event::{End, EndCause, Event, SessionSummary};
use crate::observe::hub::EventHub;
use crate::policy::attempt::LoginAttempt;
use crate::policy::sharing::LetInReason;
use crate::pop3::exchange::Tally;
use crate::pop3::keyword::Keyword;
use crate::program::Step;
use crate::time::{Duration, Instant, Moment};
use login_facts::LoginFacts;
use recognition::Recognition;
use std::sync::Arc;

/// The session's summary in the making. Whatever ends the session, a panic and a cancelled task
/// too, the drop of its record tells the one [`Event::SessionEnded`].
pub(super) struct Record {
    events: Arc<EventHub>,
    session: OpenSession,
    peer: Arc<Peer>,
    opened: Instant,
    /// Boxed, since a session in clear has none.
    tls: Option<Box<TlsFacts>>,
    /// The last login.
    attempt: Option<Arc<LoginAttempt>>,
    /// What is known of it; none once its entry is told.
    facts: Option<LoginFacts>,
    /// The last refusal; the session ends by it if the client gives up. Boxed: most have none.
    refusal: Option<Box<LoginRefusal>>,
    /// For how long the client had been silent when the end was decided.
    idle: Option<Duration>,
    ended: bool,
    /// Which program the last login comes from.
    recognition: Recognition,
    excused: bool,
    pub(super) summary: SessionSummary,
}

/// That a login was refused.
struct LoginRefusal {
    cause: EndCause,
    /// Its maildrop.
    key: MaildropKey,
}

/// How a session's connection is encrypted.
struct TlsFacts {
    encryption: Encryption,
    server_name: Option<Box<str>>,
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
            listing: ListingUse::default(),
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
            opened: Instant::now(),
            tls: None,
            attempt: None,
            facts: None,
            refusal: None,
            idle: None,
            ended: false,
            recognition: Recognition::default(),
            excused: false,
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

    pub(super) fn enter(&mut self, phase: Phase) {
        if phase == Phase::Closing {
            // Before the last words, which the client may take its time for.
            self.idle = Some(self.silence());
        }
        self.session.handle().enter(phase);
    }

    fn silence(&self) -> Duration {
        self.session.handle().silence(Instant::now())
    }

    /// For how long the client had been silent when the end was decided; before that, is by now.
    fn idle(&self) -> Duration {
        self.idle.unwrap_or_else(|| self.silence())
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
        self.facts = Some(LoginFacts::default());
        self.summary.backend = None;
        // What the client was told before is no answer to this login.
        drop(self.session.handle().take_answer());
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
        self.facts.as_ref().is_some_and(|facts| !facts.refused)
    }

    /// Whether a backend may have heard the password of the last login.
    pub(super) fn reached_backend(&self) -> bool {
        self.summary.backend.is_some()
    }

    /// Takes something in that is known of the last login.
    fn note(&mut self, fact: impl FnOnce(&mut LoginFacts)) {
        if let Some(facts) = &mut self.facts {
            fact(facts);
        }
    }

    /// The last login came before its time.
    pub(super) fn came_early(&mut self, early: EarlyLogin) {
        self.note(|facts| facts.came_early(early));
    }

    /// It waits behind so many others.
    pub(super) fn queued(&mut self, ahead: usize) {
        self.note(|facts| facts.queued(ahead));
    }

    /// It waits, and is paused.
    pub(super) fn paused(&mut self) {
        self.note(|facts| facts.met_pause = true);
    }

    /// Whether it waited while it was paused.
    pub(super) fn met_pause(&self) -> bool {
        self.facts.as_ref().is_some_and(|facts| facts.met_pause)
    }

    /// It waits for the lock from `since` on.
    pub(super) fn waits(&mut self, since: Instant) {
        self.session.handle().queued(since);
    }

    pub(super) fn waited(&mut self, wait: Duration) {
        self.note(|facts| facts.waited += wait);
    }

    /// It is held from now on.
    pub(super) fn delays(&mut self) {
        self.session.handle().delayed();
    }

    pub(super) fn delayed(&mut self, delay: Duration) {
        self.note(|facts| facts.delayed += delay);
    }

    pub(super) fn lock_taken(&mut self) {
        self.enter(Phase::LoggingIn);
        self.note(LoginFacts::lock_taken);
    }

    pub(super) fn lock_given(&mut self) {
        self.note(LoginFacts::lock_given);
    }

    pub(super) fn on_backend(&mut self, backend: &BackendName) {
        self.session.handle().on_backend(backend);
        self.summary.backend = Some(backend.clone());
    }

    /// The backend says that somebody who does not come through popgate holds the maildrop.
    pub(super) fn locked_elsewhere(&mut self) {
        self.note(LoginFacts::locked_elsewhere);
    }

    /// The backend has answered something of this class, in these words where it is an error.
    pub(super) fn backend_replied(&mut self, class: Class, line: &[u8]) {
        if class != Class::Ok {
            self.note(|facts| facts.backend_refused(class, line));
        }
    }

    /// The backend let it in.
    pub(super) fn entered_maildrop(&mut self) {
        self.note(|facts| facts.entered = true);
        if let Some(attempt) = &self.attempt {
            self.recognition.came(&self.session, attempt);
        }
        self.enter(Phase::Transaction);
    }

    /// popgate has let it in on a listing.
    pub(super) fn let_in(&mut self, reason: LetInReason) {
        self.summary.listing.let_in = Some(reason);
        self.session.handle().stands_on_listing(Some(reason));
        if let Some(attempt) = &self.attempt {
            self.recognition.came(&self.session, attempt);
        }
    }

    /// It goes back to its listing, and has given the lock.
    pub(super) fn demoted(&mut self) {
        self.lock_given();
        self.summary.listing.demotions += 1;
        self.session.handle().stands_on_listing(None);
    }

    /// It goes on in the maildrop.
    pub(super) fn promoted(&mut self) {
        self.summary.listing.promotions += 1;
    }

    /// It has said so many commands without its maildrop, was sent so many octets, and was told of
    /// so many messages where it asked.
    pub(super) fn viewed(&mut self, commands: u64, to_client: u64, listed: Option<u64>) {
        let summary = &mut self.summary;
        summary.commands += commands;
        summary.bytes_to_client += to_client;
        summary.listed = listed.or(summary.listed);
    }

    /// What was done in the maildrop, and octets to client and backend.
    pub(super) fn relayed(&mut self, tally: &Tally, to_client: u64, to_backend: u64) {
        self.note(|facts| facts.marked = tally.marked);
        let summary = &mut self.summary;
        summary.commands += tally.commands;
        summary.bytes_to_client += to_client;
        summary.bytes_to_backend += to_backend;
        summary.listed = tally.listed.or(summary.listed);
        summary.retrieved += tally.retrieved;
        summary.deleted += tally.deleted;
    }

    /// A login was refused; the client may try again, or give up.
    pub(super) fn refused(&mut self, cause: EndCause) {
        if let Some(attempt) = &self.attempt {
            let key = attempt.key.clone();
            self.refusal = Some(Box::new(LoginRefusal { cause, key }));
        }
        self.note(|facts| facts.refused = true);
        self.excuse();
    }

    /// A login was refused because a wait was spent on its connection; `is_paused`: in a pause.
    pub(super) fn refused_again(&mut self, is_paused: bool) {
        let cause = match is_paused {
            true => EndCause::Paused,
            false => self.cause_of_spent_wait(),
        };
        self.refused(cause);
    }

    /// Why the wait on this connection was spent. That may have been for another maildrop, and then
    /// what its backend said is nothing for this one: the words may name another user.
    fn cause_of_spent_wait(&self) -> EndCause {
        self.refusal
            .as_ref()
            .zip(self.attempt.as_ref())
            .filter(|(refusal, attempt)| refusal.key == attempt.key)
            .map_or(EndCause::HeldByAnother, |(refusal, _)| {
                refusal.cause.clone()
            })
    }

    /// The client has its answer to a login that was refused.
    pub(super) fn refusal_answered(&mut self) {
        if let Some(cause) = self.last_refusal().cloned() {
            self.login_ended(&cause);
        }
    }

    fn last_refusal(&self) -> Option<&EndCause> {
        self.refusal.as_ref().map(|refusal| &refusal.cause)
    }

    /// Tells the entry of the last login, unless that is told.
    fn login_ended(&mut self, cause: &EndCause) {
        let Some((attempt, mut facts)) = self.attempt.clone().zip(self.facts.take()) else {
            return;
        };
        // Where a panic cut the phases, the time held would be lost.
        facts.lock_given();
        self.summary.delayed += facts.delayed;
        self.summary.waited += facts.waited;
        self.summary.held += facts.held();
        // Whatever ended the session while a refusal was on its way: the login ended by that.
        let cause = self
            .last_refusal()
            .filter(|_| facts.refused)
            .unwrap_or(cause);
        let now = self.events.now();
        let login = facts.into_history(&attempt, &self.summary, cause, now);
        self.tell_entry(cause, Some(login), now);
    }

    fn tell_entry(&self, cause: &EndCause, login: Option<HistoryLogin>, now: Moment) {
        let tls = self.tls.as_deref();
        let idle = self.idle();
        let handle = self.session.handle();
        let program = handle.guess(self.recognition.remembered(), false, idle);
        let entry = HistoryEntry {
            session: self.session(),
            opened: now.wall_at(self.opened),
            ended: now.wall,
            listener: self.summary.listener.clone(),
            port: self.peer.port,
            client: self.summary.client,
            encryption: tls.map_or(Encryption::None, |tls| tls.encryption.clone()),
            server_name: tls.and_then(|tls| tls.server_name.clone()),
            login: login.map(Box::new),
            end: cause.end(),
            cause: cause.name(),
            sentence: kept_text(&cause.to_string()),
            answer: handle.take_answer(),
            idle,
            commands: self.summary.commands,
            program,
            is_twin: self.recognition.is_twin(&self.session, program.family),
            trace: handle.trace(),
        };
        self.events.emit(Event::Recorded(Arc::new(entry)));
    }

    /// A client that gives up after a refusal ends by that refusal: "left before login" would hide
    /// why.
    pub(super) fn why_it_ended(&self, cause: EndCause) -> EndCause {
        let gave_up = matches!(cause.end(), End::LeftBeforeLogin | End::QuitBeforeLogin);
        self.last_refusal()
            .filter(|_| gave_up)
            .cloned()
            .unwrap_or(cause)
    }

    /// Whether the client has left for a refusal that it was told, and has not tried again.
    fn has_given_up(&self) -> bool {
        self.facts.is_none() && self.last_refusal() == Some(&self.summary.cause)
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
        self.summary.duration = self.opened.elapsed();
        let cause = self.summary.cause.clone();
        if let Some(attempt) = self.attempt.clone() {
            let has_given_up = self.has_given_up();
            self.login_ended(&cause);
            let idle = self.idle();
            self.recognition
                .left(&self.session, &attempt, has_given_up, idle);
        } else {
            self.tell_entry(&cause, None, self.events.now());
        }
        self.events
            .emit(Event::SessionEnded(Box::new(self.summary.clone())));
    }
}
