//! From a login to the lock of its maildrop (DESIGN decisions 3, 4, 5, 7).

use super::backend_end::BackendConnection;
use super::context::Context;
use super::record::{Record, SessionEnd};
use super::{Admitted, Identified, Login, Next};
use crate::dialect::Class;
use crate::ids::MaildropKey;
use crate::lock::{Ask, Asked, LockGuard, Turn, Waiting};
use crate::observe::event::{End, Fault, LockOutcome};
use crate::policy::proven::PasswordTag;
use crate::time::Instant;
use std::ops::ControlFlow::{Break, Continue};
use std::sync::Arc;

/// Gets the lock, or answers the login with a refusal.
pub(super) async fn admit(
    cx: &Context,
    record: &mut Record,
    mut login: Identified,
) -> Next<Login<Admitted>> {
    if let Some(answer) = login.client.patience.spent {
        return login.answer(answer).await;
    }
    let wish = Wish::of(cx, &login);
    let (password, until) = (wish.password, wish.until);
    let lock = match cx.locks.ask(wish.ask(cx, record, &login)) {
        Asked::Granted(lock) => lock,
        Asked::Full => {
            let why = "too many programs wait for the maildrop";
            let turned_away = login.turn_away(cx, record, password, Fault::Policy, why);
            return turned_away.await;
        }
        Asked::Waiting(waiting) => {
            let since = Instant::now();
            let waited = wait(cx, &mut login, waiting, until).await;
            login.client.waited(since.elapsed());
            record.waited(since.elapsed());
            match waited? {
                Ok(lock) => lock,
                Err(InVain::Spent) => {
                    let why = "another program held the maildrop all the while";
                    let turned_away = login.turn_away(cx, record, password, Fault::Policy, why);
                    return turned_away.await;
                }
                Err(InVain::Refused(line)) => {
                    return login.refuse(cx, record, Class::Auth, &line).await;
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
