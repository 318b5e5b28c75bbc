//! From the lock to the maildrop: the login at the backend, and again where that may help.

mod retries;

use super::backend_conn::BackendConnection;
use super::context::{Context, Settings};
use super::record::Record;
use super::refusal::not_taken;
use super::{Admitted, LoggedIn, Next, learn};
use crate::admission::LoginSlots;
use crate::backend::connect::{Backend, ConnectError};
use crate::backend::login::{LoginError, log_in as log_in_at};
use crate::backend::route::{Connected, Route, Unconnected};
use crate::dialect::Class;
use crate::ids::{BackendName, UserName};
use crate::lock::LockGuard;
use crate::observe::event::{EndCause, Event, RetryResult};
use crate::policy::attempt::LoginAttempt;
use crate::pop3::reply::ReplyTo;
use crate::pop3::sasl::Credentials;
use crate::time::{Duration, Instant};
use retries::{Pause, Retries};
use std::sync::Arc;
use tokio::time::{sleep_until, timeout_at};

/// Logs in at the backend, or answers the login with a refusal and gives the lock on.
///
/// A client that leaves meanwhile takes the login with it; nothing else cuts one that has begun,
/// but `login_timeout`.
pub(super) async fn log_in(
    cx: &Context,
    record: &mut Record,
    mut admitted: Admitted,
) -> Next<LoggedIn> {
    let Admitted { login, lock, .. } = &mut admitted;
    let (began, contended) = (Instant::now(), lock.contended());
    let mut attempts = Attempts {
        cx,
        attempt: &login.attempt,
        credentials: login.proof.replayable(),
        settings: &login.settings,
        lock,
        until: login.wait_deadline(),
        retries: Retries::default(),
        stale: false,
    };
    let (outcome, at_once) = tokio::select! {
        // Nothing of a client that has left goes to the backend.
        biased;
        () = login.client.left_for_good(contended) => (None, false),
        outcome = attempts.run() => (Some(outcome), attempts.retries.are_none()),
    };
    login.client.waited(began.elapsed());
    if let Some(connection) = lock.connection() {
        record.on_backend(&connection.backend().options().name);
    }
    if let Some(outcome) = &outcome
        && at_once
        && let Some(backend) = &record.summary.backend
    {
        let user = &admitted.login.proof.replayable().user;
        let took = began.elapsed();
        observe_refusal(cx, backend, user, outcome, took);
    }
    match outcome {
        Some(outcome) => conclude(cx, record, admitted, outcome).await,
        None => Err(EndCause::LeftWaiting.into()),
    }
}

/// How this backend answers a wrong password.
fn observe_refusal(
    cx: &Context,
    backend: &BackendName,
    user: &UserName,
    outcome: &Outcome,
    took: Duration,
) {
    let imitation = &cx.admission.local.auth_failure_templates;
    match outcome {
        Outcome::Refused {
            class: Class::Auth,
            line,
        } => imitation.record(backend, user, line, took),
        Outcome::RefusedWithoutWords(_) => imitation.record_close(backend, took),
        _ => {}
    }
}

/// The client hears how it ended, and the lock is kept or given on.
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
            let changes = cx.admission.accepted(&login.attempt, cx.moment());
            lock.accepted();
            cx.tell_blocks(&changes);
            Ok(LoggedIn {
                client: login.client,
                attempt: login.attempt,
                lock,
                slots,
                welcome: line,
            })
        }
        Outcome::Refused { class, line } => {
            if class == Class::Auth {
                cx.admission.refused(&login.attempt, Instant::now());
                lock.refused(Some(&line));
            }
            give_on(record, lock, slots);
            Err(login.refuse(cx, record, class, &line).await.into())
        }
        Outcome::RefusedWithoutWords(error) => {
            cx.admission
                .refused_without_words(&login.attempt, Instant::now());
            lock.refused(None);
            give_on(record, lock, slots);
            let cause = EndCause::ClosedAtPass {
                error,
                accepted_lately: login.attempt.was_accepted_lately(),
            };
            Err(login.refuse_without_words(cx, record, cause).await.into())
        }
        Outcome::Locked(cause) => {
            give_on(record, lock, slots);
            Err(login.turn_away(cx, record, cause).await.into())
        }
        Outcome::Unreachable(cause) => {
            give_on(record, lock, slots);
            login.client.farewell(b"").await;
            Err(cause.into())
        }
    }
}

/// Before the answer, which may be held: no other login waits for that, and none finds its place
/// taken.
fn give_on(record: &mut Record, lock: LockGuard<BackendConnection>, slots: LoginSlots) {
    record.lock_given();
    drop((lock, slots));
}

/// How a login at the backend ended, all its retries included.
enum Outcome {
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

/// What one try brought.
enum Answer {
    /// The backend's line, to the greeting or to the login.
    Line { class: Class, line: Vec<u8> },
    /// There is no backend that greets.
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
    /// The backend has the password and does not answer it, but with noise.
    Silent(EndCause),
    /// The backend had no place under its `connections` limit until the wait was spent.
    Busy,
}

/// The tries of one login, all under its lock.
struct Attempts<'a> {
    cx: &'a Context,
    attempt: &'a LoginAttempt,
    credentials: &'a Credentials,
    lock: &'a mut LockGuard<BackendConnection>,
    settings: &'a Settings,
    /// No retry starts after this.
    until: Instant,
    retries: Retries,
    /// A connection that was opened in advance has failed: no other such one is trusted.
    stale: bool,
}

impl Attempts<'_> {
    async fn run(&mut self) -> Outcome {
        loop {
            let answer = self.attempt().await;
            let answer = self.learn(answer).await;
            let (pause, otherwise) = match self.judge(answer) {
                Judgement::Over(outcome) => return outcome,
                Judgement::Again { pause, otherwise } => (pause, otherwise),
            };
            let again = Instant::now() + pause;
            if again > self.until {
                return otherwise;
            }
            let rest = async {
                self.lock.end_connection().await;
                sleep_until(again).await;
            };
            // A backend that does not let go delays the retry, also past its time.
            if timeout_at(self.until, rest).await.is_err() {
                return otherwise;
            }
        }
    }

    async fn attempt(&mut self) -> Answer {
        let retry = self.retries.were_locked();
        let answer = match self.spare().await {
            Some(spare) => self.log_in(spare, true).await,
            None => match self.connect().await {
                Ok((backend, greeted)) => {
                    let connection = BackendConnection::new(backend, greeted, self.attempt.client);
                    self.log_in(connection, false).await
                }
                Err(Unconnected::Busy) => Answer::Busy,
                Err(Unconnected::Failed(backend, error)) => self.not_greeted(&backend, error),
            },
        };
        if retry && let Some(connection) = self.lock.connection() {
            let backend = connection.backend().options().name.clone();
            self.cx.events.emit(Event::LockedRetried {
                backend,
                result: retry_result(&answer),
            });
        }
        answer
    }

    async fn connect(&self) -> Connected {
        let make_room = |backend: &BackendName| self.cx.locks.give_up_spare(backend);
        let route = self.route();
        let connect = route.connect(self.attempt.client, self.until, make_room);
        connect.await
    }

    fn route(&self) -> Route {
        let route = self.settings.route(&self.attempt.policy, self.lock.home());
        route.that_takes(self.credentials)
    }

    /// A connection that was opened in advance and can still be used.
    async fn spare(&mut self) -> Option<BackendConnection> {
        if self.stale {
            return None;
        }
        let mut spare = self.lock.take_spare()?;
        if !self.route().leads_to(spare.backend()) {
            return None;
        }
        spare
            .is_good_for(self.attempt.client)
            .await
            .then_some(spare)
    }

    async fn log_in(&mut self, connection: BackendConnection, stale: bool) -> Answer {
        let backend = Arc::clone(connection.backend());
        let capabilities = backend.capabilities().unwrap_or_default();
        let freed_at = self.lock.take_freed_at();
        let mut given = false;
        let told = || {
            given = true;
            if let Some(freed_at) = freed_at {
                self.cx.events.emit(Event::HandedOver {
                    elapsed: freed_at.elapsed(),
                });
            }
        };
        let (cx, client, credentials) = (self.cx, self.attempt.client, self.credentials);
        let connection = self.lock.attach(connection);
        let login = async {
            connection.forward_client_addr(cx, client).await?;
            log_in_at(connection.conn(), credentials, &capabilities, told).await
        };
        match tokio::time::timeout(backend.options().login_timeout, login).await {
            Ok(Ok(line)) => self.answered(&backend, ReplyTo::Pass, line),
            Ok(Err(LoginError::NoPlain(why))) => Answer::Line {
                class: Class::Perm,
                line: not_taken(why).to_vec(),
            },
            Ok(Err(error)) if stale && (!given || error.is_a_bare_end()) => {
                Answer::Stale(unanswered(&error))
            }
            Ok(Err(error @ LoginError::ClosedAtPass(_))) => Answer::Closed(error.to_string()),
            Ok(Err(error)) => Answer::without_end(given, unanswered(&error)),
            Err(_) => {
                let address = backend.options().address.clone();
                Answer::without_end(given, EndCause::LoginUnansweredInTime { address })
            }
        }
    }

    /// A login that is in may be the one that asks what its backend lists now.
    async fn learn(&mut self, answer: Answer) -> Answer {
        let Answer::Line {
            class: Class::Ok, ..
        } = &answer
        else {
            return answer;
        };
        let Some(connection) = self.lock.connection() else {
            return answer;
        };
        match learn::ask(connection, self.until).await {
            learn::After::InStep => answer,
            learn::After::Lost(why) => {
                let address = &connection.backend().options().address;
                let error = format!("{address} {why}");
                Answer::Lost(EndCause::LostToCapa { error })
            }
        }
    }

    /// A greeting that refuses is an answer; anything else is none, and the backend is looked at.
    fn not_greeted(&self, backend: &Backend, error: ConnectError) -> Answer {
        match error {
            ConnectError::Refused { line, .. } => self.answered(backend, ReplyTo::Connect, line),
            error => {
                backend.report_failure();
                Answer::Unreachable(EndCause::BackendUnreachable {
                    error: error.to_string(),
                })
            }
        }
    }

    fn answered(&self, backend: &Backend, to: ReplyTo, line: Vec<u8>) -> Answer {
        let class = self.cx.backend_replied(backend, to, &line);
        Answer::Line { class, line }
    }

    fn judge(&mut self, answer: Answer) -> Judgement {
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
            Answer::Stale(cause) => {
                self.stale = true;
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
            Answer::Silent(cause) => Judgement::Over(Outcome::Unreachable(cause)),
            // A backend that cannot be reached is tried as long as the wait goes on.
            Answer::Unreachable(cause) => {
                let pause = self.retries.unreachable();
                self.again(Some(pause), Outcome::Unreachable(cause))
            }
        }
    }

    fn judge_locked(&mut self, line: &[u8]) -> Judgement {
        let line = String::from_utf8_lossy(line).into_owned();
        let pause = self.retries.locked(&line, self.lock.since_last_end());
        self.again(pause, Outcome::Locked(EndCause::LockedElsewhere { line }))
    }

    fn judge_failed(&mut self, otherwise: Outcome) -> Judgement {
        let pause = self.retries.failed();
        self.again(pause, otherwise)
    }

    /// After `pause`, if there is another try.
    fn again(&self, pause: Option<Pause>, otherwise: Outcome) -> Judgement {
        let Some(pause) = pause else {
            return Judgement::Over(otherwise);
        };
        let pause = pause.with(|pause| self.cx.jitter(pause));
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
