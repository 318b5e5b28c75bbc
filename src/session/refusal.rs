//! A login that is refused: what the client is told, what is counted, what the record keeps.
//!
//! The lock is released before any of it, so that nobody waits for an answer to be read. Each
//! refusal gives the client back, which may log in again, or the end of its session.

use super::client::farewell;
use super::faults;
use super::record::Record;
use super::{Greeted, Identified};
use crate::backend::login::NeedsPlain;
use crate::dialect::Class;
use crate::gate::{Context, Peer, Phase};
use crate::history::EarlyLogin;
use crate::net::conn::Conn;
use crate::observe::event::{EndCause, Event, PollDecision, RuleEvent};
use crate::policy::block::BlockReason;
use crate::policy::refusal::Refusal;
use crate::time::{Duration, Instant};

/// The answers where the wait is spent: the words `lock` and `wait` keep
/// fetchmail, Claws Mail and Sylpheed from taking them for a wrong password. Only the proven are
/// told `[IN-USE]`, because it says that the password was right (RFC 2449 section 8.1.2).
const IN_USE: &[u8] =
    b"-ERR [IN-USE] Mailbox is locked by another of your mail programs, please wait and try again";
const BUSY: &[u8] = b"-ERR [SYS/TEMP] Mailbox is locked or busy, please wait and try again";

/// The answer where an operator had paused the tenant or the backend: it says nothing of the
/// password, and `wait` keeps programs from asking for another one.
const PAUSED: &[u8] =
    b"-ERR [SYS/TEMP] Mailbox is paused for maintenance, please wait and try again";

/// The answer while nobody can say whether another gate is in the maildrop.
pub(super) const ENGINE_AWAY: &[u8] =
    b"-ERR [SYS/TEMP] Mailbox cannot be locked just now, please wait and try again";

/// The answers over a limit on connections. Each says which one it is, so that whoever reads it
/// knows whose connections are too many.
const PER_ADDRESS: &[u8] =
    b"-ERR [SYS/TEMP] Too many connections from your address, please wait and try again";
const PER_MAILDROP: &[u8] =
    b"-ERR [SYS/TEMP] Too many connections to this mailbox, please wait and try again";
const PER_TENANT: &[u8] =
    b"-ERR [SYS/TEMP] Too many connections to mailboxes of this domain, please wait and try again";

/// The answers to a login that no backend can be told.
const ANOTHERS: &[u8] = b"-ERR [SYS/PERM] The mail server cannot open another user's mailbox";
const LINE_END: &[u8] =
    b"-ERR [SYS/PERM] The mail server takes no name or password with a line end in it";

/// The answer to a login that only PLAIN could say to a backend that has no PLAIN.
pub(super) fn not_taken(why: NeedsPlain) -> &'static [u8] {
    match why {
        NeedsPlain::AnothersMaildrop => ANOTHERS,
        NeedsPlain::LineEnd => LINE_END,
    }
}

/// The answers under blocks that protect no password. `[SYS/TEMP]` keeps mail clients from asking
/// their users for another one.
const PROTOCOL_ERRORS: &[u8] =
    b"-ERR [SYS/TEMP] Too many protocol errors from your address, please wait and try again";
const PASSING_FAULTS: &[u8] =
    b"-ERR [SYS/TEMP] Too many unfinished logins to this mailbox, please wait and try again";

/// Gives the connection back, unless its address is blocked for protocol errors: then it is told so
/// instead of being greeted.
pub(super) async fn unless_blocked(
    cx: &Context,
    record: &mut Record,
    conn: Conn,
    peer: &Peer,
) -> Result<Conn, EndCause> {
    // Another gate may know a right password of somebody behind the address: then the login
    // decides.
    if peer.trusted || cx.cluster.is_some() {
        return Ok(conn);
    }
    let settings = cx.settings();
    let policy = settings
        .tenants
        .of_listener(conn.server_name(), &peer.listener);
    let mode = policy.rules.blocks.mode;
    let now = cx.moment().wall;
    let Some(reason) = cx
        .admission
        .shared
        .blocks
        .at_greeting(peer.prefix(), mode, now)
    else {
        return Ok(conn);
    };
    record.enter(Phase::Closing);
    let words = [block_reply(reason), b"\r\n"].concat();
    farewell(&record.handle(), conn, &words).await;
    Err(EndCause::RefusedByRule(Refusal::Blocked(reason)))
}

fn block_reply(reason: BlockReason) -> &'static [u8] {
    match reason {
        BlockReason::Passing => PASSING_FAULTS,
        _ => PROTOCOL_ERRORS,
    }
}

impl Identified {
    /// Passes the backend's refusal on, in its own words; the client may try again. A wrong
    /// password is the client's fault, all else the backend's.
    pub(super) async fn refuse(
        mut self,
        cx: &Context,
        record: &mut Record,
        class: Class,
        line: &[u8],
    ) -> Result<Greeted, EndCause> {
        let words = String::from_utf8_lossy(line).into_owned();
        self.client.login_budget.attempts += 1;
        if class != Class::Auth {
            record.refused(EndCause::LoginRefused { line: words });
            return self.answer(line).await;
        }
        record.refused(EndCause::WrongPassword { line: words });
        let delay = self.wrong_password(cx);
        self.answer_after(record, delay, line).await
    }

    /// Closes the connection, as the backend did instead of answering the password: a mail client
    /// makes of that what it would make of it without popgate.
    pub(super) async fn refuse_without_words(
        mut self,
        cx: &Context,
        record: &mut Record,
        cause: EndCause,
    ) -> Result<Greeted, EndCause> {
        record.refused(cause);
        let delay = self.wrong_password(cx);
        self.hold_answer(record, delay).await?;
        Err(self.close(record).await)
    }

    /// Ends the connection without an answer; the record tells the refusal as the session's end.
    async fn close(self, record: &mut Record) -> EndCause {
        record.enter(Phase::Closing);
        self.client.farewell(b"").await;
        EndCause::LeftBeforeLogin
    }

    /// Counts a wrong password, and says how long its answer is held.
    fn wrong_password(&self, cx: &Context) -> Duration {
        cx.events.emit(Event::AuthFailed {
            session: self.attempt.session,
            tenant: self.attempt.tenant().clone(),
        });
        faults::of_guess(cx, &self.attempt);
        self.penalty(cx)
    }

    /// How long the answer to a wrong password is held, and to one that is answered as if it were:
    /// the two must not be told apart by a clock.
    fn penalty(&self, cx: &Context) -> Duration {
        let attempt = &self.attempt;
        // A webmail server in a trusted network speaks for many users.
        if attempt.trusted {
            return Duration::ZERO;
        }
        let rules = &attempt.rules().failures;
        let penalties = &cx.admission.local.penalties;
        penalties.failed(attempt.prefix(), attempt.tag, rules, Instant::now())
    }

    /// Refuses a login that a rule does not let in.
    pub(super) async fn refuse_by_rule(
        mut self,
        cx: &Context,
        record: &mut Record,
        refusal: Refusal,
    ) -> Result<Greeted, EndCause> {
        cx.events.emit(Event::Rule(RuleEvent::LoginRefused {
            session: self.attempt.session,
            tenant: self.attempt.tenant().clone(),
            rule: refusal.rule(),
        }));
        record.refused(EndCause::RefusedByRule(refusal));
        self.client.login_budget.attempts += 1;
        match refusal {
            Refusal::FromMemory => {
                let cache = &cx.admission.local.negative_auth_cache;
                let closes = cache.is_without_words(self.attempt.tag, Instant::now());
                self.imitate_wrong_password(cx, record, closes).await
            }
            Refusal::Blocked(_) if refusal.looks_like_a_wrong_password() => {
                let closes = cx
                    .admission
                    .local
                    .auth_failure_templates
                    .closes(&self.attempt.policy.backends);
                self.imitate_wrong_password(cx, record, closes).await
            }
            Refusal::Blocked(reason) => self.answer(block_reply(reason)).await,
            Refusal::LoginDelay(early) => {
                cx.events.emit(Event::Rule(RuleEvent::PollDecided {
                    session: self.attempt.session,
                    tenant: self.attempt.tenant().clone(),
                    decision: PollDecision::Refused,
                    early,
                }));
                record.came_early(EarlyLogin {
                    decision: PollDecision::Refused,
                    early,
                });
                faults::of_limit(cx, &self);
                self.answer(login_delay(early).as_bytes()).await
            }
            Refusal::PerAddress => self.reject_over_limit(cx, PER_ADDRESS).await,
            Refusal::PerMaildrop => self.reject_over_limit(cx, PER_MAILDROP).await,
            Refusal::PerTenant => self.reject_over_limit(cx, PER_TENANT).await,
        }
    }

    /// Refuses a login over a limit on connections. Its next one does not pay for coming again.
    async fn reject_over_limit(self, cx: &Context, answer: &[u8]) -> Result<Greeted, EndCause> {
        faults::of_limit(cx, &self);
        cx.admission.not_served(&self.attempt, Instant::now());
        self.answer(answer).await
    }

    /// Answers as the backend answers a wrong password: in its words or by a close, after as long,
    /// and with the penalty that it would bring.
    async fn imitate_wrong_password(
        mut self,
        cx: &Context,
        record: &mut Record,
        closes: bool,
    ) -> Result<Greeted, EndCause> {
        let backends = &self.attempt.policy.backends;
        let user = &self.proof.replayable().user;
        let (line, took) =
            cx.admission
                .local
                .auth_failure_templates
                .render(backends, user, cx.draw());
        self.hold_answer(record, took).await?;
        // Counted when the backend would have answered, as that of a real one is.
        let penalty = self.penalty(cx);
        if closes {
            self.hold_answer(record, penalty).await?;
            return Err(self.close(record).await);
        }
        self.answer_after(record, penalty, &line).await
    }

    async fn answer_after(
        mut self,
        record: &mut Record,
        delay: Duration,
        answer: &[u8],
    ) -> Result<Greeted, EndCause> {
        self.hold_answer(record, delay).await?;
        self.answer(answer).await
    }

    /// Holds an answer for `delay`. A client that leaves meanwhile ends by its refusal.
    async fn hold_answer(&mut self, record: &mut Record, delay: Duration) -> Result<(), EndCause> {
        if delay.is_zero() {
            return Ok(());
        }
        record.delays();
        let began = Instant::now();
        let next = tokio::select! {
            biased;
            () = self.client.left() => Err(EndCause::LeftBeforeLogin),
            () = tokio::time::sleep(delay) => Ok(()),
        };
        self.client.waited(began.elapsed());
        record.delayed(began.elapsed());
        next
    }

    /// Answers that the maildrop stayed locked, to this login and at once to every further one on
    /// this connection: Thunderbird tries up to three mechanisms for one failure, and must not wait
    /// three times.
    pub(super) async fn turn_away(
        mut self,
        cx: &Context,
        record: &mut Record,
        cause: EndCause,
    ) -> Result<Greeted, EndCause> {
        let is_paused = cause == EndCause::Paused;
        let is_engine_away = cause == EndCause::EngineAway;
        record.refused(cause);
        // Another login with the same password may have been accepted while it waited.
        self.refresh_standing(cx, record);
        cx.admission.not_served(&self.attempt, Instant::now());
        if !record.reached_backend() {
            // No backend has heard its password: under a block another may have the trial login.
            let blocks = &cx.admission.shared.blocks;
            blocks.return_trial(&self.attempt, cx.moment().wall);
        }
        let answer = if is_paused {
            PAUSED
        } else if is_engine_away {
            ENGINE_AWAY
        } else if self.attempt.is_proven() {
            IN_USE
        } else {
            BUSY
        };
        self.client.login_budget.spent = Some(answer);
        self.answer(answer).await
    }

    /// The answer to this login where a wait on its connection was spent, by
    /// [`turn_away`](Self::turn_away). One that was paused then, and is not now, may wait again.
    pub(super) fn answer_of_spent_wait(&self, cx: &Context) -> Option<&'static [u8]> {
        let spent = self.client.login_budget.spent?;
        let is_over = match spent {
            PAUSED => !self.destination(cx).is_paused(),
            ENGINE_AWAY => !cx.refuses_logins(),
            _ => false,
        };
        (!is_over).then_some(spent)
    }

    /// Gives this login the answer of a wait that was spent on its connection.
    pub(super) async fn turn_away_again(
        self,
        record: &mut Record,
        answer: &[u8],
    ) -> Result<Greeted, EndCause> {
        match answer {
            ENGINE_AWAY => record.refused(EndCause::EngineAway),
            answer => record.refused_again(answer == PAUSED),
        }
        self.answer(answer).await
    }

    /// Answers the login with `answer`, without its line end.
    pub(super) async fn answer(mut self, answer: &[u8]) -> Result<Greeted, EndCause> {
        match self.client.reply(&[answer, b"\r\n"].concat()).await {
            Ok(()) => Ok(Greeted {
                client: self.client,
            }),
            Err(_) => Err(EndCause::LeftBeforeLogin),
        }
    }
}

/// RFC 2449 section 8.1.1. A part of a second counts as one, so that the client does not come too
/// early again.
fn login_delay(early: Duration) -> String {
    let seconds = early.as_secs() + u64::from(early.subsec_nanos() > 0);
    format!("-ERR [LOGIN-DELAY] Please wait {seconds} seconds between mail checks")
}
