//! A login that is refused: what the client is told, what is counted, what the record keeps.
//!
//! The lock is given on before any of it, so that nobody waits for an answer to be read.

use super::context::Context;
use super::record::{Record, SessionEnd};
use super::{Greeted, Identified, Login, Next, client_left};
use crate::dialect::Class;
use crate::observe::event::{End, Event, Fault};
use crate::policy::proven::PasswordTag;
use crate::time::Instant;
use std::ops::ControlFlow::{Break, Continue};

/// The answers where the wait is spent (DESIGN decision 5): the words `lock` and `wait` keep
/// fetchmail, Claws Mail and Sylpheed from taking them for a wrong password. Only the proven are
/// told `[IN-USE]`, because it says that the password was right (RFC 2449 section 8.1.2).
const IN_USE: &[u8] =
    b"-ERR [IN-USE] Mailbox is locked by another of your mail programs, please wait and try again";
const BUSY: &[u8] = b"-ERR [SYS/TEMP] Mailbox is locked or busy, please wait and try again";

impl Identified {
    /// Passes the backend's refusal on, in its own words; the client may try again. A wrong
    /// password is the client's fault, all else the backend's.
    pub(super) async fn refuse<T>(
        mut self,
        cx: &Context,
        record: &mut Record,
        class: Class,
        line: &[u8],
    ) -> Next<Login<T>> {
        let mut fault = Fault::Backend;
        if class == Class::Auth {
            let (session, tenant) = (record.session(), self.tenant.name.clone());
            cx.events.emit(&Event::AuthFailed { session, tenant });
            fault = Fault::Client;
        }
        let words = String::from_utf8_lossy(line);
        record.refused(SessionEnd::fault(End::LoginRefused, fault, words));
        self.client.patience.attempts += 1;
        self.answer(line).await
    }

    /// Says that its turn did not come, to this login and at once to every further one on this
    /// connection: Thunderbird tries up to three mechanisms for one failure, and must not wait
    /// three times. `why` is for the log.
    pub(super) async fn turn_away<T>(
        mut self,
        cx: &Context,
        record: &mut Record,
        password: PasswordTag,
        fault: Fault,
        why: &str,
    ) -> Next<Login<T>> {
        record.refused(SessionEnd::fault(End::WaitSpent, fault, why));
        let proven = cx.proven.is_proven(password, Instant::now());
        let answer = if proven { IN_USE } else { BUSY };
        self.client.patience.spent = Some(answer);
        self.answer(answer).await
    }

    /// Answers the login with `answer`, without its line end.
    pub(super) async fn answer<T>(mut self, answer: &[u8]) -> Next<Login<T>> {
        match self.client.reply(&[answer, b"\r\n"].concat()).await {
            Ok(()) => Continue(Login::Refused(Greeted {
                client: self.client,
            })),
            Err(_) => Break(client_left()),
        }
    }
}
