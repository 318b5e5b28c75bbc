//! The login at the backend, as often as it takes: on which connection, what its answer means, and
//! whether another try may help.

use super::retries::{Pause, Retries};
use crate::backend::connect::{Backend, ConnectError};
use crate::backend::login::{GivesPassword, LoginError, log_in};
use crate::backend::route::{Connected, Unconnected};
use crate::dialect::Class;
use crate::gate::BackendConnection;
use crate::ids::BackendName;
use crate::limits::SHAREABLE_RELEASE;
use crate::lock::{LockGuard, Permission};
use crate::observe::event::{EndCause, Event, LockEvent, RetryResult};
use crate::observe::hub::EventHub;
use crate::pop3::reply::ReplyTo;
use crate::session::learn;
use crate::session::paused::Destination;
use crate::session::record::Record;
use crate::session::refusal::not_taken;
use crate::session::sharing::Compares;
use crate::time::{Duration, Instant};
use std::sync::Arc;
use tokio::time::{sleep_until, timeout_at};

/// How a login at the backend ended, all its retries included.
pub(in crate::session) enum Outcome {
    /// The backend's `+OK`, without the line end.
    Accepted(Vec<u8>),
    /// The backend's own line, which the client sees.
    Refused { class: Class, line: Vec<u8> },
    /// The backend closed instead of answering the password, as told. It counts as a wrong one.
    RefusedWithoutWords(String),
    /// Somebody who does not come through popgate holds the maildrop, as the backend says, or no
    /// place came free.
    Locked(EndCause),
    /// The backend gave no answer. The connection is closed without one, as a dead server would.
    Unreachable(EndCause),
}

/// It was paused before a try, and goes on when it is resumed.
pub(super) struct Paused;

/// What one try brought.
enum Answer {
    /// The backend's line, to the greeting or to the login.
    Line { class: Class, line: Vec<u8> },
    /// No backend greets.
    Unreachable(EndCause),
    /// No answer came over a connection that was opened in advance, which the backend may have
    /// closed since.
    Stale(EndCause),
    /// It was in, and asking for CAPA has ended that session.
    Lost(EndCause),
    /// The connection ended before the backend had the password, or its answer was not waited
    /// for any longer.
    None(EndCause),
    /// The connection ended behind the password.
    Closed(String),
    /// The backend has the password, and answers with noise or not at all.
    Silent(EndCause),
    /// A second connection for one lock, which popgate's own code rules out.
    Fault(EndCause),
    /// The backend had no place under its `connections` limit until the wait was spent.
    Busy,
    /// It was paused before there was a connection.
    Paused,
    /// The turn had run out before the password was written: nothing of it was.
    NoTurn,
}

/// Gives the password of one try.
struct Giver<'a> {
    events: &'a EventHub,
    permission: Permission<BackendConnection>,
    /// When the lock came free, where it was waited for.
    freed_at: Option<Instant>,
    given_at: Option<Instant>,
}

impl GivesPassword for Giver<'_> {
    fn may_give(&mut self) -> bool {
        self.permission.take()
    }

    fn given(&mut self) {
        self.given_at = Some(Instant::now());
        if let Some(freed_at) = self.freed_at.take() {
            self.events.emit(Event::Lock(LockEvent::HandedOver {
                elapsed: freed_at.elapsed(),
            }));
        }
    }
}

/// What the tries of one login have come to.
#[derive(Default)]
pub(super) struct Tries {
    retries: Retries,
    /// A connection that was opened in advance has failed: no other such one is trusted.
    distrusts_prewarmed: bool,
}

/// The tries of one login at its backends, all under its lock.
pub(super) struct BackendLogin<'a> {
    pub(super) destination: Destination<'a>,
    pub(super) lock: &'a mut LockGuard<BackendConnection>,
    pub(super) record: &'a mut Record,
    /// No retry starts after this.
    pub(super) deadline: Instant,
    pub(super) tries: &'a mut Tries,
}

impl BackendLogin<'_> {
    /// Tries until the backend has answered for good, or the wait is spent.
    pub(super) async fn run(&mut self) -> Result<Outcome, Paused> {
        let began = Instant::now();
        loop {
            if self.destination.is_paused() {
                return Err(Paused);
            }
            if let Err(cause) = self.turn().await {
                return Ok(Outcome::Locked(cause));
            }
            let answer = self.try_once().await;
            let answer = self.learn_capabilities(answer).await;
            let (pause, otherwise) = match self.judge(answer) {
                Judgement::Over(outcome) => {
                    self.learn_refusal(&outcome, began.elapsed());
                    return Ok(outcome);
                }
                Judgement::Paused => return Err(Paused),
                Judgement::Again { pause, otherwise } => (pause, otherwise),
            };
            // From the answer on: ending the connection may take seconds of the pause.
            let next_try = Instant::now() + pause;
            if next_try > self.deadline {
                return Ok(otherwise);
            }
            let rest = async {
                self.lock.end_connection().await;
                sleep_until(next_try).await;
            };
            // A backend that does not let go delays the retry, also past its time.
            if timeout_at(self.deadline, rest).await.is_err() {
                return Ok(otherwise);
            }
        }
    }

    /// Waits until its turn is good, which it usually is.
    async fn turn(&mut self) -> Result<(), EndCause> {
        tokio::select! {
            biased;
            () = self.lock.turn() => Ok(()),
            () = self.destination.cx.logins_refused() => Err(EndCause::EngineAway),
            () = sleep_until(self.deadline) => Err(EndCause::HeldByAnother),
        }
    }

    async fn try_once(&mut self) -> Answer {
        let is_retry = self.tries.retries.were_locked();
        let answer = match self.prewarmed().await {
            Some(connection) => self.give_credentials(connection, true).await,
            None => self.ask_anew().await,
        };
        if is_retry && let Some(connection) = self.lock.connection() {
            self.destination.cx.events.emit(Event::LockedRetried {
                backend: connection.backend().options().name.clone(),
                result: retry_result(&answer),
            });
        }
        answer
    }

    async fn ask_anew(&mut self) -> Answer {
        let connected = tokio::select! {
            // One that is paused by now asks for no connection.
            biased;
            // While it waits for a place, or for a greeting.
            () = self.destination.paused() => return Answer::Paused,
            connected = self.connect() => connected,
        };
        match connected {
            Ok((backend, greeted)) => {
                let client = self.destination.attempt.client;
                let connection = BackendConnection::new(backend, greeted, client);
                self.give_credentials(connection, false).await
            }
            Err(Unconnected::Paused) => Answer::Paused,
            Err(Unconnected::Busy) => Answer::Busy,
            Err(Unconnected::Failed(backend, error)) => self.not_greeted(&backend, error),
        }
    }

    async fn connect(&self) -> Connected {
        // A connection that waits for nobody in particular must not keep this login out.
        let make_room =
            |backend: &BackendName| self.destination.cx.locks.give_up_prewarmed(backend);
        self.destination
            .route()
            .connect(self.destination.attempt.client, self.deadline, make_room)
            .await
    }

    /// A connection that was opened in advance and can still be used.
    async fn prewarmed(&mut self) -> Option<BackendConnection> {
        if self.tries.distrusts_prewarmed {
            return None;
        }
        let mut connection = self.lock.take_prewarmed()?;
        // A reload may have led the maildrop elsewhere since.
        if !self.destination.route().leads_to(connection.backend()) {
            return None;
        }
        connection
            .is_good_for(self.destination.attempt.client)
            .await
            .then_some(connection)
    }

    /// `prewarmed`: the connection was opened in advance, and may have died since.
    async fn give_credentials(&mut self, connection: BackendConnection, prewarmed: bool) -> Answer {
        let backend = Arc::clone(connection.backend());
        let capabilities = backend.capabilities().unwrap_or_default();
        let freed_at = self.lock.take_freed_at();
        let Destination {
            cx,
            attempt,
            credentials,
            ..
        } = self.destination;
        let mut giver = Giver {
            events: &cx.events,
            permission: self.lock.permission(),
            freed_at,
            given_at: None,
        };
        let Ok(connection) = self.lock.attach(connection) else {
            return Answer::Fault(EndCause::LockBroken);
        };
        // From here on the backend may have heard the password, whatever ends the session.
        self.record.on_backend(&backend.options().name);
        let login = async {
            connection.forward_client_addr(cx, attempt.client).await?;
            log_in(connection.conn(), credentials, &capabilities, &mut giver).await
        };
        let ended = tokio::time::timeout(backend.options().login_timeout, login).await;
        let given_at = giver.given_at;
        match ended {
            Ok(Ok(line)) => {
                let took = given_at.map(|at| at.elapsed());
                let class = cx.login_answered(&backend, &line, took);
                self.record.backend_replied(class, &line);
                Answer::Line { class, line }
            }
            Ok(Err(LoginError::NoPlain(why))) => Answer::Line {
                class: Class::Perm,
                line: not_taken(why).to_vec(),
            },
            Ok(Err(LoginError::NotAllowed)) => Answer::NoTurn,
            // It says nothing of the password: this one is given once more, on a fresh connection.
            Ok(Err(error)) if prewarmed && (given_at.is_none() || error.is_a_bare_end()) => {
                Answer::Stale(unanswered(&error))
            }
            Ok(Err(error @ LoginError::ClosedAtPass(_))) => Answer::Closed(error.to_string()),
            Ok(Err(error)) => Answer::without_end(given_at.is_some(), unanswered(&error)),
            Err(_) => {
                let address = backend.options().address.clone();
                Answer::without_end(
                    given_at.is_some(),
                    EndCause::LoginUnansweredInTime { address },
                )
            }
        }
    }

    /// A login that is in may be the one that asks what its backend lists now.
    async fn learn_capabilities(&mut self, answer: Answer) -> Answer {
        let Answer::Line {
            class: Class::Ok, ..
        } = &answer
        else {
            return answer;
        };
        let Some(connection) = self.lock.connection() else {
            return answer;
        };
        match learn::ask(connection, self.deadline).await {
            learn::After::InStep => answer,
            learn::After::Lost(why) => {
                let address = &connection.backend().options().address;
                let error = format!("{address} {why}");
                Answer::Lost(EndCause::LostToCapa { error })
            }
        }
    }

    /// How this backend answers a wrong password, for those that popgate answers itself. Only of a
    /// first try is it known how long the answer took.
    fn learn_refusal(&mut self, outcome: &Outcome, took: Duration) {
        if !self.tries.retries.are_none() {
            return;
        }
        let Some(connection) = self.lock.connection() else {
            return;
        };
        let backend = &connection.backend().options().name;
        let templates = &self.destination.cx.admission.local.auth_failure_templates;
        match outcome {
            Outcome::Refused {
                class: Class::Auth,
                line,
            } => templates.record(backend, &self.destination.credentials.user, line, took),
            Outcome::RefusedWithoutWords(_) => templates.record_close(backend, took),
            _ => {}
        }
    }

    /// A greeting that refuses is an answer; anything else is none, and the backend is looked at.
    fn not_greeted(&mut self, backend: &Backend, error: ConnectError) -> Answer {
        match error {
            ConnectError::Refused { line, .. } => {
                let to = ReplyTo::Connect;
                let cx = self.destination.cx;
                let class = cx.backend_replied(backend, to, &line);
                self.record.backend_replied(class, &line);
                Answer::Line { class, line }
            }
            error => {
                backend.report_failure();
                Answer::Unreachable(EndCause::BackendUnreachable {
                    error: error.to_string(),
                })
            }
        }
    }

    /// Whether the lock of a session that has left without QUIT was free soon.
    fn learn_of_lock(&self, class: Class) {
        let Destination { cx, attempt, .. } = self.destination;
        let since = self.lock.since_last_end();
        let is_soon = since.is_some_and(|since| since <= SHAREABLE_RELEASE);
        let is_freed = match class {
            Class::Ok if is_soon => true,
            Class::Locked if since.is_some() && !is_soon => false,
            _ => return,
        };
        if attempt.policy.sharing.measures()
            && cx.admission.local.listings.was_closed(&attempt.key)
            && let Some(backend) = self.lock.home()
        {
            Compares { cx, attempt }.lock_is_freed(&backend, is_freed);
        }
    }

    fn judge(&mut self, answer: Answer) -> Judgement {
        if let Answer::Line { class, .. } = &answer {
            self.learn_of_lock(*class);
        }
        match answer {
            Answer::Line {
                class: Class::Ok,
                line,
            } => Judgement::Over(Outcome::Accepted(line)),
            Answer::Line {
                class: Class::Locked,
                line,
            } => self.judge_locked(&line),
            Answer::Line {
                class: class @ (Class::Temp | Class::TooMany),
                line,
            } => self.judge_failed(Outcome::Refused { class, line }),
            Answer::Line { class, line } => Judgement::Over(Outcome::Refused { class, line }),
            Answer::Busy => Judgement::Over(Outcome::Locked(EndCause::BackendFull)),
            Answer::Paused => Judgement::Paused,
            Answer::NoTurn => Judgement::Again {
                pause: Duration::ZERO,
                otherwise: Outcome::Locked(EndCause::HeldByAnother),
            },
            Answer::Stale(cause) => {
                self.tries.distrusts_prewarmed = true;
                Judgement::Again {
                    pause: Duration::ZERO,
                    otherwise: Outcome::Unreachable(cause),
                }
            }
            // The password was right, and nobody asks again.
            Answer::Lost(cause) => Judgement::Again {
                pause: Duration::ZERO,
                otherwise: Outcome::Unreachable(cause),
            },
            Answer::None(cause) => self.judge_failed(Outcome::Unreachable(cause)),
            // Whatever the end was, the backend has the password, and may have counted it: nobody
            // gives it the same one twice for one login.
            Answer::Closed(error) => Judgement::Over(Outcome::RefusedWithoutWords(error)),
            Answer::Silent(cause) | Answer::Fault(cause) => {
                Judgement::Over(Outcome::Unreachable(cause))
            }
            // A backend that cannot be reached is tried as long as the wait goes on.
            Answer::Unreachable(cause) => {
                let pause = self.tries.retries.unreachable();
                self.again(Some(pause), Outcome::Unreachable(cause))
            }
        }
    }

    fn judge_locked(&mut self, line: &[u8]) -> Judgement {
        self.record.locked_elsewhere();
        let line = String::from_utf8_lossy(line).into_owned();
        let pause = self.tries.retries.locked(&line, self.lock.since_last_end());
        self.again(pause, Outcome::Locked(EndCause::LockedElsewhere { line }))
    }

    fn judge_failed(&mut self, otherwise: Outcome) -> Judgement {
        let pause = self.tries.retries.failed();
        self.again(pause, otherwise)
    }

    /// After `pause`, if there is another try.
    fn again(&self, pause: Option<Pause>, otherwise: Outcome) -> Judgement {
        let Some(pause) = pause else {
            return Judgement::Over(otherwise);
        };
        let pause = pause.with(|pause| self.destination.cx.jitter(pause));
        Judgement::Again { pause, otherwise }
    }
}

impl Answer {
    /// What an error means that is no end behind the password; `given`: the backend has that.
    fn without_end(given: bool, cause: EndCause) -> Self {
        if given {
            Self::Silent(cause)
        } else {
            Self::None(cause)
        }
    }
}

fn unanswered(error: &LoginError) -> EndCause {
    EndCause::LoginUnanswered {
        error: error.to_string(),
    }
}

/// What follows from an answer.
enum Judgement {
    Over(Outcome),
    /// Wait until it is resumed.
    Paused,
    /// Try again after `pause`, or end so where the wait is spent by then.
    Again {
        pause: Duration,
        otherwise: Outcome,
    },
}

fn retry_result(answer: &Answer) -> RetryResult {
    match answer {
        Answer::Line {
            class: Class::Ok, ..
        } => RetryResult::Accepted,
        Answer::Line {
            class: Class::Locked,
            ..
        } => RetryResult::Locked,
        _ => RetryResult::Failed,
    }
}
