//! From a login to the lock of its maildrop (DESIGN decisions 3, 4, 5, 7).

use super::backend_end::BackendConnection;
use super::context::Context;
use super::login::refused;
use super::record::{Record, SessionEnd};
use super::{Admitted, Greeted, Identified, Login, Next, client_left};
use crate::dialect::Class;
use crate::ids::MaildropKey;
use crate::lock::{Ask, Asked, LockGuard, Turn, Waiting};
use crate::observe::event::{End, Event, Fault, LockOutcome};
use crate::policy::proven::PasswordTag;
use crate::time::Instant;
use std::ops::ControlFlow::{Break, Continue};
use std::sync::Arc;

/// Only the proven are told, because it says that the password was right (RFC 2449 section 8.1.2).
const IN_USE: &[u8] =
    b"-ERR [IN-USE] Mailbox is locked by another of your mail programs, please wait and try again";
const BUSY: &[u8] = b"-ERR [SYS/TEMP] Mailbox is locked or busy, please wait and try again";

/// The answer where the wait is spent: the words `lock` and `wait` keep fetchmail, Claws Mail and
/// Sylpheed from taking it for a wrong password.
pub(super) fn wait_spent(cx: &Context, password: PasswordTag) -> &'static [u8] {
    if cx.proven.is_proven(password, Instant::now()) {
        IN_USE
    } else {
        BUSY
    }
}

/// Gets the lock, or answers the login with a refusal.
pub(super) async fn admit(
    cx: &Context,
    record: &mut Record,
    mut login: Identified,
) -> Next<Login<Admitted>> {
    if let Some(answer) = login.client.patience.spent {
        return login.refuse(answer).await;
    }
    let wish = Wish::of(cx, &login);
    let (password, until) = (wish.password, wish.until);
    let lock = match cx.locks.ask(wish.ask(cx, record, &login)) {
        Asked::Granted(lock) => lock,
        Asked::Full => {
            record.refused(in_vain("too many programs wait for the maildrop"));
            return login.refuse_for_good(wait_spent(cx, password)).await;
        }
        Asked::Waiting(waiting) => {
            let since = Instant::now();
            let waited = wait(cx, &mut login, waiting, until).await;
            login.client.waited(since.elapsed());
            record.waited(since.elapsed());
            match waited? {
                Ok(lock) => lock,
                Err(InVain::Spent) => {
                    record.refused(in_vain("another program held the maildrop all the while"));
                    return login.refuse_for_good(wait_spent(cx, password)).await;
                }
                Err(InVain::Refused(line)) => {
                    login.client.patience.attempts += 1;
                    auth_failed(cx, record, &login);
                    record.refused(refused(Class::Auth, &line));
                    return login.refuse(&line).await;
                }
            }
        }
    };
    record.lock_taken();
    Continue(Login::Through(Admitted {
        login,
        lock,
        password,
        until,
    }))
}

fn in_vain(why: &str) -> SessionEnd {
    SessionEnd::fault(End::WaitSpent, Fault::Policy, why)
}

pub(super) fn auth_failed(cx: &Context, record: &Record, login: &Identified) {
    let (session, tenant) = (record.session(), login.tenant.name.clone());
    cx.events.emit(&Event::AuthFailed { session, tenant });
}

/// What a login wants locked, and how long it may wait for it.
struct Wish {
    key: MaildropKey,
    password: PasswordTag,
    until: Instant,
}

impl Wish {
    fn of(cx: &Context, login: &Identified) -> Self {
        let (tenant, credentials) = (&login.tenant, &login.credentials);
        let domain = tenant.default_domain.as_deref();
        let maildrop = credentials.maildrop();
        let key = MaildropKey::new(&tenant.backends, maildrop, domain, tenant.fold_case);
        let password = cx
            .proven
            .tag(&key, &credentials.user, &credentials.password);
        let reserve = cx.route(tenant).login_reserve();
        let until = login.asked + tenant.wait.saturating_sub(reserve);
        Self {
            key,
            password,
            until,
        }
    }

    fn ask(self, cx: &Context, record: &Record, login: &Identified) -> Ask {
        Ask {
            proven: cx.proven.is_proven(self.password, login.asked),
            key: self.key,
            session: record.session(),
            tenant: login.tenant.name.clone(),
            password: self.password,
            address: login.client.peer.block(),
            capacity: login.tenant.queue,
            until: self.until,
        }
    }
}

/// Why waiting brought no lock, where the client is still there.
enum InVain {
    Refused(Arc<[u8]>),
    Spent,
}

/// Waits for its turn; meanwhile watches the client, and the head of the queue connects to the
/// backend in advance.
async fn wait(
    cx: &Context,
    login: &mut Identified,
    mut waiting: Waiting<BackendConnection>,
    until: Instant,
) -> Next<Result<LockGuard<BackendConnection>, InVain>> {
    let route = cx.route(&login.tenant);
    let address = login.client.peer.address;
    loop {
        let wants_spare = waiting.wants_spare() && route.preconnects();
        tokio::select! {
            // Nothing of a client that has left goes to the backend, also where its turn has come.
            biased;
            () = login.client.left() => {
                waiting.leave(LockOutcome::ClientGone);
                return Break(SessionEnd::well(End::LeftWaiting));
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
            (backend, greeted) = route.connect_ahead(address), if wants_spare => {
                waiting.keep_spare(BackendConnection::new(backend, greeted, address));
            }
        }
    }
}

impl Identified {
    /// Answers the login with a refusal; the client may try again.
    pub(super) async fn refuse<T>(mut self, answer: &[u8]) -> Next<Login<T>> {
        match self.client.reply(&[answer, b"\r\n"].concat()).await {
            Ok(()) => Continue(Login::Refused(Greeted {
                client: self.client,
            })),
            Err(_) => Break(client_left()),
        }
    }

    /// Answers the login, and every further one on this connection, with a refusal: Thunderbird
    /// tries up to three mechanisms for one failure, and must not wait three times.
    pub(super) async fn refuse_for_good<T>(mut self, answer: &'static [u8]) -> Next<Login<T>> {
        self.client.patience.spent = Some(answer);
        self.refuse(answer).await
    }
}
